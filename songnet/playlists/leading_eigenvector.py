"""Newman's leading eigenvector method by igraph, an extra: the one method that takes a number of communities."""

from __future__ import annotations

import random
import threading

import numpy as np
import numpy.typing as npt

from songnet.errors import ParameterError
from songnet.playlists.communities import check_request, finish_labels
from songnet.playlists.graph import Graph

# igraph's generator belongs to the whole process: one call at a time.
_ALONE = threading.Lock()


def leading_eigenvector(
    graph: Graph, *, resolution: float = 1.0, seed: int = 0, n_communities: int | None = None
) -> npt.NDArray[np.int32]:
    """Repeated cuts by the leading eigenvector of the modularity matrix (Newman 2006, Phys. Rev. E 74).

    Parameters
    ----------
    graph : Graph
        The graph.
    resolution : float
        1, there is no other.
    seed : int
        Of the vector that the eigenvector is looked for from, 0 to 2,147,483,647.
    n_communities : int or None
        Communities to cut the graph into, 1 or more; None cuts as long as modularity gains. Fewer come out where no cut
        gains, more where the graph or a community is in pieces.

    Returns
    -------
    numpy.ndarray [shape=(n_nodes,), dtype=int32]
        Community of each node, see `songnet.playlists.communities`.

    Raises
    ------
    ParameterError
        If igraph is not installed, does not converge, or a parameter or weight is out of range.
    """
    check_request(
        "leading-eigenvector",
        graph,
        resolution=resolution,
        seed=seed,
        n_communities=n_communities,
        takes_resolution=False,
        takes_number=True,
    )
    try:
        import igraph
    except ImportError as error:
        raise ParameterError("leading-eigenvector needs igraph: pip install 'songnet[igraph]'") from error
    if not graph.n_edges:
        return finish_labels(graph, np.zeros(graph.n_nodes))
    sources, targets, weights = graph.edges()
    theirs = igraph.Graph(n=graph.n_nodes, edges=np.column_stack([sources, targets]).tolist())
    with _ALONE:
        igraph.set_random_number_generator(random.Random(seed))
        try:
            found = theirs.community_leading_eigenvector(
                clusters=n_communities, weights=weights.astype(np.float64).tolist()
            )
        except igraph.InternalError as error:
            first = str(error).partition("\n")[0]
            raise ParameterError(f"leading-eigenvector found no eigenvector ({first}): use louvain") from error
        finally:
            igraph.set_random_number_generator(random)
    return finish_labels(graph, found.membership)
