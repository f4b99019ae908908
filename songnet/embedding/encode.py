"""Images to codes: every clip of every track through a trained model, incrementally."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from songnet.library import Library, from_arrow, table_name, to_arrow
from songnet.progress import Progress, silent
from songnet.training import ImageStream, ModelCard, PixelScaling

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

# Images in one call of the model, filled up with zeros when there are fewer. The size never varies, so the sums inside
# are always cut in the same way, and a track's code does not depend on what it is encoded together with.
ENCODE_BATCH = 64
# Codes are written when this many images or more are done: whole tracks only.
WRITE_IMAGES = 2048


@dataclass(frozen=True)
class EncodeReport:
    """What one run of `encode_library` did, in tracks and clips."""

    tracks: int
    clips: int
    unchanged: int


def encode_images(model: MelEncoder, pixels: np.ndarray, scaling: PixelScaling) -> np.ndarray:
    """Codes of images.

    Parameters
    ----------
    model : MelEncoder
        Trained.
    pixels : numpy.ndarray [shape=(n, n_mels, n_frames), dtype=uint8]
        Images of the recipe that the model was trained on.
    scaling : PixelScaling
        The model's own.

    Returns
    -------
    numpy.ndarray [shape=(n, *model.code_shape), dtype=float32]
    """
    codes = np.empty((len(pixels), *model.code_shape), dtype=np.float32)
    for start in range(0, len(pixels), ENCODE_BATCH):
        part = scaling.apply(pixels[start : start + ENCODE_BATCH])[..., np.newaxis]
        filled = np.zeros((ENCODE_BATCH, *part.shape[1:]), dtype=np.float32)
        filled[: len(part)] = part
        codes[start : start + len(part)] = np.asarray(model.encode(filled))[: len(part)]
    return codes


def encode_library(
    library: Library, card: ModelCard, model: MelEncoder, *, progress: Progress = silent
) -> EncodeReport:
    """Encode every track that has images of the model's recipe and no codes of this model yet.

    Parameters
    ----------
    library : Library
        Open for writing and reconciled.
    card, model : ModelCard, MelEncoder
        From `songnet.training.load_model`.
    progress : Progress
        Told of every batch, in clips.

    Returns
    -------
    EncodeReport
    """
    drop_stale_codes(library, card)
    images, codes = table_name("images", card.images.key), table_name("codes", card.key)
    done = {row[0] for row in library.db.execute("SELECT track_id FROM codes WHERE model_key = ?", (card.key,))}
    keys = library.arrays.keys(images)
    track_of_row = keys["track_id"].to_pylist()
    wanted = np.array([track not in done for track in track_of_row], dtype=bool)
    track_ids = [track for track, new in zip(track_of_row, wanted, strict=True) if new]
    row_ids = np.asarray(keys["_rowid"])[wanted]
    stream = ImageStream(library, card.images)
    n_tracks = 0
    for start, end in _whole_tracks(track_ids):
        rows = library.arrays.take(images, row_ids[start:end], ["clip", "start_s", "padded", "values"])
        pixels = from_arrow(rows["values"]).reshape(-1, *stream.shape)
        flat = encode_images(model, pixels, card.scaling).reshape(len(pixels), -1)
        clips, starts_s, padded = (rows[column].to_pylist() for column in ("clip", "start_s", "padded"))
        table = to_arrow(track_ids[start:end], clips, starts_s, padded, flat)
        library.arrays.append(codes, table)
        tracks, counts = np.unique(track_ids[start:end], return_counts=True)
        with library.db:
            library.db.executemany(
                "INSERT INTO codes (model_key, track_id, n_clips) VALUES (?, ?, ?)",
                [(card.key, str(track), int(count)) for track, count in zip(tracks, counts, strict=True)],
            )
        n_tracks += len(tracks)
        progress("encode", end, len(track_ids))
    library.arrays.compact(codes)
    return EncodeReport(n_tracks, len(track_ids), len(done))


def count_coded(library: Library, card: ModelCard) -> int:
    """Tracks that have codes of this model."""
    query = "SELECT count(*) FROM codes WHERE model_key = ?"
    return int(library.db.execute(query, (card.key,)).fetchone()[0])


def count_uncoded(library: Library, card: ModelCard) -> int:
    """Tracks that have images of the model's recipe and no codes of this model yet."""
    query = (
        "SELECT count(*) FROM images WHERE image_set = ?"
        " AND track_id NOT IN (SELECT track_id FROM codes WHERE model_key = ?)"
    )
    return int(library.db.execute(query, (card.images.key, card.key)).fetchone()[0])


def _whole_tracks(track_ids: list[str]) -> Iterator[tuple[int, int]]:
    """Ranges of rows that end where a track ends."""
    start = 0
    while start < len(track_ids):
        end = min(start + WRITE_IMAGES, len(track_ids))
        while end < len(track_ids) and track_ids[end] == track_ids[end - 1]:
            end += 1
        yield start, end
        start = end


def drop_stale_codes(library: Library, card: ModelCard) -> list[str]:
    """Remove codes and vectors of earlier weights of the same name; other models' are left alone."""
    dropped = []
    for ledger in ("codes", "vectors"):
        prefix = table_name(ledger, f"{card.name}.")
        for name in library.arrays.names():
            if name.startswith(prefix) and not name.startswith(table_name(ledger, card.key)):
                library.arrays.drop(name)
                dropped.append(name)
    with library.db:
        library.db.execute(
            "DELETE FROM codes WHERE substr(model_key, 1, ?) = ? AND model_key <> ?",
            (len(card.name) + 1, f"{card.name}.", card.key),
        )
    return dropped
