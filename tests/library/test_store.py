import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time

import pytest

from songnet.config import ImageConfig
from songnet.errors import InputNotFoundError, LibraryError, LibraryLockedError, LibraryVersionError, ParameterError
from songnet.library import Library, LibrarySettings


def test_a_new_library_has_its_parts_and_settings(tmp_path):
    settings = LibrarySettings(images=ImageConfig(clips=3))
    with Library(tmp_path / "new", write=True, create=True, settings=settings) as library:
        assert library.settings.images.key == "songnet-3"
        assert library.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert (tmp_path / "new" / "songnet.toml").read_text().count("clips = 3") == 1
    with Library(tmp_path / "new") as library:
        assert library.settings.images.clips == 3
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            library.db.execute("INSERT INTO meta VALUES ('a', 'b')")


def test_no_library_is_made_for_a_reader(tmp_path):
    with pytest.raises(InputNotFoundError, match="songnet embed"):
        Library(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(LibraryError, match=r"holiday\.jpg"):
        Library(tmp_path, write=True, create=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["holiday.jpg"]


def test_a_file_is_no_library(tmp_path):
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(LibraryError, match="is a file"):
        Library(path, write=True, create=True)


def test_a_second_writer_is_refused_at_once_and_readers_are_not(tmp_path):
    with Library(tmp_path / "lib", write=True, create=True):
        script = (
            "import sys; from pathlib import Path; from songnet.library import Library\n"
            "Library(Path(sys.argv[1])).close()\n"
            "Library(Path(sys.argv[1]), write=True)"
        )
        started = time.monotonic()
        result = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "lib")], capture_output=True, text=True, check=False
        )
        assert time.monotonic() - started < 20
        assert (
            f"LibraryLockedError: the library {tmp_path / 'lib'} is being written by process {os.getpid()}"
            in result.stderr
        )
    Library(tmp_path / "lib", write=True).close()


def _hold(path, ready):
    library = Library(path, write=True, create=True)
    ready.set()
    time.sleep(60)
    library.close()


def test_the_lock_dies_with_its_process(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "lib", ready))
    process.start()
    assert ready.wait(30)
    with pytest.raises(LibraryLockedError):
        Library(tmp_path / "lib", write=True)
    process.kill()
    process.join()
    Library(tmp_path / "lib", write=True).close()


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    Library(tmp_path / "lib", write=True, create=True).close()
    database = sqlite3.connect(tmp_path / "lib" / "songnet.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    for write in (False, True):
        with pytest.raises(LibraryVersionError, match="schema 99"):
            Library(tmp_path / "lib", write=write)


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "songnet.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(LibraryError, match=r"songnet\.db cannot be read"):
        Library(tmp_path / "lib")


def test_settings_with_an_unknown_key_are_refused(tmp_path):
    Library(tmp_path / "lib", write=True, create=True).close()
    (tmp_path / "lib" / "songnet.toml").write_text("[images]\nclip = 3\n")
    with pytest.raises(ParameterError, match=r"unknown key 'clip'; allowed: recipe, clips, silence_db"):
        Library(tmp_path / "lib")


def test_a_kill_while_a_library_is_made_leaves_a_folder_that_can_be_used(tmp_path):
    (tmp_path / "lib").mkdir()
    for name in (".songnet.db.new", "songnet.toml", ".lock"):
        (tmp_path / "lib" / name).write_text("" if name != "songnet.toml" else "[images]\n")
    with Library(tmp_path / "lib", write=True, create=True) as library:
        assert library.db.execute("SELECT count(*) FROM tracks").fetchone()[0] == 0


def test_the_writer_is_named_while_it_writes(tmp_path):
    with Library(tmp_path / "lib", write=True, create=True):
        assert json.loads((tmp_path / "lib" / "writer.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "lib" / "writer.json").exists()


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """A library in a folder without write permission, also for a superuser, whom the mode of a folder does not stop."""
    folder = tmp_path / "lib"
    with Library(folder, write=True, create=True) as library:
        library.db.execute("INSERT INTO meta VALUES ('colour', 'blue')")
        library.db.commit()
    folder.chmod(0o555)
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK and allowed(path, mode))
    yield folder
    folder.chmod(0o755)


def test_a_library_without_write_permission_is_read_and_nothing_is_made_beside_it(unwritable):
    before = sorted(entry.name for entry in unwritable.iterdir())
    assert not any(name.startswith("songnet.db-") for name in before)
    with Library(unwritable) as library:
        assert library.db.execute("SELECT value FROM meta WHERE key = 'colour'").fetchone()[0] == "blue"
        assert sorted(entry.name for entry in unwritable.iterdir()) == before


def test_changes_that_cannot_be_read_without_write_permission_are_not_passed_over(unwritable):
    unwritable.chmod(0o755)
    with sqlite3.connect(unwritable / "songnet.db") as writer:
        writer.execute("UPDATE meta SET value = 'red' WHERE key = 'colour'")
        writer.commit()
        left = (unwritable / "songnet.db-wal").read_bytes()
    writer.close()
    assert left
    (unwritable / "songnet.db-wal").write_bytes(left)
    unwritable.chmod(0o555)
    with pytest.raises(LibraryError, match="db-wal holds changes that a stopped program left: copy the folder"):
        Library(unwritable)


def test_who_may_not_write_reads_beside_a_writer(unwritable):
    writer = sqlite3.connect(unwritable / "songnet.db")
    writer.execute("UPDATE meta SET value = 'red' WHERE key = 'colour'")
    writer.commit()
    with Library(unwritable) as library:
        assert library.db.execute("SELECT value FROM meta WHERE key = 'colour'").fetchone()[0] == "red"
    writer.close()
