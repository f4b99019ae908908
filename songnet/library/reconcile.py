"""Sweeping up after an interrupted run: SQLite and the array tables are made to say the same.

A batch is first appended to its array table and then, in one transaction, marked done in SQLite. A kill between
the two leaves rows nobody vouches for: they are deleted. Marks without their rows (a table lost or restored from an
older copy) are taken back, and the next run makes the rows again.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from songnet.library.files import sweep_temporaries
from songnet.library.store import Library


@dataclass(frozen=True)
class Swept:
    """What was out of step, in tracks."""

    orphans: int
    lost: int


# Which SQL table vouches for which array tables, by the prefix of their names.
LEDGERS = {"images": ("images", "image_set"), "codes": ("codes", "model_key")}


def table_name(ledger: str, key: str) -> str:
    """Name of the array table that belongs to an image set or to a model key."""
    return f"{ledger}-{key}"


def reconcile(library: Library) -> Swept:
    """Make marks and rows agree.

    Parameters
    ----------
    library : Library
        Open for writing.

    Returns
    -------
    Swept
        How many tracks had rows without a mark, and marks without (all) their rows.
    """
    for folder in (library.path / "models", library.path / "reports"):
        sweep_temporaries(folder)
    orphans = lost = 0
    names = set(library.arrays.names())
    for ledger, (sql_table, key_column) in LEDGERS.items():
        marked_keys = {row[0] for row in library.db.execute(f"SELECT DISTINCT {key_column} FROM {sql_table}")}
        stored_keys = {name.partition("-")[2] for name in names if name.partition("-")[0] == ledger}
        for key in sorted(marked_keys | stored_keys):
            marked = dict(
                library.db.execute(
                    f"SELECT track_id, n_clips FROM {sql_table} WHERE {key_column} = ?", (key,)
                ).fetchall()
            )
            counts = pc.value_counts(library.arrays.keys(table_name(ledger, key))["track_id"])
            stored = {entry["values"].as_py(): entry["counts"].as_py() for entry in counts}
            wrong = {track for track, count in stored.items() if marked.get(track) != count}
            gone = {track for track, count in marked.items() if stored.get(track) != count}
            library.arrays.delete(table_name(ledger, key), wrong)
            with library.db:
                library.db.executemany(
                    f"DELETE FROM {sql_table} WHERE {key_column} = ? AND track_id = ?", [(key, track) for track in gone]
                )
            orphans += len(wrong - gone)
            lost += len(gone)
    return Swept(orphans, lost)
