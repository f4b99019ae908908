"""What happens to sound after it is played: reverberation, tone, saturation, loudness, fades."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, oaconvolve, sosfilt

from songnet.demo.oscillators import Audio
from songnet.demo.sound import SAMPLE_RATE

CEILING = 0.89
"""Highest sample value that `limit` lets through: about -1 dB, room for what lossy encoders overshoot."""


def db_to_gain(db: float) -> float:
    """Factor of a level in dB.

    Examples
    --------
    >>> round(db_to_gain(-6), 3)
    0.501
    """
    return float(10 ** (db / 20))


def room(seconds: float, seed: int) -> NDArray[np.float32]:
    """Impulse response of a room: stereo noise that decays by 60 dB in `seconds` and loses its treble first.

    Parameters
    ----------
    seconds : float
        Reverberation time.
    seed : int
        Seed of the noise.

    Returns
    -------
    array [shape=(2, n), float32]
        Of unit energy in each channel.
    """
    rng = np.random.default_rng(seed)
    n = round(seconds * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    noise = rng.standard_normal((2, n))
    dark = lfilter([0.12], [1, -0.88], noise, axis=1) * 3.0
    response = noise * np.exp(-6.9 * t / (0.4 * seconds)) + dark * np.exp(-6.9 * t / seconds)
    response *= np.minimum(1, t / 0.015)
    response /= np.sqrt((response**2).sum(axis=1, keepdims=True))
    return np.asarray(response, dtype=np.float32)


def reverberate(send: Audio, response: NDArray[np.float32]) -> Audio:
    """Convolve a mono send with a stereo room; the result has the send's length. [shape=(2, n)]"""
    return np.stack([oaconvolve(send, channel)[: len(send)] for channel in response]).astype(np.float32)


def widen(mono: Audio, pan: float, width: float) -> Audio:
    """Place a mono part in the stereo image; the sum of both channels does not depend on `width`. [shape=(2, n)]"""
    angle = (pan + 1) * np.pi / 4
    stereo = np.stack([mono * np.float32(np.cos(angle)), mono * np.float32(np.sin(angle))]) * np.float32(np.sqrt(2))
    if width > 0:
        delay = round(0.013 * SAMPLE_RATE)
        side = np.float32(0.55 * width) * np.concatenate([np.zeros(delay, np.float32), mono[:-delay]])
        stereo[0] += side
        stereo[1] -= side
    return stereo


def colour(audio: Audio, tilt_db: float, cutoff_hz: float, drive: float) -> Audio:
    """Saturate, tilt the spectrum about 900 Hz, roll the treble off, and take out what lies below 28 Hz."""
    level = np.sqrt(np.mean(audio**2)) + 1e-9
    if drive > 0:
        amount = np.float32(0.4 + 1.6 * drive) / np.float32(4 * level)
        audio = np.tanh(audio * amount) / amount
    pole = float(np.exp(-2 * np.pi * 900 / SAMPLE_RATE))
    low = lfilter([1 - pole], [1, -pole], audio, axis=1)
    audio = low * db_to_gain(-tilt_db / 2) + (audio - low) * db_to_gain(tilt_db / 2)
    audio = sosfilt(butter(1, cutoff_hz, fs=SAMPLE_RATE, output="sos"), audio, axis=1)
    return np.asarray(
        sosfilt(butter(2, 28, btype="highpass", fs=SAMPLE_RATE, output="sos"), audio, axis=1), dtype=np.float32
    )


def loudness(audio: Audio, frame_s: float = 0.05, share: float = 0.3) -> float:
    """Root mean square of the loudest frames, so that rests do not count.

    Parameters
    ----------
    audio : array [shape=(..., n)]
        Sound.
    frame_s : float
        Length of a frame.
    share : float in (0, 1]
        Share of the frames that count.
    """
    hop = round(frame_s * SAMPLE_RATE)
    frames = audio.shape[-1] // hop
    if frames == 0:
        return float(np.sqrt(np.mean(audio**2)))
    power = (audio[..., : frames * hop] ** 2).reshape(-1, frames, hop).mean(axis=(0, 2))
    return float(np.sqrt(np.sort(power)[-max(1, round(share * frames)) :].mean()))


def limit(audio: Audio, knee: float = 0.55) -> Audio:
    """Bend what exceeds `knee` so that nothing exceeds `CEILING`."""
    size = np.abs(audio)
    room_above = np.float32(CEILING - knee)
    bent = np.float32(knee) + room_above * np.tanh((size - np.float32(knee)) / room_above)
    return np.where(size > knee, np.sign(audio) * bent, audio).astype(np.float32)


def fade(audio: Audio, in_s: float, out_s: float) -> Audio:
    """Fade in and out over the given seconds (at least 5 ms each, so that nothing clicks). Works in place."""
    for seconds, part in ((in_s, audio), (out_s, audio[..., ::-1])):
        n = min(audio.shape[-1], max(1, round(max(seconds, 0.005) * SAMPLE_RATE)))
        part[..., :n] *= np.sin(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2
    return audio
