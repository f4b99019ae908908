"""The tables of `songnet.db`, version by version."""

from __future__ import annotations

import logging
import sqlite3

from songnet.errors import LibraryError, LibraryVersionError

log = logging.getLogger(__name__)

# Version 1, as the first libraries have it: it never changes any more, later versions are in `MIGRATIONS`.
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


# What leads from the version before to this one. A new library goes through all of them, so that it cannot differ
# from one that was made long ago.
MIGRATIONS = {
    2: """
-- A grouping of tracks that was found once; finding another under the same name adds a row and changes none.
CREATE TABLE partitions (
    partition_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    branch TEXT NOT NULL CHECK (branch IN ('cluster', 'community')),
    method TEXT NOT NULL,
    parameters TEXT NOT NULL,
    run_id INTEGER REFERENCES runs (run_id),
    created_at TEXT NOT NULL,
    n_tracks INTEGER NOT NULL,
    n_groups INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;

-- track_id refers to no table: playlists name tracks that nobody has as a file.
CREATE TABLE labels (
    partition_id INTEGER NOT NULL REFERENCES partitions (partition_id),
    track_id TEXT NOT NULL,
    label INTEGER NOT NULL CHECK (label = -1 OR label >= 1),
    silhouette REAL,
    PRIMARY KEY (partition_id, track_id)
) STRICT, WITHOUT ROWID;

-- Finished parts of a clustering under way, so that one that was interrupted goes on where it stopped.
CREATE TABLE sweeps (
    sweep_id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE sweep_parts (
    key TEXT NOT NULL,
    part TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (key, part)
) STRICT, WITHOUT ROWID;
""",
    3: """
-- A file that playlists were read from. The same content at another path is the same file, unless it says where
-- tracks lie relative to itself.
CREATE TABLE playlist_files (
    file_id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    sha256 TEXT NOT NULL,
    source TEXT NOT NULL,
    relative INTEGER NOT NULL,
    imported_at TEXT NOT NULL,
    n_skipped INTEGER NOT NULL,
    problem TEXT
) STRICT;
CREATE INDEX playlist_files_of_content ON playlist_files (sha256);

CREATE TABLE playlists (
    playlist_id INTEGER PRIMARY KEY,
    file_id INTEGER NOT NULL REFERENCES playlist_files (file_id),
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    source_id TEXT,
    owner TEXT,
    description TEXT,
    n_entries INTEGER NOT NULL,
    UNIQUE (file_id, number)
) STRICT;

-- What entries say of a track, each wording once: a million playlists repeat two million wordings 66 million times.
-- track_key is the same for all wordings of one track. method without track_id says why there is no match. track_id
-- refers to no table: finding the rows of a track that goes would mean reading all.
CREATE TABLE playlist_items (
    item_id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    track_key TEXT NOT NULL,
    title TEXT,
    artist TEXT,
    album TEXT,
    duration_s REAL,
    path TEXT,
    folder BLOB,
    isrc TEXT,
    mb_recording_id TEXT,
    track_uri TEXT,
    track_id TEXT,
    method TEXT,
    confidence REAL CHECK ((confidence IS NULL) = (track_id IS NULL) AND confidence BETWEEN 0 AND 1)
) STRICT;

CREATE TABLE entries (
    playlist_id INTEGER NOT NULL REFERENCES playlists (playlist_id),
    position INTEGER NOT NULL,
    item_id INTEGER NOT NULL,
    added_at TEXT,
    PRIMARY KEY (playlist_id, position)
) STRICT, WITHOUT ROWID;
""",
}
OLDEST_VERSION = 1
SCHEMA_VERSION = max(MIGRATIONS)


def create_tables(connection: sqlite3.Connection) -> None:
    """Lay the current schema into an empty database, whole or not at all."""
    tables = TABLES + "".join(MIGRATIONS[version] for version in sorted(MIGRATIONS))
    connection.executescript(f"BEGIN IMMEDIATE;{tables}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;")


def schema_version(connection: sqlite3.Connection) -> int:
    """Which version of the schema a database has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, where: str) -> None:
    """Refuse a database that this program does not understand.

    An older one that can be brought to the present version is accepted: for readers as it is, for the writer to be
    passed to `migrate`.

    Raises
    ------
    LibraryVersionError
        If the library was written by a newer program, or by none.
    """
    found = schema_version(connection)
    if found > SCHEMA_VERSION:
        raise LibraryVersionError(
            f"the library {where} has schema {found}, this program knows up to {SCHEMA_VERSION}: update songnet"
        )
    if found < OLDEST_VERSION:
        raise LibraryVersionError(
            f"the library {where} has schema {found}, which no program ever wrote: restore songnet.db from a backup"
        )


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Bring a database to the present schema, one version after the other.

    Each step is one transaction, its version number included: whatever stops the program, the database has the old
    version or the new one. Nothing happens to a database of the present version.

    Parameters
    ----------
    connection : sqlite3.Connection
        The writer's, outside a transaction; `check_version` has accepted the database.
    where : str
        The library's folder, for messages.

    Raises
    ------
    LibraryError
        If a step fails, because the disk is full for instance; the database is as before that step.
    """
    found = schema_version(connection)
    for version in range(found + 1, SCHEMA_VERSION + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE;{MIGRATIONS[version]}PRAGMA user_version = {version};COMMIT;")
        except sqlite3.Error as error:
            connection.rollback()
            raise LibraryError(
                f"the library {where} stays at schema {version - 1}, for bringing it to {version} failed ({error}):"
                " see to that and run the command again"
            ) from error
        log.info("the library %s was brought from schema %d to %d", where, version - 1, version)
