"""`songnet communities` whole: stored playlists to a graph, the graph to communities, communities to a partition.

A graph that another program made may stand in for the playlists.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from songnet.config import CommunityConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.partition import NOISE, Partition
from songnet.playlists.communities import COMMUNITY_METHODS, RESOLUTION_METHODS
from songnet.playlists.cooccurrence import count_pairs
from songnet.playlists.graph import Graph, read_graph
from songnet.playlists.modularity import is_degenerate, modularity
from songnet.playlists.neighbours import neighbour_graph
from songnet.playlists.pruning import Pruned, disparity_filter, k_core, largest_component, top_k
from songnet.playlists.resolution import FoundResolution, ResolutionRow, find_resolution, resolution_sweep
from songnet.playlists.stored import Memberships, load_memberships, memberships_digest
from songnet.playlists.track2vec import track2vec
from songnet.progress import Progress, silent

# Most connected tracks of a community that are kept in its summary.
CENTRAL = 10
# Settings that say how playlists become a graph: no graph file has a use for them.
PLAYLIST_SETTINGS = (
    "graph", "weighting", "min_support", "min_pair_support", "max_playlist_length", "dimensions", "window", "epochs",
    "skip_gram",
)  # fmt: skip


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


@dataclass(frozen=True, eq=False)
class CommunityReport:
    """Communities of a library's playlists.

    Parameters
    ----------
    built : BuiltGraph
        The graph.
    partition : Partition
        Communities of its tracks, numbered from 1 by size; -1 stands alone.
    modularity : float
        At resolution 1.
    degenerate : bool
        One community holds over 80% of the tracks: there is nothing to compare with.
    sweep : tuple of ResolutionRow
        What other resolutions give; empty when it was not asked for.
    found : FoundResolution or None
        How the search for a requested number ended.
    summary : dict
        Sizes and examples, in plain JSON values.
    """

    built: BuiltGraph
    partition: Partition
    modularity: float
    degenerate: bool
    sweep: tuple[ResolutionRow, ...]
    found: FoundResolution | None
    summary: dict[str, Any]


def community_memberships(library: Library, config: CommunityConfig) -> Memberships:
    """The playlists that communities of this kind may be found in: Track2Vec trains on them, co-occurrence counts."""
    return load_memberships(library, for_training=config.graph == "track2vec")


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


def find_communities(
    library: Library,
    config: CommunityConfig,
    *,
    seed: int = 0,
    sweep: bool = False,
    graph_file: Path | None = None,
    progress: Progress = silent,
) -> CommunityReport:
    """Communities of the playlists that a library holds, or of a graph made elsewhere.

    Parameters
    ----------
    library : Library
        Open for reading, with playlists.
    config : CommunityConfig
        Graph and method.
    seed : int
        0 to 2,147,483,647.
    sweep : bool
        Also tell what other resolutions give, each under several seeds.
    graph_file : pathlib.Path, optional
        A graph to take instead of the playlists; the ids of its nodes are those of the partition's tracks.
    progress : Progress
        Told of every step.
    """
    detect = COMMUNITY_METHODS[config.method]
    settings = {key: value for key, value in asdict(config).items() if key != "method"}
    digest = None
    if graph_file is None:
        memberships = community_memberships(library, config)
        digest = memberships_digest(memberships)
        built = build_graph(memberships, config, seed=seed, progress=progress)
    else:
        built = read_built_graph(graph_file, config)
        settings = {key: value for key, value in settings.items() if key not in PLAYLIST_SETTINGS}
        settings["graph_file"] = str(graph_file)
    graph = built.graph
    found = None
    wanted = config.n_communities or None
    if wanted is not None and config.method in RESOLUTION_METHODS:
        found = find_resolution(graph, wanted, method=config.method, seed=seed, progress=progress)
        labels = found.labels
    else:
        labels = detect(graph, resolution=config.resolution, seed=seed, n_communities=wanted)
    rows: list[ResolutionRow] = []
    if sweep and config.method in RESOLUTION_METHODS:
        rows = resolution_sweep(graph, method=config.method, n_seeds=config.n_seeds, seed=seed, progress=progress)
    # Methods number by size from 0.
    numbers = np.where(labels == NOISE, NOISE, labels + 1)
    partition = Partition.from_labels(list(graph.ids), numbers, config.method, {"seed": seed, **settings})
    quality, degenerate = modularity(graph.adjacency, labels), is_degenerate(labels)
    summary = _summary(library, built, partition, quality, degenerate)
    if digest is not None:
        summary["graph"]["memberships"] = digest
    return CommunityReport(built, partition, quality, degenerate, tuple(rows), found, summary)


def communities_again(memberships: Memberships, config: CommunityConfig, seed: int, *, resample: bool) -> Partition:
    """The same search with another seed, in the same playlists or in as many drawn from them with replacement.

    Parameters
    ----------
    memberships : Memberships
        Of the library.
    config : CommunityConfig
        As the communities were found.
    seed : int
        Of the draw and of the method.
    resample : bool
        Draw playlists: one that is drawn twice counts twice.
    """
    if resample:
        n_playlists = len(memberships.playlist_ids)
        drawn = np.random.default_rng([seed, 0x706C]).integers(0, n_playlists, n_playlists)
        counts = np.bincount(drawn, minlength=n_playlists)[memberships.playlist_of]
        rows = np.repeat(np.arange(len(counts)), counts)
        # Copies of a playlist are playlists of their own.
        first = np.cumsum(counts) - counts
        copy = np.arange(len(rows)) - first[rows]
        # One number a copy sorts ten times as fast as two.
        copies = memberships.playlist_of[rows] * (int(copy.max(initial=0)) + 1) + copy
        present, playlist_of = np.unique(copies, return_inverse=True)
        memberships = Memberships(
            np.arange(len(present)), memberships.track_ids, playlist_of, memberships.track_of[rows]
        )  # fmt: skip
    return _detect_again(build_graph(memberships, config, seed=seed).graph, config, seed)


def other_seeds(memberships: Memberships, config: CommunityConfig) -> Callable[[int], Partition]:
    """A function that does what `communities_again` does without resampling; what draws nothing is made once.

    Parameters
    ----------
    memberships : Memberships
        Of the library.
    config : CommunityConfig
        As the communities were found.

    Returns
    -------
    callable
        Takes a seed, returns a partition.
    """
    if config.graph == "track2vec":
        return lambda seed: communities_again(memberships, config, seed, resample=False)
    counted = cache(lambda: build_graph(memberships, config).graph)
    return lambda seed: _detect_again(counted(), config, seed)


def _detect_again(graph: Graph, config: CommunityConfig, seed: int) -> Partition:
    wanted = config.n_communities or None
    if wanted is not None and config.method in RESOLUTION_METHODS:
        labels = find_resolution(graph, wanted, method=config.method, seed=seed).labels
    else:
        labels = COMMUNITY_METHODS[config.method](graph, resolution=config.resolution, seed=seed, n_communities=wanted)
    return Partition.from_labels(list(graph.ids), np.where(labels == NOISE, NOISE, labels + 1), config.method, {})


def _summary(
    library: Library, built: BuiltGraph, partition: Partition, quality: float, degenerate: bool
) -> dict[str, Any]:
    """What is stored beside the partition to be shown again."""
    names = track_names(library)
    strengths = built.graph.strengths
    groups = []
    for number, size in sorted(partition.sizes.items(), key=lambda item: (item[0] == NOISE, item[0])):
        members = np.flatnonzero(partition.labels == number)
        central = members[np.lexsort((members, -strengths[members]))][:CENTRAL]
        artists = Counter(
            names[partition.track_ids[row]][0]
            for row in members
            if names.get(partition.track_ids[row], (None, None))[0]
        )
        common = sorted(artists.items(), key=lambda item: (-item[1], item[0] or ""))[:3]
        groups.append(
            {
                "label": number,
                "size": size,
                "share": size / len(partition.track_ids),
                "central": [
                    {"track_id": partition.track_ids[row], "text": _text(partition.track_ids[row], names)}
                    for row in central
                ],
                "artists": [{"artist": artist, "tracks": count} for artist, count in common],
            }
        )
    return {
        "modularity": quality,
        "degenerate": degenerate,
        "graph": {
            "n_playlists": built.n_playlists,
            "n_tracks": built.graph.n_nodes,
            "n_edges": built.graph.n_edges,
            "steps": [asdict(step) for step in built.steps],
        },
        "communities": groups,
    }


def track_names(library: Library) -> dict[str, tuple[str | None, str | None]]:
    """Artist and title of every track that playlists name: the library's tags, else what an entry says."""
    names: dict[str, tuple[str | None, str | None]] = {}
    rows = library.db.execute("SELECT track_key, artist, title FROM playlist_items ORDER BY item_id")
    for key, artist, title in rows:
        names.setdefault(key, (artist, title))
    for track, values in tracks_by_id(library.db).items():
        names[track] = (values["artist"], values["title"])
    return names


def _text(track_id: str, names: Mapping[str, tuple[str | None, str | None]]) -> str:
    return " - ".join(part for part in names.get(track_id, ()) if part) or track_id
