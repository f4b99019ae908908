"""The compiled inner loops of `songnet.playlists.cooccurrence`: one row at a time, then both directions together."""

from __future__ import annotations

import numpy as np
from numba import njit

from songnet.playlists.weighting import pair_weight


@njit(nogil=True, cache=True)
def row_work(rank_starts: np.ndarray, playlists: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Additions that each row takes."""
    work = np.zeros(len(rank_starts) - 1, dtype=np.int64)
    for row in range(len(work)):
        for e in range(rank_starts[row], rank_starts[row + 1]):
            work[row] += starts[playlists[e] + 1] - starts[playlists[e]]
    return work


@njit(nogil=True, cache=True)
def sum_rows(
    first: int,
    last: int,
    rank_starts: np.ndarray,
    playlists: np.ndarray,
    starts: np.ndarray,
    members: np.ndarray,
    inverse: np.ndarray,
    support: np.ndarray,
    n_playlists: float,
    code: int,
    shrink: float,
    min_pair_support: int,
    top_k: int,
    tally: np.ndarray,
    sums: np.ndarray,
    touched: np.ndarray,
    columns: np.ndarray,
    counts: np.ndarray,
    newman: np.ndarray,
    sizes: np.ndarray,
    seen: np.ndarray,
) -> int:
    """Rows of the product into ``columns``, ``counts`` and ``newman``; gives the number of pairs written.

    ``tally`` is zero before and after.
    """
    total = 0
    heap = np.empty(top_k)
    for row in range(first, last):
        n_frequent, n_rare = _count_row(
            row, rank_starts, playlists, starts, members, inverse, min_pair_support, tally, sums, touched
        )
        seen[0] += n_frequent + n_rare
        seen[1] += n_frequent
        begin = total
        if top_k == 0 or n_frequent <= top_k:
            total += n_frequent
            for i in range(n_frequent):
                columns[begin + i] = touched[i]
        else:
            total += top_k
            for i in range(n_frequent):
                other = touched[i]
                a, b, together = support[row], support[other], float(-tally[other])
                weight = pair_weight(code, together, sums[other], a, b, n_playlists, shrink)
                if i < top_k:
                    _sift_up(heap, columns, begin, i, weight, other)
                elif weight > heap[0] or (weight == heap[0] and other < columns[begin]):
                    _sift_down(heap, columns, begin, top_k, weight, other)
        for i in range(begin, total):
            counts[i] = -tally[columns[i]]
            newman[i] = sums[columns[i]]
        sizes[row - first] = total - begin
        for i in range(n_frequent):
            tally[touched[i]] = 0
    return total


@njit(nogil=True, cache=True)
def _count_row(
    row: int,
    rank_starts: np.ndarray,
    playlists: np.ndarray,
    starts: np.ndarray,
    members: np.ndarray,
    inverse: np.ndarray,
    min_pair_support: int,
    tally: np.ndarray,
    sums: np.ndarray,
    touched: np.ndarray,
) -> tuple[int, int]:
    """Pairs of one row into ``tally`` (negative), ``sums`` and ``touched``: how many are frequent, how many are not.

    Most pairs stand together once and are dropped: a first walk over the playlists only counts, in 32 bits a track
    that mostly stay in the cache; a second one wipes the counts of those pairs and sums up the shares of the others,
    whose counts it marks by their sign.
    """
    for e in range(rank_starts[row], rank_starts[row + 1]):
        for i in range(starts[playlists[e]], starts[playlists[e] + 1]):
            tally[members[i]] += 1
    tally[row] = 0
    n_frequent, n_rare = 0, 0
    for e in range(rank_starts[row], rank_starts[row + 1]):
        share = inverse[playlists[e]]
        for i in range(starts[playlists[e]], starts[playlists[e] + 1]):
            other = members[i]
            count = tally[other]
            if count < 0:
                sums[other] += share
            elif count >= min_pair_support:
                tally[other] = -count
                sums[other] = share
                touched[n_frequent] = other
                n_frequent += 1
            else:
                n_rare += count > 0
                tally[other] = 0
    return n_frequent, n_rare


# The strongest pairs of a row so far, as a heap whose root is the weakest of them: it goes when a stronger one comes.
# Of equally heavy ones that of the higher rank, the less popular track, is the weaker.
@njit(nogil=True, cache=True)
def _sift_up(heap: np.ndarray, columns: np.ndarray, begin: int, size: int, weight: float, column: int) -> None:
    """Put a pair into a heap of ``size`` pairs that has room; columns of the heap stand from ``begin`` on."""
    at = size
    while at > 0:
        above = (at - 1) // 2
        if heap[above] < weight or (heap[above] == weight and columns[begin + above] > column):
            break
        heap[at], columns[begin + at] = heap[above], columns[begin + above]
        at = above
    heap[at], columns[begin + at] = weight, column


@njit(nogil=True, cache=True)
def _sift_down(heap: np.ndarray, columns: np.ndarray, begin: int, size: int, weight: float, column: int) -> None:
    """Put a pair into a full heap in place of its root."""
    at = 0
    while 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and (
            heap[below + 1] < heap[below]
            or (heap[below + 1] == heap[below] and columns[begin + below + 1] > columns[begin + below])
        ):
            below += 1
        if weight < heap[below] or (weight == heap[below] and column > columns[begin + below]):
            break
        heap[at], columns[begin + at] = heap[below], columns[begin + below]
        at = below
    heap[at], columns[begin + at] = weight, column


@njit(nogil=True, cache=True)
def merge_directions(
    begin: np.ndarray,
    size: np.ndarray,
    columns: np.ndarray,
    index: np.ndarray,
    mirror: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows in order of their tracks, columns ascending; with ``mirror`` also what only the other direction holds.

    Row t is ``columns[begin[t]:begin[t] + size[t]]`` in any order; ``index`` lends its dtype to positions of pairs.
    Both directions of a pair hold the same bits: both were summed over the same playlists in the same order. Gives
    ``(starts, columns, positions of the pairs)``.
    """
    # Counted out by column, then by row again: both lists come out in order without a comparison.
    down, down_row, down_at = _by_column(begin, size, columns, index)
    across, across_column, across_at = _by_row(size, down, down_row, down_at)
    if not mirror:
        return across, across_column, across_at
    n = len(size)
    starts = np.zeros(n + 1, dtype=np.int64)
    for row in range(n):
        room = _merge(row, across, across_column, across_at, down, down_row, down_at, across_at[:0], across_column[:0])
        starts[row + 1] = starts[row] + room
    at, merged = np.empty(starts[n], dtype=index.dtype), np.empty(starts[n], dtype=np.int32)
    for row in range(n):
        out = slice(starts[row], starts[row + 1])
        _merge(row, across, across_column, across_at, down, down_row, down_at, at[out], merged[out])
    return starts, merged, at


@njit(nogil=True, cache=True)
def _by_column(
    begin: np.ndarray, size: np.ndarray, columns: np.ndarray, index: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    starts = np.zeros(len(size) + 1, dtype=np.int64)
    for column in columns:
        starts[column + 1] += 1
    for column in range(len(size)):
        starts[column + 1] += starts[column]
    fill = starts[:-1].copy()
    rows, at = np.empty(len(columns), dtype=np.int32), np.empty(len(columns), dtype=index.dtype)
    for row in range(len(size)):
        for e in range(begin[row], begin[row] + size[row]):
            slot = fill[columns[e]]
            rows[slot], at[slot] = row, e
            fill[columns[e]] += 1
    return starts, rows, at


@njit(nogil=True, cache=True)
def _by_row(
    size: np.ndarray, down: np.ndarray, down_row: np.ndarray, down_at: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    starts = np.zeros(len(size) + 1, dtype=np.int64)
    for row in range(len(size)):
        starts[row + 1] = starts[row] + size[row]
    fill = starts[:-1].copy()
    columns, at = np.empty_like(down_row), np.empty_like(down_at)
    for column in range(len(size)):
        for e in range(down[column], down[column + 1]):
            slot = fill[down_row[e]]
            columns[slot], at[slot] = column, down_at[e]
            fill[down_row[e]] += 1
    return starts, columns, at


@njit(nogil=True, cache=True)
def _merge(
    row: int,
    across: np.ndarray,
    across_column: np.ndarray,
    across_at: np.ndarray,
    down: np.ndarray,
    down_row: np.ndarray,
    down_at: np.ndarray,
    at: np.ndarray,
    merged: np.ndarray,
) -> int:
    """One row of both directions into ``at`` and ``merged``; gives its length, which is all it does without room."""
    i, i_end, j, j_end = across[row], across[row + 1], down[row], down[row + 1]
    n_out = 0
    while i < i_end or j < j_end:
        first = j >= j_end or (i < i_end and across_column[i] <= down_row[j])
        column, e = (across_column[i], across_at[i]) if first else (down_row[j], down_at[j])
        if len(at):
            at[n_out], merged[n_out] = e, column
        n_out += 1
        if i < i_end and across_column[i] == column:
            i += 1
        if j < j_end and down_row[j] == column:
            j += 1
    return n_out
