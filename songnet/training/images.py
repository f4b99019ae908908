"""Training images: which ones there are, which are held out, how they are scaled, and how they stream.

Nothing here holds more than a few blocks of images: a library of 300,000 images trains in the memory of one of 300.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from songnet.config import ImageConfig
from songnet.errors import ModelError, ParameterError
from songnet.library import Library, from_arrow, table_name
from songnet.library.tracks import tracks_by_id
from songnet.spectrogram import get_recipe

# Images read from disk at once, in the order of the disk, and then dealt out as batches: about 21 MB.
BLOCK_IMAGES = 1024


@dataclass(frozen=True)
class PixelScaling:
    """Linear map of grey levels to [0, 1], fitted once, on training images only.

    Parameters
    ----------
    low, high : int
        Grey levels that become 0 and 1; what lies outside is clipped.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= 255:
            raise ParameterError(f"grey levels {self.low!r} and {self.high!r} are no range within 0 to 255")

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Scaled images [dtype=float32], of the shape given."""
        scaled = (pixels.astype(np.float32) - np.float32(self.low)) / np.float32(self.high - self.low)
        clipped: np.ndarray = np.clip(scaled, 0.0, 1.0, out=scaled)
        return clipped


@dataclass(frozen=True)
class Split:
    """Rows of the image table to train on and to validate on, each in the order of its keys.

    Parameters
    ----------
    train, validation : numpy.ndarray [dtype=uint64]
        Row ids.
    grouped_by : str
        ``"artist"``, or ``"track"`` where artists are unknown or all the same.
    n_tracks : int
        Tracks in both parts together.
    """

    train: np.ndarray
    validation: np.ndarray
    grouped_by: str
    n_tracks: int


def split_images(library: Library, images: ImageConfig, share: float, seed: int) -> Split:
    """Hold out whole artists, so that the validation loss tells of music the model has not met.

    Parameters
    ----------
    library : Library
        With images of the given recipe.
    images : ImageConfig
        Which image set.
    share : float
        Share of the images to hold out, about.
    seed : int
        Decides which.

    Raises
    ------
    ModelError
        If there are fewer than two tracks.
    """
    keys = library.arrays.keys(table_name("images", images.key))
    track_of_row = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False))
    row_ids = np.asarray(keys["_rowid"])
    tracks = tracks_by_id(library.db)
    present = np.array([track in tracks and not tracks[track]["missing"] for track in track_of_row], dtype=bool)
    track_of_row, row_ids = track_of_row[present], row_ids[present]
    if len(set(track_of_row)) < 2:
        raise ModelError(
            f"training needs images of at least 2 tracks, the library has {len(set(track_of_row))} of recipe"
            f" {images.key}:"
            f" add music with `songnet embed FOLDER`, or choose another set with --recipe and --clips (there are:"
            f" {', '.join(image_sets(library)) or 'none'})"
        )
    # A track without an artist stands for itself.
    artist_of_row = [tracks[track]["artist"] or f"\0{track}" for track in track_of_row]
    grouped_by = "artist" if len(set(artist_of_row)) > 1 and any(a[0] != "\0" for a in artist_of_row) else "track"
    name_of_row = artist_of_row if grouped_by == "artist" else track_of_row
    # By number: an array of names is as wide as the longest of them, for every row.
    numbers = {name: number for number, name in enumerate(sorted(set(name_of_row)))}
    group_of_row = np.fromiter((numbers[name] for name in name_of_row), np.int64, len(name_of_row))
    sizes = np.bincount(group_of_row)
    order = np.random.default_rng([seed, 1]).permutation(len(sizes))
    # Groups in random order until the share is reached; never all of them.
    reached = np.concatenate([[0], np.cumsum(sizes[order])[:-1]]) < share * len(row_ids)
    reached[-1] = False
    held_out = np.isin(group_of_row, order[reached])
    return Split(row_ids[~held_out], row_ids[held_out], grouped_by, len(set(track_of_row)))


def image_sets(library: Library) -> list[str]:
    """Image sets of a library, e.g. ``["deejai-1", "songnet-8"]``."""
    return [row[0] for row in library.db.execute("SELECT DISTINCT image_set FROM images ORDER BY 1")]


class ImageStream:
    """Images of an image table by row id, scaled, in batches.

    Parameters
    ----------
    library : Library
        Where they lie.
    images : ImageConfig
        Which image set.
    """

    def __init__(self, library: Library, images: ImageConfig) -> None:
        self.library = library
        self.table = table_name("images", images.key)
        self.shape = get_recipe(images.recipe).shape

    def pixels(self, row_ids: np.ndarray) -> np.ndarray:
        """Images as stored [shape=(n, n_mels, n_frames), dtype=uint8], in the order asked for; a row may come twice."""
        # Read once each in the order of the disk, dealt in the order asked for.
        rows, dealt = np.unique(row_ids, return_inverse=True)
        stored = from_arrow(self.library.arrays.take(self.table, rows)["values"])
        return stored[dealt].reshape(-1, *self.shape)

    def fit_scaling(self, row_ids: np.ndarray) -> PixelScaling:
        """Smallest and largest grey level among the given images, in one pass.

        Raises
        ------
        ModelError
            If all pixels are equal.
        """
        seen = np.zeros(256, dtype=np.int64)
        for start in range(0, len(row_ids), BLOCK_IMAGES):
            seen += np.bincount(self.pixels(row_ids[start : start + BLOCK_IMAGES]).reshape(-1), minlength=256)
        levels = np.flatnonzero(seen)
        if levels[0] == levels[-1]:
            raise ModelError("all training images are one flat grey: there is nothing to learn from")
        return PixelScaling(int(levels[0]), int(levels[-1]))

    def batches(
        self, row_ids: np.ndarray, batch_size: int, scaling: PixelScaling, *, skip: int = 0, drop_last: bool = False
    ) -> Iterator[np.ndarray]:
        """Batches [shape=(<=batch_size, n_mels, n_frames, 1), dtype=float32], read ahead in a thread.

        Parameters
        ----------
        row_ids : numpy.ndarray
            Rows in the order they are wanted.
        batch_size : int
            Images a batch.
        scaling : PixelScaling
            Applied to every image.
        skip : int
            Batches to leave out at the start, unread.
        drop_last : bool
            Leave out the last batch when it is not full (unless it is the only one).
        """
        if drop_last and len(row_ids) >= batch_size:
            row_ids = row_ids[: len(row_ids) // batch_size * batch_size]
        row_ids = row_ids[skip * batch_size :]
        block = max(1, BLOCK_IMAGES // batch_size) * batch_size
        pieces = [row_ids[start : start + block] for start in range(0, len(row_ids), block)]
        for pixels in _read_ahead(self, pieces):
            for start in range(0, len(pixels), batch_size):
                yield scaling.apply(pixels[start : start + batch_size])[..., np.newaxis]


def _read_ahead(stream: ImageStream, pieces: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Read one piece while the one before is being used."""
    ready: queue.Queue[np.ndarray | BaseException | None] = queue.Queue(maxsize=1)
    abandoned = threading.Event()

    def put(value: np.ndarray | BaseException | None) -> None:
        while not abandoned.is_set():
            try:
                return ready.put(value, timeout=0.1)
            except queue.Full:
                continue

    def read() -> None:
        try:
            for piece in pieces:
                if abandoned.is_set():
                    return
                put(stream.pixels(piece))
            put(None)
        except BaseException as error:  # handed over to whoever waits for the images
            put(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while (value := ready.get()) is not None:
            if isinstance(value, BaseException):
                raise value
            yield value
    finally:
        abandoned.set()
        reader.join()
