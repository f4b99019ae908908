"""Clips to mel images.

Conventions: a mel image is ``uint8 [shape=(n_mels, n_frames)]``, row 0 the lowest band; pixel ``p`` stands for
``db_min + p * (db_max - db_min) / 255`` decibels. Frames are centred and the clip is padded with zeros, as librosa
does.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.fft

from songnet.spectrogram.recipes import Recipe

# Power below which librosa.power_to_db clips, too.
AMIN = 1e-10
# Frames transformed together: their spectra still lie in the cache when the filters are applied. A quarter of a clip
# took 0.40 of the time of a whole one.
FRAMES_AT_ONCE = 54


def hz_to_mel(frequencies: np.ndarray) -> np.ndarray:
    """Slaney's mel scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    linear = 3.0 * frequencies / 200.0
    with np.errstate(divide="ignore"):
        logarithmic = 15.0 + 27.0 * np.log(frequencies / 1000.0) / np.log(6.4)
    return np.where(frequencies >= 1000.0, logarithmic, linear)


def mel_to_hz(mels: np.ndarray) -> np.ndarray:
    """Inverse of `hz_to_mel`."""
    return np.where(mels >= 15.0, 1000.0 * np.exp((mels - 15.0) * np.log(6.4) / 27.0), 200.0 * mels / 3.0)


@lru_cache(maxsize=8)
def mel_filterbank(sr: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> np.ndarray:
    """Triangular mel filters of equal area.

    Parameters
    ----------
    sr : int
        Sampling rate in Hz.
    n_fft : int
        Length of the Fourier transform.
    n_mels : int
        Number of filters.
    fmin, fmax : float
        Range in Hz; ``fmax`` at most ``sr / 2``.

    Returns
    -------
    numpy.ndarray [shape=(n_mels, 1 + n_fft // 2), dtype=float32]
        The filters, equal to ``librosa.filters.mel`` with its default scale and norm.
    """
    lowest, highest = hz_to_mel(np.array([fmin, fmax]))
    edges = mel_to_hz(np.linspace(lowest, highest, n_mels + 2))
    bins = np.arange(1 + n_fft // 2) * (sr / n_fft)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    triangles *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    filters: np.ndarray = triangles.astype(np.float32)
    filters.setflags(write=False)
    return filters


@lru_cache(maxsize=8)
def _window(n_fft: int) -> np.ndarray:
    # The periodic Hann window, as for any transform of overlapping frames.
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    window.setflags(write=False)
    return window


def mel_decibels(y: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Log-mel spectrogram of a clip in decibels, not yet quantised.

    Parameters
    ----------
    y : numpy.ndarray [shape=(recipe.clip_samples,), dtype=float32]
        The clip at ``recipe.sr``, full scale 1.0.
    recipe : Recipe
        What to compute.

    Returns
    -------
    numpy.ndarray [shape=(n_mels, n_frames), dtype=float32]
        Decibels re power 1.0, at least -100.
    """
    padded = np.pad(y.astype(np.float32, copy=False), recipe.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, recipe.n_fft)[:: recipe.hop_length]
    window = _window(recipe.n_fft)
    filters = mel_filterbank(recipe.sr, recipe.n_fft, recipe.n_mels, recipe.fmin, recipe.fmax)
    mel = np.empty((recipe.n_frames, recipe.n_mels), dtype=np.float32)
    for start in range(0, recipe.n_frames, FRAMES_AT_ONCE):
        block = frames[start : min(start + FRAMES_AT_ONCE, recipe.n_frames)]
        spectrum = scipy.fft.rfft(block * window, axis=1, overwrite_x=True)
        power = spectrum.real**2 + spectrum.imag**2
        np.matmul(power, filters.T, out=mel[start : start + len(block)])
    decibels: np.ndarray = 10.0 * np.log10(np.maximum(mel, np.float32(AMIN))).T
    return decibels


def to_pixels(decibels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Quantise decibels to grey levels by the recipe's fixed scale; what lies outside is clipped."""
    scaled = (decibels - np.float32(recipe.db_min)) * np.float32(255.0 / (recipe.db_max - recipe.db_min))
    pixels: np.ndarray = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return pixels


def to_decibels(pixels: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Decibels that grey levels stand for [dtype=float32]."""
    decibels: np.ndarray = pixels.astype(np.float32) * np.float32(recipe.step_db) + np.float32(recipe.db_min)
    return decibels


def mel_image(y: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The mel image of a clip [shape=(n_mels, n_frames), dtype=uint8].

    Examples
    --------
    >>> from songnet.spectrogram.recipes import RECIPES
    >>> mel_image(np.zeros(110_250, np.float32), RECIPES["deejai"]).shape
    (96, 216)
    """
    return to_pixels(mel_decibels(y, recipe), recipe)
