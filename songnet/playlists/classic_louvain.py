"""Louvain as most people know it: python-louvain and networkx, for comparison with earlier work.

Both go through dictionaries of nodes: nodes are integers in sorted order here, because with names their results depend
on the hash seed of the process.
"""

from __future__ import annotations

import community
import networkx as nx
import numpy as np
import numpy.typing as npt

from songnet.playlists.communities import check_request, finish_labels
from songnet.playlists.graph import Graph, to_networkx


def python_louvain(
    graph: Graph, *, resolution: float = 1.0, seed: int = 0, n_communities: int | None = None
) -> npt.NDArray[np.int32]:
    """Louvain method of python-louvain (Blondel et al. 2008, J. Stat. Mech. P10008).

    Parameters
    ----------
    graph : Graph
        The graph.
    resolution : float
        1: at other values the package's notion of resolution is not the one of modularity.
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
    check_request(
        "python-louvain",
        graph,
        resolution=resolution,
        seed=seed,
        n_communities=n_communities,
        takes_resolution=False,
    )
    if not graph.n_edges:
        return finish_labels(graph, np.zeros(graph.n_nodes))
    found = community.best_partition(to_networkx(graph, names=False), random_state=seed)
    return finish_labels(graph, [found[node] for node in range(graph.n_nodes)])


def networkx_louvain(
    graph: Graph, *, resolution: float = 1.0, seed: int = 0, n_communities: int | None = None
) -> npt.NDArray[np.int32]:
    """Louvain method of networkx; parameters, result and errors as in `songnet.playlists.networkit_methods.louvain`."""
    check_request("networkx-louvain", graph, resolution=resolution, seed=seed, n_communities=n_communities)
    labels = np.zeros(graph.n_nodes, dtype=np.int64)
    if graph.n_edges:
        found = nx.community.louvain_communities(to_networkx(graph, names=False), resolution=resolution, seed=seed)
        for number, nodes in enumerate(found):
            labels[list(nodes)] = number
    return finish_labels(graph, labels)
