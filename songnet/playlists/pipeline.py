"""`songnet communities` whole: stored playlists to a graph, the graph to communities, communities to a partition.

A graph that another program made may stand in for the playlists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from songnet.config import CommunityConfig
from songnet.library import Library
from songnet.library.tracks import tracks_by_id
from songnet.partition import NOISE, Partition
from songnet.playlists.building import BuiltGraph, build_graph, read_built_graph
from songnet.playlists.communities import COMMUNITY_METHODS, RESOLUTION_METHODS
from songnet.playlists.folds import restrict_memberships
from songnet.playlists.graph import Graph
from songnet.playlists.modularity import is_degenerate, modularity
from songnet.playlists.resolution import FoundResolution, ResolutionRow, find_resolution, resolution_sweep
from songnet.playlists.stored import Memberships, load_memberships, memberships_digest
from songnet.progress import Progress, silent

# Most connected tracks of a community that are kept in its summary.
CENTRAL = 10
# Settings that say how playlists become a graph: no graph file has a use for them.
PLAYLIST_SETTINGS = (
    "graph", "weighting", "min_support", "min_pair_support", "max_playlist_length", "dimensions", "window", "epochs",
    "skip_gram",
)  # fmt: skip


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


def community_memberships(
    library: Library, config: CommunityConfig, playlist_ids: np.ndarray | None = None
) -> Memberships:
    """The playlists that communities of this kind may be found in: Track2Vec trains on them, co-occurrence counts.

    Parameters
    ----------
    library : Library
        Open for reading, with playlists.
    config : CommunityConfig
        Which graph.
    playlist_ids : numpy.ndarray [dtype=int64], optional
        Of these playlists alone (`songnet.playlists.folds`).
    """
    memberships = load_memberships(library, for_training=config.graph == "track2vec")
    return memberships if playlist_ids is None else restrict_memberships(memberships, playlist_ids)


def find_communities(
    library: Library,
    config: CommunityConfig,
    *,
    seed: int = 0,
    sweep: bool = False,
    graph_file: Path | None = None,
    playlist_ids: np.ndarray | None = None,
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
    playlist_ids : numpy.ndarray [dtype=int64], optional
        Playlists to look at; all when left out.
    progress : Progress
        Told of every step.
    """
    detect = COMMUNITY_METHODS[config.method]
    settings = {key: value for key, value in asdict(config).items() if key != "method"}
    digest = None
    if graph_file is None:
        memberships = community_memberships(library, config, playlist_ids)
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
