"""The user's library on disk.

``songnet.db`` (SQLite) is the truth: tracks, paths, what is done, what failed, the runs, the partitions. ``tables/``
(Lance) holds the big arrays. ``models/`` holds trained models. One process writes, any number read; every batch is
written to the arrays first and marked in SQLite second, so that a kill at any moment loses at most the batch under way
and never leaves the two in disagreement for longer than until the next start (`reconcile`).
"""

from songnet.library.arrays import ArrayStore, from_arrow, to_arrow
from songnet.library.partitions import (
    StoredPartition,
    begin_parts,
    check_partition_name,
    highest_label,
    list_partitions,
    load_partition,
    load_parts,
    load_silhouettes,
    save_part,
    save_partition,
)
from songnet.library.reconcile import reconcile, table_name
from songnet.library.runs import Run, recorded_run
from songnet.library.store import Library, LibrarySettings

__all__ = [
    "ArrayStore",
    "Library",
    "LibrarySettings",
    "Run",
    "StoredPartition",
    "begin_parts",
    "check_partition_name",
    "from_arrow",
    "highest_label",
    "list_partitions",
    "load_partition",
    "load_parts",
    "load_silhouettes",
    "reconcile",
    "recorded_run",
    "save_part",
    "save_partition",
    "table_name",
    "to_arrow",
]
