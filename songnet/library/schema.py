"""The tables of `songnet.db`, version by version."""

from __future__ import annotations

import sqlite3

from songnet.errors import LibraryVersionError

SCHEMA_VERSION = 1

TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- A track is its audio: track_id hashes decoded samples (or is the file name of an imported image).
CREATE TABLE tracks (
    track_id TEXT PRIMARY KEY,
    source TEXT NOT NULL CHECK (source IN ('audio', 'image')),
    duration_s REAL,
    sr INTEGER,
    channels INTEGER,
    codec TEXT,
    truncated INTEGER NOT NULL DEFAULT 0,
    title TEXT,
    artist TEXT,
    album TEXT,
    album_artist TEXT,
    date TEXT,
    genre TEXT,
    track_number INTEGER,
    isrc TEXT,
    mb_recording_id TEXT,
    mb_artist_id TEXT,
    mb_album_id TEXT
) STRICT;

-- Paths are bytes: a file name need not be text. One track may stand at several paths.
CREATE TABLE paths (
    path BLOB PRIMARY KEY,
    track_id TEXT NOT NULL REFERENCES tracks (track_id),
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    missing_since TEXT
) STRICT;
CREATE INDEX paths_of_track ON paths (track_id);

-- A row here says that the image table `image_set` holds exactly n_clips rows of this track.
CREATE TABLE images (
    image_set TEXT NOT NULL,
    track_id TEXT NOT NULL REFERENCES tracks (track_id),
    n_clips INTEGER NOT NULL,
    PRIMARY KEY (image_set, track_id)
) STRICT, WITHOUT ROWID;

-- The same for the codes of one model; model_key carries the hash of its weights.
CREATE TABLE codes (
    model_key TEXT NOT NULL,
    track_id TEXT NOT NULL REFERENCES tracks (track_id),
    n_clips INTEGER NOT NULL,
    PRIMARY KEY (model_key, track_id)
) STRICT, WITHOUT ROWID;

-- Files handed to a worker and not yet answered for. A row still active when a run starts was under way when
-- the last one died: it is counted, and the file is read last and alone, so that it can hold up no other.
CREATE TABLE reading (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    interrupted INTEGER NOT NULL DEFAULT 0,
    active INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE failures (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    failed_at TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
    run_id INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    version TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT NOT NULL CHECK (status IN ('running', 'done', 'partial', 'failed', 'interrupted')),
    seed INTEGER,
    parameters TEXT NOT NULL,
    summary TEXT
) STRICT;
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Lay the current schema into an empty database, whole or not at all."""
    connection.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")


def check_version(connection: sqlite3.Connection, where: str) -> None:
    """Refuse a database that this program does not understand.

    Raises
    ------
    LibraryVersionError
        If the library was written by a newer or an older program.
    """
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > SCHEMA_VERSION:
        raise LibraryVersionError(
            f"the library {where} has schema {found}, this program knows up to {SCHEMA_VERSION}: update songnet"
        )
    if found < SCHEMA_VERSION:
        raise LibraryVersionError(
            f"the library {where} has schema {found}, which no program ever wrote: restore songnet.db from a backup"
        )
