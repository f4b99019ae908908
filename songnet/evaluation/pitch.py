"""A pitch-class profile from a mel image: weak, and named for what it is.

Mel bands are about 34 Hz apart below 1 kHz. Neighbouring semitones are that far apart from about 570 Hz on; below it a
band holds several of them. So only bands above are used: the profile hears the harmonics of music and the melody of
high voices, and neither bass nor chords in the middle. It is no chromagram.
"""

from __future__ import annotations

import numpy as np

from songnet.descriptors.acoustic import band_edges
from songnet.descriptors.percussive import median_filter
from songnet.spectrogram import Recipe

N_CLASSES = 12
C4_HZ = 261.6256
SEMITONE = 2 ** (1 / 12)


def class_weights(recipe: Recipe) -> np.ndarray:
    """Share of each mel band in each pitch class, C first.

    Parameters
    ----------
    recipe : Recipe
        Whose bands.

    Returns
    -------
    numpy.ndarray [shape=(n_mels, 12), dtype=float64]
        A band is split between the two classes nearest to its centre; the columns sum to 1, since bands fall unevenly.
        Bands farther than a semitone from the next lower one have no share.
    """
    edges = band_edges(recipe)
    centres = edges[1:-1]
    narrow = centres / np.maximum(edges[:-2], 1e-9) <= SEMITONE
    weights = np.zeros((len(centres), N_CLASSES))
    places = 12 * np.log2(np.maximum(centres, 1.0) / C4_HZ)
    lower = np.floor(places).astype(np.int64)
    rows = np.flatnonzero(narrow)
    upper_share = (places - lower)[rows]
    np.add.at(weights, (rows, lower[rows] % N_CLASSES), 1 - upper_share)
    np.add.at(weights, (rows, (lower[rows] + 1) % N_CLASSES), upper_share)
    sums = weights.sum(axis=0)
    shares: np.ndarray = weights / np.where(sums > 0, sums, 1)
    return shares


def pitch_class_profile(pixels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """How far each pitch class stands out, on average over time.

    Parameters
    ----------
    pixels : numpy.ndarray [shape=(n_clips, n_mels, n_frames), dtype=uint8]
        Mel images.
    recipe : Recipe
        What made them.

    Returns
    -------
    numpy.ndarray [shape=(n_clips, 12), dtype=float32]
        C first. Decibels of a band above the median of the 17 bands around it, at least 0, so that neither loudness
        nor the slope of the spectrum matters; each row sums to 1 (1/12 each where nothing stands out).
    """
    above = np.maximum(pixels.astype(np.int16) - median_filter(pixels, 1), 0)
    profile = above.mean(axis=2, dtype=np.float64) @ class_weights(recipe)
    sums = profile.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, profile / np.where(sums > 0, sums, 1), 1 / N_CLASSES)
    return shares.astype(np.float32)
