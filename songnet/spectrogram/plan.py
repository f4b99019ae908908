"""What a run has to read: the folders as they are now against what the library knows of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from songnet.audio import FoundFile, ScanReport, scan
from songnet.config import ImageConfig
from songnet.library import Library
from songnet.library import tracks as ledger


@dataclass
class IngestReport:
    """What one run of `ingest` did; counts are files unless said otherwise."""

    found: int = 0
    unchanged: int = 0
    known_failures: int = 0
    read: int = 0
    new_tracks: int = 0
    moved: int = 0
    duplicates: int = 0
    failed: int = 0
    failed_by_kind: dict[str, int] = field(default_factory=dict)
    truncated: int = 0
    padded_tracks: int = 0
    missing: int = 0
    returned: int = 0
    ignored: int = 0
    unreadable_folders: int = 0
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0


def files_to_read(
    library: Library, found: ScanReport, images: ImageConfig, *, verify: bool, retry_failed: bool, report: IngestReport
) -> tuple[list[FoundFile], list[bytes]]:
    """The files whose sound the library does not have yet, and the paths that are back; the rest is counted.

    A file is taken for unchanged when its size and modification time are those of the last reading.
    """
    known = ledger.known_paths(library.db)
    failures = ledger.known_failures(library.db)
    done = done_tracks(library, images)
    wanted = []
    returned = []
    for file in found.files:
        before = known.get(file.path)
        if file.path in failures and failures[file.path] == (file.size, file.mtime_ns):
            if retry_failed:
                wanted.append(file)
            else:
                report.known_failures += 1
        elif (
            before is None
            or (before.size, before.mtime_ns) != (file.size, file.mtime_ns)
            or verify
            or before.track_id not in done
        ):
            wanted.append(file)
        else:
            report.unchanged += 1
            if before.missing:
                returned.append(file.path)
    return wanted, returned


def done_tracks(library: Library, images: ImageConfig) -> set[str]:
    """Tracks that have images of this set."""
    rows = library.db.execute("SELECT track_id FROM images WHERE image_set = ?", (images.key,))
    return {row[0] for row in rows}


def mark_removed(library: Library, roots: Sequence[bytes], found: ScanReport, report: IngestReport) -> Counter[str]:
    """Mark files that are gone from the roots; a root that vanished or became empty marks nothing.

    An unmounted disk looks like an empty folder: nobody deletes a whole collection by hand and then scans it.

    Returns
    -------
    collections.Counter
        Paths marked now, by track: one that turns up elsewhere in the same run was moved.
    """
    present = {file.path for file in found.files}
    closed = tuple(path + b"/" for path, _ in found.problems) or (b"\0",)
    known = {path: entry.track_id for path, entry in ledger.known_paths(library.db).items() if not entry.missing}
    away: Counter[str] = Counter()
    failed = list(ledger.known_failures(library.db))
    for root in roots:
        below = (root, root.rstrip(b"/") + b"/")

        def gone(paths: Iterable[bytes], below: tuple[bytes, bytes] = below) -> list[bytes]:
            inside = [path for path in paths if path == below[0] or path.startswith(below[1])]
            return [path for path in inside if path not in present and not path.startswith(closed)]

        removed = gone(known)
        if removed and not any(path == below[0] or path.startswith(below[1]) for path in present):
            report.warnings.append(
                f"{show_path(root)} has no audio any more, {len(removed)} files were there: nothing was marked as"
                " removed (is a disk missing?)"
            )
            continue
        with library.db:
            report.missing += ledger.mark_missing(library.db, removed)
            away.update(known[path] for path in removed)
            ledger.forget_failures(library.db, gone(failed))
    return away


def show_path(path: bytes) -> str:
    """A path for a message."""
    return path.decode("utf-8", "backslashreplace")


def scan_roots(roots: Sequence[Path], report: IngestReport) -> ScanReport:
    """Walk folders and take down what was found, passed over and closed to us."""
    found = scan([path.absolute() for path in roots])
    report.found, report.ignored = len(found.files), found.ignored
    # A link to nowhere is worth a word, but nothing of the user's is missing from the library for it.
    report.unreadable_folders = sum(not Path(os.fsdecode(path)).is_symlink() for path, _ in found.problems)
    report.warnings += [f"{show_path(path)}: {reason}" for path, reason in found.problems]
    return found


def preview(library: Library | None, roots: Sequence[Path], images: ImageConfig) -> tuple[IngestReport, int]:
    """What `songnet.spectrogram.ingest` would do, without doing it.

    Parameters
    ----------
    library : Library or None
        Open for reading; None when there is none yet.
    roots : sequence of pathlib.Path
        Folders or files.
    images : ImageConfig
        Recipe and clips.

    Returns
    -------
    tuple of IngestReport and int
        The counts, and how many files would be read.
    """
    report = IngestReport()
    found = scan_roots(roots, report)
    if library is None:
        return report, len(found.files)
    wanted, _ = files_to_read(library, found, images, verify=False, retry_failed=False, report=report)
    return report, len(wanted)
