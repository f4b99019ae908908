"""Thinner graphs: what carries little evidence is dropped, and each step tells what it kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from songnet.errors import ParameterError
from songnet.playlists.graph import Graph


@dataclass(frozen=True, eq=False)
class Pruned:
    """What a step kept.

    Parameters
    ----------
    step : str
        Its name and setting, such as ``"top 20 (union)"``.
    graph : Graph
        What is left.
    nodes : numpy.ndarray [shape=(graph.n_nodes,), dtype=int64]
        Where these nodes stood before, ascending; for arrays that go with them.
    n_nodes, n_edges : int
        How many there were before.
    """

    step: str
    graph: Graph
    nodes: npt.NDArray[np.int64]
    n_nodes: int
    n_edges: int


def by_track_support(graph: Graph, support: npt.ArrayLike, minimum: int) -> Pruned:
    """Keep tracks that stand in enough playlists.

    Parameters
    ----------
    graph : Graph
        The graph.
    support : array-like [shape=(n_nodes,), dtype=int64]
        Playlists that hold each track.
    minimum : int
        Playlists, 1 or more.

    Raises
    ------
    ParameterError
        If there is not one support a node, or the minimum is out of range.
    """
    values = np.asarray(support)
    _at_least("minimum", minimum, 1)
    if values.shape != (graph.n_nodes,):
        raise ParameterError(f"a graph of {graph.n_nodes} nodes needs as many supports, not shape {values.shape}")
    return _nodes(graph, np.flatnonzero(values >= minimum), f"track support {minimum}")


def by_pair_support(graph: Graph, counts: csr_array, minimum: int) -> Pruned:
    """Keep pairs that stand together in enough playlists.

    Parameters
    ----------
    graph : Graph
        The graph.
    counts : scipy.sparse.csr_array [shape=(n_nodes, n_nodes)]
        Playlists that hold both tracks, symmetric; 0 where nothing is stored.
    minimum : int
        Playlists, 1 or more.

    Raises
    ------
    ParameterError
        If the counts are of another shape, or the minimum is out of range.
    """
    _at_least("minimum", minimum, 1)
    if counts.shape != graph.adjacency.shape:
        raise ParameterError(f"the graph is of shape {graph.adjacency.shape}, the counts of {counts.shape}")
    enough = csr_array(counts >= minimum).astype(graph.adjacency.dtype)
    return _edges(graph, csr_array(graph.adjacency.multiply(enough)), f"pair support {minimum}")


def top_k(graph: Graph, k: int, *, mutual: bool = False) -> Pruned:
    """Keep each node's strongest edges.

    Parameters
    ----------
    graph : Graph
        The graph.
    k : int
        Edges a node, 1 or more; of equally strong ones those to nodes that come first.
    mutual : bool
        Whether an edge must be among the strongest of both of its ends (no node keeps more than k), or of either one
        (no node loses its strongest).

    Raises
    ------
    ParameterError
        If k is less than 1.
    """
    _at_least("k", k, 1)
    matrix = graph.adjacency
    rows = np.repeat(np.arange(graph.n_nodes), graph.degrees)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    chosen = np.empty(matrix.nnz, dtype=bool)
    chosen[order] = np.arange(matrix.nnz) - matrix.indptr[rows].astype(np.int64) < k
    kept = _masked(matrix, chosen)
    kind = "mutual" if mutual else "union"
    return _edges(graph, kept.minimum(kept.T) if mutual else kept.maximum(kept.T), f"top {k} ({kind})")


def disparity_filter(graph: Graph, alpha: float) -> Pruned:
    """Keep the backbone: edges that take more of a node's strength than chance would give one of its edges.

    With strength spread evenly at random over the k edges of a node, one of them has a share of at least p with
    probability (1 - p)^(k - 1); an edge is kept when that is below ``alpha`` at either end (Serrano, Boguñá &
    Vespignani 2009, PNAS 106). Nodes of a single edge say nothing about it: their neighbour decides.

    Parameters
    ----------
    graph : Graph
        The graph.
    alpha : float
        Above 0 and at most 1; the smaller, the fewer edges.

    Raises
    ------
    ParameterError
        If alpha is out of range.
    """
    if not 0 < alpha <= 1:
        raise ParameterError(f"alpha is {alpha}; it must lie above 0 and be at most 1")
    matrix = graph.adjacency
    degree = np.repeat(graph.degrees, graph.degrees)
    share = matrix.data / np.repeat(graph.strengths, graph.degrees)
    chance = np.where(degree > 1, (1 - np.minimum(share, 1)) ** np.maximum(degree - 1, 1), 1.0)
    kept = _masked(matrix, chance < alpha)
    return _edges(graph, kept.maximum(kept.T), f"disparity filter {alpha:g}")


def k_core(graph: Graph, k: int) -> Pruned:
    """Keep the largest part in which every node has at least k neighbours (Seidman 1983).

    Parameters
    ----------
    graph : Graph
        The graph.
    k : int
        Neighbours, 0 or more; weights do not matter.

    Raises
    ------
    ParameterError
        If k is negative.
    """
    _at_least("k", k, 0)
    starts, indices = graph.adjacency.indptr.astype(np.int64), graph.adjacency.indices.astype(np.int64)
    kept = graph.degrees >= k
    _peel(starts, indices, graph.degrees, np.flatnonzero(~kept), kept, k)
    return _nodes(graph, np.flatnonzero(kept), f"{k}-core")


def largest_component(graph: Graph) -> Pruned:
    """Keep the largest connected part; of equally large ones that of the first node."""
    if not graph.n_nodes:
        return _nodes(graph, np.empty(0, dtype=np.int64), "largest component")
    _, parts = connected_components(graph.adjacency, directed=False)
    sizes = np.bincount(parts)
    first = np.full(len(sizes), graph.n_nodes)
    np.minimum.at(first, parts, np.arange(graph.n_nodes))
    largest = np.lexsort((first, -sizes))[0]
    return _nodes(graph, np.flatnonzero(parts == largest), "largest component")


@njit(nogil=True, cache=True)
def _peel(
    starts: np.ndarray, indices: np.ndarray, degrees: np.ndarray, gone: np.ndarray, kept: np.ndarray, k: int
) -> None:
    """Clear ``kept`` of what falls below k neighbours once ``gone`` is gone; ``degrees`` is used up."""
    waiting = np.empty(len(kept), dtype=np.int64)
    n_waiting = 0
    for node in gone:
        waiting[n_waiting] = node
        n_waiting += 1
    while n_waiting:
        n_waiting -= 1
        node = waiting[n_waiting]
        for e in range(starts[node], starts[node + 1]):
            other = indices[e]
            degrees[other] -= 1
            if kept[other] and degrees[other] < k:
                kept[other] = False
                waiting[n_waiting] = other
                n_waiting += 1


def _masked(matrix: csr_array, chosen: np.ndarray) -> csr_array:
    entries = coo_array(matrix)
    return coo_array((entries.data[chosen], (entries.row[chosen], entries.col[chosen])), shape=matrix.shape).tocsr()


def _nodes(graph: Graph, nodes: np.ndarray, step: str) -> Pruned:
    return Pruned(step, graph.subgraph(nodes), nodes.astype(np.int64), graph.n_nodes, graph.n_edges)


def _edges(graph: Graph, adjacency: csr_array, step: str) -> Pruned:
    kept = Graph(adjacency, graph.ids)
    return Pruned(step, kept, np.arange(graph.n_nodes), graph.n_nodes, graph.n_edges)


def _at_least(name: str, value: int, low: int) -> None:
    if value < low:
        raise ParameterError(f"{name} is {value}; it must be {low} or more")
