"""What every model must beat: descriptors without any training. (The untrained encoder is in `untrained`.)

``MFCC + PCA``
    Mean, deviation and deviation of the differences of 20 mel-frequency cepstral coefficients, in the evaluation's
    space (whitened: principal components).
``MFCC standard``
    The same, standardised only: whitening can hurt statistics, and a baseline must not lose for that.
``bliss-style``
    Tempo, pulse clarity, loudness, dynamics, brightness, bass, percussiveness, four cepstral means (the coarse shape of
    the spectrum) and twelve pitch classes above 570 Hz (`songnet.evaluation.pitch`): 23 values, after the descriptor
    vector of the bliss-audio player library; its chroma comes from a full spectrum, ours from a mel image.
``loudness``
    One number, the RMS level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from songnet.clustering.against import N_MFCC_STATISTICS
from songnet.config import ImageConfig
from songnet.descriptors import describe_images, load_descriptors
from songnet.evaluation.clips import ClipPlan, Parts, stream_images
from songnet.evaluation.pitch import pitch_class_profile
from songnet.evaluation.systems import System
from songnet.library import Library
from songnet.progress import Progress, silent
from songnet.spectrogram import Recipe, get_recipe

# Cepstral means 1 to 4; the one before is the level, which has its own place.
SHAPE_CEPSTRA = slice(1, 5)


def bliss_vector(timbre: np.ndarray, acoustic: dict[str, np.ndarray], pitch: np.ndarray) -> np.ndarray:
    """The bliss-style vector.

    Parameters
    ----------
    timbre : numpy.ndarray [shape=(n, 260)]
        `songnet.descriptors.timbre_descriptor`.
    acoustic : dict of str to numpy.ndarray [shape=(n,)]
        The keys of `songnet.descriptors.ACOUSTIC_UNITS`.
    pitch : numpy.ndarray [shape=(n, 12)]
        `pitch_class_profile`.

    Returns
    -------
    numpy.ndarray [shape=(n, 23), dtype=float32]
        Tempo and brightness in octaves. A track without a pulse has the mean tempo of the others.
    """
    octaves = np.log2(acoustic["tempo_bpm"].astype(np.float64))
    known = np.isfinite(octaves)
    tempo = np.where(known, octaves, octaves[known].mean() if known.any() else 0.0)
    brightness = np.log2(1.0 + acoustic["brightness_hz"].astype(np.float64))
    rest = [acoustic[name] for name in ("pulse_clarity", "loudness_db", "dynamics_db", "bass_share", "percussiveness")]
    return np.column_stack([tempo, brightness, *rest, timbre[:, SHAPE_CEPSTRA], pitch]).astype(np.float32)


def halves(pixels: np.ndarray) -> np.ndarray:
    """First and second half of each image in turn [shape=(2 n, n_mels, n_frames // 2)]."""
    half = pixels.shape[2] // 2
    both = np.stack([pixels[:, :, :half], pixels[:, :, -half:]], axis=1)
    return np.ascontiguousarray(both.reshape(2 * len(pixels), pixels.shape[1], half))


def descriptor_systems(
    library: Library,
    images: ImageConfig,
    track_ids: Sequence[str],
    plan: ClipPlan | None,
    *,
    progress: Progress = silent,
) -> list[System]:
    """The baselines without a network, and the timbre descriptors, with vectors of clips.

    Parameters
    ----------
    library : Library
        Open for reading, descriptors up to date.
    images : ImageConfig
        Image set.
    track_ids : sequence of str
        Tracks wanted, sorted; all have images.
    plan : ClipPlan or None
        Clips that need vectors of their own.
    progress : Progress
        Told of images.

    Returns
    -------
    list of System
        ``"descriptors"`` first, then the four baselines.
    """
    recipe = get_recipe(images.recipe)
    stored = load_descriptors(library, images)
    row = {track: index for index, track in enumerate(stored.track_ids)}
    order = [row[track] for track in track_ids]
    timbre, acoustic = stored.timbre[order], {name: values[order] for name, values in stored.acoustic.items()}
    profiles = []
    found: list[tuple[Parts, dict[str, np.ndarray], np.ndarray]] = []
    for block in stream_images(library, images, track_ids, progress=progress, stage="baselines"):
        pitch = pitch_class_profile(block.pixels, recipe)
        counts = np.diff(np.append(block.starts, len(pitch)))[:, None]
        profiles.append(np.add.reduceat(pitch.astype(np.float64), block.starts, axis=0) / counts)
        if plan is not None:
            wanted = plan.wanted(block.owners, block.numbers)
            if wanted.any():
                found.append(
                    _described(plan, block.owners[wanted], block.numbers[wanted], block.pixels[wanted], recipe)
                )
    bliss = bliss_vector(timbre, acoustic, np.concatenate(profiles))
    parts: list[Parts | None] = [None] * 4
    if found:
        owners = np.concatenate([entry[0].owners for entry in found])
        numbers = np.concatenate([entry[0].numbers for entry in found])
        values = np.concatenate([entry[0].vectors for entry in found])
        by_name = {name: np.concatenate([entry[1][name] for entry in found]) for name in found[0][1]}
        whole = bliss_vector(values, by_name, np.concatenate([entry[2] for entry in found]))
        tables = (values, values[:, :N_MFCC_STATISTICS], whole, by_name["loudness_db"][:, None])
        parts = [Parts(owners, numbers, table) for table in tables]
    names = list(track_ids)
    mfcc = timbre[:, :N_MFCC_STATISTICS]
    return [
        System("descriptors", "descriptors", names, timbre, parts[0]),
        System("MFCC + PCA", "baseline", names, mfcc, parts[1]),
        System("MFCC standard", "baseline", names, mfcc, parts[1], space="standard"),
        System("bliss-style", "baseline", names, bliss, parts[2]),
        System("loudness", "baseline", names, acoustic["loudness_db"][:, None], parts[3]),
    ]


def _described(
    plan: ClipPlan, owners: np.ndarray, numbers: np.ndarray, pixels: np.ndarray, recipe: Recipe
) -> tuple[Parts, dict[str, np.ndarray], np.ndarray]:
    """Timbre (as vectors of parts), acoustic quantities and pitch classes of clips or halves."""
    if plan.unit == "halves":
        pixels = halves(pixels)
    timbre, acoustic = describe_images(pixels, np.arange(len(pixels)), recipe)
    return plan.parts(owners, numbers, timbre), acoustic, pitch_class_profile(pixels, recipe)
