"""Which clips are asked whether they know their track, and the mel images that baselines are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from songnet.config import ImageConfig
from songnet.library import Library, from_arrow, table_name
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe

READ_IMAGES = 512
# Fewer tracks with two clips than this, and every track's clip is halved instead.
MIN_TRACKS = 10


@dataclass(frozen=True, eq=False)
class Parts:
    """Vectors of clips, or of halves of clips.

    Parameters
    ----------
    owners : numpy.ndarray [shape=(m,), dtype=object]
        Track id of each.
    numbers : numpy.ndarray [shape=(m,), dtype=int64]
        Which clip (or half) of it.
    vectors : numpy.ndarray [shape=(m, d), dtype=float32]
    """

    owners: np.ndarray
    numbers: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class ClipPlan:
    """The clips of an evaluation.

    Parameters
    ----------
    unit : str
        ``"clips"``, or ``"halves"`` where tracks have one clip.
    track_ids : frozenset of str
        Tracks that are asked; no more than were allowed.
    clips_a_track : int
        Clips of a track at most; the first ones.
    """

    unit: str
    track_ids: frozenset[str]
    clips_a_track: int

    def wanted(self, owners: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Which clips take part [shape=(n,), dtype=bool]."""
        mine: np.ndarray = np.array([owner in self.track_ids for owner in owners], dtype=bool)
        return mine & (numbers < (1 if self.unit == "halves" else self.clips_a_track))

    def parts(self, owners: np.ndarray, numbers: np.ndarray, vectors: np.ndarray) -> Parts:
        """Vectors with their owners; of halves there are two a clip, one after the other."""
        if self.unit == "halves":
            owners, numbers = np.repeat(owners, 2), np.tile([0, 1], len(numbers))
        return Parts(owners, np.asarray(numbers, dtype=np.int64), vectors)


def plan_clips(
    library: Library, images: ImageConfig, track_ids: Sequence[str], *, n_tracks: int, clips_a_track: int, seed: int
) -> ClipPlan | None:
    """Choose the clips for clip-to-track consistency.

    Parameters
    ----------
    library : Library
        Open for reading.
    images : ImageConfig
        Image set.
    track_ids : sequence of str
        Tracks to choose from.
    n_tracks, clips_a_track : int
        At most so many; tracks are drawn by the seed.
    seed : int
        Decides which.

    Returns
    -------
    ClipPlan or None
        None if fewer than 10 tracks could be asked. A clip that was filled up with silence is not halved.
    """
    query = "SELECT track_id, n_clips FROM images WHERE image_set = ?"
    counts = {row[0]: int(row[1]) for row in library.db.execute(query, (images.key,))}
    several = [track for track in track_ids if counts.get(track, 0) > 1]
    unit, able = "clips", several
    if len(several) < MIN_TRACKS:
        whole = _tracks_with_whole_clip(library, images, track_ids)
        unit, able = "halves", [track for track in track_ids if track in whole]
    if len(able) < MIN_TRACKS:
        return None
    rng = np.random.default_rng([seed, 0x636C6970])
    drawn = rng.permutation(len(able))[:n_tracks]
    return ClipPlan(unit, frozenset(able[index] for index in drawn), clips_a_track)


def _tracks_with_whole_clip(library: Library, images: ImageConfig, track_ids: Sequence[str]) -> set[str]:
    """Tracks whose first clip was not filled up with silence."""
    table = table_name("images", images.key)
    keys = library.arrays.keys(table)
    first = np.asarray(keys["clip"]) == 0
    found = set()
    for part in library.arrays.batches(table, np.asarray(keys["_rowid"])[first], 8192, ["track_id", "padded"]):
        pairs = zip(part["track_id"].to_pylist(), part["padded"].to_pylist(), strict=True)
        found |= {track for track, padded in pairs if not padded}
    return found & set(track_ids)


@dataclass(frozen=True, eq=False)
class ImageBlock:
    """Mel images of whole tracks.

    Parameters
    ----------
    owners : numpy.ndarray [shape=(n,), dtype=object]
        Track id of each image, the images of one track next to each other.
    numbers : numpy.ndarray [shape=(n,), dtype=int64]
        Clip of each.
    pixels : numpy.ndarray [shape=(n, n_mels, n_frames), dtype=uint8]
    """

    owners: np.ndarray
    numbers: np.ndarray
    pixels: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Row of each track's first image."""
        return np.flatnonzero(np.append(True, self.owners[1:] != self.owners[:-1]))


def stream_images(
    library: Library,
    images: ImageConfig,
    track_ids: Sequence[str],
    *,
    clips_a_track: int | None = None,
    progress: Progress = silent,
    stage: str = "images",
) -> Iterator[ImageBlock]:
    """Images of tracks, sorted by track and clip, a few hundred at once.

    Parameters
    ----------
    library : Library
        Open for reading.
    images : ImageConfig
        Image set.
    track_ids : sequence of str
        Whose; tracks without images are passed over.
    clips_a_track : int or None
        The first ones alone; None is all.
    progress, stage : Progress, str
        Told of images, under this name.
    """
    table = table_name("images", images.key)
    shape = get_recipe(images.recipe).shape
    keys = library.arrays.keys(table)
    owners = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False), dtype=object)
    numbers = np.asarray(keys["clip"]).astype(np.int64)
    asked = set(track_ids)
    wanted = np.array([owner in asked for owner in owners], dtype=bool)
    if clips_a_track is not None:
        wanted &= numbers < clips_a_track
    owners, numbers, rows = owners[wanted], numbers[wanted], np.asarray(keys["_rowid"])[wanted]
    start = 0
    while start < len(rows):
        stop = min(start + READ_IMAGES, len(rows))
        while stop < len(rows) and owners[stop] == owners[stop - 1]:
            stop += 1
        values = from_arrow(library.arrays.take(table, rows[start:stop])["values"])
        yield ImageBlock(owners[start:stop], numbers[start:stop], values.reshape(-1, *shape))
        progress(stage, stop, len(rows))
        start = stop
