"""Atomic writing: a file is either the old one or the new one, never half of either."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from songnet.errors import ParameterError


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file by way of a temporary neighbour, which is complete before it takes the name.

    Parameters
    ----------
    path : pathlib.Path
        Its folder must exist.
    content : bytes
        The whole new content.
    durable : bool
        Wait until the file and its name are on the disk, so that a power failure cannot take them back.

    Raises
    ------
    ParameterError
        If a folder, a device or another thing that is no regular file has that name. A link is followed.
    """
    if path.is_symlink():
        path = path.resolve()
    if path.exists() and not path.is_file():
        # Renaming would put a file in the place of a device, which then serves nobody any more.
        raise ParameterError(f"{path} is there and no regular file: choose another name")
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        # The user knows the file, not its temporary neighbour.
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_temporaries(folder: Path) -> int:
    """Delete what killed writers left in a folder and the folders below it; returns how many files.

    Only for the one process that may write there.
    """
    debris = list(folder.glob("**/.*.tmp"))
    for path in debris:
        path.unlink(missing_ok=True)
    return len(debris)


def write_json(path: Path, content: Any) -> None:
    """Write an object as indented JSON with sorted keys, atomically."""
    write_bytes(path, (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())
