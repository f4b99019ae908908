"""Descriptors in the library: computed from the mel images, kept beside them, brought up to date on demand.

One row a track: the timbre, then the acoustic quantities, in a table whose name carries the image set and the version
of the definition. The row's ``clip`` says how many clips were described, so that a track whose images were made anew
with another number of clips is noticed; descriptors of images that `songnet.library.reconcile` throws away go with
them. A batch is one commit of whole tracks: a kill at any moment loses the batch under way and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from songnet.config import ImageConfig
from songnet.descriptors.acoustic import ACOUSTIC_UNITS, clip_acoustics, track_acoustics
from songnet.descriptors.rhythm import onset_strength
from songnet.descriptors.timbre import TIMBRE_SIZE, timbre_descriptor
from songnet.library import Library, from_arrow, table_name, to_arrow
from songnet.progress import Progress, silent
from songnet.spectrogram import Recipe, get_recipe, to_decibels

# To be raised whenever any value of a descriptor would come out otherwise.
VERSION = 1
# How the tempo of a track without a pulse is stored: the tables take no NaN, and no tempo is 0.
NO_PULSE = 0.0
# Images read at once, whole tracks only: 21 MB of grey levels.
READ_IMAGES = 1024
# Images described together: what is computed of them stays in the cache.
IMAGES_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Descriptors:
    """Descriptors of a library's tracks.

    Parameters
    ----------
    track_ids : list of str
        Sorted.
    timbre : numpy.ndarray [shape=(n_tracks, 260), dtype=float32]
        `timbre_descriptor`, averaged over each track's clips.
    acoustic : dict of str to numpy.ndarray [shape=(n_tracks,), dtype=float32]
        Name, as in `ACOUSTIC_UNITS`, to values; NaN in ``"tempo_bpm"`` where no pulse was found.
    """

    track_ids: list[str]
    timbre: np.ndarray
    acoustic: dict[str, np.ndarray]


def descriptor_table(images: ImageConfig) -> str:
    """Name of the table that holds the descriptors of an image set, by the present definition."""
    return table_name("descriptors", f"{images.key}.v{VERSION}")


def describe_images(pixels: np.ndarray, starts: np.ndarray, recipe: Recipe) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Descriptors of tracks from their mel images.

    Parameters
    ----------
    pixels : numpy.ndarray [shape=(n_clips, n_mels, n_frames), dtype=uint8]
        Mel images, the clips of one track next to each other.
    starts : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Row of each track's first clip, ascending from 0.
    recipe : Recipe
        What made the images.

    Returns
    -------
    timbre : numpy.ndarray [shape=(n_tracks, 260), dtype=float32]
        Means over each track's clips.
    acoustic : dict of str to numpy.ndarray [shape=(n_tracks,), dtype=float32]
        The keys of `ACOUSTIC_UNITS`. A track's values do not depend on the tracks it is described together with.
    """
    timbres, clips, strengths = [], [], []
    for start in range(0, len(pixels), IMAGES_AT_ONCE):
        db = to_decibels(pixels[start : start + IMAGES_AT_ONCE], recipe)
        timbres.append(timbre_descriptor(db, frame_rate=recipe.sr / recipe.hop_length))
        clips.append(clip_acoustics(db, recipe))
        strengths.append(onset_strength(db))
    counts = np.diff(np.append(starts, len(pixels)))
    timbre = np.add.reduceat(np.concatenate(timbres).astype(np.float64), starts, axis=0) / counts[:, None]
    by_name = {name: np.concatenate([chunk[name] for chunk in clips]) for name in clips[0]}
    return timbre.astype(np.float32), track_acoustics(by_name, np.concatenate(strengths), starts, recipe)


def update_descriptors(library: Library, images: ImageConfig, *, progress: Progress = silent) -> int:
    """Bring the stored descriptors in line with the stored images.

    Parameters
    ----------
    library : Library
        Open for writing and reconciled.
    images : ImageConfig
        Which image set.
    progress : Progress
        Told of every batch, in tracks.

    Returns
    -------
    int
        Tracks described now. Descriptors of tracks without images, and those of other versions, are removed.
    """
    table = descriptor_table(images)
    for name in library.arrays.names():
        if _is_version_of(name, images) and name != table:
            library.arrays.drop(name)
    marked = _marked(library, images)
    stored = _stored(library, table)
    library.arrays.delete(table, [track for track, (n_clips, _) in stored.items() if marked.get(track) != n_clips])
    have = {track for track, (n_clips, _) in stored.items() if marked.get(track) == n_clips}
    source = table_name("images", images.key)
    keys = library.arrays.keys(source)
    track_of_row = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False), dtype=object)
    wanted = np.array([track in marked and track not in have for track in track_of_row], dtype=bool)
    track_of_row, row_ids = track_of_row[wanted], np.asarray(keys["_rowid"])[wanted]
    bounds = np.append(np.flatnonzero(np.append(True, track_of_row[1:] != track_of_row[:-1])), len(row_ids))
    if not len(row_ids):
        return 0
    recipe = get_recipe(images.recipe)
    n_tracks = len(bounds) - 1
    for first, last in _whole_tracks(bounds):
        rows = library.arrays.take(source, row_ids[bounds[first] : bounds[last]])
        pixels = from_arrow(rows["values"]).reshape(-1, *recipe.shape)
        timbre, acoustic = describe_images(pixels, bounds[first:last] - bounds[first], recipe)
        values = np.column_stack([timbre, *(acoustic[name] for name in ACOUSTIC_UNITS)])
        values[np.isnan(values)] = NO_PULSE
        n = last - first
        counts = np.diff(bounds[first : last + 1]).tolist()
        track_ids = track_of_row[bounds[first:last]].tolist()
        library.arrays.append(table, to_arrow(track_ids, counts, [0.0] * n, [False] * n, values))
        progress("descriptors", last, n_tracks)
    library.arrays.compact(table)
    return n_tracks


def load_descriptors(library: Library, images: ImageConfig) -> Descriptors:
    """Stored descriptors of the tracks that still have the images they were made from.

    Parameters
    ----------
    library : Library
        Open for reading.
    images : ImageConfig
        Which image set.

    Returns
    -------
    Descriptors
        Without tracks when none were computed.
    """
    table = descriptor_table(images)
    marked = _marked(library, images)
    rows = {track: row for track, (n_clips, row) in _stored(library, table).items() if marked.get(track) == n_clips}
    values = np.empty((0, TIMBRE_SIZE + len(ACOUSTIC_UNITS)), dtype=np.float32)
    if rows:
        values = from_arrow(library.arrays.take(table, np.array(list(rows.values()), dtype=np.uint64))["values"])
    acoustic = {name: values[:, TIMBRE_SIZE + column].copy() for column, name in enumerate(ACOUSTIC_UNITS)}
    tempo = acoustic["tempo_bpm"]
    tempo[tempo == NO_PULSE] = np.nan
    return Descriptors(list(rows), values[:, :TIMBRE_SIZE].copy(), acoustic)


def _is_version_of(name: str, images: ImageConfig) -> bool:
    prefix = table_name("descriptors", f"{images.key}.v")
    return name.startswith(prefix) and name.removeprefix(prefix).isdecimal()


def _marked(library: Library, images: ImageConfig) -> dict[str, int]:
    """Clips of each track that has images of this set."""
    query = "SELECT track_id, n_clips FROM images WHERE image_set = ?"
    return {row[0]: row[1] for row in library.db.execute(query, (images.key,))}


def _stored(library: Library, table: str) -> dict[str, tuple[int, int]]:
    """Clips described and row id of each described track, sorted by track."""
    keys = library.arrays.keys(table)
    columns = (keys[name].to_pylist() for name in ("track_id", "clip", "_rowid"))
    return {track: (n_clips, row) for track, n_clips, row in zip(*columns, strict=True)}


def _whole_tracks(bounds: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of tracks with about `READ_IMAGES` images each; a longer track stands alone."""
    first = 0
    while first < len(bounds) - 1:
        last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + READ_IMAGES, side="right")) - 1)
        yield first, last
        first = last
