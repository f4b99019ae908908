"""Track vectors in the library: computed from the codes, kept beside them, brought up to date on demand."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import pyarrow.compute as pc

from songnet.embedding.aggregate import AGGREGATES, CORPUS_AGGREGATES, clip_vectors
from songnet.library import Library, from_arrow, table_name, to_arrow
from songnet.progress import Progress, silent
from songnet.training import ModelCard

# Code values read at once: 256 MB of float32.
READ_VALUES = 64 * 2**20


@dataclass(frozen=True)
class TrackVectors:
    """One vector a track.

    Parameters
    ----------
    track_ids : list of str
        Sorted.
    vectors : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
        In the same order.
    """

    track_ids: list[str]
    vectors: np.ndarray


def vector_table(card: ModelCard, aggregate: str) -> str:
    """Name of the table that holds a model's track vectors."""
    return table_name("vectors", f"{card.key}.{aggregate}")


def time_axis(card: ModelCard) -> int | None:
    """Axis of the model's code that is time: the second of a map (frequency, time, channels)."""
    return 1 if len(card.training["code_shape"]) == 3 else None


def update_vectors(library: Library, card: ModelCard, aggregate: str, *, progress: Progress = silent) -> int:
    """Bring the stored track vectors in line with the stored codes.

    Parameters
    ----------
    library : Library
        Open for writing, codes up to date.
    card : ModelCard
        Whose codes.
    aggregate : str
        Key of `AGGREGATES`.
    progress : Progress
        Told of every batch, in tracks.

    Returns
    -------
    int
        Vectors computed now. Where vectors depend on all tracks (``"tfidf"``) that is all of them or none.
    """
    function = AGGREGATES[aggregate]
    codes, vectors = table_name("codes", card.key), vector_table(card, aggregate)
    keys = library.arrays.keys(codes)
    have = set(library.arrays.keys(vectors)["track_id"].to_pylist())
    track_of_row = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False), dtype=object)
    row_ids = np.asarray(keys["_rowid"])
    present = set(track_of_row)
    if aggregate in CORPUS_AGGREGATES:
        if have == present:
            return 0
        library.arrays.drop(vectors)
        have = set()
    library.arrays.delete(vectors, have - present)
    wanted = np.array([track not in have for track in track_of_row], dtype=bool)
    track_of_row, row_ids = track_of_row[wanted], row_ids[wanted]
    if not len(row_ids):
        return 0
    shape = tuple(card.training["code_shape"])
    bounds = np.flatnonzero(np.append(True, track_of_row[1:] != track_of_row[:-1]))
    if aggregate in CORPUS_AGGREGATES:
        _store(library, vectors, track_of_row[bounds], _corpus_vectors(library, card, function, row_ids, bounds))
        progress("track vectors", len(bounds), len(bounds))
        return len(bounds)
    tracks_at_once = max(1, READ_VALUES // (prod(shape) * max(1, int(np.diff(np.append(bounds, len(row_ids))).max()))))
    for first in range(0, len(bounds), tracks_at_once):
        starts = bounds[first : first + tracks_at_once]
        end = bounds[first + tracks_at_once] if first + tracks_at_once < len(bounds) else len(row_ids)
        rows = from_arrow(library.arrays.take(codes, row_ids[starts[0] : end])["values"])
        values = function(rows.reshape(-1, *shape), starts - starts[0], time_axis(card))
        _store(library, vectors, track_of_row[starts], values)
        progress("track vectors", first + len(starts), len(bounds))
    library.arrays.compact(vectors)
    return len(bounds)


def _corpus_vectors(
    library: Library, card: ModelCard, function: object, row_ids: np.ndarray, starts: np.ndarray
) -> np.ndarray:
    """Pool every clip over time while reading, then let the aggregation see them all."""
    shape = tuple(card.training["code_shape"])
    size = max(1, READ_VALUES // prod(shape))
    pooled = [
        clip_vectors(from_arrow(rows["values"]).reshape(-1, *shape), time_axis(card))
        for rows in library.arrays.batches(table_name("codes", card.key), row_ids, size, ["values"])
    ]
    vectors: np.ndarray = function(np.concatenate(pooled), starts, None)  # type: ignore[operator]
    return vectors


def _store(library: Library, table: str, track_ids: np.ndarray, values: np.ndarray) -> None:
    n = len(track_ids)
    library.arrays.append(table, to_arrow(list(track_ids), [0] * n, [0.0] * n, [False] * n, values))


def load_vectors(library: Library, card: ModelCard, aggregate: str) -> TrackVectors:
    """Stored track vectors, sorted by track id; empty when none were computed."""
    table = vector_table(card, aggregate)
    keys = library.arrays.keys(table)
    if not keys.num_rows:
        return TrackVectors([], np.empty((0, 0), dtype=np.float32))
    values = from_arrow(library.arrays.take(table, np.asarray(keys["_rowid"]))["values"])
    return TrackVectors(keys["track_id"].to_pylist(), values)


def stored_aggregates(library: Library, card: ModelCard) -> list[str]:
    """Aggregations for which the library has vectors of this model."""
    prefix = table_name("vectors", f"{card.key}.")
    return [name.removeprefix(prefix) for name in library.arrays.names() if name.startswith(prefix)]


def count_clips(library: Library, card: ModelCard) -> int:
    """Clips with codes of this model."""
    total = pc.sum(library.arrays.keys(table_name("codes", card.key))["clip"].is_valid()).as_py()
    return int(total or 0)
