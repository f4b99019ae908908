"""Partitions for other programs: one table of all tracks, or one playlist a group.

Names and tags are text that strangers wrote. In a table for spreadsheets they must not become formulas, in a playlist
they must not become lines of their own, and in a file name they must not lead out of the folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library, StoredPartition
from songnet.library.files import write_bytes, write_json
from songnet.library.partitions import load_silhouettes
from songnet.library.tracks import tracks_by_id
from songnet.partition import NOISE, Partition

TABLES = (".csv", ".parquet")
# Lists what an export wrote into a folder, so that the next one can tell its own files from the user's.
MANIFEST = ".songnet-playlists.json"
# Of a group's name in a file name. File systems take 255 as a rule and 143 when they encrypt names; the group's number,
# the ending and the temporary name during writing come on top.
MAX_NAME_BYTES = 100
# Spreadsheets take a cell that begins so for a formula, whatever quotes stand around it.
FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_SPELLED_OUT = str.maketrans({"/": "-", "\\": "-", "|": "-", ":": " -", '"': "'", "<": "", ">": "", "?": "", "*": ""})
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class ClusterExport:
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


def export_partition(
    library: Library, stored: StoredPartition, partition: Partition, path: Path, names: Mapping[int, str]
) -> ClusterExport:
    """Write a partition as a table or as playlists.

    A table has the columns ``track_id``, ``cluster`` (-1 for noise), ``cluster_name``, ``silhouette``, ``artist``,
    ``title``, ``album`` and ``path`` (empty for a missing file and for an imported image), sorted by track. Parquet
    holds every text as it is, and what is known of the partition in its metadata. In CSV, text that a spreadsheet
    would take for a formula gets an apostrophe before it; the report counts those cells.

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

    Returns
    -------
    ClusterExport

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
        return _export_playlists(library, stored, partition, path, names)
    if path.suffix.lower() not in TABLES:
        raise ParameterError(
            f"{path} ends in {path.suffix!r}; a partition is written as .csv, as .parquet, or as playlists into a"
            " folder (one that is there, or a name without an ending)"
        )
    return _export_table(library, stored, partition, path, names)


def _export_table(
    library: Library, stored: StoredPartition, partition: Partition, path: Path, names: Mapping[int, str]
) -> ClusterExport:
    tracks = tracks_by_id(library.db)
    found = [tracks.get(track_id, {}) for track_id in partition.track_ids]
    altered: Counter[str] = Counter()
    texts: dict[str, Sequence[str | None]] = {
        "track_id": partition.track_ids,
        "cluster_name": [names.get(label) for label in partition.labels.tolist()],
        **{column: [track.get(column) for track in found] for column in ("artist", "title", "album")},
        "path": [_path_text(track, altered) for track in found],
    }
    if path.suffix.lower() == ".csv":
        texts = {column: [_harmless(text, altered) for text in values] for column, values in texts.items()}
    columns: dict[str, pa.Array] = {name: pa.array(values, pa.string()) for name, values in texts.items()}
    columns["cluster"] = pa.array(partition.labels, pa.int32())
    columns["silhouette"] = pa.array(load_silhouettes(library, stored), pa.float64(), from_pandas=True)
    order = ("track_id", "cluster", "cluster_name", "silhouette", "artist", "title", "album", "path")
    table = pa.table({name: columns[name] for name in order})
    stream = io.BytesIO()
    if path.suffix.lower() == ".csv":
        pyarrow.csv.write_csv(table, stream)
    else:
        about = json.dumps(asdict(stored), sort_keys=True)
        pyarrow.parquet.write_table(table.replace_schema_metadata({"songnet.partition": about}), stream)
    write_bytes(path, stream.getvalue())
    return ClusterExport((path,), len(found), altered=dict(sorted(altered.items())))


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


def _export_playlists(
    library: Library, stored: StoredPartition, partition: Partition, folder: Path, names: Mapping[int, str]
) -> ClusterExport:
    left_out: Counter[str] = Counter()
    members = _members(library, partition, left_out)
    width = max(2, len(str(max(partition.groups, default=0))))
    contents = {
        _file_name(f"{number:0{width}d}", names.get(number, "")): _m3u8(names.get(number, ""), members[number])
        for number in sorted(members)
    }
    about = {"partition_id": stored.partition_id, "name": stored.name, "branch": stored.branch}
    removed, kept = _write_folder(folder, contents, about)
    return ClusterExport(
        files=tuple(folder / name for name in contents),
        tracks=sum(len(group) for group in members.values()),
        left_out=dict(sorted(left_out.items())),
        removed=removed,
        kept=kept,
    )


def _members(library: Library, partition: Partition, left_out: Counter[str]) -> dict[int, list[dict[str, Any]]]:
    """The tracks of each group that can stand in a playlist, in listening order."""
    known = tracks_by_id(library.db)
    members: dict[int, list[dict[str, Any]]] = {}
    for track_id, label in zip(partition.track_ids, partition.labels.tolist(), strict=True):
        track = known.get(track_id)
        reason = "in no group" if label == NOISE else _why_not(track)
        if reason or track is None:
            left_out[reason] += 1
        else:
            members.setdefault(label, []).append(track)
    return {number: sorted(tracks, key=_listening_order) for number, tracks in members.items()}


def _why_not(track: Mapping[str, Any] | None) -> str:
    """Why a track cannot stand in a playlist; empty when it can."""
    if track is None:
        return "not in the library"
    if track["path"] is None:
        return "no file"
    if track["missing"]:
        return "file missing"
    try:
        text = bytes(track["path"]).decode()
    except UnicodeDecodeError:
        return "path not UTF-8"
    # RFC 8216, 4.1: an M3U8 holds none; a line feed would end the path, and nothing can quote it.
    return "control character in path" if any(unicodedata.category(char) == "Cc" for char in text) else ""


def _listening_order(track: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = [(track[name] is None, (track[name] or "").casefold()) for name in ("artist", "album")]
    number = track["track_number"]
    return (*texts, number is None, number or 0, (track["title"] or "").casefold(), track["track_id"])


def _m3u8(name: str, tracks: Iterable[Mapping[str, Any]]) -> bytes:
    lines = ["#EXTM3U"]
    if name:
        lines.append(f"#PLAYLIST:{_one_line(name)}")
    for track in tracks:
        path = bytes(track["path"]).decode()
        title = track["title"] or Path(path).stem
        shown = " - ".join(_one_line(part) for part in (track["artist"], title) if part)
        seconds = -1 if track["duration_s"] is None else round(track["duration_s"])
        lines += [f"#EXTINF:{seconds},{shown}", path]
    return ("\n".join(lines) + "\n").encode()


def _one_line(text: str) -> str:
    broken = ("Cc", "Cs", "Zl", "Zp")
    return " ".join("".join(" " if unicodedata.category(char) in broken else char for char in text).split())


def _file_name(number: str, name: str) -> str:
    """``NUMBER - NAME.m3u8`` as every file system takes it; the number keeps equal names apart."""
    # NFC: some file systems compare names as bytes, others do not.
    plain = unicodedata.normalize("NFC", _one_line(name)).translate(_SPELLED_OUT)
    plain = "".join(char for char in plain if char in _JOINERS or unicodedata.category(char) != "Cf")
    cut = " ".join(plain.split()).encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore").rstrip(" .")
    return f"{number} - {cut}.m3u8" if cut else f"{number}.m3u8"


def _write_folder(
    folder: Path, contents: Mapping[str, bytes], about: Mapping[str, Any]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Replace what an earlier export left in a folder; returns what was removed, and what was not ours to remove."""
    earlier = _read_manifest(folder / MANIFEST)
    # Where case does not matter in names, a file of ours may stand under a name of other case.
    ours: dict[str, set[str]] = {}
    for name, digests in earlier.items():
        ours.setdefault(name.casefold(), set()).update(digests)
    new = {name: _digest(content) for name, content in contents.items()}
    for name, digest in new.items():
        if os.path.lexists(folder / name) and not _is_one_of(folder / name, {*ours.get(name.casefold(), ()), digest}):
            raise ParameterError(
                f"{folder / name} was not written by songnet, or somebody changed it since: move it away or choose"
                " another folder"
            )
    stale = [folder / name for name in sorted(set(earlier) - set(new)) if os.path.lexists(folder / name)]
    removed = tuple(path for path in stale if _is_one_of(path, ours[path.name.casefold()]))
    folder.mkdir(exist_ok=True)
    # Noted before anything is written or removed: after a kill the next export still knows all files as ours.
    both = {name: sorted({*earlier.get(name, ()), *([new[name]] if name in new else [])}) for name in {*earlier, *new}}
    write_json(folder / MANIFEST, {**about, "files": both})
    # Removed first, for the same reason: a stale name may be that of a new file.
    for path in removed:
        path.unlink()
    for name, content in contents.items():
        write_bytes(folder / name, content)
    write_json(folder / MANIFEST, {**about, "files": {name: [digest] for name, digest in new.items()}})
    return removed, tuple(path for path in stale if path not in removed)


def _read_manifest(path: Path) -> dict[str, list[str]]:
    """Name -> SHA-256 of what an export wrote under it (two while an export was interrupted)."""
    if not path.exists():
        return {}
    try:
        files = {str(name): [str(digest) for digest in digests] for name, digests in _entries(path)}
    except (ValueError, KeyError, TypeError, AttributeError):
        files = {"": []}
    # Whoever wrote it: nothing outside the folder, and nothing but playlists, is ever removed.
    if any(Path(name).name != name or not name.endswith(".m3u8") or "\0" in name for name in files):
        raise ParameterError(f"{path} is no list of exported playlists: choose another folder, or delete that file")
    return files


def _entries(path: Path) -> Iterable[tuple[Any, Any]]:
    entries: Iterable[tuple[Any, Any]] = json.loads(path.read_bytes())["files"].items()
    return entries


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_one_of(path: Path, digests: set[str]) -> bool:
    """Whether a file holds exactly what an export wrote; a link is never ours."""
    return path.is_file() and not path.is_symlink() and _digest(path.read_bytes()) in digests
