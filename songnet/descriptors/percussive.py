"""How much of a clip is struck and how much is held: harmonic/percussive separation on the mel image."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from songnet.spectrogram import Recipe, to_pixels

# Frames and bands under the median, as in Fitzgerald's paper: 0.4 s, and a sixth of the bands.
KERNEL = 17


def percussive_mask(db: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Share of each pixel's power that is percussive.

    A held tone is a horizontal line in the image and survives a median over time; a stroke is a vertical line and
    survives a median over frequency. The mask is Wiener's, of the two medians' powers (Fitzgerald, "Harmonic/percussive
    separation using median filtering", DAFx 2010). The filters of the recipe have equal area, so a stroke, whose
    spectrum is flat, is a line of even grey, as the median over frequency wants it.

    Parameters
    ----------
    db : numpy.ndarray [shape=(n_clips, n_mels, n_frames)]
        Decibels; rounded to the recipe's grey levels.
    recipe : Recipe
        Whose grey levels.

    Returns
    -------
    numpy.ndarray [shape=(n_clips, n_mels, n_frames), dtype=float32]
        0 (all harmonic) to 1 (all percussive); 0.5 where neither prevails, as in steady noise.
    """
    # Medians commute with any rising map, and those of bytes are many times faster than those of floats.
    pixels = to_pixels(db, recipe)
    lead = percussive_lead(pixels)
    levels = np.arange(-255, 256) * recipe.step_db
    table = (1.0 / (1.0 + 10.0 ** (-levels / 10.0))).astype(np.float32)
    mask: np.ndarray = table[lead + 255]
    return mask


def percussive_lead(pixels: np.ndarray) -> np.ndarray:
    """Grey levels by which the median over frequency exceeds that over time [shape of pixels, dtype=int16]."""
    lead: np.ndarray = median_filter(pixels, 1).astype(np.int16) - median_filter(pixels, 2)
    return lead


def median_filter(values: np.ndarray, axis: int) -> np.ndarray:
    """Running median of `KERNEL` neighbours along an axis, the ends mirrored.

    Parameters
    ----------
    values : numpy.ndarray
        Of any type; along the axis at least 9 long.
    axis : int
        Along which.

    Returns
    -------
    numpy.ndarray
        Of the same shape and type.
    """
    half = KERNEL // 2
    widths = [(half, half) if dimension == axis else (0, 0) for dimension in range(values.ndim)]
    padded = np.pad(values, widths, mode="reflect")
    before: tuple[slice, ...] = (slice(None),) * (axis % values.ndim)
    lanes = [padded[(*before, slice(shift, shift + values.shape[axis]))].copy() for shift in range(KERNEL)]
    spare = np.empty_like(lanes[0])
    for low, high in median_network(KERNEL):
        np.minimum(lanes[low], lanes[high], out=spare)
        np.maximum(lanes[low], lanes[high], out=lanes[high])
        lanes[low], spare = spare, lanes[low]
    return lanes[half]


@lru_cache(maxsize=4)
def median_network(n: int) -> tuple[tuple[int, int], ...]:
    """Comparisons that bring the median of n values to lane ``n // 2``.

    Batcher's odd-even merge sort (AFIPS 1968) without the comparisons that cannot reach that lane. The same few
    comparisons for every pixel are whole-array minima and maxima, where a sort would decide pixel by pixel.

    Returns
    -------
    tuple of (int, int)
        Lanes to compare, in order: the smaller value goes to the first, the larger to the second.
    """
    comparisons = []
    step = 1
    while step < n:
        gap = step
        while gap >= 1:
            for start in range(gap % step, n - gap, 2 * gap):
                for lane in range(start, min(start + gap, n - gap)):
                    if lane // (2 * step) == (lane + gap) // (2 * step):
                        comparisons.append((lane, lane + gap))
            gap //= 2
        step *= 2
    needed = {n // 2}
    kept = []
    for pair in reversed(comparisons):
        if needed.intersection(pair):
            needed.update(pair)
            kept.append(pair)
    return tuple(reversed(kept))
