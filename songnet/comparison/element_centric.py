"""Element-centric similarity of two partitions, in the time that reading their contingency table takes.

References
----------
A. J. Gates, I. B. Wood, W. P. Hetrick, Y.-Y. Ahn, "Element-centric clustering comparison unifies overlaps and
hierarchy", Scientific Reports 9, 8574, 2019.
"""

from __future__ import annotations

import numpy as np


def element_centric_similarity(table: np.ndarray) -> float:
    """Mean over tracks of how alike both partitions are as seen from the track.

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b), dtype=int64]
        Tracks in each pair of groups; at least one track.

    Returns
    -------
    float
        More than 0, at most 1. It is not corrected for chance, but large groups do not outweigh small ones as in the
        Rand index: every track counts once.

    Notes
    -----
    In a partition the stationary distribution p of the walk that restarts at track i spreads over i's group alone,
    and evenly apart from the restart, which both partitions share. So S_i = 1 - 1/2 sum_j |p_ij - q_ij|, scaled by
    1 / alpha as Gates et al. define it, does not depend on the restart probability. With a and b the sizes of i's two
    groups and n the tracks they share, n of the terms are |1/a - 1/b|, a - n are 1/a and b - n are 1/b; the
    sum makes S_i = n / max(a, b). All n tracks of a cell have this value.

    Examples
    --------
    >>> element_centric_similarity(np.array([[2, 0], [0, 2]]))
    1.0
    >>> element_centric_similarity(np.array([[1, 1], [1, 1]]))
    0.5
    """
    row_sizes, column_sizes = table.sum(axis=1), table.sum(axis=0)
    rows, columns = np.nonzero(table)
    shared = table[rows, columns].astype(np.float64)
    largest = np.maximum(row_sizes[rows], column_sizes[columns])
    return float((shared * shared / largest).sum() / row_sizes.sum())
