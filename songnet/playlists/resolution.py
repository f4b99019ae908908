"""How fine a partition: what every resolution gives, and the resolution that gives as many communities as wanted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from songnet.errors import ParameterError
from songnet.partition import NOISE
from songnet.playlists.communities import COMMUNITY_METHODS, RESOLUTION_METHODS
from songnet.playlists.graph import Graph
from songnet.playlists.modularity import community_sizes, is_degenerate, modularity
from songnet.progress import Progress, silent

RESOLUTIONS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
SEARCHED = (1e-3, 1e4)
# Seeds are below this; after the largest comes 0.
SEED_END = 2**31


@dataclass(frozen=True, eq=False)
class ResolutionRow:
    """What one resolution gives.

    Parameters
    ----------
    resolution : float
        Gamma.
    labels : numpy.ndarray [shape=(n_nodes,), dtype=int32]
        Of the seed whose partition has the highest modularity at this resolution.
    sizes : numpy.ndarray [shape=(n_communities,), dtype=int64]
        Nodes in each community, largest first.
    modularity : float
        At resolution 1, so that rows can be compared.
    quality : float
        Modularity at this resolution, which the method maximised.
    seed_ami : float or None
        Mean adjusted mutual information between the partitions of each two seeds, nodes without edges left out: how
        much of the partition is the graph's and not the seed's. None with a single seed.
    degenerate : bool
        Whether one community holds over 80% of the nodes.
    """

    resolution: float
    labels: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int64]
    modularity: float
    quality: float
    seed_ami: float | None
    degenerate: bool

    @property
    def n_communities(self) -> int:
        """Number of communities."""
        return len(self.sizes)


@dataclass(frozen=True, eq=False)
class FoundResolution:
    """The end of a search for a number of communities.

    Parameters
    ----------
    resolution : float
        Gamma of the nearest number found.
    labels : numpy.ndarray [shape=(n_nodes,), dtype=int32]
        Its partition.
    requested, achieved : int
        Communities asked for, and found.
    n_tried : int
        Resolutions tried.
    n_parts : int
        Connected parts of the graph: no resolution gives fewer communities.
    """

    resolution: float
    labels: npt.NDArray[np.int32]
    requested: int
    achieved: int
    n_tried: int
    n_parts: int

    @property
    def exact(self) -> bool:
        """Whether as many communities were found as asked for."""
        return self.requested == self.achieved


def resolution_sweep(
    graph: Graph,
    resolutions: Sequence[float] = RESOLUTIONS,
    *,
    method: str = "louvain",
    n_seeds: int = 3,
    seed: int = 0,
    progress: Progress = silent,
) -> list[ResolutionRow]:
    """Partitions at several resolutions, each under several seeds.

    Parameters
    ----------
    graph : Graph
        The graph.
    resolutions : sequence of float
        Above 0.
    method : str
        One of `songnet.playlists.communities.RESOLUTION_METHODS`.
    n_seeds : int
        Seeds a resolution, ``seed`` being the first, 1 or more; after 2,147,483,647 comes 0.
    seed : int
        0 to 2,147,483,647.
    progress : Progress
        Told the partitions found, of all.

    Returns
    -------
    list of ResolutionRow
        In the order of the resolutions.

    Raises
    ------
    ParameterError
        If the method has no resolution, or a value is out of range.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    detect = _method(method)
    if n_seeds < 1:
        raise ParameterError(f"n_seeds is {n_seeds}; it must be 1 or more")
    rows: list[ResolutionRow] = []
    for gamma in resolutions:
        found = []
        for offset in range(n_seeds):
            found.append(detect(graph, resolution=gamma, seed=(seed + offset) % SEED_END, n_communities=None))
            progress("find communities", len(rows) * n_seeds + offset + 1, len(resolutions) * n_seeds)
        qualities = [modularity(graph.adjacency, labels, gamma) for labels in found]
        best = int(np.argmax(qualities))
        labels = found[best]
        members = labels != NOISE
        ours = [part[members] for part in found]
        agreements = [float(adjusted_mutual_info_score(first, second)) for first, second in combinations(ours, 2)]
        rows.append(
            ResolutionRow(
                gamma,
                labels,
                community_sizes(labels),
                modularity(graph.adjacency, labels),
                qualities[best],
                float(np.mean(agreements)) if agreements and members.any() else None,
                is_degenerate(labels),
            )
        )
    return rows


def find_resolution(
    graph: Graph,
    n_communities: int,
    *,
    method: str = "louvain",
    seed: int = 0,
    max_tries: int = 40,
    progress: Progress = silent,
) -> FoundResolution:
    """Search the resolution that gives a number of communities.

    The logarithm of the resolution is halved between two that give too few and too many. The number does not rise
    evenly with the resolution, and every connected part of the graph is a community at least: the nearest number that
    was met is the answer (of two equally near ones the smaller), and says how many it is.

    Parameters
    ----------
    graph : Graph
        The graph.
    n_communities : int
        Communities wanted, 1 or more; nodes without edges belong to none.
    method : str
        One of `songnet.playlists.communities.RESOLUTION_METHODS`.
    seed : int
        0 to 2,147,483,647.
    max_tries : int
        Resolutions tried at most, 1 or more.
    progress : Progress
        Told the resolutions tried, of at most all.

    Returns
    -------
    FoundResolution

    Raises
    ------
    ParameterError
        If the method has no resolution, the graph no edges or too few nodes, or a value is out of range.
    """
    detect = _method(method)
    n_connected = int(np.count_nonzero(graph.degrees))
    if not 1 <= n_communities <= n_connected:
        raise ParameterError(f"{n_connected} nodes with edges make 1 to as many communities, not {n_communities}")
    if max_tries < 1:
        raise ParameterError(f"max_tries is {max_tries}; it must be 1 or more")
    n_parts = int(connected_components(graph.adjacency, directed=False)[0]) - (graph.n_nodes - n_connected)
    low, high = SEARCHED
    gamma = 1.0
    best: FoundResolution | None = None
    tried = 0
    while tried < max_tries:
        labels = detect(graph, resolution=gamma, seed=seed, n_communities=None)
        tried += 1
        progress("search resolution", tried, max_tries)
        number = int(labels.max()) + 1
        if best is None or _nearness(number, n_communities) < _nearness(best.achieved, n_communities):
            best = FoundResolution(gamma, labels, n_communities, number, tried, n_parts)
        if number == n_communities or number == n_parts >= n_communities or high / low < 1 + 1e-6:
            break
        low, high = (gamma, high) if number < n_communities else (low, gamma)
        # Steps of 2 until the number lies between two resolutions: extreme ones are slow and far from everything.
        if high == SEARCHED[1]:
            gamma = min(2 * gamma, high)
        elif low == SEARCHED[0]:
            gamma = max(gamma / 2, low)
        else:
            gamma = math.sqrt(low * high)
    assert best is not None
    return replace(best, n_tried=tried)


def _nearness(number: int, wanted: int) -> tuple[int, int]:
    return abs(number - wanted), number


def _method(name: str) -> Any:
    detect = COMMUNITY_METHODS[name]
    if name not in RESOLUTION_METHODS:
        raise ParameterError(f"{name} has no resolution; choose one of: {', '.join(sorted(RESOLUTION_METHODS))}")
    return detect
