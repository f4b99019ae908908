"""What the voices are made of: envelopes and band-limited oscillators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from songnet.demo.sound import SAMPLE_RATE, Sound

Audio = NDArray[np.float32]
"""Samples, mono [shape=(n,)] or of several channels [shape=(channels, n)]."""

Voice = Callable[[float, float, Sound, np.random.Generator], Audio]
"""``voice(freq, seconds, sound, rng)``: one note; see `songnet.demo.instruments`."""

_TABLE_SIZE = 16_384


def envelope(seconds: float, attack_s: float, decay_s: float, sustain: float, release_s: float) -> Audio:
    """Attack, exponential decay to a sustained level, and release; held for `seconds`, then released."""
    n_held = max(1, round(seconds * SAMPLE_RATE))
    n_release = max(1, round(release_s * SAMPLE_RATE))
    t = np.arange(n_held, dtype=np.float32) / SAMPLE_RATE
    held = (sustain + (1 - sustain) * np.exp(-t / max(decay_s, 1e-3))) * np.minimum(1.0, t / max(attack_s, 1e-3))
    release = held[-1] * np.linspace(1.0, 0.0, n_release, dtype=np.float32) ** 2
    return np.concatenate([held, release]).astype(np.float32)


def harmonics(freq: float, slope: float, limit_hz: float = 14_000.0) -> NDArray[np.float64]:
    """Amplitudes ``k ** -slope`` of the partials below `limit_hz`."""
    k = np.arange(1, max(1, min(int(limit_hz / freq), 200)) + 1)
    return np.asarray(k**-slope, dtype=np.float64)


def oscillate(amplitudes: NDArray[np.float64], position: NDArray[np.float64]) -> Audio:
    """Read one cycle made of sine partials.

    Parameters
    ----------
    amplitudes : array [shape=(k,)]
        Amplitude of each partial, the fundamental first.
    position : array [shape=(n,)]
        Phase in cycles.
    """
    spectrum = np.zeros(_TABLE_SIZE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(amplitudes) + 1] = -1j * amplitudes
    table: Audio = np.fft.irfft(spectrum).astype(np.float32)
    table /= np.abs(table).max()
    return np.asarray(table[(position * _TABLE_SIZE).astype(np.int64) & (_TABLE_SIZE - 1)])


def cycles(freq: float, n: int, rng: np.random.Generator, vibrato: float = 0.0) -> NDArray[np.float64]:
    """Phase in cycles; `vibrato` is its depth in parts of the frequency, setting in after a quarter of a second."""
    t = np.arange(n) / SAMPLE_RATE
    position = freq * t + rng.uniform()
    if vibrato:
        rate = rng.uniform(4.8, 6.0)
        depth = vibrato * freq / (2 * np.pi * rate) * np.minimum(1.0, t / 0.25)
        position = position + depth * np.sin(2 * np.pi * (rate * t + rng.uniform()))
    return np.asarray(position)


def ensemble(
    amplitudes: NDArray[np.float64],
    freq: float,
    n: int,
    cents: float,
    players: int,
    rng: np.random.Generator,
    vibrato: float = 0.0,
) -> Audio:
    """Several detuned oscillators at once."""
    total = np.zeros(n, dtype=np.float32)
    for offset in np.linspace(-cents, cents, players):
        total += oscillate(amplitudes, cycles(freq * 2 ** (offset / 1200), n, rng, vibrato))
    return total / np.float32(np.sqrt(players))
