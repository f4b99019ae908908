"""Finding the audio files below some folders.

Paths are bytes throughout: file systems hold names that are no valid text in any encoding, and a path must
open the file that it was read from. Order is the order of the bytes, so two scans of the same tree agree.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["AUDIO_EXTENSIONS", "FoundFile", "ScanReport", "scan"]

AUDIO_EXTENSIONS: frozenset[bytes] = frozenset(
    b"." + name
    for name in (
        b"3ga aa3 aac ac3 adts aif aifc aiff amr ape asf au awb caf dff dsf dts ec3 eac3 flac m4a m4b m4p m4r mka "
        b"mp1 mp2 mp3 mp4 mpa mpc mpga oga ogg ogx oma opus ra ram rf64 shn snd spx tak tta w64 wav wave weba webm "
        b"wma wv"
    ).split()
)
"""Extensions, lower case and with their dot, of the files that `scan` picks up inside folders."""


@dataclass(frozen=True)
class FoundFile:
    """One audio file as the file system describes it.

    Attributes
    ----------
    path : bytes
        Absolute path, in the file system's own bytes.
    size : int
        Length in bytes.
    mtime_ns : int
        Time of last modification, nanoseconds since the epoch.
    """

    path: bytes
    size: int
    mtime_ns: int


@dataclass
class ScanReport:
    """What `scan` found.

    Attributes
    ----------
    files : list of FoundFile
        Sorted by path, each path once.
    ignored : int
        Files passed over: no audio extension, resource forks (``._name``), pipes, sockets and devices.
    problems : list of (bytes, str)
        Path and reason: roots that do not exist, folders that cannot be read, links that lead nowhere.
    """

    files: list[FoundFile] = field(default_factory=list)
    ignored: int = 0
    problems: list[tuple[bytes, str]] = field(default_factory=list)


def scan(roots: Sequence[bytes | str | Path]) -> ScanReport:
    """List the audio files at and below `roots`.

    Links to folders are followed, but each folder is entered once, so loops and overlapping roots end. A file
    named as a root is listed whatever its extension. No file is opened.

    Parameters
    ----------
    roots : sequence of bytes, str or Path
        Folders and files; relative ones are taken from the current folder.

    Returns
    -------
    ScanReport
        Never raises for what it meets on disk: what cannot be read is in ``problems``.
    """
    report = ScanReport()
    found: dict[bytes, FoundFile] = {}
    visited: set[tuple[int, int]] = set()
    pending: list[bytes] = []
    for path in sorted({os.path.abspath(os.fsencode(root)) for root in roots}):
        try:
            status = os.stat(path)  # noqa: PTH116 (paths are bytes)
        except OSError as error:
            report.problems.append((path, _reason(error)))
            continue
        if stat.S_ISDIR(status.st_mode):
            pending.append(path)
        elif stat.S_ISREG(status.st_mode):
            found[path] = FoundFile(path, status.st_size, status.st_mtime_ns)
        else:
            report.ignored += 1
    # Taken from the end: reversed, the first folder in byte order comes first and wins where two lead to one place.
    pending.reverse()
    while pending:
        folder = pending.pop()
        pending.extend(reversed(_scan_folder(folder, visited, found, report)))
    report.files = [found[path] for path in sorted(found)]
    report.problems.sort()
    return report


def _scan_folder(
    folder: bytes, visited: set[tuple[int, int]], found: dict[bytes, FoundFile], report: ScanReport
) -> list[bytes]:
    """Add one folder's files to `found`; return its sub-folders, sorted."""
    folders: list[bytes] = []
    try:
        status = os.stat(folder)  # noqa: PTH116 (paths are bytes)
        if (status.st_dev, status.st_ino) in visited:
            return folders
        visited.add((status.st_dev, status.st_ino))
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        report.problems.append((folder, _reason(error)))
        return folders
    for entry in entries:
        is_audio = _is_audio_name(entry.name)
        try:
            if entry.is_dir():
                folders.append(entry.path)
                continue
            if not is_audio:
                report.ignored += entry.path not in found
                continue
            # entry.stat would be served from a cache that some file systems fill with zeros for links.
            status = os.stat(entry.path)  # noqa: PTH116 (paths are bytes)
        except OSError as error:
            if is_audio or entry.is_symlink():
                report.problems.append((entry.path, _reason(error)))
            continue
        if stat.S_ISREG(status.st_mode):
            found[entry.path] = FoundFile(entry.path, status.st_size, status.st_mtime_ns)
        else:
            report.ignored += 1
    return folders


def _is_audio_name(name: bytes) -> bool:
    extension = os.path.splitext(name)[1]  # noqa: PTH122 (paths are bytes)
    return not name.startswith(b"._") and extension.lower() in AUDIO_EXTENSIONS


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, PermissionError):
        return "no permission to read it"
    return (error.strerror or "cannot be read").lower()
