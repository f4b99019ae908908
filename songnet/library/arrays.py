"""The big arrays: one Lance table a kind (mel images, clip codes, track vectors), rows keyed by track and clip.

SQLite says which tracks are whole; a row here that SQLite does not vouch for is debris of an interrupted
run and is swept at the next start (`songnet.library.reconcile`).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from songnet.errors import InputNotFoundError, LibraryDamagedError

# One table is compacted when its fragments outnumber this: each append leaves one.
MAX_FRAGMENTS = 128
# Old versions stay readable for a while, for readers that were opened before a compaction.
KEEP_VERSIONS = timedelta(hours=1)
# SQL expressions are built in pieces of this many keys.
DELETE_BATCH = 500


def clip_schema(width: int, dtype: pa.DataType) -> pa.Schema:
    """Schema of a table with one flat array a clip.

    Parameters
    ----------
    width : int
        Values in one array.
    dtype : pyarrow.DataType
        Type of one value: uint8 for images, float32 for codes.
    """
    return pa.schema(
        [
            pa.field("track_id", pa.string(), nullable=False),
            pa.field("clip", pa.int32(), nullable=False),
            pa.field("start_s", pa.float32(), nullable=False),
            pa.field("padded", pa.bool_(), nullable=False),
            pa.field("values", pa.list_(pa.field("item", dtype, nullable=False), width), nullable=False),
        ]
    )


def to_arrow(
    track_ids: Sequence[str],
    clips: Sequence[int],
    starts_s: Sequence[float],
    padded: Sequence[bool],
    values: np.ndarray,
) -> pa.Table:
    """Rows of a clip table from NumPy values [shape=(n, width)]."""
    schema = clip_schema(values.shape[1], pa.from_numpy_dtype(values.dtype))
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    columns = [
        pa.array(track_ids, pa.string()),
        pa.array(clips, pa.int32()),
        pa.array(starts_s, pa.float32()),
        pa.array(padded, pa.bool_()),
        pa.FixedSizeListArray.from_arrays(flat, type=schema.field("values").type),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def from_arrow(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """The ``values`` column as a matrix [shape=(n, width)], in the type it was stored in."""
    combined = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(combined, pa.ChunkedArray):  # no chunk at all: an empty column
        combined = pa.concat_arrays(combined.chunks)
    width = combined.type.list_size
    return np.asarray(combined.flatten()).reshape(-1, width)


@contextmanager
def _explained(folder: Path, name: str) -> Iterator[None]:
    """Turn Lance's errors, which speak of its own sources, into ours."""
    try:
        yield
    except (RuntimeError, ValueError, OSError) as error:
        told = str(error).partition("\n")[0]
        if "No space left" in told or "os error 28" in told:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder)) from error
        raise LibraryDamagedError(
            f"the table {folder / name}.lance is damaged: delete that folder and run the command that made it"
            f" again ({told[:120]})"
        ) from error


class ArrayStore:
    """The folder ``tables/`` of a library.

    Parameters
    ----------
    folder : pathlib.Path
        Where the Lance tables lie; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def _database(self) -> Any:
        # Lance's own log tells that a table will be created, on stderr, in the middle of a progress bar.
        os.environ.setdefault("LANCEDB_LOG", "error")
        import lancedb  # 1.4 s, and decode workers have no use for it

        return lancedb.connect(self.folder)

    def names(self) -> list[str]:
        """Names of the tables that exist, sorted."""
        if not self.folder.exists():
            return []
        # A folder without a manifest is what a kill during the making of a table leaves: no table yet.
        manifests = self.folder.glob("*.lance/_versions/*.manifest")
        return sorted({manifest.parent.parent.name.removesuffix(".lance") for manifest in manifests})

    def append(self, name: str, rows: pa.Table) -> None:
        """Append rows; the table is made with their schema when it does not exist."""
        with _explained(self.folder, name):
            if name in self.names():
                self._database.open_table(name).add(rows)
            else:
                self._database.create_table(name, data=rows, schema=rows.schema, mode="overwrite")

    def keys(self, name: str) -> pa.Table:
        """Columns ``track_id``, ``clip``, ``_rowid`` of every row, sorted by track and clip.

        The order does not depend on the order in which rows were written, so everything that draws rows by
        position (training batches, samples) is repeatable however many workers filled the table.
        """
        if name not in self.names():
            return pa.table(
                {
                    "track_id": pa.array([], pa.string()),
                    "clip": pa.array([], pa.int32()),
                    "_rowid": pa.array([], pa.uint64()),
                }
            )
        with _explained(self.folder, name):
            table = self._database.open_table(name)
            query = table.search(None).select(["track_id", "clip"]).with_row_id(True)
            rows = query.limit(max(1, table.count_rows())).to_arrow()
        return rows.sort_by([("track_id", "ascending"), ("clip", "ascending")])

    def take(self, name: str, row_ids: np.ndarray, columns: Sequence[str] = ("values",)) -> pa.Table:
        """Rows by id, in the order asked for.

        Parameters
        ----------
        name : str
            The table.
        row_ids : numpy.ndarray [shape=(n,), dtype=uint64]
            Ids from `keys`, none twice.
        columns : sequence of str
            What to read.
        """
        if name not in self.names():
            raise InputNotFoundError(f"the library has no table {name!r}")
        with _explained(self.folder, name):
            query = self._database.open_table(name).take_row_ids([int(row) for row in row_ids])
            rows = query.select(list(columns)).with_row_id().to_arrow()
        found = np.asarray(rows["_rowid"])
        order = np.argsort(found, kind="stable")
        return rows.take(order[np.searchsorted(found[order], row_ids)])

    def batches(self, name: str, row_ids: np.ndarray, size: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """`take` in pieces of ``size`` rows: the memory for one piece, whatever the table's size."""
        for start in range(0, len(row_ids), size):
            yield self.take(name, row_ids[start : start + size], columns)

    def delete(self, name: str, track_ids: Iterable[str]) -> None:
        """Delete every row of the given tracks."""
        wanted = sorted(set(track_ids))
        if not wanted or name not in self.names():
            return
        with _explained(self.folder, name):
            table = self._database.open_table(name)
            for start in range(0, len(wanted), DELETE_BATCH):
                quoted = ", ".join("'" + key.replace("'", "''") + "'" for key in wanted[start : start + DELETE_BATCH])
                table.delete(f"track_id IN ({quoted})")

    def drop(self, name: str) -> None:
        """Remove a table; nothing happens when it is not there."""
        if name in self.names():
            self._database.drop_table(name)

    def compact(self, name: str, *, force: bool = False) -> bool:
        """Merge a table's fragments when they have become many; True when it was done."""
        if name not in self.names():
            return False
        if not force and len(list((self.folder / f"{name}.lance" / "data").glob("*.lance"))) <= MAX_FRAGMENTS:
            return False
        with _explained(self.folder, name):
            self._database.open_table(name).optimize(cleanup_older_than=KEEP_VERSIONS)
        return True
