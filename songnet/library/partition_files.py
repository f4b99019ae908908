"""Partitions for other programs: one table of all tracks, or one playlist a group.

Names and tags are text that strangers wrote: in a table for spreadsheets they must not become formulas.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from songnet.errors import InputNotFoundError, ParameterError
from songnet.library.files import write_bytes
from songnet.library.partitions import StoredPartition
from songnet.library.playlist_folder import m3u8, playable_members, playlist_file_name, write_playlist_folder
from songnet.library.store import Library
from songnet.library.tracks import tracks_by_id
from songnet.partition import Partition

TABLES = (".csv", ".parquet")
# Spreadsheets take a cell that begins so for a formula, whatever quotes stand around it.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")


@dataclass(frozen=True)
class PartitionExport:
    """What an export wrote.

    Parameters
    ----------
    files : tuple of pathlib.Path
        Files written, by number of their group.
    tracks : int
        Tracks written.
    left_out : dict
        Reason -> tracks that no playlist has because of it: ``"in no group"``, ``"not in the library"``,
        ``"no file"`` (an imported image), ``"file missing"``, ``"path not UTF-8"``, ``"control character in path"``.
        A table leaves none out.
    altered : dict
        Reason -> cells of a table that do not hold what the library holds: ``"formula"`` (an apostrophe was put
        before), ``"path not UTF-8"`` (empty).
    removed : tuple of pathlib.Path
        Playlists of an earlier export whose groups are no more.
    kept : tuple of pathlib.Path
        Playlists of an earlier export whose groups are no more, but which somebody changed or replaced since: they
        stay.
    """

    files: tuple[Path, ...]
    tracks: int
    left_out: dict[str, int] = field(default_factory=dict)
    altered: dict[str, int] = field(default_factory=dict)
    removed: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All of it in plain JSON values."""
        return {
            "files": [str(file) for file in self.files],
            "tracks": self.tracks,
            "left_out": dict(self.left_out),
            "altered": dict(self.altered),
            "removed": [str(file) for file in self.removed],
            "kept": [str(file) for file in self.kept],
        }


def write_partition(
    library: Library,
    stored: StoredPartition,
    partition: Partition,
    path: Path,
    names: Mapping[int, str],
    *,
    group: str,
    measures: Mapping[str, np.ndarray] | None = None,
    said: Mapping[str, tuple[str | None, str | None]] | None = None,
) -> PartitionExport:
    """Write a partition as a table or as playlists.

    A table has the columns ``track_id``, ``GROUP`` (-1 for noise), ``GROUP_name``, those of ``measures``, ``artist``,
    ``title``, ``album`` and ``path`` (empty for a missing file, for an imported image and for a track that the library
    has not), sorted by track. Parquet holds every text as it is, and what is known of the partition in its metadata.
    In CSV, text that a spreadsheet would take for a formula gets an apostrophe before it; the report counts those
    cells.

    A folder gets one playlist ``NUMBER - NAME.m3u8`` a group, in the order of artist, album and track number. A group
    of which no track can stand in a playlist gets none. Playlists of an earlier export into the same folder are
    replaced or removed; a file that is not exactly as an export left it is never touched.

    Parameters
    ----------
    library : Library
        Open for reading.
    stored : StoredPartition
        What is known of the partition.
    partition : Partition
        Its labels.
    path : pathlib.Path
        A file that ends in ``.csv`` or ``.parquet``, or a folder: one that is there, or a name without an ending.
    names : Mapping[int, str]
        Number -> name of the group; a group may lack one.
    group : str
        What a group is called in the table's columns: ``"cluster"`` or ``"community"``.
    measures : Mapping[str, numpy.ndarray [shape=(n_tracks,)]], optional
        Further columns of numbers, NaN where not known.
    said : Mapping[str, tuple of str or None], optional
        Artist and title of tracks that the library has not, by id.

    Returns
    -------
    PartitionExport

    Raises
    ------
    ParameterError
        If the ending is another one, or a playlist would replace a file that no export wrote.
    InputNotFoundError
        If there is no folder to write to.
    """
    parent = path.absolute().parent
    if not parent.is_dir():
        raise InputNotFoundError(f"there is no folder {parent} to write {path.name} to: make it first")
    if path.is_dir() or not path.suffix:
        if path.exists() and not path.is_dir():
            raise ParameterError(f"{path} is a file; playlists need a folder: choose another name")
        return _write_playlists(library, stored, partition, path, names)
    if path.suffix.lower() not in TABLES:
        raise ParameterError(
            f"{path} ends in {path.suffix!r}; a partition is written as .csv, as .parquet, or as playlists into a"
            " folder (one that is there, or a name without an ending)"
        )
    tracks = tracks_by_id(library.db)
    unknown = {track_id: {"artist": artist, "title": title} for track_id, (artist, title) in (said or {}).items()}
    found: list[Mapping[str, Any]] = [
        tracks.get(track_id) or unknown.get(track_id, {}) for track_id in partition.track_ids
    ]
    altered: Counter[str] = Counter()
    texts: dict[str, Sequence[str | None]] = {
        "track_id": partition.track_ids,
        f"{group}_name": [names.get(label) for label in partition.labels.tolist()],
        **{column: [track.get(column) for track in found] for column in ("artist", "title", "album")},
        "path": [_path_text(track, altered) for track in found],
    }
    if path.suffix.lower() == ".csv":
        texts = {column: [_harmless(text, altered) for text in values] for column, values in texts.items()}
    columns: dict[str, pa.Array] = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    columns[group] = pa.array(partition.labels, pa.int32())
    for name, values in (measures or {}).items():
        columns[name] = pa.array(values, pa.float64(), from_pandas=True)
    order = ("track_id", group, f"{group}_name", *(measures or {}), "artist", "title", "album", "path")
    table = pa.table({name: columns[name] for name in order})
    stream = io.BytesIO()
    if path.suffix.lower() == ".csv":
        pyarrow.csv.write_csv(table, stream)
    else:
        about = json.dumps(asdict(stored), sort_keys=True)
        pyarrow.parquet.write_table(table.replace_schema_metadata({"songnet.partition": about}), stream)
    write_bytes(path, stream.getvalue())
    return PartitionExport((path,), len(found), altered=dict(sorted(altered.items())))


def _path_text(track: Mapping[str, Any], altered: Counter[str]) -> str | None:
    if track.get("path") is None or track["missing"]:
        return None
    try:
        return bytes(track["path"]).decode()
    except UnicodeDecodeError:
        altered["path not UTF-8"] += 1
        return None


def _harmless(text: str | None, altered: Counter[str]) -> str | None:
    if text is None or not FORMULA.match(text):
        return text
    altered["formula"] += 1
    return f"'{text}"


def _write_playlists(
    library: Library, stored: StoredPartition, partition: Partition, folder: Path, names: Mapping[int, str]
) -> PartitionExport:
    left_out: Counter[str] = Counter()
    members = playable_members(library, partition, left_out)
    width = max(2, len(str(max(partition.groups, default=0))))
    contents = {
        playlist_file_name(f"{number:0{width}d}", names.get(number, "")): m3u8(names.get(number, ""), members[number])
        for number in sorted(members)
    }
    about = {"partition_id": stored.partition_id, "name": stored.name, "branch": stored.branch}
    removed, kept = write_playlist_folder(folder, contents, about)
    return PartitionExport(
        files=tuple(folder / name for name in contents),
        tracks=sum(len(group) for group in members.values()),
        left_out=dict(sorted(left_out.items())),
        removed=removed,
        kept=kept,
    )
