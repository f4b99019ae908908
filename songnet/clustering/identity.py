"""Numbers of clusters that last: the same music keeps the same number when a library is clustered again.

An estimator numbers its clusters as chance has it. People remember numbers and names, so the clusters of a new
partition take over the numbers of those clusters of the previous one that hold the same tracks (an assignment problem;
Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly 2, 1955).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.optimize

from songnet.errors import ParameterError
from songnet.partition import NOISE, Partition


def number_by_size(labels: Sequence[int] | np.ndarray) -> np.ndarray:
    """Labels of an estimator as numbers of groups, the largest group first.

    Parameters
    ----------
    labels : sequence of int or numpy.ndarray [shape=(n,), dtype=int]
        Clusters from 0, -1 for noise. Numbers may be left out.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=int32]
        Groups from 1 without gaps, -1 for noise. Of two groups of one size the one that stands earlier comes first, so
        that the answer does not depend on how the estimator numbered them.

    Raises
    ------
    ParameterError
        If a label is less than -1.

    Examples
    --------
    >>> number_by_size([4, 0, -1, 0, 2]).tolist()
    [2, 1, -1, 1, 3]
    """
    values = np.asarray(labels, dtype=np.int64)
    if values.size and values.min() < NOISE:
        raise ParameterError(
            f"{int(values.min())} is no label of an estimator: clusters count from 0, noise is {NOISE}"
        )
    groups, codes = _by_size(values)
    return _renumber(codes, np.arange(1, len(groups) + 1))


def match_labels(previous: Partition, current: Partition, *, above: int = 0) -> Partition:
    """Number the groups of a partition after those of the previous one.

    Groups are paired one to one so that as many tracks as possible stand in a group of the same number as before.
    A pair must share a track. A group without a partner gets a number that no group had, the largest group first.

    Parameters
    ----------
    previous : Partition
        Whose numbers to keep. It may speak of other tracks; only shared ones count.
    current : Partition
        Whose groups to number. How they are numbered now does not matter.
    above : int
        Highest number that any earlier partition used (`songnet.library.highest_label`); new numbers are higher, so
        that none that has vanished comes back for other music.

    Returns
    -------
    Partition
        The groups of ``current`` under new numbers; noise stays noise.

    Examples
    --------
    >>> before = Partition.from_labels(["a", "b", "c", "d"], [1, 1, 2, 2], "kmeans", {})
    >>> after = Partition.from_labels(["a", "b", "c", "d", "e"], [2, 2, 1, 1, 3], "kmeans", {})
    >>> match_labels(before, after).labels.tolist()
    [1, 1, 2, 2, 3]
    """
    # Columns in an order that comes from the groups themselves: where several pairings are equally good, the solver
    # decides by position, and must decide alike however the estimator numbered the groups.
    groups, codes = _by_size(current.labels)
    old_groups = np.array(previous.groups, dtype=np.int64)
    numbers = np.zeros(len(groups), dtype=np.int64)
    table = _shared_tracks(previous, current, old_groups, groups)
    old, new = scipy.optimize.linear_sum_assignment(table, maximize=True)
    paired = table[old, new] > 0
    numbers[new[paired]] = old_groups[old[paired]]
    fresh = numbers == 0
    numbers[fresh] = max(above, int(old_groups.max(initial=0))) + 1 + np.arange(int(fresh.sum()))
    return Partition(current.track_ids, _renumber(codes, numbers), current.method, current.parameters)


def _by_size(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Groups by size, largest first, and of each row the place of its group in that order; -1 for noise."""
    groups, first, places, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    real = np.flatnonzero(groups != NOISE)
    order = real[np.lexsort((first[real], -sizes[real]))]
    ranks = np.full(len(groups), NOISE, dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return groups[order], ranks[places]


def _renumber(codes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    # The last entry is noise, which the code -1 picks.
    result: np.ndarray = np.append(numbers, NOISE)[codes].astype(np.int32)
    return result


def _shared_tracks(
    previous: Partition, current: Partition, old_groups: np.ndarray, new_groups: np.ndarray
) -> np.ndarray:
    """How many tracks each pair of groups shares [shape=(n_old, n_new), dtype=int64]."""
    before, after = previous.shared(current)
    both = (before != NOISE) & (after != NOISE)
    by_number = np.argsort(new_groups)
    rows = np.searchsorted(old_groups, before[both])
    columns = by_number[np.searchsorted(new_groups, after[both], sorter=by_number)]
    table = np.zeros((len(old_groups), len(new_groups)), dtype=np.int64)
    np.add.at(table, (rows, columns), 1)
    return table
