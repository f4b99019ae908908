"""One sweep over numbers of clusters: fits, silhouettes, null models, gap, stability; every finished part is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from songnet.clustering.choose import reach_verdict
from songnet.clustering.estimators import CLUSTERERS, Fit, fit_path
from songnet.clustering.evidence import Work, compare_with_nulls, measure_stability
from songnet.clustering.nulls import NullTest
from songnet.clustering.parts import Keeper, Parts, pack_fit, unpack_fit
from songnet.clustering.results import SilhouettePlotData, SweepRow, Verdict
from songnet.clustering.silhouette import silhouette, squared_silhouette
from songnet.clustering.space import Space, check_features
from songnet.config import ClusterConfig
from songnet.errors import ParameterError
from songnet.partition import NOISE
from songnet.progress import Progress, silent


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found.

    Parameters
    ----------
    rows : tuple of SweepRow
        Ascending in the number of clusters.
    tests : tuple of NullTest
        One a null model; empty when left out.
    verdict : Verdict
    labels : dict
        ``k -> labels`` [shape=(n,), dtype=int32], from 0, -1 for noise.
    silhouettes : dict
        ``k -> SilhouettePlotData``.
    points : numpy.ndarray [shape=(n, d), dtype=float32]
        What was clustered.
    silhouette_sample, null_sample, stability_sample : int
        Tracks that these measures looked at.
    notes : tuple of str
        What the reader must know: numbers left out, samples drawn.
    """

    rows: tuple[SweepRow, ...]
    tests: tuple[NullTest, ...]
    verdict: Verdict
    labels: Mapping[int, np.ndarray]
    silhouettes: Mapping[int, SilhouettePlotData]
    points: np.ndarray
    silhouette_sample: int
    null_sample: int
    stability_sample: int
    notes: tuple[str, ...]


def sweep(
    features: np.ndarray,
    config: ClusterConfig,
    *,
    space: Space | None = None,
    seed: int = 0,
    artists: np.ndarray | None = None,
    what: str = "features",
    n_threads: int = 1,
    parts: Parts | None = None,
    progress: Progress = silent,
    on_fit: Callable[[Fit], None] | None = None,
) -> SweepReport:
    """Cluster with every number of clusters, and find out which number, if any, the data support.

    Parameters
    ----------
    features : numpy.ndarray [shape=(n, d)]
        One row a track.
    config : ClusterConfig
        What to do.
    space : Space, optional
        The way from features to points (`songnet.clustering.features.Features.space`); by default all columns are one
        block, with the components and the shrinkage of the settings.
    seed : int
        Decides everything that is drawn at random.
    artists : numpy.ndarray or None [shape=(n,), dtype=int64]
        From `songnet.clustering.stability.number_artists`.
    what : str
        What the features are, for messages.
    n_threads : int
        Threads to use; the result does not depend on it.
    parts : Parts, optional
        Keeps what is finished, so that an interrupted sweep goes on; the caller sees to it that parts of other data
        or settings never mix.
    progress : Progress
        Told of fits, draws and repetitions.
    on_fit : callable, optional
        Called with every fit as soon as it is there, those of an interrupted sweep first.

    Returns
    -------
    SweepReport

    Raises
    ------
    ParameterError
        If the features cannot be clustered or there are fewer tracks than clusters.
    """
    check_features(features, what)
    work = Work(config, seed, n_threads, Keeper(parts), progress)
    ks, notes = _possible(config, features)
    space = space or Space(config.n_components, config.shrinkage)
    # BLAS and OpenMP split their sums by the number of their threads: one each, and the same bits everywhere.
    with threadpool_limits(1):
        points = space.points(features)
        fits, skipped = _fits(points, ks, work, on_fit)
        notes += skipped
        rows, silhouettes = _rows(points, fits, work)
        nulls = compare_with_nulls(features, space, rows, work)
        stability = measure_stability(points, artists, nulls.rows, work)
    rows, tests = stability.rows, nulls.tests
    n_silhouette, n_null, n_stability = min(len(points), config.silhouette_sample), nulls.n_tracks, stability.n_tracks
    notes += nulls.notes
    for name, count in (("silhouettes", n_silhouette), ("null models", n_null), ("stability", n_stability)):
        if 0 < count < len(points):
            notes.append(f"{name}: on {count:,} of {len(points):,} tracks, drawn with the seed")
    verdict = reach_verdict(rows, tests, nulls.break_threshold)
    if len(rows) > 1 and verdict.n_clusters == rows[-1].n_clusters:
        notes.append(f"{verdict.n_clusters} is the largest number tried: there may be more clusters, raise --k")
    return SweepReport(
        rows=tuple(rows),
        tests=tuple(tests),
        verdict=verdict,
        labels={fit.n_clusters: fit.labels for fit in fits},
        silhouettes=silhouettes,
        points=points,
        silhouette_sample=n_silhouette,
        null_sample=n_null,
        stability_sample=n_stability,
        notes=tuple(notes),
    )


def _possible(config: ClusterConfig, features: np.ndarray) -> tuple[list[int], list[str]]:
    """Numbers of clusters that so many different tracks allow, and what to say of the others."""
    if not CLUSTERERS[config.method].needs_n_clusters:
        return [0], []
    distinct = len(np.unique(features, axis=0)) if len(features) <= 2 * max(config.n_clusters) + 1000 else len(features)
    ks = [k for k in config.n_clusters if k < distinct]
    gone = [k for k in config.n_clusters if k >= distinct]
    if not ks:
        raise ParameterError(
            f"{config.n_clusters[0]} clusters cannot be made of {distinct} different tracks: ask for fewer with --k, or"
            " add music"
        )
    said = [f"k from {gone[0]} on was left out: there are only {distinct} different tracks"] if gone else []
    return ks, said


def _fits(
    points: np.ndarray,
    ks: Sequence[int],
    work: Work,
    on_fit: Callable[[Fit], None] | None,
) -> tuple[list[Fit], list[str]]:
    """A fit a number of clusters, and what to say of numbers that cannot be fitted."""
    config, keeper = work.config, work.keeper
    done = {k: unpack_fit(keeper.kept[f"fit:{k}"]) for k in ks if f"fit:{k}" in keeper.kept}
    if config.method == "kmeans" and len(done) < len(ks):
        # All k share their starts and their passes: fitted apart they could differ in the last bit. They take seconds.
        done = {}
    missing = [k for k in ks if k not in done]
    tell = on_fit or (lambda fit: None)
    for fit in done.values():
        tell(fit)

    def keep(fit: Fit) -> None:
        k = fit.n_clusters if fit.n_clusters in missing else ks[0]
        keeper.save(f"fit:{k}", pack_fit(fit))
        done[k] = fit
        tell(fit)
        work.progress("cluster", len(done), len(ks), f"k = {fit.n_clusters}")

    skipped: dict[int, str] = {}
    if missing:
        fit_path(
            config.method,
            points,
            missing,
            n_init=config.n_init,
            seed=work.seed,
            n_threads=work.n_threads,
            on_fit=keep,
            on_skip=skipped.__setitem__,
        )
    if not done:
        raise ParameterError(next(iter(skipped.values())))
    return [done[k] for k in sorted(done)], [f"k = {k} was left out: {reason}" for k, reason in skipped.items()]


def _rows(
    points: np.ndarray,
    fits: Sequence[Fit],
    work: Work,
) -> tuple[list[SweepRow], dict[int, SilhouettePlotData]]:
    labels, size, n_threads = [fit.labels for fit in fits], work.config.silhouette_sample, work.n_threads
    scores = silhouette(points, labels, sample_size=size, seed=work.seed, n_threads=n_threads)
    exact = squared_silhouette(points, labels, n_threads=n_threads)
    rows, plots = [], {}
    for fit, score, squared in zip(fits, scores, exact, strict=True):
        counts = np.bincount(fit.labels[fit.labels >= 0])
        row = SweepRow(
            n_clusters=fit.n_clusters,
            inertia=fit.inertia,
            distortion=fit.distortion,
            silhouette=score.mean,
            silhouette_low=score.low,
            silhouette_high=score.high,
            silhouette_squared=squared,
            bic=fit.bic,
            sizes=tuple(int(count) for count in sorted(counts[counts > 0], reverse=True)),
            noise=int((fit.labels == NOISE).sum()),
            converged=fit.converged,
        )
        rows.append(row)
        plots[fit.n_clusters] = SilhouettePlotData(score.values, score.rows, fit.labels[score.rows])
    return rows, plots
