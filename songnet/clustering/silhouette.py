"""Silhouettes (Rousseeuw 1987) of many partitions of the same rows in one pass over their distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import TaskPool, as_rows, blocks
from songnet.errors import ParameterError
from songnet.partition import NOISE

# Rows of a block of distances: 256 x 10,000 of them take 30 MB.
DISTANCE_ROWS = 256
# A squared distance below this share of the squared length is rounding rather than distance.
COINCIDENT = 1e-10
PAIRS = 16_384
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Silhouette:
    """Silhouettes of one partition.

    Parameters
    ----------
    mean : float or None
        Mean over the rows that were looked at, -1 to 1; None where there are fewer than two clusters.
    low, high : float or None
        95% interval of the mean for rows drawn like these, the partition being given: 1.96 standard errors to both
        sides. A row counts with its own silhouette and with what its distances do to those of other rows (the
        influence function; Hampel 1974): the deviation of the silhouettes alone would give up to half the width.
    values : numpy.ndarray [shape=(n_scored,), dtype=float32]
        Silhouette of each row, -1 to 1; 0 for a cluster of one.
    rows : numpy.ndarray [shape=(n_scored,), dtype=int64]
        Which rows these are, ascending: those of the sample that are not noise; none where ``mean`` is None.
    exact : bool
        Whether all rows were looked at, not a sample.
    """

    mean: float | None
    low: float | None
    high: float | None
    values: np.ndarray
    rows: np.ndarray
    exact: bool


def silhouette(
    X: np.ndarray,
    labels_by_k: Sequence[np.ndarray],
    *,
    sample_size: int = 10_000,
    seed: int = 0,
    n_threads: int | None = None,
) -> list[Silhouette]:
    """Silhouettes of several partitions, Euclidean.

    A row's silhouette is ``(b - a) / max(a, b)``: a is its mean distance from the others of its cluster, b from the
    rows of the nearest other cluster.

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d), dtype=float32]
        Rows.
    labels_by_k : sequence of numpy.ndarray [shape=(n,), dtype=int]
        Cluster of each row in each partition; -1 is noise and left out.
    sample_size : int
        With more rows than this, silhouettes within a sample of so many rows, drawn once for all partitions: the
        definition of scikit-learn's ``silhouette_score(sample_size=...)``. Time grows with its square. Where clusters
        hardly differ, silhouettes within a small sample lie a little below those within all rows.
    seed : int
        Of the sample, 0 or more.
    n_threads : int or None
        Threads at most; None for one a core. The result does not depend on it.

    Returns
    -------
    list of Silhouette
        In the order of ``labels_by_k``.

    Raises
    ------
    ParameterError
        If X is no finite table, labels do not match it, or a parameter is out of range.

    References
    ----------
    Rousseeuw (1987), "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis".
    """
    X = as_rows(X)
    if sample_size < 2:
        raise ParameterError(f"sample_size is {sample_size}; it must be 2 or more")
    if seed < 0:
        raise ParameterError(f"seed is {seed}; it must be 0 or more")
    partitions = [_check_labels(labels, len(X)) for labels in labels_by_k]
    exact = len(X) <= sample_size
    drawn = np.arange(len(X))
    if not exact:
        drawn = np.sort(np.random.default_rng(seed).choice(len(X), sample_size, replace=False, shuffle=False))
    coded = [_code(labels[drawn]) for labels in partitions]
    wide = [(codes, counts) for codes, counts in coded if len(counts) > 1]
    values = iter(_values(X[drawn], wide, n_threads) if wide else [])
    return [_summary(codes, next(values) if len(counts) > 1 else None, drawn, exact) for codes, counts in coded]


def squared_silhouette(
    X: np.ndarray, labels_by_k: Sequence[np.ndarray], *, n_threads: int | None = None
) -> list[float | None]:
    """Mean silhouettes over all rows, of squared Euclidean distances.

    The mean squared distance of a row from a cluster is its squared distance from the cluster's mean plus the
    cluster's variance: no distance between two rows is needed, and time grows with n k.

    Parameters
    ----------
    X, labels_by_k, n_threads
        As in `silhouette`.

    Returns
    -------
    list of float or None
        Mean silhouette, -1 to 1, of the rows that are not noise; None where there are fewer than two clusters.

    Raises
    ------
    ParameterError
        As in `silhouette`.
    """
    X = as_rows(X)
    coded = [_code(_check_labels(labels, len(X))) for labels in labels_by_k]
    wide = [(codes, counts) for codes, counts in coded if len(counts) > 1]
    if not wide:
        return [None] * len(coded)
    ends = np.cumsum([len(counts) for _, counts in wide])
    origin = X.mean(axis=0, dtype=np.float64)

    def sum_task(start: int, stop: int) -> np.ndarray:
        sums = np.zeros((int(ends[-1]), X.shape[1] + 1))
        for first, last in blocks(start, stop):
            block = X[first:last] - origin
            extended = np.column_stack([block, np.square(block).sum(axis=1)])
            sums += _memberships([codes[first:last] for codes, _ in wide], ends).T @ extended
        return sums

    def value_task(start: int, stop: int) -> np.ndarray:
        sums = np.zeros(len(wide))
        for first, last in blocks(start, stop):
            block = X[first:last] - origin
            squared = block @ (-2 * centers.T)
            squared += np.square(block).sum(axis=1)[:, None]
            squared += squares
            np.maximum(squared, 0, out=squared)
            squared += variances
            squared *= sizes
            for i, (codes, counts) in enumerate(wide):
                some = np.flatnonzero(codes[first:last] != NOISE)
                part = _from_sums(squared[some, ends[i] - len(counts) : ends[i]], codes[first + some], counts)
                sums[i] += part.values.sum()
        return sums

    with TaskPool(n_threads) as pool:
        totals = np.zeros((int(ends[-1]), X.shape[1] + 1))
        for part in pool.map(sum_task, len(X)):
            totals += part
        sizes = np.concatenate([counts for _, counts in wide])
        centers = totals[:, :-1] / sizes[:, None]
        squares = np.square(centers).sum(axis=1)
        variances = np.maximum(totals[:, -1] / sizes - squares, 0)
        overall = np.zeros(len(wide))
        for values in pool.map(value_task, len(X)):
            overall += values
    found = iter(overall.tolist())
    return [next(found) / int(counts.sum()) if len(counts) > 1 else None for _, counts in coded]


def _check_labels(labels: np.ndarray, n_rows: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (n_rows,):
        raise ParameterError(f"labels have the shape {labels.shape}; {n_rows} rows need ({n_rows},)")
    if labels.dtype.kind not in "iu":
        raise ParameterError(f"labels are of type {labels.dtype}; they must be whole numbers, {NOISE} for noise")
    return labels


def _code(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Clusters numbered from 0 without gaps, noise -1; and their sizes."""
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    noise = names == NOISE
    numbers = np.where(noise, NOISE, np.cumsum(~noise) - 1)
    return numbers[codes], counts[~noise]


def _memberships(codes: Sequence[np.ndarray], ends: np.ndarray) -> np.ndarray:
    """One-hot memberships [shape=(n, n_clusters of all partitions)], the partitions beside each other; noise has none.

    A partition's columns end before its entry in ``ends``.
    """
    members = np.zeros((len(codes[0]), int(ends[-1])), dtype=np.float32)
    for part, start in zip(codes, [0, *ends[:-1]], strict=True):
        some = np.flatnonzero(part != NOISE)
        members[some, start + part[some]] = 1
    return members


@dataclass(frozen=True, eq=False)
class _Part:
    """Mean distances of some rows [shape=(n,) each]: within their clusters, and from the ``nearest`` other one."""

    within: np.ndarray
    between: np.ndarray
    nearest: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """Silhouettes."""
        larger = np.maximum(self.within, self.between)
        return np.asarray((self.between - self.within) / np.where(larger > 0, larger, 1))

    @property
    def slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the silhouettes by the one and by the other distance."""
        larger = np.maximum(self.within, self.between)
        square = np.where(larger > 0, larger, np.inf) ** 2
        return -self.between / square, self.within / square


def _from_sums(sums: np.ndarray, own: np.ndarray, counts: np.ndarray) -> _Part:
    """From each row's sums of distances to every cluster; a row alone in its cluster has silhouette 0."""
    rows = np.arange(len(own))
    others = counts[own] - 1
    means = sums / counts
    means[rows, own] = np.inf
    nearest = means.argmin(axis=1)
    between = means[rows, nearest]
    return _Part(np.where(others > 0, sums[rows, own] / np.maximum(others, 1), between), between, nearest)


def _distances(points: np.ndarray, lengths: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Distances of some rows from all [shape=(stop - start, n), dtype=float32]."""
    # In double precision: of near rows far from the mean, single precision keeps no digit of a difference of squares.
    squared = (-2 * points[start:stop]) @ points.T
    squared += lengths[start:stop, None]
    squared += lengths
    # Of rows that nearly coincide not even double precision does: those few from the difference itself.
    row, other = np.nonzero(squared < COINCIDENT * lengths[start:stop, None])
    for first in range(0, len(row), PAIRS):
        one, two = row[first : first + PAIRS], other[first : first + PAIRS]
        squared[one, two] = np.square(points[start + one] - points[two]).sum(axis=1)
    np.maximum(squared, 0, out=squared)
    distances: np.ndarray = np.sqrt(squared, out=squared).astype(np.float32)
    return distances


def _values(
    X: np.ndarray, coded: Sequence[tuple[np.ndarray, np.ndarray]], n_threads: int | None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Silhouettes of the rows of each partition that are not noise, and the rows' influence on their mean."""
    points = X - X.mean(axis=0, dtype=np.float64)
    lengths = np.square(points).sum(axis=1)
    ends = np.cumsum([len(counts) for _, counts in coded])
    members = _memberships([codes for codes, _ in coded], ends)
    values = np.zeros((len(coded), len(X)))
    # The column of each row's cluster; that of noise is read and not used.
    columns = np.stack(
        [np.maximum(codes, 0) + end - len(counts) for (codes, counts), end in zip(coded, ends, strict=True)]
    )
    places = columns + int(ends[-1]) * np.arange(len(X))

    def task(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        distances = _distances(points, lengths, start, stop)
        sums = (distances @ members).astype(np.float64)
        pulls = np.zeros(sums.shape, dtype=np.float32)
        level = np.zeros(sums.shape[1])
        for i, ((codes, counts), end) in enumerate(zip(coded, ends, strict=True)):
            first = end - len(counts)
            some = np.flatnonzero(codes[start:stop] != NOISE)
            own = codes[start + some]
            part = _from_sums(sums[some, first:end], own, counts)
            values[i, start + some] = part.values
            # Were a row of a cluster to weigh more, the mean distances from the cluster would move towards it.
            alone = counts[own] == 1
            by_own, by_other = (np.where(alone, 0, slope) for slope in part.slopes)
            by_own, by_other = by_own / np.maximum(counts[own] - 1, 1), by_other / counts[part.nearest]
            pulls[some, first + own], pulls[some, first + part.nearest] = by_own, by_other
            level[first:end] = np.bincount(own, by_own * part.within, len(counts))
            level[first:end] += np.bincount(part.nearest, by_other * part.between, len(counts))
        return np.take(distances.T @ pulls, places), level

    influence, levels = np.zeros((len(coded), len(X))), np.zeros(int(ends[-1]))
    with TaskPool(n_threads) as pool:
        for moved, level in pool.map(task, len(X), DISTANCE_ROWS):
            influence += moved
            levels += level
    influence -= levels[columns]
    influence += values
    scored = [codes != NOISE for codes, _ in coded]
    return [(values[i, rows], influence[i, rows]) for i, rows in enumerate(scored)]


def _summary(
    codes: np.ndarray, found: tuple[np.ndarray, np.ndarray] | None, drawn: np.ndarray, exact: bool
) -> Silhouette:
    if found is None:
        return Silhouette(None, None, None, np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64), exact)
    values, influence = found
    mean = float(values.mean())
    margin = NORMAL_95 * float(influence.std(ddof=1)) / float(np.sqrt(len(values)))
    low, high = max(mean - margin, -1.0), min(mean + margin, 1.0)
    return Silhouette(mean, low, high, values.astype(np.float32), drawn[codes != NOISE], exact)
