"""What the library knows of tracks, of the paths they stand at, and of the files it could not read."""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

TRACK_COLUMNS = (
    "track_id", "source", "duration_s", "sr", "channels", "codec", "truncated", "title", "artist", "album",
    "album_artist", "date", "genre", "track_number", "isrc", "mb_recording_id", "mb_artist_id", "mb_album_id",
)  # fmt: skip


# The marks of Latin, Greek and Cyrillic letters; those of other scripts make another letter.
DIACRITICS = re.compile("[\u0300-\u036f]")


def fold(text: str) -> str:
    """What remains of a tag when the way it is written does not matter: neither case, diacritics nor spaces.

    Examples
    --------
    >>> fold("  Sigur  Rós ")
    'sigur ros'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", DIACRITICS.sub("", unicodedata.normalize("NFKD", text)))
    return " ".join(text.casefold().split())


def now() -> str:
    """The present moment in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class KnownPath(NamedTuple):
    """What is stored of one path."""

    track_id: str
    size: int
    mtime_ns: int
    missing: bool


@dataclass(frozen=True)
class Failure:
    """A file that could not be read, and why."""

    path: bytes
    kind: str
    reason: str
    attempts: int
    failed_at: str


def known_paths(db: sqlite3.Connection) -> dict[bytes, KnownPath]:
    """Every path the library has ever read, with the track behind it."""
    rows = db.execute("SELECT path, track_id, size, mtime_ns, missing_since IS NOT NULL FROM paths")
    return {row[0]: KnownPath(row[1], row[2], row[3], bool(row[4])) for row in rows}


def known_failures(db: sqlite3.Connection) -> dict[bytes, tuple[int, int]]:
    """``path -> (size, mtime_ns)`` of the files that failed when they were last read."""
    return {row[0]: (row[1], row[2]) for row in db.execute("SELECT path, size, mtime_ns FROM failures")}


def list_failures(db: sqlite3.Connection) -> list[Failure]:
    """The failed files, sorted by path."""
    rows = db.execute("SELECT path, kind, reason, attempts, failed_at FROM failures ORDER BY path")
    return [Failure(*row) for row in rows]


def upsert_track(db: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Insert a track, or renew its tags when it is there (a retagged file keeps its identity)."""
    names = [name for name in TRACK_COLUMNS if name in values]
    renewed = ", ".join(f"{name} = excluded.{name}" for name in names if name not in ("track_id", "source"))
    db.execute(
        f"INSERT INTO tracks ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        f" ON CONFLICT (track_id) DO UPDATE SET {renewed or 'track_id = track_id'}",
        [values[name] for name in names],
    )


def upsert_path(db: sqlite3.Connection, path: bytes, track_id: str, size: int, mtime_ns: int) -> None:
    """Say that a path holds a track; whatever it held or failed with before is forgotten."""
    db.execute(
        "INSERT INTO paths (path, track_id, size, mtime_ns) VALUES (?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
        " track_id = excluded.track_id, size = excluded.size, mtime_ns = excluded.mtime_ns, missing_since = NULL",
        (path, track_id, size, mtime_ns),
    )
    db.execute("DELETE FROM failures WHERE path = ?", (path,))


def record_failure(db: sqlite3.Connection, path: bytes, size: int, mtime_ns: int, kind: str, reason: str) -> None:
    """Store why a file could not be read; attempts are counted as long as the file is the same."""
    db.execute(
        "INSERT INTO failures (path, size, mtime_ns, kind, reason, attempts, failed_at) VALUES (?, ?, ?, ?, ?, 1, ?)"
        " ON CONFLICT (path) DO UPDATE SET kind = excluded.kind, reason = excluded.reason, failed_at ="
        " excluded.failed_at,"
        " attempts = CASE WHEN size = excluded.size AND mtime_ns = excluded.mtime_ns THEN attempts + 1 ELSE 1 END,"
        " size = excluded.size, mtime_ns = excluded.mtime_ns",
        (path, size, mtime_ns, kind, reason, now()),
    )
    # What the path held before is no longer there to be heard.
    db.execute("UPDATE paths SET missing_since = ? WHERE path = ? AND missing_since IS NULL", (now(), path))


def mark_missing(db: sqlite3.Connection, paths: Iterable[bytes]) -> int:
    """Mark paths as gone; their tracks and codes stay. Returns how many were marked now."""
    moment = now()
    cursor = db.executemany(
        "UPDATE paths SET missing_since = ? WHERE path = ? AND missing_since IS NULL",
        [(moment, path) for path in paths],
    )
    return max(0, cursor.rowcount)


def forget_failures(db: sqlite3.Connection, paths: Iterable[bytes]) -> None:
    """Take files off the list of failures: they are gone."""
    db.executemany("DELETE FROM failures WHERE path = ?", [(path,) for path in paths])


def mark_found(db: sqlite3.Connection, paths: Iterable[bytes]) -> int:
    """Take the mark away from paths that are back."""
    cursor = db.executemany(
        "UPDATE paths SET missing_since = NULL WHERE path = ? AND missing_since IS NOT NULL",
        [(path,) for path in paths],
    )
    return max(0, cursor.rowcount)


def tracks_by_id(db: sqlite3.Connection, track_ids: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Tracks as dictionaries of `TRACK_COLUMNS` plus ``path`` (bytes or None) and ``missing`` (bool).

    Parameters
    ----------
    db : sqlite3.Connection
        The library's database.
    track_ids : sequence of str, optional
        The tracks wanted; all when left out. Unknown ids are left out of the answer.

    Returns
    -------
    dict
        ``track_id -> track``, sorted by id. ``path`` is the first path (by bytes) at which the track stands now, or
        stood last; ``missing`` tells that no path holds it any more. An imported image has no path and is never
        missing.
    """
    query = (
        f"SELECT {', '.join(TRACK_COLUMNS)},"
        " (SELECT path FROM paths p WHERE p.track_id = t.track_id ORDER BY missing_since IS NOT NULL, path LIMIT"
        " 1) AS path,"
        " source = 'audio' AND NOT EXISTS"
        " (SELECT 1 FROM paths p WHERE p.track_id = t.track_id AND missing_since IS NULL) AS missing"
        " FROM tracks t"
    )
    if track_ids is None:
        rows = db.execute(f"{query} ORDER BY track_id").fetchall()
    else:
        rows = [row for key in sorted(set(track_ids)) for row in db.execute(f"{query} WHERE track_id = ?", (key,))]
    return {row["track_id"]: {**dict(row), "missing": bool(row["missing"])} for row in rows}
