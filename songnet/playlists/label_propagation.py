"""Label propagation: every node takes the label that most of its neighbours' weight has, until none changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from songnet.playlists.communities import check_request, finish_labels
from songnet.playlists.graph import Graph

MAX_ROUNDS = 100


def label_propagation(
    graph: Graph, *, resolution: float = 1.0, seed: int = 0, n_communities: int | None = None
) -> npt.NDArray[np.int32]:
    """Asynchronous label propagation (Raghavan, Albert & Kumara 2007, Phys. Rev. E 76).

    Nodes are visited in an order drawn anew each round; of equally heavy labels a node keeps its own if it is among
    them, and takes one at random otherwise. It maximises nothing: on graphs of weak structure one label may run over
    all (`songnet.playlists.modularity.is_degenerate`).

    Parameters
    ----------
    graph : Graph
        The graph.
    resolution : float
        1, there is no other.
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
        "label-propagation",
        graph,
        resolution=resolution,
        seed=seed,
        n_communities=n_communities,
        takes_resolution=False,
    )
    rng = np.random.default_rng(seed)
    matrix = graph.adjacency
    weights, indices = matrix.data.astype(np.float64), matrix.indices.astype(np.int64)
    starts = matrix.indptr.astype(np.int64)
    labels, sums = np.arange(graph.n_nodes), np.zeros(graph.n_nodes)
    for _ in range(MAX_ROUNDS):
        order, draws = rng.permutation(graph.n_nodes), rng.random(graph.n_nodes)
        if not _round(starts, indices, weights, labels, sums, order, draws):
            break
    return finish_labels(graph, labels)


@njit(nogil=True, cache=True)
def _round(
    starts: np.ndarray,
    indices: np.ndarray,
    weights: np.ndarray,
    labels: np.ndarray,
    sums: np.ndarray,
    order: np.ndarray,
    draws: np.ndarray,
) -> int:
    """One visit to every node, labels changed in place; gives the number of changes. ``sums`` is zero in between."""
    changed = 0
    for node in order:
        best, n_best = 0.0, 0
        begin, end = starts[node], starts[node + 1]
        for e in range(begin, end):
            sums[labels[indices[e]]] += weights[e]
        for e in range(begin, end):
            best = max(best, sums[labels[indices[e]]])
        stays = end == begin or sums[labels[node]] == best
        if not stays:
            # A label is counted once: the sum of one that has been seen is made negative.
            for e in range(begin, end):
                label = labels[indices[e]]
                if sums[label] == best:
                    n_best += 1
                    sums[label] = -best
            chosen = int(draws[node] * n_best)
            for e in range(begin, end):
                label = labels[indices[e]]
                if sums[label] == -best:
                    if chosen == 0:
                        taken = label
                    chosen -= 1
                    sums[label] = 0.0
        for e in range(begin, end):
            sums[labels[indices[e]]] = 0.0
        if not stays:
            labels[node] = taken
            changed += 1
    return changed
