"""How much more weight lies inside communities than chance would put there, and what else is said of a partition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from songnet.errors import ParameterError
from songnet.partition import NOISE

DEGENERATE_SHARE = 0.8


def modularity(adjacency: csr_array, labels: npt.ArrayLike, resolution: float = 1.0) -> float:
    """Modularity of a partition.

    ``Q = sum over c of (L_c / m - gamma (d_c / 2 m) ** 2)``, with m the weight of all edges, L_c of those inside
    community c, d_c the sum of the strengths of its nodes (Newman & Girvan 2004, Phys. Rev. E 69; the resolution is
    Reichardt & Bornholdt's, 2006, Phys. Rev. E 74).

    Parameters
    ----------
    adjacency : scipy.sparse.csr_array [shape=(n_nodes, n_nodes)]
        Symmetric weights, 0 or more.
    labels : array-like [shape=(n_nodes,), dtype=int32]
        Community of each node; nodes of label -1 are a community each.
    resolution : float
        Gamma, 0 or more; larger values favour smaller communities.

    Returns
    -------
    float
        -0.5 to 1 at resolution 1; 0 for a graph without edges.

    Raises
    ------
    ParameterError
        If there is not one label a node.

    Examples
    --------
    >>> two_pairs = csr_array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
    >>> modularity(two_pairs, [0, 0, 1, 1])
    0.5
    """
    values = np.asarray(labels)
    if values.shape != (adjacency.shape[0],):
        raise ParameterError(f"a graph of {adjacency.shape[0]} nodes needs as many labels, not shape {values.shape}")
    entries = coo_array(adjacency)
    weights = entries.data.astype(np.float64)
    total = float(weights.sum())
    if total == 0:
        return 0.0
    alone = values == NOISE
    groups = np.where(alone, np.arange(len(values)) + values.max(initial=0) + 1, values)
    inside = float(weights[groups[entries.row] == groups[entries.col]].sum())
    strengths = np.bincount(entries.row, weights, minlength=len(values))
    _, compact = np.unique(groups, return_inverse=True)
    of_group = np.bincount(compact, strengths)
    return inside / total - resolution * float(np.square(of_group / total).sum())


def split_disconnected(adjacency: csr_array, labels: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Labels in which every community is connected: the pieces of the others become communities of their own.

    Louvain, label propagation and cuts by eigenvectors leave up to a quarter of their communities in pieces (Traag,
    Waltman & van Eck 2019, Sci. Rep. 9, of Louvain). Nodes of label -1 stay so.
    """
    values = np.asarray(labels, dtype=np.int64)
    entries = coo_array(adjacency)
    within = values[entries.row] == values[entries.col]
    kept = coo_array((np.ones(int(within.sum())), (entries.row[within], entries.col[within])), shape=adjacency.shape)
    _, pieces = connected_components(kept, directed=False)
    return np.where(values == NOISE, NOISE, pieces)


def number_communities(labels: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """Labels from 0 by descending size, equally large ones by their first node; -1 stays.

    Examples
    --------
    >>> number_communities([7, 3, 3, -1, 9]).tolist()
    [1, 0, 0, -1, 2]
    """
    values = np.asarray(labels, dtype=np.int64)
    members = values != NOISE
    answer = np.full(len(values), NOISE, dtype=np.int32)
    _, first, inverse, sizes = np.unique(values[members], return_index=True, return_inverse=True, return_counts=True)
    place = np.empty(len(first), dtype=np.int32)
    place[np.lexsort((first, -sizes))] = np.arange(len(first), dtype=np.int32)
    answer[members] = place[inverse]
    return answer


def community_sizes(labels: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Nodes in each community, largest first; nodes of label -1 are not counted."""
    values = np.asarray(labels)
    _, sizes = np.unique(values[values != NOISE], return_counts=True)
    return np.sort(sizes)[::-1].astype(np.int64)


def is_degenerate(labels: npt.ArrayLike, *, share: float = DEGENERATE_SHARE) -> bool:
    """Whether one community holds more than ``share`` of all nodes that are in one: such a partition says little.

    Examples
    --------
    >>> is_degenerate([0] * 98 + [1, 2]), is_degenerate([0, 0, 1, 1])
    (True, False)
    """
    sizes = community_sizes(labels)
    return bool(len(sizes) and sizes[0] > share * sizes.sum())
