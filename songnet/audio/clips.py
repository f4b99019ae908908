"""Cutting a track into a few clips of one length, spread over it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from songnet.audio.decode import Reader
from songnet.errors import AudioError, ParameterError

__all__ = ["Clip", "clip_starts", "cut_clips"]

_SHORTEST_S = 0.1
_ELSEWHERE = 8
"""Further places listened to when all of a clip's own are silent."""


@dataclass(frozen=True)
class Clip:
    """A piece of a track, ready for a spectrogram.

    Attributes
    ----------
    index : int
        Its place among the track's clips in order of time, from 0.
    start_s : float
        Where it begins in the track, seconds.
    y : np.ndarray [shape=(clip_samples,)]
        float32, mono, at the rate that was asked for.
    padded : bool
        Whether zeros were added at its end because the track is shorter than a clip.
    """

    index: int
    start_s: float
    y: npt.NDArray[np.float32]
    padded: bool


def clip_starts(duration: float, clip: float, n_clips: int) -> list[float]:
    """Place clips evenly: clip `i` of `k` is centred at ``(i + 0.5) / k`` of the track.

    Parameters
    ----------
    duration : float
        Length of the track, >= 0.
    clip : float
        Length of a clip, > 0, in the same unit.
    n_clips : int
        Clips wanted, >= 1; a track holds ``floor(duration / clip)`` at most, and one at least.

    Returns
    -------
    list of float
        Beginnings, ascending; the clips lie inside the track and do not overlap (one longer than the track begins at
        0).

    Examples
    --------
    >>> clip_starts(60.0, 5.0, 3)
    [7.5, 27.5, 47.5]
    >>> clip_starts(12.0, 5.0, 8)
    [0.5, 6.5]
    """
    if not (clip > 0 and math.isfinite(clip)) or not (duration >= 0 and math.isfinite(duration)):
        raise ParameterError(f"clip must be > 0 and duration >= 0, both finite; got {clip!r} and {duration!r}")
    if n_clips < 1:
        raise ParameterError(f"n_clips must be >= 1, got {n_clips!r}")
    k = min(n_clips, max(1, int(duration // clip)))
    last = max(0.0, duration - clip)
    return [min(max(0.0, (i + 0.5) / k * duration - clip / 2), last) for i in range(k)]


def cut_clips(
    reader: Reader, n_samples: int, *, sr: int, clip_samples: int, n_clips: int = 8, silence_db: float = -60.0
) -> list[Clip]:
    """Read up to `n_clips` clips that are not silent, one seek and read each.

    A silent place is passed over for another in its own n-th of the track, then for one elsewhere that does not
    overlap a clip already taken; the number of such further reads is bounded by ``2 * n_clips + 8``.

    Parameters
    ----------
    reader : Reader
        The open file.
    n_samples : int
        Decodable length, samples at the native rate (see `songnet.audio.decodable_samples`).
    sr : int
        Rate of the clips, Hz, > 0.
    clip_samples : int
        Length of a clip, samples at `sr`, > 0.
    n_clips : int
        Clips wanted, >= 1.
    silence_db : float
        Root mean square, dB relative to full scale, below which a clip is silence.

    Returns
    -------
    list of Clip
        In order of time; between 1 and `n_clips`. Depends on the file and the parameters only.

    Raises
    ------
    AudioError
        ``kind="too-short"`` under 0.1 s, ``"silent"`` if nothing was heard anywhere, ``"corrupt"`` if a place cannot
        be decoded.
    ParameterError
        If a parameter is out of range.
    """
    if sr <= 0 or clip_samples <= 0:
        raise ParameterError(f"sr and clip_samples must be > 0, got {sr!r} and {clip_samples!r}")
    if n_samples < _SHORTEST_S * reader.sr:
        raise AudioError(f"is only {n_samples / reader.sr:.3f} s long", "too-short")
    length = min(n_samples, math.ceil(clip_samples * reader.sr / sr))
    floor = 10.0 ** (silence_db / 20.0)
    slots = [int(start) for start in clip_starts(n_samples, length, n_clips)]
    heard: dict[int, tuple[npt.NDArray[np.float32], bool]] = {}
    tried: list[int] = []

    def listen(start: int) -> bool:
        tried.append(start)
        y = reader.read(start, length)
        # Loudness before resampling: silence then costs no more than its decoding.
        if len(y) == 0 or _rms(y) < floor:
            return False
        # Here, so that the memory of `y` is free for the next: fresh memory costs as much as resampling.
        heard[start] = _finish(y, reader.sr, sr, clip_samples)
        return True

    silent = 0
    for i, start in enumerate(slots):
        edges = (n_samples * i // len(slots), n_samples * (i + 1) // len(slots) - length)
        # Less than a quarter of a clip away it would be much the same sound.
        others = [edge for edge in edges if abs(edge - start) >= length / 4]
        silent += not any(listen(place) for place in (start, *others))
    if silent:
        for start in _elsewhere(n_samples, length, tried):
            if all(abs(start - taken) >= length for taken in heard):
                silent -= listen(start)
            if silent == 0:
                break
    if not heard:
        raise AudioError(f"nothing but silence at {len(tried)} places", "silent")
    return [Clip(index, start / reader.sr, *heard[start]) for index, start in enumerate(sorted(heard))]


def _rms(y: npt.NDArray[np.float32]) -> float:
    energy = float(np.dot(y, y))
    if not math.isfinite(energy):
        # A float WAV may hold samples whose squares overflow float32; a sum in float64 is ten times as slow.
        energy = float(np.einsum("i,i", y, y, dtype=np.float64))
    return math.sqrt(energy / len(y))


def _elsewhere(n_samples: int, length: int, tried: list[int]) -> Iterator[int]:
    """Places on a grid of clip lengths that were not listened to yet, spread evenly, at most `_ELSEWHERE`."""
    n_places = n_samples // length
    # A ten-hour recording has thousands of places; a coarse grid of them is enough to choose from.
    step = max(1, n_places // 256)
    free = [k * length for k in range(0, n_places, step) if all(abs(k * length - t) >= length / 2 for t in tried)]
    count = min(_ELSEWHERE, len(free))
    yield from (free[(2 * j + 1) * len(free) // (2 * count)] for j in range(count))


def _finish(
    y: npt.NDArray[np.float32], native: int, sr: int, clip_samples: int
) -> tuple[npt.NDArray[np.float32], bool]:
    """A clip's samples at its own rate, and whether zeros were added. [shape=(clip_samples,)]"""
    missing = math.ceil(clip_samples * native / sr) - len(y)
    if native != sr:
        y = soxr.resample(y, native, sr, quality="HQ")
    if len(y) < clip_samples:
        y = np.concatenate([y, np.zeros(clip_samples - len(y), np.float32)])
    # One sample more or less is the resampler's rounding.
    return y[:clip_samples], missing > 1
