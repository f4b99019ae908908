"""The beat of a track: its tempo, and how clearly it can be heard."""

from __future__ import annotations

import numpy as np
import scipy.fft

MIN_BPM, MAX_BPM = 40.0, 240.0
N_TEMPI = 600
# Where people tap when several tempi would do, and how far from it, in octaves.
PREFERRED_BPM, SPREAD_OCTAVES = 120.0, 1.0
# Points between two frames at which the autocorrelation is read: whole frames are 4 % apart at 100 BPM.
OVERSAMPLING = 8
# A peak counts when it is this many standard deviations, 1 / sqrt(frames), above 0. Of noise, white or smoothed, it let
# pass 3 in 100 single clips at the worst, and fewer with more clips.
CHANCE_DEVIATIONS = 4.0


def onset_strength(db: np.ndarray) -> np.ndarray:
    """Rise of the level from frame to frame, averaged over the bands (spectral flux in decibels).

    Parameters
    ----------
    db : numpy.ndarray [shape=(n_clips, n_mels, n_frames)]
        Decibels.

    Returns
    -------
    numpy.ndarray [shape=(n_clips, n_frames - 1), dtype=float32]
        Decibels a band, 0 or more.
    """
    rises = np.diff(db.astype(np.float32, copy=False), axis=2)
    strength: np.ndarray = np.maximum(rises, 0, out=rises).mean(axis=1)
    return strength


def onset_autocorrelation(strength: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Autocorrelation of the onset strength, averaged over the clips of each track.

    The beat's phase differs from clip to clip, its period does not: autocorrelations can be averaged.

    Parameters
    ----------
    strength : numpy.ndarray [shape=(n_clips, n)]
        From `onset_strength`, the clips of one track next to each other.
    starts : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Row of each track's first clip, ascending from 0.

    Returns
    -------
    numpy.ndarray [shape=(n_tracks, 8 * n), dtype=float64]
        At lags of eighths of a frame; 1 at lag 0, the fewer terms at long lags made up for. Zeros where nothing ever
        changes.
    """
    n = strength.shape[1]
    centred = strength.astype(np.float64) - strength.mean(axis=1, dtype=np.float64, keepdims=True)
    n_fft = scipy.fft.next_fast_len(2 * n, real=True)
    spectrum = scipy.fft.rfft(centred, n=n_fft, axis=1)
    power = np.add.reduceat(spectrum.real**2 + spectrum.imag**2, starts, axis=0)
    # Zeros behind the spectrum put points between those of its transform.
    correlation = scipy.fft.irfft(power, n=n_fft * OVERSAMPLING, axis=1)[:, : n * OVERSAMPLING]
    lags = np.arange(n * OVERSAMPLING) / OVERSAMPLING
    origin = correlation[:, :1]
    # A mean square of 1e-6 dB^2 a clip is rounding.
    moving = origin * OVERSAMPLING > 1e-6 * n
    unbiased: np.ndarray = np.where(moving, correlation, 0.0) / np.where(moving, origin, 1.0) * (n / (n - lags))
    return unbiased


def estimate_tempo(
    autocorrelation: np.ndarray, n_clips: np.ndarray, frame_rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Tempo and clarity of the pulse.

    Each tempo from 40 to 240 BPM is scored by the autocorrelation at its period and, with half the weight, at twice
    its period, times a log-normal preference for 120 BPM (Ellis, "Beat tracking by dynamic programming", JNMR 2007);
    the highest peak wins. Tempi an octave off are the usual error, and people make it, too.

    Parameters
    ----------
    autocorrelation : numpy.ndarray [shape=(n_tracks, 8 * n)]
        From `onset_autocorrelation`.
    n_clips : numpy.ndarray [shape=(n_tracks,)]
        Clips behind each row: the more, the fainter a pulse is told from chance.
    frame_rate : float
        Frames a second.

    Returns
    -------
    tempo_bpm : numpy.ndarray [shape=(n_tracks,), dtype=float32]
        Beats a minute; NaN without a pulse, that is, without a peak above what chance gives.
    pulse_clarity : numpy.ndarray [shape=(n_tracks,), dtype=float32]
        0 to 1, the score of the winner without the preference (after Lartillot et al., "Multi-feature modeling of
        pulse clarity", ISMIR 2008); 0 without a pulse.
    """
    n_tracks, n_lags = autocorrelation.shape
    tempi = np.geomspace(MIN_BPM, MAX_BPM, N_TEMPI)
    periods = 60.0 * frame_rate * OVERSAMPLING / tempi
    tempi, periods = tempi[2 * periods <= n_lags - 1], periods[2 * periods <= n_lags - 1]
    none = np.full(n_tracks, np.nan, dtype=np.float32), np.zeros(n_tracks, dtype=np.float32)
    if len(tempi) < 3 or not n_tracks:
        return none
    scores = (_read_at(autocorrelation, periods) + 0.5 * _read_at(autocorrelation, 2 * periods)) / 1.5
    preference = np.exp(-0.5 * (np.log2(tempi / PREFERRED_BPM) / SPREAD_OCTAVES) ** 2)
    peak = np.zeros(scores.shape, dtype=bool)
    # A slow swell falls off evenly and has no peak: the shortest period would win otherwise.
    peak[:, 1:-1] = (scores[:, 1:-1] > scores[:, :-2]) & (scores[:, 1:-1] >= scores[:, 2:]) & (scores[:, 1:-1] > 0)
    winner = np.where(peak, scores * preference, -1.0).argmax(axis=1)
    rows = np.arange(n_tracks)
    clarity = scores[rows, winner]
    chance = CHANCE_DEVIATIONS / np.sqrt(n_clips * (n_lags / OVERSAMPLING))
    heard = peak[rows, winner] & (clarity > chance)
    tempo = np.where(heard, tempi[winner], np.nan).astype(np.float32)
    return tempo, np.where(heard, np.clip(clarity, 0.0, 1.0), 0.0).astype(np.float32)


def _read_at(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of each row between its points, by straight lines."""
    below = np.minimum(places.astype(np.int64), rows.shape[1] - 2)
    share = places - below
    values: np.ndarray = rows[:, below] * (1.0 - share) + rows[:, below + 1] * share
    return values
