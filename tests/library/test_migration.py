"""Libraries of schema 1 are read as they are and brought to the present schema by the first writer."""

import logging
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from songnet.errors import InputNotFoundError, LibraryError, LibraryVersionError
from songnet.library import (
    Library,
    highest_label,
    list_partitions,
    load_partition,
    load_parts,
    save_part,
    save_partition,
    schema,
)
from songnet.library import tracks as ledger
from songnet.library.store import LibrarySettings
from songnet.partition import Partition

# As the first released program laid it, and independent of what the present one thinks it was.
VERSION_1 = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
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
CREATE TABLE paths (
    path BLOB PRIMARY KEY,
    track_id TEXT NOT NULL REFERENCES tracks (track_id),
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    missing_since TEXT
) STRICT;
CREATE INDEX paths_of_track ON paths (track_id);
CREATE TABLE images (
    image_set TEXT NOT NULL,
    track_id TEXT NOT NULL REFERENCES tracks (track_id),
    n_clips INTEGER NOT NULL,
    PRIMARY KEY (image_set, track_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE codes (
    model_key TEXT NOT NULL,
    track_id TEXT NOT NULL REFERENCES tracks (track_id),
    n_clips INTEGER NOT NULL,
    PRIMARY KEY (model_key, track_id)
) STRICT, WITHOUT ROWID;
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
ROWS = """
INSERT INTO meta VALUES ('a', 'b');
INSERT INTO tracks (track_id, source, title, duration_s) VALUES
    ('t1', 'audio', 'Één', 12.5), ('t2', 'image', NULL, NULL);
INSERT INTO paths VALUES (X'2F6D2FFF2E6D7033', 't1', 10, 1700000000000000001, NULL);
INSERT INTO images VALUES ('songnet-8', 't1', 8);
INSERT INTO codes VALUES ('cae.abc', 't1', 8);
INSERT INTO reading VALUES (X'2F78', 1, 2, 3, 0);
INSERT INTO failures VALUES (X'2F79', 1, 2, 'corrupt', 'broken', 4, '2020-01-01T00:00:00Z');
INSERT INTO runs VALUES (7, 'embed', '0.1.0', 's', 'f', 'done', 0, '{}', '{"read": 1}');
"""
TABLES = ("meta", "tracks", "paths", "images", "codes", "reading", "failures", "runs")
NEW_TABLES = {"partitions", "labels", "sweep_parts"}
PLAYLIST_TABLES = {"playlist_files", "playlists", "playlist_items", "entries"}


@pytest.fixture
def old_library(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "songnet.toml").write_text(LibrarySettings().to_toml())
    database = sqlite3.connect(folder / "songnet.db")
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(f"BEGIN;{VERSION_1}{ROWS}PRAGMA user_version = 1;COMMIT;")
    database.close()
    return folder


def rows_of(path):
    database = sqlite3.connect(path / "songnet.db")
    found = {table: database.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}
    database.close()
    return found


def shape_of(path):
    """Version, and what every table and index was made with, comments and spaces aside."""
    database = sqlite3.connect(path / "songnet.db")
    assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    version = database.execute("PRAGMA user_version").fetchone()[0]
    entries = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    database.close()
    return version, {name: " ".join(sql.split()) for name, sql in entries}


def test_the_first_writer_brings_the_library_up_to_date_and_loses_nothing(old_library, caplog):
    before = rows_of(old_library)
    assert all(before.values())
    caplog.set_level(logging.INFO, "songnet")
    with Library(old_library, write=True) as library:
        partition = Partition.from_labels(["t1", "x"], [1, 2], "kmeans", {})
        save_partition(library, partition, name="n", branch="cluster", run_id=7, summary={})
        assert ledger.tracks_by_id(library.db)["t1"]["path"] == b"/m/\xff.mp3"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", f"the library {old_library} was brought from schema 1 to 2"),
        ("INFO", f"the library {old_library} was brought from schema 2 to 3"),
    ]
    assert rows_of(old_library) == before
    with Library(old_library, write=True) as library:
        assert load_partition(library, "n", "cluster")[1].labels.tolist() == [1, 2]
    assert len(caplog.records) == 2


def test_an_old_library_ends_up_like_a_new_one(old_library, tmp_path):
    version, tables = shape_of(old_library)
    assert (version, set(tables) & NEW_TABLES) == (1, set())
    Library(tmp_path / "new", write=True, create=True).close()
    Library(old_library, write=True).close()
    assert shape_of(old_library) == shape_of(tmp_path / "new")
    version, tables = shape_of(old_library)
    assert version == schema.SCHEMA_VERSION == 3
    assert set(tables) >= NEW_TABLES | PLAYLIST_TABLES


def test_the_text_of_version_1_has_not_changed():
    def made(script):
        database = sqlite3.connect(":memory:")
        database.executescript(script)
        found = {
            row[0]: " ".join(row[1].split())
            for row in database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        }
        database.close()
        return found

    assert made(schema.TABLES) == made(VERSION_1)


def test_a_reader_changes_nothing_and_finds_no_partitions(old_library):
    before = (old_library / "songnet.db").read_bytes()
    with Library(old_library) as library:
        assert ledger.tracks_by_id(library.db)["t1"]["title"] == "Één"
        assert list_partitions(library) == []
        assert load_parts(library, "k") == {}
        assert highest_label(library, "n", "cluster") == 0
        with pytest.raises(InputNotFoundError, match="has no cluster partition: run `songnet cluster` first"):
            load_partition(library, None, "cluster")
    assert (old_library / "songnet.db").read_bytes() == before
    assert shape_of(old_library)[0] == 1


def test_a_reader_that_was_there_first_sees_what_the_writer_adds(old_library):
    with Library(old_library) as reader:
        assert load_parts(reader, "k") == {}
        with Library(old_library, write=True) as writer:
            save_part(writer, "k", "a", 1)
        assert load_parts(reader, "k") == {"a": 1}


@pytest.mark.parametrize(("version", "write"), [(0, False), (0, True), (4, False), (4, True)])
def test_other_versions_are_refused_and_left_alone(old_library, version, write):
    database = sqlite3.connect(old_library / "songnet.db")
    database.execute(f"PRAGMA user_version = {version}")
    database.close()
    message = "which no program ever wrote" if version == 0 else "this program knows up to 3: update songnet"
    with pytest.raises(LibraryVersionError, match=f"has schema {version}, {message}"):
        Library(old_library, write=write)
    found, tables = shape_of(old_library)
    assert (found, set(tables) & NEW_TABLES) == (version, set())


def test_a_step_that_fails_is_taken_back_whole(old_library, monkeypatch):
    before = shape_of(old_library), rows_of(old_library)
    broken = {**schema.MIGRATIONS, 2: schema.MIGRATIONS[2] + "DROP TABLE failures; CREATE TABLE meta (x);"}
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(LibraryError, match=r"stays at schema 1, for bringing it to 2 failed \(table meta already"):
            Library(old_library, write=True)
        database = sqlite3.connect(old_library / "songnet.db")
        with pytest.raises(LibraryError, match="stays at schema 1"):
            schema.migrate(database, "here")
        assert not database.in_transaction
        database.close()
    assert (shape_of(old_library), rows_of(old_library)) == before
    # Lock and all are free again, and the right step works.
    Library(old_library, write=True).close()
    assert shape_of(old_library)[0] == 3


def test_versions_are_taken_one_by_one(old_library, monkeypatch):
    later = {**schema.MIGRATIONS, 4: "CREATE TABLE third (x) STRICT;", 5: "CREATE TABLE fourth (x INTEGER) STRICT;"}
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 5)
    with pytest.raises(LibraryError, match="stays at schema 3, for bringing it to 4 failed"):
        Library(old_library, write=True)
    version, tables = shape_of(old_library)
    assert (version, set(tables) >= NEW_TABLES, "third" in tables) == (3, True, False)
    monkeypatch.setitem(later, 4, "CREATE TABLE third (x INTEGER) STRICT;")
    Library(old_library, write=True).close()
    version, tables = shape_of(old_library)
    assert (version, {"third", "fourth"} <= set(tables)) == (5, True)


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from songnet.library import schema
import sqlite3

source = Path(sys.argv[1])
for count in range(1, 100):
    folder = source.parent / f"killed-{count}"
    shutil.copytree(source, folder)
    child = os.fork()
    if child == 0:
        seen = 0
        def traced(statement):
            global seen
            seen += 1
            if seen == count:
                os.kill(os.getpid(), signal.SIGKILL)
        database = sqlite3.connect(folder / "songnet.db")
        # A transaction of any size spills to the disk before it ends.
        database.execute("PRAGMA cache_size = 1")
        database.execute("PRAGMA synchronous = FULL")
        database.set_trace_callback(traced)
        schema.migrate(database, "here")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(count, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)
    if not os.WIFSIGNALED(status):
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a copy of itself")
def test_a_kill_at_any_statement_leaves_the_old_version_or_the_new_one(old_library):
    before = rows_of(old_library)
    script = subprocess.run(
        [sys.executable, "-c", KILLED, str(old_library)], capture_output=True, text=True, check=True
    )
    ends = [tuple(map(int, line.split())) for line in script.stdout.splitlines()]
    # Reading the version; then, a step: BEGIN, tables and indices (four, then five), the version number, COMMIT. Each
    # was the last thing one process did.
    assert [signal_number for _, signal_number in ends] == [signal.SIGKILL] * 16 + [0]
    seen = []
    for count, _ in ends:
        folder = old_library.parent / f"killed-{count}"
        version, tables = shape_of(folder)
        assert set(tables) & NEW_TABLES == (set() if version == 1 else NEW_TABLES)
        assert set(tables) & PLAYLIST_TABLES == (PLAYLIST_TABLES if version == 3 else set())
        assert rows_of(folder) == before
        seen.append(version)
        Library(folder, write=True).close()
        assert shape_of(folder)[0] == 3
    assert seen == [1] * 8 + [2] * 8 + [3]
