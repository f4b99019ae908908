"""Louvain and Leiden by NetworKit: the default, on one thread and with a seed, so that they repeat."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import networkit as nk
import numpy as np
import numpy.typing as npt

from songnet.playlists.communities import check_request, finish_labels
from songnet.playlists.graph import Graph

# Seed and threads belong to the whole process: one call at a time.
_ALONE = threading.Lock()
LEIDEN_ITERATIONS = 3


def louvain(
    graph: Graph, *, resolution: float = 1.0, seed: int = 0, n_communities: int | None = None
) -> npt.NDArray[np.int32]:
    """Louvain method with refinement.

    NetworKit's PLM (Staudt & Meyerhenke 2016, IEEE Trans. Parallel Distrib. Syst. 27; Blondel et al. 2008), nodes in an
    order drawn with the seed: without it, seeds would change nothing and their agreement would mean nothing.

    Parameters
    ----------
    graph : Graph
        The graph.
    resolution : float
        Gamma of the modularity, above 0; larger values give more and smaller communities.
    seed : int
        0 to 2,147,483,647.
    n_communities : None
        Not taken.

    Returns
    -------
    numpy.ndarray [shape=(n_nodes,), dtype=int32]
        Community of each node, see `songnet.playlists.communities`.

    Raises
    ------
    ParameterError
        If the graph's weights or a parameter are out of range.
    """
    check_request("louvain", graph, resolution=resolution, seed=seed, n_communities=n_communities)
    if not graph.n_edges:
        return finish_labels(graph, np.zeros(graph.n_nodes))
    with one_thread(seed):
        found = nk.community.PLM(as_networkit(graph), refine=True, gamma=resolution, par="none randomized").run()
        return finish_labels(graph, found.getPartition().getVector())


def leiden(
    graph: Graph, *, resolution: float = 1.0, seed: int = 0, n_communities: int | None = None
) -> npt.NDArray[np.int32]:
    """Leiden method; parameters, result and errors as in `louvain`.

    NetworKit's ParallelLeiden (Traag, Waltman & van Eck 2019, Sci. Rep. 9) on one thread, 3 iterations.
    """
    check_request("leiden", graph, resolution=resolution, seed=seed, n_communities=n_communities)
    if not graph.n_edges:
        return finish_labels(graph, np.zeros(graph.n_nodes))
    with one_thread(seed):
        run = nk.community.ParallelLeiden(as_networkit(graph), iterations=LEIDEN_ITERATIONS, gamma=resolution)
        return finish_labels(graph, run.run().getPartition().getVector())


def as_networkit(graph: Graph) -> nk.Graph:
    """The graph for NetworKit, edges in the order of `Graph.edges`."""
    sources, targets, weights = graph.edges()
    edges = (weights.astype(np.float64), (sources.astype(np.uint64), targets.astype(np.uint64)))
    return nk.GraphFromCoo(edges, n=graph.n_nodes, weighted=True)


@contextmanager
def one_thread(seed: int) -> Iterator[None]:
    """NetworKit on one thread with a seed; its threads are given back, its seed cannot be read and stays."""
    with _ALONE:
        threads = nk.getMaxNumberOfThreads()
        nk.setNumberOfThreads(1)
        nk.setSeed(seed, False)
        try:
            yield
        finally:
            nk.setNumberOfThreads(threads)
