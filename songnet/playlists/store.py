"""Reads playlist files into the library: each file once, each whole or not at all.

A file is known by its content: read again, or found again under another name, it adds nothing. Playlists whose entries
say where tracks lie relative to the playlist file belong to that place; there, another folder is another file, unless
the file that was known is gone, which means that it was moved. A file whose content changed replaces what it held
before, unless it broke off on the way.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from songnet.errors import InputNotFoundError, PlaylistError
from songnet.library.store import Library
from songnet.library.tracks import now
from songnet.playlists.model import Entry, Playlist, is_relative, track_key
from songnet.playlists.sources import ENDINGS, SOURCES, SURE, Source, choose_source, detect
from songnet.progress import Progress, silent

REASONS_KEPT = 1_000
"""Reasons that a report keeps; all are counted."""

_ITEM_COLUMNS = (
    "digest", "track_key", "title", "artist", "album", "duration_s", "path", "folder", "isrc", "mb_recording_id",
    "track_uri",
)  # fmt: skip
_INSERT_ITEM = f"INSERT INTO playlist_items ({', '.join(_ITEM_COLUMNS)}) VALUES ({', '.join('?' * len(_ITEM_COLUMNS))})"
_REPORT_EVERY = 500


@dataclass(frozen=True)
class Skipped:
    """A file, or a part of one, that was left out.

    Parameters
    ----------
    file : str
        Path of the file; bytes that are not UTF-8 are lone surrogates, as `os.fsdecode` makes them.
    reason : str
        One line.
    whole : bool
        Whether nothing of the file was taken in now.
    """

    file: str
    reason: str
    whole: bool


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Parameters
    ----------
    n_files : int
        Files read now.
    n_unchanged : int
        Files that were in the library already.
    n_playlists, n_entries : int
        Playlists and entries read now.
    n_tracks : int
        Different tracks among these entries, by `songnet.playlists.model.track_key`.
    n_skipped : int
        Files and parts of files left out, those of unchanged files included.
    skipped : tuple of Skipped
        The first `REASONS_KEPT` of them.
    """

    n_files: int
    n_unchanged: int
    n_playlists: int
    n_entries: int
    n_tracks: int
    n_skipped: int
    skipped: tuple[Skipped, ...]


@dataclass
class _Tally:
    """The report under way; one file's share is added when its transaction is through."""

    n_files: int = 0
    n_unchanged: int = 0
    n_playlists: int = 0
    n_entries: int = 0
    n_skipped: int = 0
    keys: set[int] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, file: Path, reason: str, *, whole: bool, count: int = 1) -> None:
        self.n_skipped += count
        if len(self.skipped) < REASONS_KEPT:
            self.skipped.append(Skipped(str(file), reason, whole))


def import_paths(
    library: Library, paths: Sequence[Path], *, source: str | None = None, progress: Progress = silent
) -> ImportReport:
    """Read playlist files, and the playlist files in folders, into a library.

    Every file is one transaction: an import that was stopped goes on where it stopped when it is run again.

    Parameters
    ----------
    library : Library
        Open for writing.
    paths : sequence of pathlib.Path
        Files of any format of `SOURCES`; of a folder, all files with one of `ENDINGS` that are surely playlists.
    source : str, optional
        Format of all files; told by their content when left out.
    progress : Progress
        Is told of each file.

    Returns
    -------
    ImportReport

    Raises
    ------
    InputNotFoundError
        If a path does not exist; nothing is read then.
    ParameterError
        If the format is not known.
    """
    if source is not None:
        _ = SOURCES[source]
    for path in paths:
        if not os.path.lexists(path):
            raise InputNotFoundError(f"{path} does not exist: name playlist files or folders of them")
    files = list(dict.fromkeys(find_files(paths, source)))
    tally = _Tally()
    for done, path in enumerate(files):
        progress("read playlists", done, len(files), path.name)
        try:
            _import_file(library.db, path, source, tally, partial(progress, "read playlists", done, len(files)))
        except PlaylistError as error:
            tally.skip(path, str(error), whole=True)
        except OSError as error:
            tally.skip(path, f"{path} cannot be read ({error.strerror or error})", whole=True)
    progress("read playlists", len(files), len(files))
    return ImportReport(
        n_files=tally.n_files,
        n_unchanged=tally.n_unchanged,
        n_playlists=tally.n_playlists,
        n_entries=tally.n_entries,
        n_tracks=len(tally.keys),
        n_skipped=tally.n_skipped,
        skipped=tuple(tally.skipped),
    )


def find_files(paths: Sequence[Path], source: str | None) -> Iterator[Path]:
    """The files named, then those found in folders, sorted; what a folder holds besides playlists is no mistake.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Files and folders.
    source : str or None
        Format that files of folders must look like; any of `SOURCES` when None.
    """
    for path in paths:
        if not path.is_dir():
            yield Path(os.path.abspath(path))
            continue
        for folder, folders, names in os.walk(os.path.abspath(path)):
            folders.sort()
            for name in sorted(names):
                found = Path(folder, name)
                if not name.startswith(".") and found.suffix.lower() in ENDINGS and _is_playlist(found, source):
                    yield found


def _is_playlist(path: Path, source: str | None) -> bool:
    try:
        return path.is_file() and (source is not None or detect(path, least=SURE) is not None)
    except OSError:
        return True  # told of when it is read


def _import_file(
    db: sqlite3.Connection, path: Path, source: str | None, tally: _Tally, note: Callable[[str], None]
) -> None:
    if not path.is_file():
        raise PlaylistError(f"{path} is no ordinary file")
    reader = choose_source(path, source)
    place, digest = os.fsencode(path), _hash_file(path)
    before = db.execute("SELECT * FROM playlist_files WHERE path = ?", (place,)).fetchone()
    same, moved = _find_known(db, place, digest, reader.name)
    if same is not None:
        tally.n_unchanged += 1
        if same["problem"] is not None:
            tally.skip(path, same["problem"], whole=False)
        if same["n_skipped"]:
            parts = f"{path}: {same['n_skipped']:,} parts were left out when it was read, {same['imported_at']}"
            tally.skip(path, parts, whole=False, count=same["n_skipped"])
        return
    part = _Tally()
    with db:
        for old in (before, moved):
            if old is not None:
                _forget_file(db, old["file_id"])
        problem = _read_file(db, reader, path, digest, part, note)
        if before is not None and problem is not None:
            raise PlaylistError(f"{problem}; what it held before stays")
        if before is not None or moved is not None:
            db.execute("DELETE FROM playlist_items WHERE item_id NOT IN (SELECT item_id FROM entries)")
    tally.n_files += 1
    tally.n_playlists += part.n_playlists
    tally.n_entries += part.n_entries
    tally.n_skipped += part.n_skipped
    tally.keys |= part.keys
    tally.skipped += part.skipped[: max(0, REASONS_KEPT - len(tally.skipped))]


def _find_known(
    db: sqlite3.Connection, place: bytes, digest: str, source: str
) -> tuple[sqlite3.Row | None, sqlite3.Row | None]:
    """The known file that this one is, and the known file that it was before it was moved."""
    rows = db.execute(
        "SELECT * FROM playlist_files WHERE sha256 = ? AND source = ? ORDER BY path != ?, file_id",
        (digest, source, place),
    ).fetchall()
    for row in rows:
        if row["path"] == place or not row["relative"]:
            return row, None
    # Relative paths would now lead elsewhere.
    return None, next((row for row in rows if not os.path.lexists(row["path"])), None)


def _read_file(
    db: sqlite3.Connection, reader: Source, path: Path, digest: str, part: _Tally, note: Callable[[str], None]
) -> str | None:
    """Store the playlists of a file; returns why it could not be read to its end, if so."""
    cursor = db.execute(
        "INSERT INTO playlist_files (path, sha256, source, relative, imported_at, n_skipped) VALUES (?, ?, ?, 0, ?, 0)",
        (os.fsencode(path), digest, reader.name, now()),
    )
    file_id, problem = cursor.lastrowid, None
    writer = _Writer(db, os.fsdecode(path.parent), part.keys)
    try:
        for playlist in reader.read(path, lambda error: part.skip(path, str(error), whole=False)):
            writer.store(file_id or 0, part.n_playlists, playlist)
            part.n_playlists += 1
            part.n_entries += len(playlist.entries)
            if part.n_playlists % _REPORT_EVERY == 0:
                note(f"{path.name}, {part.n_playlists:,} playlists")
    except PlaylistError as error:
        if part.n_playlists == 0:
            raise
        problem = str(error)
    db.execute(
        "UPDATE playlist_files SET relative = ?, n_skipped = ?, problem = ? WHERE file_id = ?",
        (writer.relative, part.n_skipped, problem, file_id),
    )
    if problem is not None:
        part.skip(path, problem, whole=False)
    return problem


@dataclass(frozen=True)
class FetchedFile:
    """What is known of a playlist that came from a service: it stands for a file.

    Parameters
    ----------
    digest : str
        What its content was known by.
    n_skipped : int
        Items of it that were left out.
    problem : str or None
        Why it is not whole, if so.
    imported_at : str
        When it was stored.
    """

    digest: str
    n_skipped: int
    problem: str | None
    imported_at: str


def find_fetched(library: Library, place: str) -> FetchedFile | None:
    """What is stored of the playlist that a service knows by this name; None when nothing is."""
    row = library.db.execute(
        "SELECT sha256, n_skipped, problem, imported_at FROM playlist_files WHERE path = ?", (place.encode(),)
    ).fetchone()
    return None if row is None else FetchedFile(*row)


def store_fetched(
    library: Library, playlist: Playlist, place: str, digest: str, *, n_skipped: int, problem: str | None
) -> None:
    """Store a playlist that came from a service in one transaction, in place of what was stored of it before.

    Parameters
    ----------
    library : Library
        Open for writing.
    playlist : Playlist
        With entries that are not empty and name no relative path.
    place : str
        What the service calls the playlist, such as ``"spotify:playlist:..."``; stands where a file has its path.
    digest : str
        Tells this content of it from another.
    n_skipped, problem
        As in `FetchedFile`.
    """
    db = library.db
    with db:
        before = db.execute("SELECT file_id FROM playlist_files WHERE path = ?", (place.encode(),)).fetchone()
        if before is not None:
            _forget_file(db, before[0])
        cursor = db.execute(
            "INSERT INTO playlist_files (path, sha256, source, relative, imported_at, n_skipped, problem)"
            " VALUES (?, ?, ?, 0, ?, ?, ?)",
            (place.encode(), digest, playlist.source, now(), n_skipped, problem),
        )
        _Writer(db, "/", set()).store(cursor.lastrowid or 0, 0, playlist)
        if before is not None:
            db.execute("DELETE FROM playlist_items WHERE item_id NOT IN (SELECT item_id FROM entries)")


class _Writer:
    """Writes the playlists of one file; remembers the wordings that it met."""

    def __init__(self, db: sqlite3.Connection, folder: str, keys: set[int]) -> None:
        self.db = db
        self.folder = folder
        self.keys = keys
        self.relative = False
        self.items: dict[tuple[object, ...], int] = {}

    def store(self, file_id: int, number: int, playlist: Playlist) -> None:
        cursor = self.db.execute(
            "INSERT INTO playlists (file_id, number, name, source_id, owner, description, n_entries)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                file_id,
                number,
                playlist.name,
                playlist.source_id,
                playlist.owner,
                playlist.description,
                len(playlist.entries),
            ),
        )
        rows = [(cursor.lastrowid, entry.position, self._item(entry), entry.added_at) for entry in playlist.entries]
        self.db.executemany("INSERT INTO entries (playlist_id, position, item_id, added_at) VALUES (?, ?, ?, ?)", rows)

    def _item(self, entry: Entry) -> int:
        folder = self.folder if entry.path is not None and is_relative(entry.path) else None
        self.relative = self.relative or folder is not None
        said = (
            entry.title, entry.artist, entry.album, entry.duration_s, entry.path,
            None if folder is None else os.fsencode(folder), entry.isrc, entry.mb_recording_id, entry.track_uri,
        )  # fmt: skip
        known = self.items.get(said)
        if known is not None:
            return known
        digest = hashlib.blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        # Keys are text, which lone surrogates (of folders that are not UTF-8) cannot be.
        key = track_key(entry, self.folder).encode("utf-8", "backslashreplace").decode()
        self.keys.add(hash(key))
        row = self.db.execute("SELECT item_id FROM playlist_items WHERE digest = ?", (digest,)).fetchone()
        item_id = int(row[0] if row else self.db.execute(_INSERT_ITEM, (digest, key, *said)).lastrowid or 0)
        self.items[said] = item_id
        return item_id


def _forget_file(db: sqlite3.Connection, file_id: int) -> None:
    db.execute(
        "DELETE FROM entries WHERE playlist_id IN (SELECT playlist_id FROM playlists WHERE file_id = ?)", (file_id,)
    )
    db.execute("DELETE FROM playlists WHERE file_id = ?", (file_id,))
    db.execute("DELETE FROM playlist_files WHERE file_id = ?", (file_id,))


def _hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
