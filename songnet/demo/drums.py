"""Percussion voices, with the signature of the pitched ones (`freq` tunes the kettledrum only)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from songnet.demo.oscillators import Audio, Voice
from songnet.demo.sound import SAMPLE_RATE, Sound


def _time(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


@lru_cache(maxsize=64)
def _band(low_hz: float, high_hz: float) -> NDArray[np.float64]:
    return np.asarray(butter(2, [low_hz, high_hz], btype="bandpass", fs=SAMPLE_RATE, output="sos"))


def _noise(
    seconds: float, low_hz: float, high_hz: float, life_s: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Band of noise that dies away, peak 1."""
    t = _time(seconds)
    wave = sosfilt(_band(low_hz, high_hz), rng.standard_normal(len(t))) * np.exp(-t / life_s)
    return np.asarray(wave / np.abs(wave).max())


def _drop(seconds: float, top_hz: float, end_hz: float, sweep_s: float, life_s: float) -> NDArray[np.float64]:
    """Tone that falls from `top_hz` to `end_hz`."""
    t = _time(seconds)
    cycles = end_hz * t + (top_hz - end_hz) * sweep_s * (1 - np.exp(-t / sweep_s))
    return np.asarray(np.sin(2 * np.pi * cycles) * np.exp(-t / life_s) * np.minimum(1, (seconds - t) / 0.01))


def kick(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Bass drum."""
    wave = _drop(0.35, 160 + 120 * sound.brightness, 46 + 10 * sound.attack, 0.03, 0.13)
    wave[:220] += (0.1 + 0.3 * sound.brightness) * _noise(220 / SAMPLE_RATE, 1_500, 6_000, 0.002, rng)
    return np.asarray(wave, dtype=np.float32)


def snare(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Snare drum."""
    wave = 0.8 * _noise(0.25, 900, 5_000 + 5_000 * sound.brightness, 0.07, rng)
    wave += 0.5 * _drop(0.25, 260, 185, 0.02, 0.06)
    return np.asarray(wave, dtype=np.float32)


def clap(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Hand clap: three bursts and a tail."""
    wave = 0.7 * _noise(0.3, 900, 3_000 + 4_000 * sound.brightness, 0.07, rng)
    for start in (0.0, 0.011, 0.023):
        burst = _noise(0.02, 900, 4_000, 0.005, rng)
        first = round(start * SAMPLE_RATE)
        wave[first : first + len(burst)] += 0.6 * burst
    return np.asarray(wave, dtype=np.float32)


def hat(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Closed hi-hat."""
    return np.asarray(_noise(0.09, 6_000 - 2_000 * sound.attack, 15_000, 0.018, rng), dtype=np.float32)


def open_hat(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Open hi-hat."""
    return np.asarray(_noise(0.3, 5_500 - 2_000 * sound.attack, 15_000, 0.09, rng), dtype=np.float32)


def shaker(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Shaker: a soft rise and fall of noise."""
    wave = _noise(0.1, 3_500, 9_000, 0.05, rng)
    return np.asarray(wave * np.sin(np.pi * np.linspace(0, 1, len(wave))), dtype=np.float32)


def ride(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Ride cymbal: a ping over a wash."""
    wave = 0.5 * _noise(0.7, 4_000, 12_000, 0.22, rng)
    t = _time(0.7)
    for partial in (3_120.0, 4_410.0, 5_870.0):
        wave += 0.15 * np.sin(2 * np.pi * partial * (0.9 + 0.2 * sound.attack) * t) * np.exp(-t / 0.12)
    return np.asarray(wave, dtype=np.float32)


def brush(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Brush tapped on a snare drum."""
    return np.asarray(_noise(0.2, 700, 5_500, 0.045, rng), dtype=np.float32)


def sweep(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Brush swept over a snare drum for the length of the note."""
    wave = _noise(max(0.1, seconds), 1_200, 6_000, 10.0, rng)
    return np.asarray(0.5 * wave * np.sin(np.pi * np.linspace(0, 1, len(wave))), dtype=np.float32)


def noise_kick(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Falling square of a games console."""
    return np.asarray(0.8 * np.sign(_drop(0.12, 320, 50, 0.025, 10.0)) * np.exp(-_time(0.12) / 0.05), dtype=np.float32)


def _held_noise(seconds: float, hold: int, life_s: float, rng: np.random.Generator) -> Audio:
    """Noise whose samples are held, as from a shift register."""
    t = _time(seconds)
    wave = np.repeat(rng.choice([-1.0, 1.0], size=len(t) // hold + 1), hold)[: len(t)]
    return np.asarray(wave * np.exp(-t / life_s), dtype=np.float32)


def noise_snare(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Coarse noise of a games console."""
    return _held_noise(0.16, 4 + round(4 * sound.attack), 0.045, rng) * np.float32(0.7)


def noise_hat(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Fine noise of a games console."""
    return _held_noise(0.05, 2, 0.012, rng) * np.float32(0.5)


def kettledrum(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Timpani: a tuned membrane."""
    t = _time(1.3)
    wave = np.zeros(len(t))
    for ratio, level, life in ((1.0, 1.0, 0.6), (1.5, 0.5, 0.4), (1.98, 0.3, 0.3), (2.44, 0.2, 0.2)):
        wave += level * np.sin(2 * np.pi * freq * ratio * t) * np.exp(-t / life)
    wave[: round(0.03 * SAMPLE_RATE)] += 0.3 * _noise(0.03, 100, 900, 0.01, rng)
    return np.asarray(0.6 * wave * np.minimum(1, t / 0.003), dtype=np.float32)


DRUMS: dict[str, Voice] = {
    "kick": kick,
    "snare": snare,
    "clap": clap,
    "hat": hat,
    "open hat": open_hat,
    "shaker": shaker,
    "ride": ride,
    "brush": brush,
    "sweep": sweep,
    "noise kick": noise_kick,
    "noise snare": noise_snare,
    "noise hat": noise_hat,
    "kettledrum": kettledrum,
}
"""Name -> percussion voice."""
