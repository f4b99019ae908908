"""Hubness: tracks that are everyone's neighbour, tracks that are nobody's, and what mutual proximity mends.

Conventions
-----------
N_k of a track is how often it is among the k nearest neighbours (cosine) of the others; its mean is k. Hubness is the
skewness of N_k; anti-hubs have N_k = 0. Skewness grows with the dimension of the data for reasons of geometry alone,
and a hub is recommended to everybody whatever they asked.

Mutual proximity replaces the similarity of two tracks by the chance that a random other track is farther from both::

    MP(x, y) = P(D > d(x, y) seen from x, and D > d(x, y) seen from y)

``"gaussian"`` takes the distances from each track as normal and independent (means and deviations exact, from sums);
``"empirical"`` counts the other tracks that are farther from both, which takes n^3 operations.

References
----------
M. Radovanović, A. Nanopoulos, M. Ivanović, "Hubs in space: popular nearest neighbors in high-dimensional data", JMLR
11, 2010. D. Schnitzer, A. Flexer, M. Schedl, G. Widmer, "Local and global scaling reduce hubs in space", JMLR 13, 2012.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from songnet.clustering.blocks import ONE_THREAD_BLAS, TaskPool
from songnet.errors import ParameterError
from songnet.evaluation.knn import block_rows, largest, similarity_blocks, unit_rows

MUTUAL_PROXIMITY = ("gaussian", "empirical")
MAX_EMPIRICAL = 1_500


def k_occurrence(neighbours: np.ndarray) -> np.ndarray:
    """How often each row is a neighbour of the others [shape=(n,), dtype=int64].

    Parameters
    ----------
    neighbours : numpy.ndarray [shape=(n, k), dtype=int]
        From `songnet.evaluation.knn.nearest`; -1 is none.

    Examples
    --------
    >>> k_occurrence(np.array([[1], [0], [1]])).tolist()
    [1, 2, 0]
    """
    counts: np.ndarray = np.bincount(neighbours[neighbours >= 0], minlength=len(neighbours))
    return counts


def skewness(sums: np.ndarray) -> np.ndarray:
    """Skewness from sums of 1, x, x^2 and x^3 [shape=(n_draws, 4)]; 0 where nothing varies."""
    mean, second, third = (sums[:, power] / sums[:, 0] for power in (1, 2, 3))
    variance = second - mean**2
    moment = third - 3 * mean * second + 2 * mean**3
    varies = variance > 1e-12 * np.maximum(1.0, second)
    skew: np.ndarray = np.where(varies, moment / np.where(varies, variance, 1.0) ** 1.5, 0.0)
    return skew


def powers(occurrence: np.ndarray) -> np.ndarray:
    """Columns whose sums `skewness` takes [shape=(n, 4), dtype=float64]."""
    x = occurrence.astype(np.float64)
    return np.column_stack([np.ones(len(x)), x, x**2, x**3])


def mutual_neighbours(
    points: np.ndarray, k: int, *, variant: str = "gaussian", n_threads: int | None = None
) -> np.ndarray:
    """Nearest neighbours by mutual proximity.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, d)]
        At least 3 rows.
    k : int
        Neighbours wanted.
    variant : str
        ``"gaussian"`` or ``"empirical"``.
    n_threads : int or None
        The result does not depend on it.

    Returns
    -------
    numpy.ndarray [shape=(n, k), dtype=int64]
        Rows of the neighbours, the nearest first; -1 where there are no more.

    Raises
    ------
    ParameterError
        If the variant is unknown, or there are more than 1,500 rows for ``"empirical"`` or fewer than 3.
    """
    if variant not in MUTUAL_PROXIMITY:
        raise ParameterError(f"mutual proximity is {variant!r}; choose one of: {', '.join(MUTUAL_PROXIMITY)}, none")
    if len(points) < 3:
        raise ParameterError(f"mutual proximity needs 3 tracks or more, not {len(points)}")
    unit = unit_rows(points)
    if variant == "empirical":
        return _empirical(unit, k, n_threads)
    with ONE_THREAD_BLAS:
        mean, deviation = similarity_moments(unit)

    def work(start: int, stop: int) -> list[np.ndarray]:
        found = []
        for first, block in similarity_blocks(unit, start, stop):
            own = slice(first, first + len(block))
            # The distance is 1 - s: farther than d is less similar than s. Logarithms, since products underflow.
            from_query = log_ndtr((block - mean[own, None]) / deviation[own, None])
            from_other = log_ndtr((block - mean[None, :]) / deviation[None, :])
            found.append(largest(from_query + from_other, k))
        return found

    with TaskPool(n_threads) as pool:
        return np.concatenate(
            [part for parts in pool.map(work, len(unit), block_rows(2 * len(unit))) for part in parts]
        )


def similarity_moments(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each row's cosines with the others, exactly, without forming them.

    Parameters
    ----------
    unit : numpy.ndarray [shape=(n, d)]
        Rows of length 1 (or 0).

    Returns
    -------
    mean, deviation : numpy.ndarray [shape=(n,), dtype=float64]
        Deviations are at least 1e-9.
    """
    rows = unit.astype(np.float64)
    own = (rows**2).sum(axis=1)
    others = len(rows) - 1
    mean = (rows @ rows.sum(axis=0) - own) / others
    squares = (((rows @ (rows.T @ rows)) * rows).sum(axis=1) - own**2) / others
    return mean, np.sqrt(np.maximum(squares - mean**2, 1e-18))


def _empirical(unit: np.ndarray, k: int, n_threads: int | None) -> np.ndarray:
    n = len(unit)
    if n > MAX_EMPIRICAL:
        raise ParameterError(
            f"empirical mutual proximity of {n:,} tracks would take n^3 steps: use --mutual-proximity gaussian, or"
            f" --sample {MAX_EMPIRICAL}"
        )
    with ONE_THREAD_BLAS:
        similarities = unit @ unit.T
    np.fill_diagonal(similarities, np.inf)

    def work(start: int, stop: int) -> list[np.ndarray]:
        found = []
        for row in range(start, stop):
            # farther[y, j]: j is less similar to x than y is, and less similar to y than x is.
            level = similarities[row][:, None]
            farther = (similarities[row][None, :] < level) & (similarities < level)
            proximity = farther.sum(axis=1) / n
            # Equal shares are common in small data: the plain similarity decides between them.
            order = proximity + 1e-6 * similarities[row].clip(-1, 1)
            order[row] = -np.inf
            found.append(largest(order[None, :], k))
        return found

    with TaskPool(n_threads) as pool:
        return np.concatenate([part for parts in pool.map(work, n, 16) for part in parts])
