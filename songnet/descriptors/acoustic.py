"""What a person can say of a recording: how loud, how bright, how percussive, how fast."""

from __future__ import annotations

import numpy as np

from songnet.descriptors.percussive import percussive_mask
from songnet.descriptors.rhythm import estimate_tempo, onset_autocorrelation, onset_strength
from songnet.spectrogram import Recipe
from songnet.spectrogram.mel import hz_to_mel, mel_to_hz

# Name and unit of every quantity, in the order in which they are stored.
ACOUSTIC_UNITS = {
    "loudness_db": "dBFS",
    "dynamics_db": "dB",
    "brightness_hz": "Hz",
    "bass_share": "",
    "percussiveness": "",
    "tempo_bpm": "BPM",
    "pulse_clarity": "",
}
BASS_HZ = 250.0
# Bands so far below the loudest band of their frame do not make a sound brighter: they are hiss.
HEARD_DB = 30.0


def band_edges(recipe: Recipe) -> np.ndarray:
    """Corner frequencies of a recipe's mel filters [shape=(n_mels + 2,)] in Hz; band b has its peak at edge b + 1."""
    low, high = hz_to_mel(np.array([recipe.fmin, recipe.fmax]))
    edges: np.ndarray = mel_to_hz(np.linspace(low, high, recipe.n_mels + 2))
    return edges


def band_energies(db: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Share of the signal's mean square in each band and frame.

    A recipe's filters have equal area, so that a band tells power *per Hertz*, and white noise is an even grey. Here
    that is undone: times half the filter's width, bands are sums of power again, and because neighbouring filters
    overlap by half, together they are the power of the whole frame. Divided by the power of the Hann window they are
    the signal's mean square.

    Parameters
    ----------
    db : numpy.ndarray [shape=(n_clips, n_mels, n_frames)]
        Decibels by the recipe.
    recipe : Recipe
        Whose bands.

    Returns
    -------
    numpy.ndarray [shape=(n_clips, n_mels, n_frames), dtype=float32]
        Full scale 1.0; a sine of full scale has 0.5 in all.
    """
    edges = band_edges(recipe)
    # One side of the spectrum of N samples holds N^2 / 2 times the mean square, a Hann window leaves 3/8 of it.
    to_power = (edges[2:] - edges[:-2]) / 2 / (0.375 * recipe.n_fft**2 / 2)
    energies: np.ndarray = np.exp(db.astype(np.float32, copy=False) * np.float32(np.log(10) / 10))
    energies *= to_power.astype(np.float32)[:, None]
    return energies


def clip_acoustics(db: np.ndarray, recipe: Recipe) -> dict[str, np.ndarray]:
    """Descriptors of single clips.

    Parameters
    ----------
    db : numpy.ndarray [shape=(n_clips, n_mels, n_frames)]
        Decibels by the recipe.
    recipe : Recipe
        What made the images.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(n_clips,), dtype=float64]
        ``loudness_db``: RMS level in dBFS (a sine of full scale has -3), at least what black pixels stand for.
        ``dynamics_db``: from the 10th to the 95th percentile of the frames' levels, as EBU Tech 3342 takes them.
        ``brightness_hz``: spectral centroid, the mean of the band centres weighted by magnitude (weighted by energy,
        the bass drum decides alone, and music with cymbals counts as dark). What lies 30 dB below the
        loudest band of its frame is not counted, black pixels are not, and silence is 0 Hz.
        ``bass_share``: 0 to 1, the energy in bands whose centre lies below 250 Hz.
        ``percussiveness``: 0 to 1, the energy's percussive share (`percussive_mask`); 0 for silence.
    """
    energies = band_energies(db, recipe)
    frame_levels = 10.0 * np.log10(energies.sum(axis=1, dtype=np.float64))
    quiet, loud = np.percentile(frame_levels, [10.0, 95.0], axis=1)
    loudness = 10.0 * np.log10(np.power(10.0, frame_levels / 10.0).mean(axis=1))
    # What is black is that quiet or quieter: added up over the wide upper bands, the unknown would be heard as bright.
    energies[db < recipe.db_min + recipe.step_db / 2] = 0.0
    band_sums = energies.sum(axis=2, dtype=np.float64)
    total = band_sums.sum(axis=1)
    divisor = np.where(total > 0, total, 1.0)
    edges = band_edges(recipe)
    centres, widths = edges[1:-1], edges[2:] - edges[:-2]
    # A band's energy is spread over a number of Fourier bins that grows with its width: their magnitudes add up to
    # the root of energy times width.
    heard = db >= db.max(axis=1, keepdims=True) - HEARD_DB
    magnitudes = np.sqrt(energies * heard * widths.astype(np.float32)[:, None]).sum(axis=2, dtype=np.float64)
    energies *= percussive_mask(db, recipe)
    return {
        "loudness_db": loudness,
        "dynamics_db": loud - quiet,
        "brightness_hz": (magnitudes * centres).sum(axis=1) / np.where(total > 0, magnitudes.sum(axis=1), 1.0),
        "bass_share": band_sums[:, centres < BASS_HZ].sum(axis=1) / divisor,
        "percussiveness": energies.sum(axis=(1, 2), dtype=np.float64) / divisor,
    }


def track_acoustics(
    clips: dict[str, np.ndarray], strength: np.ndarray, starts: np.ndarray, recipe: Recipe
) -> dict[str, np.ndarray]:
    """Descriptors of tracks from those of their clips.

    Parameters
    ----------
    clips : dict of str to numpy.ndarray [shape=(n_clips,)]
        From `clip_acoustics`, the clips of one track next to each other.
    strength : numpy.ndarray [shape=(n_clips, n_frames - 1)]
        Of the same clips, from `songnet.descriptors.rhythm.onset_strength`.
    starts : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Row of each track's first clip, ascending from 0.
    recipe : Recipe
        What made the images.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(n_tracks,), dtype=float32]
        The keys of `ACOUSTIC_UNITS`. Tempo and pulse clarity are those of all clips together, the others are means
        over the clips. Only ``tempo_bpm`` can be NaN: no pulse was found.
    """
    counts = np.diff(np.append(starts, len(strength)))
    tempo, clarity = estimate_tempo(onset_autocorrelation(strength, starts), counts, recipe.sr / recipe.hop_length)
    means = {name: np.add.reduceat(values, starts) / counts for name, values in clips.items()}
    found = {**means, "tempo_bpm": tempo, "pulse_clarity": clarity}
    return {name: found[name].astype(np.float32) for name in ACOUSTIC_UNITS}


def acoustic_descriptors(db: np.ndarray, starts: np.ndarray, recipe: Recipe) -> dict[str, np.ndarray]:
    """`track_acoustics` straight from the images of some tracks.

    Examples
    --------
    >>> from songnet.spectrogram import get_recipe
    >>> silence = np.full((2, 96, 216), -50.0)
    >>> found = acoustic_descriptors(silence, np.array([0]), get_recipe("songnet"))
    >>> found["brightness_hz"].tolist(), found["tempo_bpm"].tolist()
    ([0.0], [nan])
    """
    return track_acoustics(clip_acoustics(db, recipe), onset_strength(db), starts, recipe)
