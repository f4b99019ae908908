"""Opening a library: the folder, its settings, its database, its one writer."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType

import filelock

from songnet.config import ImageConfig, build_config, read_toml
from songnet.errors import InputNotFoundError, LibraryDamagedError, LibraryError, LibraryLockedError, ParameterError
from songnet.library.arrays import ArrayStore
from songnet.library.files import write_bytes, write_json
from songnet.library.schema import check_version, create_tables, migrate

log = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class LibrarySettings:
    """What `songnet.toml` in a library holds: how its images are made unless a command says otherwise."""

    images: ImageConfig = field(default_factory=ImageConfig)

    def to_toml(self) -> str:
        """The settings as TOML, one key a line."""
        lines = ["# Settings of this SongNet library. Flags of a command go before what stands here.", "", "[images]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in asdict(self.images).items()]
        return "\n".join(lines) + "\n"


class Library:
    """A library on disk; use it as a context manager.

    Parameters
    ----------
    path : pathlib.Path
        The library's folder.
    write : bool
        Take the writer's lock; without it everything is read only.
    create : bool
        Make the library when the folder is empty or not there (needs ``write``).
    settings : LibrarySettings, optional
        Settings of a library that is made now.

    Attributes
    ----------
    db : sqlite3.Connection
        The truth: tracks, paths, what is done, what failed, the runs.
    arrays : ArrayStore
        Images, codes and vectors.
    settings : LibrarySettings
        As `songnet.toml` has them.

    Raises
    ------
    InputNotFoundError
        If there is no library and none may be made.
    LibraryError
        If the folder holds something else.
    LibraryLockedError
        If another process is writing.
    LibraryVersionError
        If the schema is a newer one than this program's. An older one is read as it is, and brought up to date when
        the library is opened for writing.
    """

    def __init__(
        self, path: Path, *, write: bool = False, create: bool = False, settings: LibrarySettings | None = None
    ) -> None:
        self.path = path
        self.write = write
        self._lock: filelock.BaseFileLock | None = None
        database = path / "songnet.db"
        if not database.exists():
            if (path / "songnet.toml").exists() and (path / "tables").exists():
                raise LibraryDamagedError(
                    f"{path} has the tables of a library but no songnet.db: restore it from a backup, or move the"
                    " folder"
                    " away and begin anew"
                )
            if not (write and create):
                raise InputNotFoundError(
                    f"there is no library at {path}: make one with `songnet embed FOLDER --library {path}`"
                )
            self._refuse_foreign_folder()
            path.mkdir(parents=True, exist_ok=True)
        if write:
            self._take_lock()
        try:
            self._open(database, settings or LibrarySettings())
        except BaseException:
            self.close()
            raise

    def _refuse_foreign_folder(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise LibraryError(f"{self.path} is a file; a library is a folder: choose another --library")
        own = {".lock", "writer.json", "songnet.toml", "songnet.db-wal", "songnet.db-shm"}
        # What a kill during the making of a library leaves.
        unfinished = (".songnet.db.new", ".writer.json.", ".songnet.toml.")
        entries = sorted(os.listdir(self.path)) if self.path.exists() else []
        foreign = [entry for entry in entries if entry not in own and not entry.startswith(unfinished)]
        if foreign:
            raise LibraryError(
                f"{self.path} is not a library and not empty (it holds {foreign[0]!r}): choose another folder for"
                " --library"
            )

    def _take_lock(self) -> None:
        # flock is released by the kernel when the process dies, however it dies.
        lock = filelock.FileLock(self.path / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise LibraryLockedError(
                f"the library {self.path} is being written by {self._writer()}: wait until it ends, or use"
                " another --library"
            ) from None
        except OSError as error:
            raise LibraryError(f"cannot write to the library {self.path}: {error.strerror}") from error
        self._lock = lock
        write_json(self.path / "writer.json", {"pid": os.getpid()})

    def _writer(self) -> str:
        try:
            return f"process {json.loads((self.path / 'writer.json').read_text())['pid']}"
        except (OSError, ValueError, KeyError):
            return "another process"

    def _open(self, database: Path, settings: LibrarySettings) -> None:
        settings_file = self.path / "songnet.toml"
        if not database.exists():
            # Built under another name, so that a kill leaves no database without tables.
            fresh = self.path / ".songnet.db.new"
            for unfinished in (fresh, self.path / f"{fresh.name}-journal"):
                unfinished.unlink(missing_ok=True)
            connection = sqlite3.connect(fresh)
            create_tables(connection)
            connection.close()
            write_bytes(settings_file, settings.to_toml().encode())
            os.replace(fresh, database)
        mode = "mode=rw" if self.write else _reading_mode(database)
        self.db = sqlite3.connect(f"{database.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_TIMEOUT_S)
        self.db.row_factory = sqlite3.Row
        try:
            check_version(self.db, str(self.path))
            if self.write:
                self.db.execute("PRAGMA journal_mode = WAL")
                self.db.execute("PRAGMA synchronous = FULL")
                self.db.execute("PRAGMA foreign_keys = ON")
                migrate(self.db, str(self.path))
        except sqlite3.DatabaseError as error:
            raise LibraryDamagedError(
                f"the database {database} cannot be read ({error}): restore it from a backup"
            ) from error
        self.settings = self._read_settings(settings_file)
        self.arrays = ArrayStore(self.path / "tables")
        self.models = self.path / "models"
        self.reports = self.path / "reports"
        if self.write:
            self.models.mkdir(exist_ok=True)
            self.reports.mkdir(exist_ok=True)

    @staticmethod
    def _read_settings(path: Path) -> LibrarySettings:
        if not path.exists():
            return LibrarySettings()
        content = read_toml(path)
        extra = set(content) - {"images"}
        if extra:
            raise ParameterError(f"{path}: a library's settings have only [images], not [{sorted(extra)[0]}]")
        return replace(LibrarySettings(), images=build_config(ImageConfig, content.get("images", {})))

    def close(self) -> None:
        """Close the database and give the lock back."""
        if hasattr(self, "db"):
            self.db.close()
        if self._lock is not None:
            (self.path / "writer.json").unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _reading_mode(database: Path) -> str:
    """How SQLite is told to open a database for reading, as a part of its address.

    Beside a database with a write-ahead log, SQLite makes two files even to read it. Where it may not, on read-only
    media for one, a log that holds nothing can be passed over: ``immutable`` takes the database as it is.

    Raises
    ------
    LibraryError
        If the log holds changes that cannot be read without those files.
    """
    if os.access(database.parent, os.W_OK):
        return "mode=ro"
    log_file, index = (database.with_name(f"{database.name}{ending}") for ending in ("-wal", "-shm"))
    if log_file.exists() and index.exists():
        # Somebody with write permission may be writing at this moment; with both files there SQLite reads beside them.
        return "mode=ro"
    if log_file.exists() and log_file.stat().st_size:
        raise LibraryError(
            f"the library {database.parent} may not be written to, and {log_file.name} holds changes that a stopped"
            " program left: copy the folder to where you may write and read it there, or read it here once with write"
            " permission"
        )
    return "mode=ro&immutable=1"
