"""Communities by name: groups of tracks that people put together more than popularity explains.

Every method is a function ``(graph, *, resolution, seed, n_communities) -> labels`` and keeps one contract:

- labels are int32 from 0, by descending size; -1 is a node without edges, which nobody put with anything;
- every community is connected: what a method leaves in pieces is split;
- the same graph and seed give the same labels in every process, whatever its hash seed and number of threads;
- a parameter that the method has no place for is refused, not ignored. ``n_communities`` asks for a number of
  communities, which only ``leading-eigenvector`` takes; for the others `songnet.playlists.resolution.find_resolution`
  searches the resolution that gives as many.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from songnet.errors import ParameterError
from songnet.partition import NOISE
from songnet.playlists.graph import Graph, check_adjacency
from songnet.playlists.modularity import number_communities, split_disconnected
from songnet.registry import Registry

COMMUNITY_METHODS = Registry(
    "community method",
    {
        "louvain": "songnet.playlists.networkit_methods:louvain",
        "leiden": "songnet.playlists.networkit_methods:leiden",
        "python-louvain": "songnet.playlists.classic_louvain:python_louvain",
        "networkx-louvain": "songnet.playlists.classic_louvain:networkx_louvain",
        "label-propagation": "songnet.playlists.label_propagation:label_propagation",
        "leading-eigenvector": "songnet.playlists.leading_eigenvector:leading_eigenvector",
    },
)
# Methods whose number of communities follows the resolution.
RESOLUTION_METHODS = frozenset({"louvain", "leiden", "networkx-louvain"})


def check_request(
    method: str,
    graph: Graph,
    *,
    resolution: float,
    seed: int,
    n_communities: int | None,
    takes_resolution: bool = True,
    takes_number: bool = False,
) -> None:
    """Raise a ParameterError unless a method can do what is asked of it.

    Parameters
    ----------
    method : str
        Its name, for messages.
    graph : Graph
        Looked at again: its arrays may have been written to since it was made.
    resolution, seed, n_communities
        As the method got them.
    takes_resolution, takes_number : bool
        What the method has a place for.
    """
    check_adjacency(graph.adjacency)
    if not (math.isfinite(resolution) and resolution > 0):
        raise ParameterError(f"resolution is {resolution}; it must be above 0")
    if not 0 <= seed < 2**31:
        raise ParameterError(f"seed is {seed}; it must lie between 0 and {2**31 - 1:,}")
    if resolution != 1 and not takes_resolution:
        raise ParameterError(f"{method} has no resolution other than 1, not {resolution:g}; use louvain or leiden")
    if n_communities is not None and not takes_number:
        raise ParameterError(f"{method} finds its own number of communities: search the resolution that gives one")
    if n_communities is not None and n_communities < 1:
        raise ParameterError(f"n_communities is {n_communities}; it must be 1 or more")


def finish_labels(graph: Graph, found: npt.ArrayLike) -> npt.NDArray[np.int32]:
    """What a method found, as every method gives it: isolated nodes -1, communities connected, numbered by size."""
    labels = np.asarray(found, dtype=np.int64)
    isolated = graph.degrees == 0
    return number_communities(split_disconnected(graph.adjacency, np.where(isolated, NOISE, labels)))
