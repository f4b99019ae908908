"""A graph of the nearest neighbours among vectors: what `songnet.playlists.track2vec` learned, as a `Graph`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from songnet.errors import ParameterError
from songnet.playlists.graph import Graph, graph_from_edges
from songnet.progress import Progress, silent

# Cosines of one block of rows with all others, in bytes of float32; what is made of them takes a few times as much.
BLOCK_BYTES = 32 * 2**20


def neighbour_graph(
    ids: Sequence[str],
    vectors: npt.NDArray[np.floating],
    n_neighbours: int,
    *,
    mutual: bool = False,
    progress: Progress = silent,
) -> Graph:
    """Connect each track with those whose centred vectors have the largest cosine.

    word2vec leaves a direction that all vectors share, which makes all cosines alike; without their mean the vectors
    tell tracks apart (Mu & Viswanath 2018, arXiv:1702.01417). The search is exact, in blocks of bounded memory, on one
    BLAS thread, so that threads do not change a bit. Cosines count to the sixth digit; of equal ones the track that
    comes first by id is nearer. Only positive cosines become edges.

    Parameters
    ----------
    ids : sequence of str [length=n_tracks]
        Sorted, none twice.
    vectors : numpy.ndarray [shape=(n_tracks, dimensions)]
        Finite.
    n_neighbours : int
        Nearest tracks of each track that are looked at, 1 or more.
    mutual : bool
        Whether an edge needs both its tracks to be among the nearest of each other; otherwise one is enough.
    progress : Progress
        Told of rows done.

    Returns
    -------
    Graph
        Of all ids; the weight of an edge is the cosine.

    Raises
    ------
    ParameterError
        If ``n_neighbours`` is less than 1, or ids and vectors do not match.

    Examples
    --------
    >>> graph = neighbour_graph(["a", "b", "c", "d"], np.array([[3.0, 1], [3, 0], [-3, 1], [-3, -2]]), 1)
    >>> [(graph.ids[i], graph.ids[j]) for i, j in zip(*graph.edges()[:2])]
    [('a', 'b'), ('c', 'd')]
    """
    if n_neighbours < 1:
        raise ParameterError(f"n_neighbours is {n_neighbours}; it must be 1 or more")
    if len(ids) != len(vectors):
        raise ParameterError(f"{len(ids)} ids and {len(vectors)} vectors make no graph")
    n_tracks = len(ids)
    if n_tracks < 2:
        return graph_from_edges(ids, [], [])
    unit = _unit(vectors)
    nearest = _nearest(unit.astype(np.float32), min(n_neighbours, n_tracks - 1), progress)
    rows = np.repeat(np.arange(n_tracks), nearest.shape[1])
    columns = nearest.ravel()
    codes, times = np.unique(
        np.minimum(rows, columns) * n_tracks + np.maximum(rows, columns), return_counts=True
    )  # Twice is from both ends.
    codes = codes[times == 2] if mutual else codes
    low, high = codes // n_tracks, codes % n_tracks
    # Once a pair and without BLAS: both directions hold the same bits.
    step = max(1, BLOCK_BYTES // (8 * unit.shape[1]))
    cosines = np.concatenate(
        [np.empty(0)]
        + [
            np.round(np.einsum("ij,ij->i", unit[low[begin : begin + step]], unit[high[begin : begin + step]]), 6)
            for begin in range(0, len(codes), step)
        ]
    )
    positive = cosines > 0
    return graph_from_edges(ids, low[positive], high[positive], cosines[positive])


def _unit(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Vectors without their mean, of length 1; what equals the mean stays 0 and is like nothing."""
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    # What rounding leaves of equal vectors is no direction.
    noise = 1e-12 * max(1e-300, float(np.abs(vectors).max(initial=0)))
    centred[lengths[:, 0] <= noise * np.sqrt(vectors.shape[1])] = 0
    return centred / np.where(lengths > 0, lengths, 1)


def _nearest(unit: npt.NDArray[np.float32], k: int, progress: Progress) -> npt.NDArray[np.int64]:
    """The k tracks of largest cosine of each track, by position [shape=(n_tracks, k)]."""
    n_tracks = len(unit)
    size = max(1, min(n_tracks, BLOCK_BYTES // (4 * n_tracks)))
    nearest = np.empty((n_tracks, k), dtype=np.int64)
    with threadpool_limits(1, user_api="blas"):
        for begin in range(0, n_tracks, size):
            block = np.round(unit[begin : begin + size] @ unit.T, 6)
            rows = np.arange(len(block))
            block[rows, begin + rows] = -np.inf
            least = np.partition(block, n_tracks - k, axis=1)[:, n_tracks - k, None]
            above, equal = block > least, block == least
            wanted = k - np.count_nonzero(above, axis=1, keepdims=True)
            chosen = above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= wanted))
            nearest[begin : begin + size] = np.nonzero(chosen)[1].reshape(-1, k)
            progress("find neighbours", min(n_tracks, begin + size), n_tracks)
    return nearest
