"""The user's library on disk.

``songnet.db`` (SQLite) is the truth: tracks, paths, what is done, what failed, the runs. ``tables/`` (Lance) holds
the big arrays. ``models/`` holds trained models. One process writes, any number read; every batch is written to the
arrays first and marked in SQLite second, so that a kill at any moment loses at most the batch under way and never
leaves the two in disagreement for longer than until the next start (`reconcile`).
"""

from songnet.library.arrays import ArrayStore, from_arrow, to_arrow
from songnet.library.reconcile import reconcile, table_name
from songnet.library.runs import Run, recorded_run
from songnet.library.store import Library, LibrarySettings

__all__ = [
    "ArrayStore",
    "Library",
    "LibrarySettings",
    "Run",
    "from_arrow",
    "reconcile",
    "recorded_run",
    "table_name",
    "to_arrow",
]
