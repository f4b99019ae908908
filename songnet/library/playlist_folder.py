"""A folder of playlists, one a group of a partition, that a later export can replace without touching the user's files.

Names and tags are text that strangers wrote: in a playlist they must not become lines of their own, and in a file name
they must not lead out of the folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from songnet.errors import ParameterError
from songnet.library.files import write_bytes, write_json
from songnet.library.store import Library
from songnet.library.tracks import tracks_by_id
from songnet.partition import NOISE, Partition

# Lists what an export wrote into a folder, so that the next one can tell its own files from the user's.
MANIFEST = ".songnet-playlists.json"
# Of a group's name in a file name. File systems take 255 as a rule and 143 when they encrypt names; the group's number,
# the ending and the temporary name during writing come on top.
MAX_NAME_BYTES = 100
_SPELLED_OUT = str.maketrans({"/": "-", "\\": "-", "|": "-", ":": " -", '"': "'", "<": "", ">": "", "?": "", "*": ""})
_JOINERS = "\u200c\u200d"


def playable_members(library: Library, partition: Partition, left_out: Counter[str]) -> dict[int, list[dict[str, Any]]]:
    """The tracks of each group that can stand in a playlist, in listening order.

    Parameters
    ----------
    library : Library
        Open for reading.
    partition : Partition
        Its labels.
    left_out : collections.Counter
        Is told of the others: reason -> tracks.

    Returns
    -------
    dict
        Number of the group -> tracks as `songnet.library.tracks.tracks_by_id` gives them; a group without any is left
        out.
    """
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


def m3u8(name: str, tracks: Iterable[Mapping[str, Any]]) -> bytes:
    """A playlist as extended M3U8; tracks need a path that is UTF-8 without control characters."""
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


def playlist_file_name(number: str, name: str) -> str:
    """``NUMBER - NAME.m3u8`` as every file system takes it; the number keeps equal names apart."""
    # NFC: some file systems compare names as bytes, others do not.
    plain = unicodedata.normalize("NFC", _one_line(name)).translate(_SPELLED_OUT)
    plain = "".join(char for char in plain if char in _JOINERS or unicodedata.category(char) != "Cf")
    cut = " ".join(plain.split()).encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore").rstrip(" .")
    return f"{number} - {cut}.m3u8" if cut else f"{number}.m3u8"


def write_playlist_folder(
    folder: Path, contents: Mapping[str, bytes], about: Mapping[str, Any]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Replace what an earlier export left in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Is made when it is not there; its parent must be.
    contents : Mapping[str, bytes]
        File name -> playlist.
    about : Mapping[str, Any]
        What the playlists are of, for the list of files.

    Returns
    -------
    tuple of tuple of pathlib.Path
        Playlists of an earlier export that were removed, and those that somebody changed since, which stay.

    Raises
    ------
    ParameterError
        If a playlist would replace a file that no export wrote.
    """
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
