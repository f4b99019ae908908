"""What people do without SongNet, as functions: librosa a clip at a time, and Deej-AI's whole track."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import audioread
import av
import librosa
import numpy as np

SR = 22_050
CLIP_S = 5.0
MEL = {"sr": SR, "n_fft": 2048, "hop_length": 512, "n_mels": 96}

HAS_FFMPEG = shutil.which("ffmpeg") is not None


class WithoutPipe(audioread.AudioFile):
    """An m4a file for `librosa.load` where there is no ``ffmpeg`` program for audioread to start.

    Like audioread it can only decode from the beginning on; it saves the child process and its pipe, so a librosa that
    reads through it is faster than the one people have.
    """

    def __init__(self, path: str | Path) -> None:
        self.container = av.open(str(path))
        self.stream = self.container.streams.audio[0]
        self.samplerate = self.stream.rate
        self.channels = self.stream.channels

    def __iter__(self) -> Iterator[bytes]:
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=self.samplerate)
        for frame in self.container.decode(self.stream):
            for converted in resampler.resample(frame):
                yield converted.to_ndarray().tobytes()

    def __enter__(self) -> WithoutPipe:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()


if not HAS_FFMPEG:
    audioread.available_backends().append(WithoutPipe)


def load(path: Path, offset: float = 0.0, duration: float | None = None) -> np.ndarray:
    """`librosa.load`, mono at 22,050 Hz."""
    with warnings.catch_warnings():  # that audioread is deprecated is no news
        warnings.simplefilter("ignore")
        y, _ = librosa.load(path, sr=SR, offset=offset, duration=duration)
    return y


def mel(y: np.ndarray) -> np.ndarray:
    """Decibels of a mel spectrogram."""
    return librosa.power_to_db(librosa.feature.melspectrogram(y=y, **MEL))


def clips(path: Path, starts_s: Sequence[float]) -> list[np.ndarray]:
    """The naive way: load each clip where it begins, and a mel spectrogram of it."""
    return [mel(load(path, start, CLIP_S)) for start in starts_s]


def whole_track(path: Path) -> list[np.ndarray]:
    """Deej-AI's way: load the whole track, cut it into all its slices, a mel spectrogram of each."""
    y = load(path)
    length = int(CLIP_S * SR)
    return [mel(y[start : start + length]) for start in range(0, len(y) - length + 1, length)]
