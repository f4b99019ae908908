"""Communities and graphs for other programs."""

from __future__ import annotations

import io
import logging
import re
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import networkx as nx

from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library, StoredPartition
from songnet.library.files import write_bytes
from songnet.library.partition_files import PartitionExport, write_partition
from songnet.library.tracks import tracks_by_id
from songnet.partition import Partition
from songnet.playlists.graph import FORMATS, NOT_XML, Graph, to_xml_networkx, write_graph
from songnet.playlists.pipeline import track_names

log = logging.getLogger(__name__)

Names = Mapping[str, tuple[str | None, str | None]]

_META = re.compile(r"\s*<meta\b.*?</meta>", re.DOTALL)


def community_names(summary: Mapping[str, Any]) -> dict[int, str]:
    """What a community may be called: its most frequent artists; one without artists has no name.

    Parameters
    ----------
    summary : Mapping[str, Any]
        Of the stored partition.
    """
    named = {
        group["label"]: "; ".join(entry["artist"] for entry in group["artists"])
        for group in summary.get("communities", [])
    }
    return {label: name for label, name in named.items() if name}


def export_communities(library: Library, stored: StoredPartition, partition: Partition, path: Path) -> PartitionExport:
    """Write communities as a table with the columns ``community`` and ``community_name``, or as playlists.

    A table also has the tracks that only playlists know, with the artist and title that stand there. Playlists have the
    library's tracks.

    Parameters
    ----------
    library : Library
        Open for reading.
    stored : StoredPartition
        What is known of the partition.
    partition : Partition
        Its labels.
    path : pathlib.Path
        As `songnet.library.partition_files.write_partition` takes it, which tells what is written and raised.
    """
    names = community_names(stored.summary)
    return write_partition(library, stored, partition, path, names, group="community", said=track_names(library))


def community_tracks(
    library: Library, stored: StoredPartition, partition: Partition, label: int
) -> list[dict[str, Any]]:
    """Tracks of one community: the most connected ones, as they were when it was found, then by artist and title.

    Parameters
    ----------
    library : Library
        Open for reading.
    stored : StoredPartition
        What is known of the partition; its summary says which tracks are the most connected.
    partition : Partition
        Its labels.
    label : int
        A number that the partition has.

    Returns
    -------
    list of dict
        ``track_id``, ``artist``, ``title``, ``album``, ``path`` (bytes or None), ``missing`` and ``central``: the place
        among the most connected from 1, or None.
    """
    central = {
        entry["track_id"]: place
        for group in stored.summary.get("communities", [])
        if group["label"] == label
        for place, entry in enumerate(group["central"], 1)
    }
    known, names = tracks_by_id(library.db), track_names(library)
    found = []
    for track_id, own in zip(partition.track_ids, partition.labels.tolist(), strict=True):
        if own == label:
            track = known.get(track_id, {})
            artist, title = names.get(track_id, (None, None))
            found.append(
                {
                    "track_id": track_id,
                    "artist": artist,
                    "title": title,
                    "album": track.get("album"),
                    "path": track.get("path"),
                    "missing": track.get("missing", False),
                    "central": central.get(track_id),
                }
            )
    return sorted(found, key=_central_first)


def _central_first(track: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = [(track[name] is None, (track[name] or "").casefold()) for name in ("artist", "title")]
    return (track["central"] or sys.maxsize, *texts, track["track_id"])


def write_named_graph(graph: Graph, path: Path, names: Names) -> None:
    """Write a graph whole or not at all; a file that is there is replaced.

    Parameters
    ----------
    graph : Graph
        What to write.
    path : pathlib.Path
        Ends in ``.graphml``, ``.gexf`` or ``.csv``, see `songnet.playlists.graph.write_graph`. In the first two a node
        has the attributes ``label``, ``artist`` and ``title``, as far as they are known, and an id that XML cannot hold
        is written as `songnet.playlists.graph.xml_ids` says; how many those are is logged.
    names : Mapping[str, tuple of str or None]
        Artist and title by id.

    Raises
    ------
    ParameterError
        If the ending is another, or the path is a folder.
    InputNotFoundError
        If there is no folder to write to.
    """
    check_graph_path(path)
    if path.suffix == ".csv":
        with TemporaryDirectory() as folder:
            complete = Path(folder) / path.name
            write_graph(graph, complete)
            write_bytes(path, complete.read_bytes())
        return
    answer, written = to_xml_networkx(graph)
    for node in graph.ids:
        answer.nodes[written[node]].update(_attributes(written[node], names.get(node, (None, None))))
    n_altered = sum(node != plain for node, plain in written.items())
    if n_altered:
        log.warning(
            "%d of %d ids hold characters that %s cannot: written as escapes such as \\x1b; a .csv keeps them",
            n_altered,
            len(written),
            path.suffix,
        )
    if path.suffix == ".graphml":
        stream = io.BytesIO()
        nx.write_graphml_xml(answer, stream)
        write_bytes(path, stream.getvalue())
    else:
        # The day of writing would make two equal graphs two different files.
        write_bytes(path, (_META.sub("", "\n".join(nx.generate_gexf(answer)), count=1) + "\n").encode())


def check_graph_path(path: Path) -> None:
    """Refuse a path that `write_named_graph` cannot write to; to be called before the work begins."""
    if path.suffix not in FORMATS:
        raise ParameterError(f"{path} ends in {path.suffix!r}; a graph is written as {', '.join(FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise InputNotFoundError(f"there is no folder {path.absolute().parent} to write {path.name} to: make it first")
    if path.is_dir():
        raise ParameterError(f"{path} is a folder; name a file to write the graph to")


def _attributes(node: str, name: tuple[str | None, str | None]) -> dict[str, str]:
    artist, title = (_plain(text) for text in name)
    shown = {"label": " - ".join(part for part in (artist, title) if part) or node, "artist": artist, "title": title}
    return {name: text for name, text in shown.items() if text}


def _plain(text: str | None) -> str:
    """A tag on one line, without what XML has no place for."""
    spaced = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text or "")
    return " ".join(NOT_XML.sub("", spaced).split())
