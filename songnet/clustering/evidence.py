"""What speaks for and against a sweep's numbers: null models and repetitions, kept one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
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


def compare_with_nulls(
    features: np.ndarray,
    space: Space,
    rows: list[SweepRow],
    config: ClusterConfig,
    seed: int,
    n_threads: int,
    keeper: Keeper,
    progress: Progress,
) -> tuple[list[NullTest], list[SweepRow], int]:
    """Null tests, the rows with null silhouettes and gap, and how many tracks were looked at.

    Parameters
    ----------
    features : numpy.ndarray [shape=(n, d)]
        Before they became points: draws go the whole way.
    space : Space
        The way.
    rows : list of SweepRow
    config, seed, n_threads, keeper, progress
        As in `songnet.clustering.sweep.sweep`.
    """
    chosen = draw_rows(len(features), config.null_sample, seed)
    n_clusters = [row.n_clusters for row in rows]
    ks = [k for k in n_clusters if k < len(chosen)]
    if not config.nulls or not ks or any(row.silhouette is None for row in rows):
        return [], rows, 0
    looked_at = features[chosen]
    source = NullSource(space, looked_at)
    has_k = CLUSTERERS[config.method].needs_n_clusters

    def measure(points: np.ndarray) -> list[list[float]]:
        fits = fit_path(
            config.method, points, ks, n_init=NULL_N_INIT, seed=seed, n_threads=1, on_skip=lambda k, reason: None
        )
        scores = silhouette(points, [fit.labels for fit in fits], n_threads=1) if fits else []
        if not has_k:
            # Two tiny clusters in a sea of noise have a high silhouette: what counts is how many tracks share in it.
            return [[0.0, 0.0], [0.0, (scores[0].mean or 0.0) * float((fits[0].labels != NOISE).mean())]]
        logs = {fit.n_clusters: float(np.log(max(fit.inertia, 1e-300))) for fit in fits}
        means = {fit.n_clusters: score.mean or 0.0 for fit, score in zip(fits, scores, strict=True)}
        # One centre for all has no silhouette: the first value only keeps the two lists equally long.
        return [
            [log_inertia(points), *(logs.get(k, np.nan) for k in ks)],
            [0.0, *(means.get(k, np.nan) for k in ks)],
        ]

    observed, observed_means = np.array(measure(space.points(looked_at)))
    units = [f"null:{model}:{draw}" for model in NULL_MODELS for draw in range(config.nulls)]

    def draw(unit: str) -> list[list[float]]:
        _, model, number = unit.split(":")
        return measure(source.draw(model, seed * 1_000_003 + int(number)))

    found = dict(_repeat("null models", units, draw, n_threads, keeper, progress))
    draws = {
        model: np.array([found[f"null:{model}:{number}"] for number in range(config.nulls)]) for model in NULL_MODELS
    }
    tests = [null_test(model, ks, observed_means[1:], draws[model][:, 1, 1:]) for model in NULL_MODELS]
    if not has_k:
        return tests, rows, len(chosen)
    logs, means = draws["gaussian"][:, 0], draws["gaussian"][:, 1]
    gap, s = gap_statistic(observed, logs)
    breaks = gap_breaks([1, *ks], observed, logs)
    finished = []
    for row in rows:
        if row.n_clusters not in ks or np.isnan(means[:, 1 + ks.index(row.n_clusters)]).all():
            finished.append(row)
            continue
        at = 1 + ks.index(row.n_clusters)
        low, high = np.nanquantile(means[:, at], [0.05, 0.95])
        finished.append(
            replace(
                row,
                null_mean=float(np.nanmean(means[:, at])),
                null_low=float(low),
                null_high=float(high),
                gap=None if np.isnan(gap[at]) else float(gap[at]),
                gap_s=None if np.isnan(gap[at]) else float(s[at]),
                gap_break=None if np.isnan(breaks[at]) else float(breaks[at]),
            )
        )
    return tests, finished, len(chosen)


def measure_stability(
    points: np.ndarray,
    artists: np.ndarray | None,
    rows: list[SweepRow],
    config: ClusterConfig,
    seed: int,
    n_threads: int,
    keeper: Keeper,
    progress: Progress,
) -> tuple[list[SweepRow], int]:
    """The rows with their stability, and how many tracks were looked at; parameters as in `compare_with_nulls`."""
    if not config.resamples:
        return rows, 0
    chosen = draw_rows(len(points), config.stability_sample, seed)
    resampling = Resampling.prepare(
        points[chosen],
        None if artists is None else artists[chosen],
        config.method,
        [row.n_clusters for row in rows],
        seed,
    )
    units = [f"stability:{kind}:{number}" for kind in resampling.kinds for number in range(config.resamples)]

    def repeat(unit: str) -> dict[str, float]:
        _, kind, number = unit.split(":")
        return {str(k): score for k, score in resampling.repeat(kind, int(number)).items()}

    found = dict(_repeat("stability", units, repeat, n_threads, keeper, progress))
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
    return finished, len(chosen)


def _repeat(
    stage: str,
    units: Sequence[str],
    function: Callable[[str], Any],
    n_threads: int,
    keeper: Keeper,
    progress: Progress,
) -> Iterator[tuple[str, Any]]:
    """Every unit's answer: kept ones as they are, the others worked out side by side and kept one by one."""
    missing = [unit for unit in units if unit not in keeper.kept]
    yield from ((unit, keeper.kept[unit]) for unit in units if unit in keeper.kept)
    finished = len(units) - len(missing)
    # An initializer a thread: OpenMP counts its threads apart for every thread that calls it.
    with ThreadPoolExecutor(max(1, n_threads), initializer=_one_thread) as pool:
        waiting: list[tuple[str, Future[Any]]] = [(unit, pool.submit(function, unit)) for unit in missing]
        try:
            for unit, answer in waiting:
                value = answer.result()
                keeper.save(unit, value)
                finished += 1
                progress(stage, finished, len(units))
                yield unit, value
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one_thread() -> None:
    threadpool_limits(1)


def draw_rows(n: int, size: int, seed: int) -> np.ndarray:
    """Sorted rows [dtype=int64], drawn with the seed when there are more than wanted."""
    if n <= size:
        return np.arange(n)
    return np.sort(np.random.default_rng([seed, 7]).choice(n, size, replace=False))
