"""Run manifests: who did what to the library, with which parameters, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from songnet.library.store import Library
from songnet.library.tracks import now


class Run:
    """A run under way; put what it achieved into `summary`, and set `partial` when some inputs failed."""

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self.summary: dict[str, Any] = {}
        self.partial = False


@contextmanager
def recorded_run(
    library: Library, command: str, version: str, parameters: Mapping[str, Any], seed: int | None
) -> Iterator[Run]:
    """Record a command from its start to its end, whichever way it ends.

    A run that was still marked as running when this one starts belonged to a process that died: it is
    marked interrupted.
    """
    with library.db:
        library.db.execute("UPDATE runs SET status = 'interrupted', finished_at = ? WHERE status = 'running'", (now(),))
        cursor = library.db.execute(
            "INSERT INTO runs (command, version, started_at, status, seed, parameters) VALUES (?, ?, ?,"
            " 'running', ?, ?)",
            (command, version, now(), seed, json.dumps(parameters, sort_keys=True)),
        )
    run = Run(cursor.lastrowid or 0)
    try:
        yield run
    except KeyboardInterrupt:
        _finish(library, run, "interrupted")
        raise
    except BaseException:
        _finish(library, run, "failed")
        raise
    _finish(library, run, "partial" if run.partial else "done")


def _finish(library: Library, run: Run, status: str) -> None:
    library.db.rollback()
    with library.db:
        library.db.execute(
            "UPDATE runs SET status = ?, finished_at = ?, summary = ? WHERE run_id = ?",
            (status, now(), json.dumps(run.summary, sort_keys=True), run.run_id),
        )
