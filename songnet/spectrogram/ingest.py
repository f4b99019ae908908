"""From music folders to mel images in the library: incremental, resumable, and no file can stop it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from songnet.audio import FoundFile
from songnet.audio.workers import Outcome, isolated_map
from songnet.config import ImageConfig, ReadConfig
from songnet.errors import AudioError
from songnet.library import Library, table_name, to_arrow
from songnet.library import tracks as ledger
from songnet.progress import Progress, silent
from songnet.spectrogram.plan import IngestReport, done_tracks, files_to_read, mark_removed, scan_roots
from songnet.spectrogram.read import ReadJob, TrackImages, read_track
from songnet.spectrogram.recipes import Recipe, get_recipe

# A batch is written when it holds this many tracks or is this old, whichever comes first.
BATCH_TRACKS = 256
BATCH_SECONDS = 2.0
# Files noted in the database before they are handed to workers, in one transaction.
NOTED_TOGETHER = 32
# A file that was being read alone each time the run died, this often, is taken for the cause.
MAX_INTERRUPTIONS = 5


def ingest(
    library: Library,
    roots: Sequence[Path],
    images: ImageConfig,
    read: ReadConfig,
    *,
    n_workers: int,
    verify: bool = False,
    retry_failed: bool = False,
    progress: Progress = silent,
) -> IngestReport:
    """Bring the library's mel images up to date with some folders or files.

    Parameters
    ----------
    library : Library
        Open for writing and reconciled.
    roots : sequence of pathlib.Path
        Folders to walk, or files.
    images : ImageConfig
        Recipe and clips.
    read : ReadConfig
        Limits for one file.
    n_workers : int
        Processes that decode.
    verify : bool
        Read every file again, whatever its modification time says.
    retry_failed : bool
        Read again what failed before.
    progress : Progress
        Told of every file.

    Returns
    -------
    IngestReport
        Counts and warnings. Files that could not be read are in the library's ``failures``.
    """
    started = time.monotonic()
    report = IngestReport()
    found = scan_roots(roots, report)
    away = mark_removed(library, [bytes(path.absolute()) for path in roots], found, report)
    wanted, returned = files_to_read(library, found, images, verify=verify, retry_failed=retry_failed, report=report)
    with library.db:
        report.returned = ledger.mark_found(library.db, returned)
    recipe = get_recipe(images.recipe)
    batch = _Batch(library, images, report, away)
    failures: Counter[str] = Counter()
    try:
        for count, outcome in enumerate(_read_all(library, wanted, recipe, images, read, n_workers), start=1):
            file = outcome.item.file
            if outcome.error is not None:
                report.failed += 1
                failures[outcome.error.kind] += 1
                batch.add_failure(file, outcome.error.kind, outcome.error.reason)
            elif outcome.answer is not None:
                report.read += 1
                batch.add(file, outcome.answer)
            progress("read files", count, len(wanted), f"{report.failed} failed" if report.failed else "")
    finally:
        # Also on Ctrl-C: what has been read is kept, and what was under way is held against no file.
        batch.flush()
        with library.db:
            library.db.execute("DELETE FROM reading WHERE active = 1 AND interrupted = 0")
            library.db.execute("UPDATE reading SET active = 0")
        report.failed_by_kind = dict(sorted(failures.items()))
        report.seconds = time.monotonic() - started
    library.arrays.compact(table_name("images", images.key))
    return report


def _read_all(
    library: Library, wanted: list[FoundFile], recipe: Recipe, images: ImageConfig, read: ReadConfig, n_workers: int
) -> Iterator[Outcome[ReadJob, TrackImages]]:
    """Hand files to workers: first those nothing is held against, then, one by one, those a dead run was reading."""
    with library.db:
        library.db.execute("UPDATE reading SET interrupted = interrupted + 1, active = 0 WHERE active = 1")
    suspects = dict(library.db.execute("SELECT path, interrupted FROM reading").fetchall())
    innocent = [file for file in wanted if file.path not in suspects]
    alone = sorted(
        (file for file in wanted if file.path in suspects), key=lambda file: (suspects[file.path], file.path)
    )

    def note(jobs: list[ReadJob]) -> None:
        with library.db:
            library.db.executemany(
                "INSERT INTO reading (path, size, mtime_ns) VALUES (?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
                " active = 1",
                [(job.file.path, job.file.size, job.file.mtime_ns) for job in jobs],
            )

    for files, workers, group in ((innocent, n_workers, NOTED_TOGETHER), (alone, 1, 1)):
        # The first time a file was under way it was one of several; since then it was read alone.
        guilty = [file for file in files if suspects.get(file.path, 0) > MAX_INTERRUPTIONS]
        reason = f"songnet died {MAX_INTERRUPTIONS} times while this file alone was being read"
        for file in guilty:
            yield Outcome(ReadJob(file, recipe, images), None, AudioError(reason, "interrupted"))
        jobs = [ReadJob(file, recipe, images) for file in files if file not in guilty]
        if jobs:
            yield from isolated_map(
                read_track,
                jobs,
                n_workers=min(workers, len(jobs)),
                timeout_s=read.timeout_s,
                memory_mb=read.memory_mb,
                before=note,
                group=group,
            )


class _Batch:
    """Tracks read and not yet written; written arrays first, ledger second."""

    def __init__(self, library: Library, images: ImageConfig, report: IngestReport, away: Counter[str]) -> None:
        self.library = library
        self.away = away
        self.images = images
        self.report = report
        self.done = done_tracks(library, images)
        self.known = {row[0] for row in library.db.execute("SELECT track_id FROM tracks")}
        self.tracks: list[tuple[FoundFile, TrackImages]] = []
        self.failures: list[tuple[FoundFile, str, str]] = []
        self.since = time.monotonic()

    def add(self, file: FoundFile, track: TrackImages) -> None:
        self.tracks.append((file, track))
        self._flush_when_due()

    def add_failure(self, file: FoundFile, kind: str, reason: str) -> None:
        self.failures.append((file, kind, reason))
        self._flush_when_due()

    def _flush_when_due(self) -> None:
        pending = len(self.tracks) + len(self.failures)
        if pending >= BATCH_TRACKS or time.monotonic() - self.since >= BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        # Taken over first: a batch that cannot be written (a full disk) is not written a second time on the way out.
        tracks, self.tracks = self.tracks, []
        failures, self.failures = self.failures, []
        fresh: dict[str, TrackImages] = {}
        for _, track in tracks:
            if track.track["track_id"] not in self.done:
                fresh.setdefault(track.track["track_id"], track)
        if fresh:
            self.library.arrays.append(table_name("images", self.images.key), _image_rows(fresh))
        db = self.library.db
        with db:
            for file, track in tracks:
                ledger.upsert_track(db, track.track)
                ledger.upsert_path(db, file.path, track.track["track_id"], file.size, file.mtime_ns)
            db.executemany(
                "INSERT INTO images (image_set, track_id, n_clips) VALUES (?, ?, ?)",
                [(self.images.key, track_id, len(track.images)) for track_id, track in fresh.items()],
            )
            for file, kind, reason in failures:
                ledger.record_failure(db, file.path, file.size, file.mtime_ns, kind, reason)
            answered = [file for file, _ in tracks] + [file for file, _, _ in failures]
            db.executemany("DELETE FROM reading WHERE path = ?", [(file.path,) for file in answered])
        new = {track_id for track_id in fresh if track_id not in self.known}
        self.report.new_tracks += len(new)
        moved = sum((Counter(track.track["track_id"] for _, track in tracks) & self.away).values())
        self.away -= Counter(track.track["track_id"] for _, track in tracks)
        self.report.moved += moved
        self.report.missing -= moved
        self.report.duplicates += len(tracks) - len(fresh) - moved
        self.report.truncated += sum(track.track["truncated"] for _, track in tracks)
        self.report.padded_tracks += sum(any(track.padded) for track in fresh.values())
        self.done |= fresh.keys()
        self.known |= new
        self.since = time.monotonic()


def _image_rows(tracks: dict[str, TrackImages]) -> Any:
    counts = {track_id: range(len(track.images)) for track_id, track in tracks.items()}
    return to_arrow(
        [track_id for track_id, clips in counts.items() for _ in clips],
        [clip for clips in counts.values() for clip in clips],
        [start for track in tracks.values() for start in track.starts_s],
        [padded for track in tracks.values() for padded in track.padded],
        np.concatenate([track.images for track in tracks.values()]),
    )
