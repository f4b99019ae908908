"""Which tracks people put into the same playlists.

The product of the incidence of playlists and tracks with its own transpose would say so, and for a million playlists it
fits into no memory: nearly all of its pairs stand together once. Here a row of it is summed up at a time, in an array
as long as there are tracks, and only what passes the pair support and is among the strongest of its row is kept.
Counts and Newman's weights come from the same pass. A row depends on no other row, so threads do not change a bit.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from songnet.errors import ParameterError
from songnet.playlists.accumulate import merge_directions, row_work, sum_rows
from songnet.playlists.incidence import Incidence, build_incidence
from songnet.playlists.weighting import (
    DEFAULT_SHRINK,
    DEFAULT_WEIGHTING,
    check_shrink,
    weigh_pairs,
    weighting_code,
)
from songnet.progress import Progress, silent

# Additions in one block of rows: some tens of milliseconds, and at most 80 MB of pairs.
BLOCK_WORK = 1 << 22


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of tracks that stand in the same playlists.

    Parameters
    ----------
    counts : scipy.sparse.csr_array [shape=(n_tracks, n_tracks), dtype=int32]
        Playlists that hold both tracks; symmetric, zero diagonal.
    newman : scipy.sparse.csr_array [shape=(n_tracks, n_tracks), dtype=float64]
        Sum of 1 / (n - 1) over these playlists, n being the different tracks in each; the same pairs in the
        same order: both matrices share their indices, so change neither in place.
    support : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Playlists that hold each track, playlists left out for their length not counted.
    n_playlists : int
        Playlists that were not left out.
    n_left_out : int
        Playlists left out for their length.
    n_supported : int
        Tracks that reached the support.
    n_seen : int
        Pairs of such tracks that stand together at all.
    n_frequent : int
        Pairs that reached the pair support; ``top_k`` has kept ``counts.nnz // 2`` of them.
    """

    counts: csr_array
    newman: csr_array
    support: npt.NDArray[np.int64]
    n_playlists: int
    n_left_out: int
    n_supported: int
    n_seen: int
    n_frequent: int

    def weigh(self, weighting: str = DEFAULT_WEIGHTING, *, shrink: float = DEFAULT_SHRINK) -> csr_array:
        """Weights of the pairs by one of `songnet.playlists.weighting.WEIGHTINGS` [float64]; zeros are dropped."""
        rows = np.repeat(np.arange(self.counts.shape[0]), np.diff(self.counts.indptr))
        weights = weigh_pairs(
            self.counts.data,
            self.newman.data,
            self.support[rows],
            self.support[self.counts.indices],
            self.n_playlists,
            weighting=weighting,
            shrink=shrink,
        )
        matrix = csr_array((weights, self.counts.indices, self.counts.indptr), shape=self.counts.shape, copy=True)
        matrix.eliminate_zeros()
        return matrix


def cooccurrence(
    playlist_of: npt.ArrayLike,
    track_of: npt.ArrayLike,
    n_tracks: int,
    *,
    weighting: str = DEFAULT_WEIGHTING,
    shrink: float = DEFAULT_SHRINK,
    min_support: int = 1,
    min_pair_support: int = 2,
    max_playlist_length: int | None = None,
    top_k: int | None = None,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> csr_array:
    """Weighted co-occurrence of tracks in playlists; parameters and errors as in `count_pairs`.

    Returns
    -------
    scipy.sparse.csr_array [shape=(n_tracks, n_tracks), dtype=float64]
        Symmetric, zero diagonal, columns of a row ascending.

    Examples
    --------
    >>> cooccurrence([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], 3, weighting="newman", min_pair_support=1).toarray().tolist()
    [[0.0, 1.5, 0.5], [1.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    pairs = count_pairs(
        playlist_of,
        track_of,
        n_tracks,
        weighting=weighting,
        shrink=shrink,
        min_support=min_support,
        min_pair_support=min_pair_support,
        max_playlist_length=max_playlist_length,
        top_k=top_k,
        n_threads=n_threads,
        progress=progress,
    )
    return pairs.weigh(weighting, shrink=shrink)


def count_pairs(
    playlist_of: npt.ArrayLike,
    track_of: npt.ArrayLike,
    n_tracks: int,
    *,
    weighting: str = DEFAULT_WEIGHTING,
    shrink: float = DEFAULT_SHRINK,
    min_support: int = 1,
    min_pair_support: int = 2,
    max_playlist_length: int | None = None,
    top_k: int | None = None,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """Count in how many playlists each two tracks stand together.

    Parameters
    ----------
    playlist_of, track_of : array-like [shape=(n_entries,), dtype=int64]
        Playlist of each entry, and its track, in any order; a track that stands in a playlist twice counts once.
        Both are numbered from 0.
    n_tracks : int
        Tracks in all.
    weighting : str
        One of `songnet.playlists.weighting.WEIGHTINGS`; says which pairs of a track ``top_k`` takes for the strongest.
    shrink : float
        Added to the divisor of the cosines, in playlists, 0 or more.
    min_support : int
        Tracks in fewer playlists have no pairs, 1 or more.
    min_pair_support : int
        Pairs in fewer playlists are dropped, 1 or more.
    max_playlist_length : int or None
        Playlists of more different tracks are left out whole, 2 or more: a playlist of 10,000 tracks is a collection,
        and has as many pairs as 34,000 playlists of 54.
    top_k : int or None
        Pairs kept a track, 1 or more: a pair is kept when it is among the strongest of either of its tracks. Of
        equally strong ones, those with more popular tracks go first. None keeps all.
    n_threads : int or None
        Threads; None for one a core. The answer does not depend on it.
    progress : Progress
        Told the additions done, of all.

    Raises
    ------
    ParameterError
        If a value is out of range, or the entries are not two equally long arrays of numbers in range.
    """
    code = weighting_code(weighting)
    check_shrink(shrink)
    _check("min_support", min_support, 1)
    _check("min_pair_support", min_pair_support, 1)
    _check("max_playlist_length", max_playlist_length, 2)
    _check("top_k", top_k, 1)
    _check("n_threads", n_threads, 1)
    # A track in fewer playlists than a pair needs can have no such pair.
    data = build_incidence(
        playlist_of,
        track_of,
        n_tracks,
        min_support=max(min_support, min_pair_support),
        max_playlist_length=max_playlist_length,
    )
    blocks, n_seen, n_frequent = _sum_blocks(
        data, code, float(shrink), min_pair_support, top_k, n_threads or _cores(), progress
    )
    track_of_rank, support, n_used, n_left_out = data.track_of_rank, data.support, data.n_used, data.n_left_out
    # Of a million playlists the entries take half a gigabyte, which the pairs need now.
    del data
    counts, newman = _assemble(blocks, track_of_rank, n_tracks, mirror=top_k is not None)
    return Pairs(counts, newman, support, n_used, n_left_out, len(track_of_rank), n_seen, n_frequent)


def _sum_blocks(
    data: Incidence,
    code: int,
    shrink: float,
    min_pair_support: int,
    top_k: int | None,
    n_threads: int,
    progress: Progress,
) -> tuple[list[list[np.ndarray]], int, int]:
    """Columns, counts, Newman sums and row sizes of each block; pairs seen, and pairs that reached the support."""
    n_ranked = len(data.track_of_rank)
    work = row_work(data.rank_starts, data.playlists, data.starts)
    bounds = _bounds(work)
    inverse = np.zeros(len(data.length))
    np.divide(1.0, data.length - 1, out=inverse, where=data.length > 1)
    support = data.support[data.track_of_rank].astype(np.float64)
    scratch: SimpleQueue[tuple[np.ndarray, np.ndarray, np.ndarray]] = SimpleQueue()
    threads = min(n_threads, max(1, len(bounds) - 1))
    for _ in range(threads):
        zeros = np.zeros(n_ranked, dtype=np.int32)
        scratch.put((zeros, np.empty(n_ranked), np.empty_like(zeros)))

    def task(index: int) -> list[np.ndarray]:
        tally, sums, touched = scratch.get()
        first, last = bounds[index], bounds[index + 1]
        room = np.minimum(work[first:last] // min_pair_support, n_ranked)
        size = int((room if top_k is None else np.minimum(room, top_k)).sum())
        columns, counts = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
        newman = np.empty(size)
        sizes, seen = np.empty(last - first, dtype=np.int64), np.zeros(2, dtype=np.int64)
        total = sum_rows(
            first, last, data.rank_starts, data.playlists, data.starts, data.members, inverse, support,
            float(data.n_used), code, shrink, min_pair_support, top_k or 0,
            tally, sums, touched, columns, counts, newman, sizes, seen,
        )  # fmt: skip
        scratch.put((tally, sums, touched))
        totals.append(seen)
        return [columns[:total].copy(), counts[:total].copy(), newman[:total].copy(), sizes]

    totals: list[np.ndarray] = []
    blocks = []
    done = np.concatenate([[0], np.cumsum(work)])[bounds]
    with ThreadPoolExecutor(threads) as pool:
        for index, block in enumerate(pool.map(task, range(len(bounds) - 1))):
            blocks.append(block)
            progress("count pairs", int(done[index + 1]), int(done[-1]))
    n_seen, n_frequent = (int(sum(pair)) // 2 for pair in zip((0, 0), *totals, strict=True))
    return blocks, n_seen, n_frequent


def _bounds(work: np.ndarray) -> npt.NDArray[np.int64]:
    """First row of each block, and the end: blocks of about `BLOCK_WORK` additions, or of one row."""
    if not len(work):
        return np.zeros(1, dtype=np.int64)
    block = np.cumsum(work) // BLOCK_WORK
    return np.concatenate([[0], np.flatnonzero(np.diff(block)) + 1, [len(work)]])


def _assemble(
    blocks: list[list[np.ndarray]], track_of_rank: np.ndarray, n_tracks: int, *, mirror: bool
) -> tuple[csr_array, csr_array]:
    """Blocks of rows by rank to matrices by track; ``blocks`` is used up, so that no pair is in memory three times."""
    fields = [
        np.concatenate([np.empty(0, dtype=dtype), *(block.pop(0) for block in blocks)], dtype=dtype)
        for dtype in (np.int32, np.int32, np.float64, np.int64)
    ]
    columns, counts, newman, sizes = fields
    del fields
    columns = track_of_rank.astype(np.int32)[columns]
    begin, size = np.zeros(n_tracks, dtype=np.int64), np.zeros(n_tracks, dtype=np.int64)
    begin[track_of_rank], size[track_of_rank] = np.cumsum(sizes) - sizes, sizes
    dtype = np.int32 if 2 * len(columns) < 2**31 else np.int64
    starts, indices, at = merge_directions(begin, size, columns, np.empty(0, dtype), mirror)
    del columns
    starts, indices = starts.astype(dtype), indices.astype(dtype, copy=False)
    counts, shape = counts[at], (n_tracks, n_tracks)
    newman = newman[at]
    return csr_array((counts, indices, starts), shape=shape), csr_array((newman, indices, starts), shape=shape)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check(name: str, value: int | None, low: int) -> None:
    if value is not None and value < low:
        raise ParameterError(f"{name} is {value}; it must be {low} or more")
