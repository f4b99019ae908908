"""K-means for every number of clusters in one go.

A sample is clustered thoroughly, for all k and all starts together; the best of each k then meets all rows, again
together. Of data no larger than the sample, the sample is the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import Rows, TaskPool, as_rows, check_distinct, find_frame
from songnet.clustering.kmeanspp import merged_starts, seed_chains, small_clusters, swapped_starts
from songnet.clustering.lloyd import Assignment, Stack, assign_rows, lloyd
from songnet.errors import ParameterError
from songnet.progress import Progress, silent

# Measured on Gaussian noise, blobs, heavy tails and decaying spectra, against the best known inertia: more passes for
# starts, more rounds or more swaps gain less than a thousandth.
START_PASSES = 8
SMALL_PASSES = 5
SWAP_PASSES = 4
N_ROUNDS = 2
N_SWAPS = 2
# Passes over all rows at most when the centres come from a sample: 10, or as many as 3,000,000 row visits allow. Of
# 300,000 rows the 10th gains a few hundred-thousandths of the inertia.
FULL_PASSES = 10
FULL_VISITS = 3_000_000
STAGE = "k-means"


@dataclass(frozen=True, eq=False)
class KMeansFit:
    """K-means for one number of clusters.

    Parameters
    ----------
    n_clusters : int
        Number of clusters k.
    labels : numpy.ndarray [shape=(n,), dtype=int32]
        Cluster of each row, from 0; every cluster has a row.
    centers : numpy.ndarray [shape=(k, d), dtype=float32]
        Centres, in the units of the data.
    inertia : float
        Sum of the squared distances of the rows from their centres.
    distortion : float
        Mean distance of the rows from their centres.
    n_iter : int
        Passes over all rows that the winning centres took at the end.
    converged : bool
        Whether the centres stood still within the tolerance; False when the passes were used up.
    """

    n_clusters: int
    labels: np.ndarray
    centers: np.ndarray
    inertia: float
    distortion: float
    n_iter: int
    converged: bool


def assign(X: np.ndarray, centers: np.ndarray, n_threads: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centre of every row.

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d), dtype=float32]
        Rows.
    centers : numpy.ndarray [shape=(k, d), dtype=float32]
        Centres.
    n_threads : int or None
        Threads at most; None for one a core. The result does not depend on it.

    Returns
    -------
    labels : numpy.ndarray [shape=(n,), dtype=int32]
        Nearest centre, the first of equally near ones.
    squared_distances : numpy.ndarray [shape=(n,), dtype=float32]
        Squared distance from it.

    Raises
    ------
    ParameterError
        If a table is not what it must be, or their columns differ.
    """
    X, centers = as_rows(X), as_rows(centers, "centers")
    if X.shape[1] != centers.shape[1]:
        raise ParameterError(f"X has {X.shape[1]} columns, the centres {centers.shape[1]}: they must be the same")
    frame = find_frame(X, centers)
    with TaskPool(n_threads) as pool:
        found = assign_rows(pool, Rows(X, frame), Stack([frame.extended(centers)[:, :-1]]), keep_squared=True)
    assert found.squared is not None
    return found.labels[0], found.squared[0] / np.float32(frame.scale) ** 2


def sweep_kmeans(
    X: np.ndarray,
    n_clusters: Sequence[int],
    *,
    n_init: int = 3,
    max_iter: int = 100,
    tol: float = 1e-4,
    seed: int = 0,
    sample_size: int = 20_000,
    n_threads: int | None = None,
    on_fit: Callable[[KMeansFit], None] | None = None,
    progress: Progress = silent,
) -> list[KMeansFit]:
    """K-means for several numbers of clusters at once.

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d), dtype=float32]
        Rows; anything else is converted.
    n_clusters : sequence of int
        Numbers of clusters, in any order.
    n_init : int
        Chains of greedy k-means++; each begins two runs of every k, one of its first k centres and one of its small
        clusters merged.
    max_iter : int
        Passes at most in which the centres of each k converge in the end. When they come from a sample, there are no
        more passes over all rows than 10, or than make 3,000,000 row visits: more gain next to nothing.
    tol : float
        Centres have converged when the sum of their squared movements in a pass is at most this times the mean
        variance of a column.
    seed : int
        0 or more. The same rows and seed give the same bytes, whatever the number of threads. What is found for one k
        does not depend on what other k are asked for, but for the rounding of sums.
    sample_size : int
        Rows on which the starts are worked out, drawn without replacement; no fewer than 20 times the largest k.
    n_threads : int or None
        Threads at most; None for one a core.
    on_fit : callable or None
        Called with each result as soon as it is there: a sweep that is interrupted keeps what it has.
    progress : Progress
        Told after each step how many k are finished.

    Returns
    -------
    list of KMeansFit
        In the order of ``n_clusters``.

    Raises
    ------
    ParameterError
        If X is no finite table, or there are fewer distinct rows than clusters, or a parameter is out of range.

    References
    ----------
    Lloyd (1982), "Least squares quantization in PCM". Arthur & Vassilvitskii (2007), "k-means++: the advantages of
    careful seeding". Ward (1963), "Hierarchical grouping to optimize an objective function".
    """
    X = as_rows(X)
    wanted = check_counts(n_clusters)
    for name, value, least in (("n_init", n_init, 1), ("max_iter", max_iter, 1), ("tol", tol, 0), ("seed", seed, 0)):
        if not value >= least:
            raise ParameterError(f"{name} is {value}; it must be {least} or more")
    if sample_size < 1:
        raise ParameterError(f"sample_size is {sample_size}; it must be 1 or more")
    check_distinct(X, wanted[-1])
    fits: dict[int, KMeansFit] = {}
    progress(STAGE, 0, len(wanted), "")
    with TaskPool(n_threads) as pool:
        rows, sample = _rows_and_sample(X, max(sample_size, 20 * wanted[-1]), seed)
        assert sample.ready is not None
        slack = tol * float(sample.ready[:, :-1].var(axis=0, dtype=np.float64).mean())
        starts = _search(pool, sample, wanted, n_init, seed, slack, progress)
        passes = max_iter
        if len(sample) < len(rows):
            runs = [run for ended in lloyd(pool, sample, starts, max_iter=max_iter, tol=slack) for run in ended]
            starts = [run.centers for run in sorted(runs, key=lambda run: run.index)]
            passes = min(max_iter, max(FULL_PASSES, FULL_VISITS // len(rows)))
        for ended in lloyd(
            pool,
            rows,
            starts,
            max_iter=passes,
            tol=slack,
            on_pass=lambda n_iter, _: progress(STAGE, len(fits), len(wanted), f"pass {n_iter}"),
        ):
            centers, found = _settle(pool, rows, [run.centers for run in ended])
            for i in sorted(range(len(ended)), key=lambda i: ended[i].index):
                k = wanted[ended[i].index]
                fits[k] = KMeansFit(
                    n_clusters=k,
                    labels=found.labels[i].copy(),
                    centers=rows.frame.restore(centers[i]),
                    inertia=float(found.inertia[i]) / rows.frame.scale**2,
                    distortion=float(found.distance[i]) / rows.frame.scale / len(X),
                    n_iter=ended[i].n_iter,
                    converged=ended[i].converged,
                )
                if on_fit is not None:
                    on_fit(fits[k])
                progress(STAGE, len(fits), len(wanted), f"k = {k}")
    return [fits[int(k)] for k in n_clusters]


def check_counts(n_clusters: Sequence[int]) -> list[int]:
    """Numbers of clusters, ascending and each once.

    Raises
    ------
    ParameterError
        If there is none, or one is not a whole number of 1 or more.
    """
    if len(n_clusters) == 0:
        raise ParameterError("no number of clusters is given; give at least one")
    for k in n_clusters:
        if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
            raise ParameterError(f"a number of clusters is {k!r}; it must be a whole number of 1 or more")
    return sorted({int(k) for k in n_clusters})


def _rows_and_sample(X: np.ndarray, sample_size: int, seed: int) -> tuple[Rows, Rows]:
    frame = find_frame(X)
    if len(X) <= sample_size:
        rows = Rows(X, frame, frame.extended(X))
        return rows, rows
    drawn = np.random.default_rng((seed, len(X), sample_size)).choice(len(X), sample_size, replace=False, shuffle=False)
    part = X[np.sort(drawn)]
    return Rows(X, frame), Rows(part, frame, frame.extended(part))


def _search(
    pool: TaskPool, sample: Rows, wanted: list[int], n_init: int, seed: int, tol: float, progress: Progress
) -> list[np.ndarray]:
    """The best centres of each k on the sample, nearly converged, in its frame."""
    rows = sample.ready
    assert rows is not None
    small = {k: min(small_clusters(k), len(rows)) for k in wanted}
    chains = seed_chains(rows, max(small.values()), n_init, seed)
    starts = {k: [rows[chain[:k], :-1] for chain in chains] for k in wanted}
    for m in sorted(set(small.values())):
        groups = _ended(pool, sample, [rows[chain[:m], :-1] for chain in chains], SMALL_PASSES, tol)
        labels = assign_rows(pool, sample, Stack(groups)).labels
        for centers, found in zip(groups, labels, strict=True):
            counts = np.bincount(found, minlength=m)
            merged = merged_starts(centers, counts, [k for k in wanted if small[k] == m])
            for k, start in merged.items():
                starts[k].append(start)
    generators = [np.random.default_rng((seed, n_init, k)) for k in wanted]
    progress(STAGE, 0, len(wanted), "starts")
    best, found = _best(pool, sample, [starts[k] for k in wanted], START_PASSES, tol)
    for _ in range(N_ROUNDS):
        assert found.squared is not None
        swapped = swapped_starts(rows, best, found.labels, found.squared, generators, N_SWAPS)
        progress(STAGE, 0, len(wanted), "swaps")
        best, found = _best(
            pool, sample, [[old, *new] for old, new in zip(best, swapped, strict=True)], SWAP_PASSES, tol
        )
    return best


def _ended(pool: TaskPool, rows: Rows, starts: list[np.ndarray], max_iter: int, tol: float) -> list[np.ndarray]:
    runs = [run for ended in lloyd(pool, rows, starts, max_iter=max_iter, tol=tol) for run in ended]
    return [run.centers for run in sorted(runs, key=lambda run: run.index)]


def _best(
    pool: TaskPool, rows: Rows, starts: list[list[np.ndarray]], max_iter: int, tol: float
) -> tuple[list[np.ndarray], Assignment]:
    """Of several starts a k the one that gets lowest in a few passes, and its assignment."""
    # A stack wants the largest first.
    flat = [(i, start) for i in reversed(range(len(starts))) for start in starts[i]]
    centers = _ended(pool, rows, [start for _, start in flat], max_iter, tol)
    found = assign_rows(pool, rows, Stack(centers), keep_squared=True)
    assert found.squared is not None
    chosen = [
        min((run for run, (owner, _) in enumerate(flat) if owner == i), key=lambda run: (found.inertia[run], run))
        for i in range(len(starts))
    ]
    part = Assignment(found.labels[chosen], found.squared[chosen], found.inertia[chosen], found.distance[chosen])
    return [centers[run] for run in chosen], part


def _settle(pool: TaskPool, rows: Rows, centers: list[np.ndarray]) -> tuple[list[np.ndarray], Assignment]:
    """Assign all rows; a centre that is left without any moves to the row farthest from its own."""
    centers = list(centers)
    found = assign_rows(pool, rows, Stack(centers))
    for run, old in enumerate(centers):
        counts = np.bincount(found.labels[run], minlength=len(old))
        moved = old.copy()
        while not counts.all():
            alone = assign_rows(pool, rows, Stack([moved]), keep_squared=True)
            assert alone.squared is not None
            farthest = int(alone.squared[0].argmax())
            if alone.squared[0, farthest] == 0:
                break
            moved[np.flatnonzero(counts == 0)[0]] = rows.block(farthest, farthest + 1)[0, :-1]
            alone = assign_rows(pool, rows, Stack([moved]))
            counts = np.bincount(alone.labels[0], minlength=len(old))
            found.labels[run], found.inertia[run], found.distance[run] = (
                alone.labels[0],
                alone.inertia[0],
                alone.distance[0],
            )
        centers[run] = moved
    return centers, found
