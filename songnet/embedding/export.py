"""Track vectors in formats that other programs read."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from songnet.embedding.vectors import load_vectors
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library.files import write_bytes
from songnet.library.tracks import tracks_by_id
from songnet.training import ModelCard


def export_vectors(library: Library, card: ModelCard, aggregate: str, path: Path) -> int:
    """Write track vectors with artist, title and album.

    Parameters
    ----------
    library : Library
        Open for reading.
    card : ModelCard
        Whose vectors.
    aggregate : str
        Which kind.
    path : pathlib.Path
        Ends in ``.parquet`` (a list column), ``.npz`` (arrays ``track_ids``, ``vectors``) or ``.csv`` (a column a
        dimension). Vectors of a model that learned from playlists say so: as JSON in the array ``settings`` of an
        ``.npz``, in the schema of a ``.parquet``.

    Returns
    -------
    int
        Tracks written.

    Raises
    ------
    ParameterError
        If the file name ends in none of these.
    InputNotFoundError
        If there are no such vectors.
    """
    if path.suffix not in (".parquet", ".npz", ".csv"):
        raise ParameterError(f"{path} ends in {path.suffix!r}; vectors are written as .parquet, .npz or .csv")
    if not path.absolute().parent.is_dir():
        raise InputNotFoundError(f"there is no folder {path.absolute().parent} to write {path.name} to: make it first")
    stored = load_vectors(library, card, aggregate)
    if not stored.track_ids:
        raise InputNotFoundError(
            f"the library has no {aggregate} vectors of model {card.name!r}: run `songnet embed` first"
        )
    tracks = tracks_by_id(library.db)
    columns = {name: [tracks[track][name] for track in stored.track_ids] for name in ("artist", "title", "album")}
    stream = io.BytesIO()
    provenance = _provenance(card)
    if path.suffix == ".npz":
        # Unicode arrays, so that nothing needs unpickling.
        arrays = {"track_ids": np.array(stored.track_ids, dtype=np.str_), "vectors": stored.vectors}
        if provenance is not None:
            arrays["settings"] = np.array(provenance)
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # which NumPy declares for its flag too
    elif path.suffix == ".parquet":
        width = stored.vectors.shape[1]
        lists = pa.FixedSizeListArray.from_arrays(pa.array(stored.vectors.reshape(-1)), width)
        table = pa.table({"track_id": stored.track_ids, **_text(columns), "vector": lists})
        if provenance is not None:
            table = table.replace_schema_metadata({"songnet.vectors": provenance})
        pyarrow.parquet.write_table(table, stream)
    else:
        dimensions = {f"v{index}": stored.vectors[:, index] for index in range(stored.vectors.shape[1])}
        pyarrow.csv.write_csv(pa.table({"track_id": stored.track_ids, **_text(columns), **dimensions}), stream)
    write_bytes(path, stream.getvalue())
    return len(stored.track_ids)


def _provenance(card: ModelCard) -> str | None:
    """What tells a reader that vectors were learned from playlists, as JSON; None where they were not."""
    said = card.training.get("playlists")
    if said is None:
        return None
    return json.dumps({"learned_from": "playlists", "model": card.key, "playlists": said}, sort_keys=True)


def _text(columns: dict[str, list[str | None]]) -> dict[str, pa.Array]:
    return {name: pa.array(values, pa.string()) for name, values in columns.items()}
