"""From playlists, or from a graph that was made elsewhere, to the graph whose communities are sought, step by step."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from songnet.config import CommunityConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.playlists.cooccurrence import count_pairs
from songnet.playlists.graph import Graph, read_graph
from songnet.playlists.neighbours import neighbour_graph
from songnet.playlists.pruning import Pruned, disparity_filter, k_core, largest_component, top_k
from songnet.playlists.stored import Memberships
from songnet.playlists.track2vec import track2vec
from songnet.progress import Progress, silent


@dataclass(frozen=True)
class GraphStep:
    """What a step of making the graph kept: tracks and pairs."""

    step: str
    n_tracks: int
    n_pairs: int


@dataclass(frozen=True, eq=False)
class BuiltGraph:
    """The graph of a library's playlists and how it came about; of a graph file, no playlists are known (0)."""

    graph: Graph
    steps: tuple[GraphStep, ...]
    n_playlists: int
    n_left_out: int


def build_graph(
    memberships: Memberships, config: CommunityConfig, *, seed: int = 0, progress: Progress = silent
) -> BuiltGraph:
    """Connect tracks as ``config.graph`` says and prune.

    Parameters
    ----------
    memberships : Memberships
        From `songnet.playlists.stored.load_memberships`.
    config : CommunityConfig
        How.
    seed : int
        Of Track2Vec, 0 to 2,147,483,647; co-occurrence draws nothing.
    progress : Progress
        Told of the counting, or of the learning.

    Returns
    -------
    BuiltGraph

    Raises
    ------
    InputNotFoundError
        If nothing is left.
    ParameterError
        If Track2Vec is wanted and gensim is not installed.
    """
    n_tracks = len(memberships.track_ids)
    if config.graph == "track2vec":
        learned = track2vec(memberships, config, seed=seed, progress=progress)
        graph = neighbour_graph(
            learned.track_ids, learned.vectors, config.top_k, mutual=config.mutual, progress=progress
        )
        kind = "skip-gram" if config.skip_gram else "CBOW"
        how = f"{kind}, {config.dimensions} dimensions, window {config.window}, {learned.settings['epochs']} epochs"
        steps = [
            GraphStep("all", n_tracks, 0),
            GraphStep(f"in {config.min_support} playlists or more: vectors ({how})", graph.n_nodes, 0),
        ]
        graph = graph.subgraph(np.flatnonzero(graph.degrees))
        nearest = f"{config.top_k} nearest ({'mutual' if config.mutual else 'union'}), weighted by cosine"
        steps.append(GraphStep(nearest, graph.n_nodes, graph.n_edges))
        graph = _pruned(graph, config, steps, top=0)
        n_playlists, n_left_out = learned.n_playlists, learned.n_left_out
    else:
        pairs = count_pairs(
            memberships.playlist_of,
            memberships.track_of,
            n_tracks,
            weighting=config.weighting,
            min_support=config.min_support,
            min_pair_support=config.min_pair_support,
            max_playlist_length=config.max_playlist_length,
            progress=progress,
        )
        steps = [
            GraphStep("all", n_tracks, pairs.n_seen),
            GraphStep(f"in {config.min_support} playlists or more", pairs.n_supported, pairs.n_seen),
            GraphStep(f"together in {config.min_pair_support} or more", pairs.n_supported, pairs.n_frequent),
        ]
        graph = Graph(pairs.weigh(config.weighting), memberships.track_ids)
        graph = graph.subgraph(np.flatnonzero(graph.degrees))
        steps.append(GraphStep(f"connected, weighted by {config.weighting}", graph.n_nodes, graph.n_edges))
        graph = _pruned(graph, config, steps, top=config.top_k)
        n_playlists, n_left_out = pairs.n_playlists, pairs.n_left_out
    if not graph.n_edges:
        lower = "--min-support" + ("" if config.graph == "track2vec" else " or --min-pair-support")
        raise InputNotFoundError(
            f"no two tracks stand together often enough ({steps[-1].step}): lower {lower}, or import more playlists"
        )
    return BuiltGraph(graph, tuple(steps), n_playlists, n_left_out)


def read_built_graph(path: Path, config: CommunityConfig) -> BuiltGraph:
    """Read a graph that another program made, and prune it.

    Parameters
    ----------
    path : pathlib.Path
        As `songnet.playlists.graph.read_graph` takes it.
    config : CommunityConfig
        What to prune; nothing with ``CommunityConfig(top_k=0)``.

    Raises
    ------
    InputNotFoundError
        If there is no such file, or nothing is left.
    ParameterError
        If it holds no such graph.
    """
    try:
        graph = read_graph(path)
    except ParameterError as error:
        # What is wrong with an edge is said without the file.
        raise error if path.name in str(error) else ParameterError(f"{path}: {error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParameterError(f"{path} is no edge list in UTF-8 ({error}): write it as CSV text") from error
    steps = [GraphStep(f"read from {path.name}", graph.n_nodes, graph.n_edges)]
    graph = _pruned(graph, config, steps, top=config.top_k)
    if not graph.n_edges:
        raise InputNotFoundError(f"{path} has no edges ({steps[-1].step}): there are no communities to find")
    return BuiltGraph(graph, tuple(steps), 0, 0)


def _pruned(graph: Graph, config: CommunityConfig, steps: list[GraphStep], *, top: int) -> Graph:
    def then(pruned: Pruned) -> Graph:
        kept = pruned.graph.subgraph(np.flatnonzero(pruned.graph.degrees))
        steps.append(GraphStep(pruned.step, kept.n_nodes, kept.n_edges))
        return kept

    if config.backbone and graph.n_edges:
        graph = then(disparity_filter(graph, config.backbone))
    if top and graph.n_edges:
        graph = then(top_k(graph, top, mutual=config.mutual))
    if config.k_core and graph.n_edges:
        graph = then(k_core(graph, config.k_core))
    if config.largest_component and graph.n_edges:
        graph = then(largest_component(graph))
    return graph
