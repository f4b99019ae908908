"""Pitched voices: each turns one note into a mono array.

A voice is ``voice(freq, seconds, sound, rng) -> array [shape=(n,), float32]``: `freq` in Hz, `seconds` how long the
note is held (the array also holds its release), `sound` the artist's parameters. The peak is near 1; loudness is the
score's affair. Periodic voices read a band-limited wavetable, so that nothing folds back at the Nyquist frequency.

References
----------
.. [1] K. Karplus, A. Strong: Digital Synthesis of Plucked-String and Drum Timbres. Computer Music Journal 7(2), 1983.
.. [2] J. Chowning: The Synthesis of Complex Audio Spectra by Means of Frequency Modulation. JAES 21(7), 1973.
"""

from __future__ import annotations

import numpy as np

from songnet.demo.oscillators import Audio, Voice, cycles, ensemble, envelope, harmonics, oscillate
from songnet.demo.sound import SAMPLE_RATE, Sound


def pad(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Slow, soft chord voice of three detuned oscillators."""
    shape = envelope(seconds, 0.15 + 0.9 * sound.attack, 4.0, 0.7, 1.2)
    wave = ensemble(harmonics(freq, 2.4 - 1.1 * sound.brightness), freq, len(shape), sound.detune_cents, 3, rng)
    return wave * shape


def choir(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Pad with the two broad formants of an open vowel."""
    shape = envelope(seconds, 0.2 + 0.6 * sound.attack, 4.0, 0.8, 0.9)
    amplitudes = harmonics(freq, 1.2)
    hz = freq * np.arange(1, len(amplitudes) + 1)
    formants = np.exp(-(((hz - 700) / 250) ** 2)) + (0.2 + 0.5 * sound.brightness) * np.exp(-(((hz - 1150) / 350) ** 2))
    wave = ensemble(amplitudes * (0.08 + formants), freq, len(shape), sound.detune_cents, 3, rng, 0.005)
    return wave * shape


def strings(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Bowed section: four players, each with an own vibrato, and a wooden body."""
    shape = envelope(seconds, 0.04 + 0.22 * sound.attack, 2.0, 0.85, 0.35)
    amplitudes = harmonics(freq, 1.55 - 0.5 * sound.brightness, 11_000)
    hz = freq * np.arange(1, len(amplitudes) + 1)
    body = 0.5 + np.exp(-(((hz - 480) / 200) ** 2)) + 0.6 * np.exp(-(((hz - 2_600) / 900) ** 2))
    return ensemble(amplitudes * body, freq, len(shape), sound.detune_cents, 4, rng, 0.006) * shape


def organ(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Drawbar organ."""
    shape = envelope(seconds, 0.02, 1.0, 0.95, 0.12)
    drawbars = np.array([1.0, 0.7, 0.5, 0.35, 0.0, 0.25, 0.0, 0.3]) ** (1.6 - sound.brightness)
    wave = ensemble(drawbars[: max(1, int(14_000 / freq))], freq, len(shape), 2.0, 2, rng, 0.003)
    return wave * shape


def flute(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Blown pipe: few partials, vibrato and breath."""
    shape = envelope(seconds, 0.05 + 0.08 * sound.attack, 1.0, 0.85, 0.15)
    amplitudes = harmonics(freq, 2.3 - 0.7 * sound.brightness, 6_000)
    breath = rng.standard_normal(len(shape)).astype(np.float32)
    breath[1:] = 0.5 * (breath[1:] + breath[:-1])
    return (oscillate(amplitudes, cycles(freq, len(shape), rng, 0.007)) + np.float32(0.025) * breath) * shape


def bell(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Struck glass: inharmonic partials, the higher ones dying first."""
    t = np.arange(round((seconds + 1.5) * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.zeros(len(t))
    for ratio, level, life in (
        (1.0, 1.0, 1.2),
        (2.0, 0.4, 0.8),
        (2.76, 0.35, 0.5),
        (5.4, 0.25, 0.25),
        (8.9, 0.12, 0.1),
    ):
        if freq * ratio < 16_000:
            tone = np.sin(2 * np.pi * (freq * ratio * t + rng.uniform()))
            wave += level ** (1.5 - sound.brightness) * np.exp(-t / life) * tone
    wave *= 0.5 * np.minimum(1, t / 0.004) * np.minimum(1, (t[-1] - t) / 0.1)
    return wave.astype(np.float32)


def epiano(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Electric piano by frequency modulation [2]_: a tine over a mellow body."""
    shape = envelope(seconds, 0.003, 0.9, 0.12, 0.18)
    t = np.arange(len(shape)) / SAMPLE_RATE
    index = (0.5 + 1.6 * sound.brightness) * np.exp(-t / 0.6)
    body = np.sin(2 * np.pi * freq * t + index * np.sin(2 * np.pi * freq * t))
    tine = 0.35 * sound.brightness * np.exp(-t / 0.12) * np.sin(2 * np.pi * min(freq * 7, 9_000) * t)
    tremolo = 1 + 0.12 * np.sin(2 * np.pi * (5.2 * t + rng.uniform()))
    return ((body + tine) * tremolo).astype(np.float32) * shape


def pluck(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Plucked string [1]_: a burst of noise going round a loop with a low-pass filter.

    The loop is a whole number of samples; reading it at another rate afterwards tunes it.
    """
    n = round((seconds + 0.6) * SAMPLE_RATE)
    period = max(8, round(SAMPLE_RATE / freq - 0.5))
    rate = freq * (period + 0.5) / SAMPLE_RATE
    burst = rng.uniform(-1, 1, period)
    for _ in range(round(6 * (1 - sound.brightness)) + 1):
        burst = 0.5 * (burst + np.roll(burst, 1))
    # Picking at a fifth of the string takes the fifth partial out, as on a guitar.
    burst = burst - np.roll(burst, period // 5)
    burst -= burst.mean()
    turns = int(n * rate / period) + 2
    loop = np.empty((turns, period))
    keep = 0.5 * (0.9935 + 0.004 * sound.brightness) ** (110 / freq)
    loop[0] = burst / max(1e-6, np.abs(burst).max())
    for i in range(1, turns):
        before = loop[i - 1]
        loop[i, 1:] = keep * (before[1:] + before[:-1])
        loop[i, 0] = keep * (before[0] + loop[i - 2, -1] if i > 1 else before[0])
    wave = np.interp(np.arange(n) * rate, np.arange(loop.size), loop.ravel())
    t = np.arange(n) / SAMPLE_RATE
    return np.asarray(wave * np.clip((seconds + 0.6 - t) / 0.5, 0, 1), dtype=np.float32)


def upright(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Double bass: a dark plucked string with a strong fundamental."""
    string = pluck(freq, seconds, sound, rng)
    string[1:] = 0.5 * (string[1:] + string[:-1])
    shape = envelope(seconds, 0.008, 0.5, 0.15, 0.6)[: len(string)]
    fundamental = oscillate(harmonics(freq, 2.2, 900), cycles(freq, len(shape), rng)) * shape
    string[: len(shape)] += np.float32(0.9) * fundamental
    return string * np.float32(0.7)


def pizzicato(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Plucked section: a short string."""
    string = pluck(freq, min(seconds, 0.25), sound, rng)
    string *= np.exp(-np.arange(len(string), dtype=np.float32) / np.float32(0.16 * SAMPLE_RATE))
    return string


def _filtered_saw(
    freq: float, shape: Audio, slope: float, sweep_s: float, cents: float, rng: np.random.Generator
) -> Audio:
    """Saw whose filter closes within `sweep_s`: a bright and a dark wave crossfaded."""
    fade = np.exp(-np.arange(len(shape), dtype=np.float32) / np.float32(sweep_s * SAMPLE_RATE))
    bright = ensemble(harmonics(freq, slope), freq, len(shape), cents, 2, rng)
    dark = ensemble(harmonics(freq, slope + 1.2), freq, len(shape), cents, 2, rng)
    return np.asarray((fade * bright + (1 - fade) * dark) * shape)


def stab(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Short synthesiser chord with a closing filter."""
    shape = envelope(seconds, 0.004, 0.25, 0.2, 0.12)
    return _filtered_saw(freq, shape, 1.6 - 0.6 * sound.brightness, 0.08, sound.detune_cents, rng)


def saw_bass(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Synthesiser bass with a closing filter."""
    shape = envelope(seconds, 0.004, 0.4, 0.5, 0.05)
    return _filtered_saw(freq, shape, 1.5 - 0.4 * sound.brightness, 0.1, 4.0, rng)


def sub_bass(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Nearly pure low tone."""
    shape = envelope(seconds, 0.008 + 0.1 * sound.attack, 1.5, 0.7, 0.12)
    return oscillate(harmonics(freq, 3.2 - sound.brightness, 1_500), cycles(freq, len(shape), rng)) * shape


def _pulse(freq: float, shape: Audio, duty: float, rng: np.random.Generator) -> Audio:
    k = np.arange(1, max(1, min(int(15_000 / freq), 120)) + 1)
    return oscillate(np.sin(np.pi * k * duty) / k, cycles(freq, len(shape), rng, 0.003)) * shape


def pulse(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Square-like wave of a games console; brighter artists use a narrower pulse."""
    duty = (0.5, 0.25, 0.125)[min(2, int(3 * sound.brightness))]
    return _pulse(freq, envelope(seconds, 0.002, 0.3, 0.55, 0.02), duty, rng)


def blip(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Short quarter pulse for arpeggios."""
    return _pulse(freq, envelope(seconds, 0.002, 0.05 + 0.1 * sound.attack, 0.2, 0.01), 0.25, rng)


def triangle(freq: float, seconds: float, sound: Sound, rng: np.random.Generator) -> Audio:
    """Triangle wave of a games console, in its sixteen coarse steps."""
    shape = envelope(seconds, 0.002, 2.0, 0.9, 0.015)
    k = np.arange(1, 60)
    amplitudes = np.where(k % 2 == 1, np.where(k % 4 == 1, 1.0, -1.0) / k**2, 0.0)[: max(1, int(14_000 / freq))]
    wave = oscillate(amplitudes, cycles(freq, len(shape), rng))
    return (0.6 * wave + 0.4 * np.round(wave * 7.5) / 7.5).astype(np.float32) * shape


VOICES: dict[str, Voice] = {
    "pad": pad,
    "choir": choir,
    "strings": strings,
    "organ": organ,
    "flute": flute,
    "bell": bell,
    "epiano": epiano,
    "pluck": pluck,
    "upright": upright,
    "pizzicato": pizzicato,
    "stab": stab,
    "saw bass": saw_bass,
    "sub bass": sub_bass,
    "pulse": pulse,
    "blip": blip,
    "triangle": triangle,
}
"""Name -> pitched voice."""
