"""Partitions in the library: found once, kept for good, shown and exported by later commands.

A partition is never changed: finding it again under the same name adds another, and the name then stands for the
newest. Finished parts of a long clustering are kept here too, so that one that was interrupted can go on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from songnet.errors import InputNotFoundError, ParameterError
from songnet.library.store import Library
from songnet.library.tracks import now
from songnet.partition import Partition

# What finds the partitions of a branch, for a user who has none.
BRANCHES = {"cluster": "run `songnet cluster` first", "community": "find communities in playlists first"}
# An SQLite integer holds any number of this many digits.
MAX_DIGITS = 18
MAX_NAME = 200
_COLUMNS = "partition_id, name, branch, created_at, n_tracks, n_groups, method, parameters, summary, run_id"


@dataclass(frozen=True)
class StoredPartition:
    """What is known of a stored partition without its labels.

    Parameters
    ----------
    partition_id : int
        Number of the partition; a later one has a higher number.
    name : str
        What the user calls it; several may have one name.
    branch : str
        ``"cluster"`` (what is heard) or ``"community"`` (what people put together).
    created_at : str
        When it was stored: UTC, ISO 8601.
    n_tracks : int
        Tracks it speaks of, noise included.
    n_groups : int
        Groups, noise not counted.
    method, parameters : str, dict
        As in `songnet.partition.Partition`.
    summary : dict
        What the command that found it wants to show again.
    run_id : int or None
        The run that found it.
    """

    partition_id: int
    name: str
    branch: str
    created_at: str
    n_tracks: int
    n_groups: int
    method: str
    parameters: dict[str, Any]
    summary: dict[str, Any]
    run_id: int | None


def check_partition_name(name: str) -> None:
    """Refuse a name by which no partition could be asked for; to be called before the work of hours begins.

    Raises
    ------
    ParameterError
        If the name is empty, a number, or not printable.
    """
    if len(name) > MAX_NAME:
        raise ParameterError(f"a name of {len(name):,} characters cannot name a partition: {MAX_NAME} are enough")
    if not name.strip() or not name.isprintable():
        raise ParameterError(f"{name!r} cannot name a partition: a name is printable text")
    if _is_number(name):
        raise ParameterError(f"{name!r} cannot name a partition: a number stands for the partition with that number")


def save_partition(
    library: Library,
    partition: Partition,
    *,
    name: str,
    branch: str,
    run_id: int | None,
    summary: Mapping[str, Any],
    silhouettes: np.ndarray | None = None,
) -> int:
    """Store a partition, whole or not at all.

    Parameters
    ----------
    library : Library
        Open for writing.
    partition : Partition
        What was found. Its parameters come back as JSON has them: tuples as lists, keys as text.
    name : str
        As `check_partition_name` allows it. Partitions of the same name stay.
    branch : str
        ``"cluster"`` or ``"community"``.
    run_id : int or None
        The run that found it.
    summary : Mapping[str, Any]
        Plain JSON values to show again: sizes, a verdict, names of groups.
    silhouettes : numpy.ndarray [shape=(n_tracks,)], optional
        Silhouette of each track, -1 to 1, in the order of the partition; NaN where it is not known.

    Returns
    -------
    int
        Number of the new partition.

    Raises
    ------
    ParameterError
        If the name or the branch cannot be, or summary or parameters are not plain JSON values.
    """
    _check_branch(branch)
    check_partition_name(name)
    values = (
        name,
        branch,
        partition.method,
        _to_json(partition.parameters, f"the parameters of partition {name!r}"),
        run_id,
        now(),
        len(partition.track_ids),
        len(partition.groups),
        _to_json(summary, f"the summary of partition {name!r}"),
    )
    known = np.full(len(partition.track_ids), np.nan) if silhouettes is None else np.asarray(silhouettes, dtype=float)
    if len(known) != len(partition.track_ids):
        raise ParameterError(f"{len(known)} silhouettes do not fit {len(partition.track_ids)} tracks")
    with library.db:
        cursor = library.db.execute(
            "INSERT INTO partitions (name, branch, method, parameters, run_id, created_at, n_tracks, n_groups, summary)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        partition_id = int(cursor.lastrowid or 0)
        library.db.executemany(
            "INSERT INTO labels (partition_id, track_id, label, silhouette) VALUES (?, ?, ?, ?)",
            (
                # SQLite takes NaN for NULL.
                (partition_id, track, label, silhouette)
                for track, label, silhouette in zip(
                    partition.track_ids, partition.labels.tolist(), known.tolist(), strict=True
                )
            ),
        )
    return partition_id


def list_partitions(library: Library, branch: str | None = None) -> list[StoredPartition]:
    """Stored partitions, the newest first.

    Parameters
    ----------
    library : Library
        Open for reading; one that an older program wrote has none.
    branch : str, optional
        ``"cluster"`` or ``"community"``; both when left out.
    """
    if branch is None:
        return _select(library, "ORDER BY partition_id DESC", ())
    _check_branch(branch)
    return _select(library, "WHERE branch = ? ORDER BY partition_id DESC", (branch,))


def load_partition(library: Library, which: str | None, branch: str) -> tuple[StoredPartition, Partition]:
    """A stored partition with its labels.

    Parameters
    ----------
    library : Library
        Open for reading.
    which : str or None
        Its number as text, its name (the newest that has it) or None (the newest of all).
    branch : str
        ``"cluster"`` or ``"community"``.

    Returns
    -------
    tuple of StoredPartition and Partition

    Raises
    ------
    InputNotFoundError
        If there is none such; the message says which there are, or what makes one.
    ParameterError
        If there is no such branch.
    """
    _check_branch(branch)
    newest = "ORDER BY partition_id DESC LIMIT 1"
    if which is None:
        found = _select(library, f"WHERE branch = ? {newest}", (branch,))
    elif _is_number(which):
        number = int(which) if len(which) <= MAX_DIGITS else -1
        found = _select(library, "WHERE branch = ? AND partition_id = ?", (branch, number))
    else:
        found = _select(library, f"WHERE branch = ? AND name = ? {newest}", (branch, which))
    if not found:
        raise InputNotFoundError(_explain_absence(library, which, branch))
    stored = found[0]
    # A primary key compares UTF-8 byte by byte, which is the order of Python's text: the ids come sorted.
    rows = library.db.execute(
        "SELECT track_id, label FROM labels WHERE partition_id = ? ORDER BY track_id", (stored.partition_id,)
    ).fetchall()
    labels = np.fromiter((row[1] for row in rows), dtype=np.int32, count=len(rows))
    return stored, Partition(tuple(row[0] for row in rows), labels, stored.method, stored.parameters)


def load_silhouettes(library: Library, stored: StoredPartition) -> np.ndarray:
    """Silhouettes of a stored partition's tracks [shape=(n_tracks,), dtype=float64], NaN where not known."""
    rows = library.db.execute(
        "SELECT silhouette FROM labels WHERE partition_id = ? ORDER BY track_id", (stored.partition_id,)
    ).fetchall()
    return np.array([np.nan if row[0] is None else row[0] for row in rows], dtype=np.float64)


def highest_label(library: Library, name: str, branch: str) -> int:
    """Highest number that any partition of a name ever gave to a group; 0 when there is none.

    A group that is new must not take the number of one that vanished long ago.
    """
    _check_branch(branch)
    if not _knows_partitions(library.db):
        return 0
    (highest,) = library.db.execute(
        "SELECT max(label) FROM labels WHERE partition_id IN (SELECT partition_id FROM partitions WHERE name = ? AND"
        " branch = ?)",
        (name, branch),
    ).fetchone()
    return max(0, highest or 0)


def save_part(library: Library, key: str, part: str, value: Any) -> None:
    """Keep a finished part of a long clustering; a part that is there already is replaced.

    Parameters
    ----------
    library : Library
        Open for writing.
    key : str
        Names the clustering with everything that decides its result, e.g. a hash of data and settings.
    part : str
        Names the part within it.
    value : Any
        JSON values; floats come back bit for bit, and NaN and infinities are allowed.
    """
    text = _to_json(value, f"part {part!r} of a clustering", allow_nan=True)
    with library.db:
        library.db.execute(
            "INSERT INTO sweep_parts (key, part, value) VALUES (?, ?, ?)"
            " ON CONFLICT (key, part) DO UPDATE SET value = excluded.value",
            (key, part, text),
        )


def load_parts(library: Library, key: str) -> dict[str, Any]:
    """The kept parts of a clustering, ``part -> value``, sorted by part; empty when there is none."""
    if not _knows_partitions(library.db):
        return {}
    rows = library.db.execute("SELECT part, value FROM sweep_parts WHERE key = ? ORDER BY part", (key,))
    return {row[0]: json.loads(row[1]) for row in rows}


def begin_parts(library: Library, key: str, *, newest: int) -> int:
    """Note that a clustering begins or goes on, and forget the parts of those that were begun long before.

    Parameters
    ----------
    library : Library
        Open for writing.
    key : str
        Of the clustering; it is the newest now.
    newest : int
        How many clusterings keep their parts, this one among them; 1 or more.

    Returns
    -------
    int
        How many parts were forgotten.
    """
    with library.db:
        library.db.execute("DELETE FROM sweeps WHERE key = ?", (key,))
        library.db.execute(
            "INSERT INTO sweeps (sweep_id, key) SELECT coalesce(max(sweep_id), 0) + 1, ? FROM sweeps", (key,)
        )
        library.db.execute(
            "DELETE FROM sweeps WHERE sweep_id NOT IN (SELECT sweep_id FROM sweeps ORDER BY sweep_id DESC LIMIT ?)",
            (newest,),
        )
        return library.db.execute("DELETE FROM sweep_parts WHERE key NOT IN (SELECT key FROM sweeps)").rowcount


def _select(library: Library, condition: str, values: tuple[Any, ...]) -> list[StoredPartition]:
    if not _knows_partitions(library.db):
        return []
    rows = [dict(row) for row in library.db.execute(f"SELECT {_COLUMNS} FROM partitions {condition}", values)]
    return [
        StoredPartition(**{**row, "parameters": json.loads(row["parameters"]), "summary": json.loads(row["summary"])})
        for row in rows
    ]


def _knows_partitions(db: sqlite3.Connection) -> bool:
    # A reader may meet a library of schema 1, which the writer brings up to date at any moment.
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'partitions'").fetchone() is not None


def _explain_absence(library: Library, which: str | None, branch: str) -> str:
    there = list_partitions(library, branch)
    if not there:
        return f"the library has no {branch} partition: {BRANCHES[branch]}"
    entries = [f"{entry.partition_id} ({entry.name})" for entry in there[:5]]
    more = ", ..." if len(there) > 5 else ""
    return f"the library has no {branch} partition {which!r}; choose one of: {', '.join(entries)}{more}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _check_branch(branch: str) -> None:
    if branch not in BRANCHES:
        raise ParameterError(f"{branch!r} is no branch of partitions; choose one of: {', '.join(BRANCHES)}")


def _to_json(value: Any, what: str, *, allow_nan: bool = False) -> str:
    try:
        plain = dict(value) if isinstance(value, Mapping) else value
        return json.dumps(plain, sort_keys=True, allow_nan=allow_nan)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{what} must hold plain JSON values only ({error})") from error
