"""Sweeping up after an interrupted run: SQLite and the array tables are made to say the same.

A batch is first appended to its array table and then, in one transaction, marked done in SQLite. A kill between
the two leaves rows nobody vouches for: they are deleted. Marks without their rows (a table lost or restored from an
older copy) are taken back, and the next run makes the rows again. What was derived from rows that go, goes first:
it would pass for derived from the rows made in their stead.
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
# Array tables without a mark of their own, by the ledger whose rows they are derived from: ``descriptors-<key>.v<n>``.
DERIVED = {"images": "descriptors"}


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
        derived = _derived_tables(names, ledger)
        for key in sorted(marked_keys | stored_keys | derived.keys()):
            marked = dict(
                library.db.execute(
                    f"SELECT track_id, n_clips FROM {sql_table} WHERE {key_column} = ?", (key,)
                ).fetchall()
            )
            counts = pc.value_counts(library.arrays.keys(table_name(ledger, key))["track_id"])
            stored = {entry["values"].as_py(): entry["counts"].as_py() for entry in counts}
            wrong = {track for track, count in stored.items() if marked.get(track) != count}
            gone = {track for track, count in marked.items() if stored.get(track) != count}
            for name in derived.get(key, []):
                described = set(library.arrays.keys(name)["track_id"].to_pylist())
                library.arrays.delete(name, described - (set(marked) - gone))
            library.arrays.delete(table_name(ledger, key), wrong)
            with library.db:
                library.db.executemany(
                    f"DELETE FROM {sql_table} WHERE {key_column} = ? AND track_id = ?", [(key, track) for track in gone]
                )
            orphans += len(wrong - gone)
            lost += len(gone)
    return Swept(orphans, lost)


def _derived_tables(names: set[str], ledger: str) -> dict[str, list[str]]:
    """Tables derived from a ledger's rows, by the key of these rows; usually one, or several versions."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        kind, _, rest = name.partition("-")
        key, separator, _ = rest.rpartition(".v")
        if separator and kind == DERIVED.get(ledger):
            found.setdefault(key, []).append(name)
    return found
