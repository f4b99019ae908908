"""What speaks for and against a sweep's numbers: null models and repetitions, kept one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from songnet.clustering.estimators import CLUSTERERS, fit_path
from songnet.clustering.gap import gap_breaks, gap_statistic, log_inertia
from songnet.clustering.nulls import NULL_MODELS, NullSource, NullTest, null_test
from songnet.clustering.parts import Keeper
from songnet.clustering.results import SweepRow
from songnet.clustering.silhouette import silhouette
from songnet.clustering.space import Space
from songnet.clustering.stability import Resampling, summarise
from songnet.config import ClusterConfig
from songnet.partition import NOISE
from songnet.progress import Progress

# Starts of a fit inside the null models, for the data and the draws alike.
NULL_N_INIT = 3
# Flattened codes have thousands of columns: so many values are drawn at most, of so many tracks at least.
MAX_NULL_VALUES = 8_000_000
MIN_WIDE_ROWS = 200


@dataclass(frozen=True)
class Work:
    """What all parts of a sweep share.

    Parameters
    ----------
    config : ClusterConfig
    seed : int
    n_threads : int
    keeper : Keeper
        Keeps finished parts.
    progress : Progress
    """

    config: ClusterConfig
    seed: int
    n_threads: int
    keeper: Keeper
    progress: Progress


@dataclass(frozen=True)
class Evidence:
    """Rows with what was found out about them, and what else there is to say.

    Parameters
    ----------
    rows : list of SweepRow
    n_tracks : int
        Tracks looked at; 0 when nothing was.
    tests : list of NullTest
    break_threshold : float or None
        Breaks of the gap below it are common in noise.
    notes : list of str
    """

    rows: list[SweepRow]
    n_tracks: int
    tests: list[NullTest] = field(default_factory=list)
    break_threshold: float | None = None
    notes: list[str] = field(default_factory=list)


def compare_with_nulls(features: np.ndarray, space: Space, rows: list[SweepRow], work: Work) -> Evidence:
    """Null tests, and the rows with null silhouettes and gap.

    Parameters
    ----------
    features : numpy.ndarray [shape=(n, d)]
        Before they became points.
    space : Space
        The way.
    rows : list of SweepRow
    work : Work

    Notes
    -----
    Every k is measured together with its two neighbours on either side, which its break of the gap needs.
    """
    config, seed = work.config, work.seed
    size = min(config.null_sample, max(MIN_WIDE_ROWS, MAX_NULL_VALUES // features.shape[1]))
    chosen = draw_rows(len(features), size, seed, "null")
    asked = [row.n_clusters for row in rows if row.silhouette is not None and row.n_clusters < len(chosen)]
    if not config.nulls or not asked:
        return Evidence(rows, 0)
    looked_at = features[chosen]
    source = NullSource(space, looked_at)
    has_k = CLUSTERERS[config.method].needs_n_clusters
    grid = _neighbourhood(asked, len(chosen) - 1) if has_k else asked

    def measure(points: np.ndarray) -> list[list[float]]:
        fits = fit_path(
            config.method, points, grid, n_init=NULL_N_INIT, seed=seed, n_threads=1, on_skip=lambda k, reason: None
        )
        scores = silhouette(points, [fit.labels for fit in fits], n_threads=1) if fits else []
        if not has_k:
            # Two tiny clusters in a sea of noise have a high silhouette: what counts is how many tracks share in it.
            return [[0.0, 0.0], [0.0, (scores[0].mean or 0.0) * float((fits[0].labels != NOISE).mean())]]
        logs = {fit.n_clusters: float(np.log(max(fit.inertia, 1e-300))) for fit in fits}
        means = {fit.n_clusters: score.mean or 0.0 for fit, score in zip(fits, scores, strict=True)}
        # One centre for all has no silhouette: the first value only keeps the two lists equally long.
        return [
            [log_inertia(points), *(logs.get(k, np.nan) for k in grid)],
            [0.0, *(means.get(k, np.nan) for k in grid)],
        ]

    units = [f"null:{model}:{draw}" for model in NULL_MODELS for draw in range(config.nulls)]

    def draw(unit: str) -> list[list[float]]:
        _, model, number = unit.split(":")
        return measure(source.draw(model, seed * 1_000_003 + int(number)))

    observed_logs, observed = np.array(measure(space.points(looked_at)))
    found = dict(_repeat("null models", units, draw, work))
    draws = {
        model: np.array([found[f"null:{model}:{number}"] for number in range(config.nulls)]) for model in NULL_MODELS
    }
    columns = [1 + grid.index(k) for k in asked]
    tested = [null_test(model, asked, observed[columns], draws[model][:, 1, columns]) for model in NULL_MODELS]
    tests = [test for test in tested if test is not None]
    if len(tests) < len(NULL_MODELS):
        note = "null models: most draws could not be clustered by this method, so nothing was tested"
        return Evidence(rows, len(chosen), notes=[note])
    if not has_k:
        return Evidence(rows, len(chosen), tests)
    logs, means = draws["gaussian"][:, 0], draws["gaussian"][:, 1]
    gap, s = gap_statistic(observed_logs, logs)
    breaks, threshold = gap_breaks([1, *grid], observed_logs, logs)
    finished = list(rows)
    for index, row in enumerate(rows):
        if row.n_clusters in asked:
            at = 1 + grid.index(row.n_clusters)
            if np.isfinite(means[:, at]).any() and np.isfinite(gap[at]):
                low, high = np.nanquantile(means[:, at], [0.05, 0.95])
                finished[index] = replace(
                    row,
                    null_observed=float(observed[at]),
                    null_mean=float(np.nanmean(means[:, at])),
                    null_low=float(low),
                    null_high=float(high),
                    gap=float(gap[at]),
                    gap_s=float(s[at]),
                    gap_break=None if np.isnan(breaks[at]) else float(breaks[at]),
                )
    return Evidence(finished, len(chosen), tests, threshold)


def _neighbourhood(n_clusters: Sequence[int], limit: int) -> list[int]:
    """The numbers with their two neighbours on either side; alone when there is no choice to make."""
    if len(n_clusters) == 1:
        return list(n_clusters)
    return sorted({j for k in n_clusters for j in range(k - 2, k + 3) if 2 <= j <= limit} | set(n_clusters))


def measure_stability(points: np.ndarray, artists: np.ndarray | None, rows: list[SweepRow], work: Work) -> Evidence:
    """The rows with their stability.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, d), dtype=float32]
    artists : numpy.ndarray or None [shape=(n,), dtype=int64]
        From `songnet.clustering.stability.number_artists`.
    rows : list of SweepRow
    work : Work
    """
    config, seed = work.config, work.seed
    if not config.resamples:
        return Evidence(rows, 0)
    chosen = draw_rows(len(points), config.stability_sample, seed, "stability")
    # Whether nothing comes out again and again is no question.
    n_clusters = [row.n_clusters for row in rows if row.silhouette is not None]
    resampling = Resampling.prepare(
        points[chosen], None if artists is None else artists[chosen], config.method, n_clusters, seed
    )
    units = [f"stability:{kind}:{number}" for kind in resampling.kinds for number in range(config.resamples)]

    def repeat(unit: str) -> dict[str, float]:
        _, kind, number = unit.split(":")
        return {str(k): score for k, score in resampling.repeat(kind, int(number)).items()}

    found = dict(_repeat("stability", units, repeat, work))
    by_kind = {
        kind: [
            {int(k): score for k, score in found[f"stability:{kind}:{number}"].items()}
            for number in range(config.resamples)
        ]
        for kind in resampling.kinds
    }
    finished = []
    for row in rows:
        scores = {kind: summarise(repetitions, row.n_clusters) for kind, repetitions in by_kind.items()}
        finished.append(replace(row, stability={kind: score for kind, score in scores.items() if score is not None}))
    return Evidence(finished, len(chosen))


def _repeat(stage: str, units: Sequence[str], function: Callable[[str], Any], work: Work) -> Iterator[tuple[str, Any]]:
    """Every unit's answer: kept ones as they are, the others worked out side by side and kept one by one."""
    kept = work.keeper.kept
    missing = [unit for unit in units if unit not in kept]
    yield from ((unit, kept[unit]) for unit in units if unit in kept)
    finished = len(units) - len(missing)
    # An initializer a thread: OpenMP counts its threads apart for every thread that calls it.
    with ThreadPoolExecutor(max(1, work.n_threads), initializer=_one_thread) as pool:
        waiting: dict[str, Future[Any]] = {unit: pool.submit(function, unit) for unit in missing}
        saved: set[str] = set()
        try:
            for unit, answer in waiting.items():
                value = answer.result()
                work.keeper.save(unit, value)
                saved.add(unit)
                finished += 1
                work.progress(stage, finished, len(units))
                yield unit, value
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            # What other threads have finished meanwhile is kept too.
            for unit, answer in waiting.items():
                if unit not in saved and answer.done() and not answer.cancelled() and answer.exception() is None:
                    work.keeper.save(unit, answer.result())
            raise
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    threadpool_limits(1)


def draw_rows(n: int, size: int, seed: int, purpose: str) -> np.ndarray:
    """Sorted rows [dtype=int64], drawn with the seed when there are more than wanted; another draw a purpose."""
    if n <= size:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, *purpose.encode()]).choice(n, size, replace=False))
