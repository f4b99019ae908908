"""Does a clip stay itself when only its gain, coding, rate or place changes?

A changed clip is encoded again and looks for its nearest neighbour among the clips of the library as they are, by
cosine. Encoders that answer with points of a space are compared there; vectors of others are standardised by the
originals first (column by column), so that neither a common part nor one loud dimension decides.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from songnet.audio.workers import isolated_map
from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.config import ImageConfig, ReadConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.evaluation.panels.changes import (
    DEFAULT_CHANGES,
    Change,
    ChangedImages,
    ChangeJob,
    changed_images,
    has_mp3_encoder,
)
from songnet.evaluation.panels.invariance_neighbours import Neighbours, Reference, nearest_own
from songnet.evaluation.panels.invariance_results import InvarianceReport, summarise_changes
from songnet.library import Library, from_arrow, table_name
from songnet.library.tracks import tracks_by_id
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe

# uint8 [shape=(n, n_mels, n_frames)] to [shape=(n, d)]; a row must depend on its own image alone.
Encode = Callable[[np.ndarray], np.ndarray]
READ_IMAGES = 512
MAX_REFERENCE_CLIPS = 20_000


def measure_invariance(
    library: Library,
    images: ImageConfig,
    encoders: Mapping[str, Encode],
    *,
    changes: Sequence[Change] = DEFAULT_CHANGES,
    in_space: Collection[str] = (),
    n_tracks: int = 200,
    read: ReadConfig | None = None,
    n_workers: int = 1,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, InvarianceReport]:
    """Encode a sample of the library's clips under changes that should not matter, and look for the originals.

    Parameters
    ----------
    library : Library
        Open for reading; the music files of the sample must be where they were.
    images : ImageConfig
        Image set that the encoders take.
    encoders : mapping of str to callable
        Name to a function from images [shape=(n, n_mels, n_frames), dtype=uint8] to vectors [shape=(n, d)], a row for
        each image, depending on that image alone. All are measured on the same sound, which is decoded once.
    changes : sequence of Change
        What to do.
    in_space : collection of str
        Encoders whose answers are points of a space (`panels.invariance_encoders.placed`).
    n_tracks : int
        Tracks drawn among those with images whose files are not missing.
    read : ReadConfig or None
        Limits for one file.
    n_workers : int
        Processes that decode.
    seed : int
        Of the draw.
    progress : Progress
        Told of originals and of files.

    Returns
    -------
    dict of str to InvarianceReport
        One an encoder. Files that cannot be read are counted and left out.

    Raises
    ------
    InputNotFoundError
        If no track of the library has images and a file.
    ParameterError
        If there is nothing to do, or an encoder does not answer with finite rows.
    """
    if not encoders or not changes or n_tracks < 1:
        raise ParameterError("invariance needs an encoder, a change and one track or more")
    read = read or ReadConfig()
    impossible = tuple(change.name for change in changes if change.kind == "mp3" and not has_mp3_encoder())
    changes = [change for change in changes if change.name not in impossible]
    if not changes:
        raise ParameterError("this FFmpeg has no MP3 encoder (libmp3lame): choose another change")
    keys = library.arrays.keys(table_name("images", images.key))
    clip_track = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False), dtype=object)
    paths = {
        track: values["path"]
        for track, values in tracks_by_id(library.db).items()
        if values["path"] is not None and not values["missing"]
    }
    here = [track for track in dict.fromkeys(clip_track.tolist()) if track in paths]
    if not here:
        raise InputNotFoundError(
            f"no track with images of {images.key} has its file where it was: put the music back and run"
            " `songnet embed FOLDER`"
        )
    rng = np.random.default_rng([seed, 9])
    sample = sorted(here[index] for index in rng.permutation(len(here))[:n_tracks])
    chosen = _reference_rows(clip_track, sample, rng)
    clip_track, row_ids = clip_track[chosen], np.asarray(keys["_rowid"])[chosen]
    references = _encode_originals(library, images, encoders, in_space, clip_track, row_ids, progress)
    first_row = {track: int(row) for row, track in reversed(list(enumerate(clip_track)))}
    counts = Counter(clip_track.tolist())
    recipe = get_recipe(images.recipe)
    jobs = [ChangeJob(track, paths[track], recipe, images, tuple(changes)) for track in sample]
    skipped: Counter[str] = Counter()
    found: dict[str, dict[str, list[Neighbours | None]]] = {name: {} for name in encoders}
    workers = isolated_map(
        changed_images, jobs, n_workers=min(n_workers, len(jobs)), timeout_s=read.timeout_s, memory_mb=read.memory_mb
    )
    for done, outcome in enumerate(workers, start=1):
        track = outcome.item.track_id
        if outcome.error is not None or outcome.answer is None:
            skipped[outcome.error.kind if outcome.error else "corrupt"] += 1
        elif outcome.answer.n_clips != counts[track]:
            skipped["changed"] += 1
        else:
            made = outcome.answer.changed
            # All changes in one call: models encode in batches of one size, which are filled up.
            pixels = np.concatenate([changed.pixels for changed in made])
            for name, encode in encoders.items():
                vectors = encoded(encode, pixels, name) if len(pixels) else np.empty((0, 0))
                found[name][track] = _compare(references[name], vectors, made, first_row[track], counts[track])
        progress("changed clips", done, len(jobs), f"{sum(skipped.values())} skipped" if skipped else "")
    return {
        name: InvarianceReport(
            name, len(sample), len(found[name]), dict(skipped), len(counts), len(clip_track),
            summarise_changes(changes, [found[name][track] for track in sample if track in found[name]]),
            impossible,
        )
        for name in encoders
    }  # fmt: skip


def _reference_rows(clip_track: np.ndarray, sample: list[str], rng: np.random.Generator) -> np.ndarray:
    """Rows of the originals that are searched: all, or the sample's and a random part of the others."""
    if len(clip_track) <= MAX_REFERENCE_CLIPS:
        return np.arange(len(clip_track))
    wanted = set(sample)
    others = [track for track in dict.fromkeys(clip_track.tolist()) if track not in wanted]
    counts = Counter(clip_track.tolist())
    room = MAX_REFERENCE_CLIPS - sum(counts[track] for track in wanted)
    for index in rng.permutation(len(others)):
        room -= counts[others[index]]
        if room < 0:
            break
        wanted.add(others[index])
    return np.flatnonzero([track in wanted for track in clip_track])


def _encode_originals(
    library: Library,
    images: ImageConfig,
    encoders: Mapping[str, Encode],
    in_space: Collection[str],
    clip_track: np.ndarray,
    row_ids: np.ndarray,
    progress: Progress,
) -> dict[str, Reference]:
    shape = get_recipe(images.recipe).shape
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in encoders}
    digests: list[bytes] = []
    for rows in library.arrays.batches(table_name("images", images.key), row_ids, READ_IMAGES, ["values"]):
        pixels = from_arrow(rows["values"]).reshape(-1, *shape)
        digests += [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in pixels]
        for name, encode in encoders.items():
            vectors[name].append(encoded(encode, pixels, name))
        progress("originals", len(digests), len(row_ids))
    with ONE_THREAD_BLAS:
        return {
            name: Reference.fit(np.concatenate(parts), clip_track, digests, standardise=name not in in_space)
            for name, parts in vectors.items()
        }


def encoded(encode: Encode, pixels: np.ndarray, name: str) -> np.ndarray:
    """Vectors of images, checked.

    Raises
    ------
    ParameterError
        If they are not (n, d) and finite.
    """
    rows = np.asarray(encode(pixels))
    if rows.ndim != 2 or len(rows) != len(pixels) or not np.isfinite(rows).all():
        raise ParameterError(
            f"encoder {name} must answer {len(pixels)} images with as many finite rows (n, d), got {rows.shape}"
        )
    return rows


def _compare(
    reference: Reference, vectors: np.ndarray, made: Sequence[ChangedImages], first_row: int, count: int
) -> list[Neighbours | None]:
    ends = np.cumsum([len(images.clips) for images in made])
    results: list[Neighbours | None] = []
    with ONE_THREAD_BLAS:
        for images, end in zip(made, ends, strict=True):
            rows = vectors[end - len(images.clips) : end]
            owns = first_row + images.clips
            results.append(nearest_own(reference, rows, owns, first_row, count) if len(rows) else None)
    return results
