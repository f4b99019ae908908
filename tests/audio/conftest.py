"""Real files in every format, generated once a session."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from songnet.audio.mpeg import parse_header

SR = 44100
SECONDS = 12


def write_sound(path: Path, y: np.ndarray, sr: int = SR, **options: object) -> Path:
    """Write with libsndfile, in blocks: its Vorbis encoder overflows the stack on long ones."""
    channels = 1 if y.ndim == 1 else y.shape[1]
    with sf.SoundFile(path, "w", sr, channels, **options) as file:
        for start in range(0, len(y), 4096):
            file.write(y[start : start + 4096])
    return path


def write_encoded(
    path: Path,
    y: np.ndarray,
    codec: str,
    *,
    rate: int = SR,
    container: str | None = None,
    options: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
) -> Path:
    """Encode stereo `y` [shape=(n, 2)] at 44.1 kHz with PyAV."""
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        output.metadata.update(tags or {})
        stream = output.add_stream(codec, rate=rate)
        stream.layout = "stereo"
        stream.bit_rate = 128_000
        resampler = av.AudioResampler(
            format=stream.format.name, layout="stereo", rate=rate, frame_size=stream.frame_size or 4096
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T.astype(np.float32)), format="fltp", layout="stereo")
        frame.sample_rate = SR
        frame.time_base = Fraction(1, SR)
        frame.pts = 0
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def song() -> np.ndarray:
    """Twelve seconds in stereo that nowhere repeat: a sweep, another one, and noise. [shape=(n, 2)]"""
    rng = np.random.default_rng(1)
    t = np.arange(SR * SECONDS) / SR
    left = 0.3 * np.sin(2 * np.pi * (200 + 40 * t) * t)
    right = 0.2 * np.sin(2 * np.pi * (900 - 20 * t) * t)
    return (np.stack([left, right], 1) + rng.normal(scale=0.03, size=(len(t), 2))).astype(np.float32)


@pytest.fixture(scope="session")
def sounds(song: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name -> the song in that format."""
    folder = tmp_path_factory.mktemp("sounds")
    files = {
        "wav": write_sound(folder / "song.wav", song),
        "float.wav": write_sound(folder / "song.float.wav", song, subtype="FLOAT"),
        "flac": write_sound(folder / "song.flac", song),
        "ogg": write_sound(folder / "song.ogg", song),
        "mp3": write_sound(folder / "song.mp3", song, bitrate_mode="VARIABLE", compression_level=0.5),
        "cbr.mp3": write_sound(folder / "song.cbr.mp3", song, bitrate_mode="CONSTANT", compression_level=0.5),
        "aiff": write_sound(folder / "song.aiff", song),
        "m4a": write_encoded(folder / "song.m4a", song, "aac", options={"movflags": "faststart"}),
        "alac.m4a": write_encoded(folder / "song.alac.m4a", song, "alac"),
        "opus": write_encoded(folder / "song.opus", song, "libopus", rate=48000),
        "wma": write_encoded(folder / "song.wma", song, "wmav2"),
        "mka": write_encoded(folder / "song.mka", song, "aac"),
        "webm": write_encoded(folder / "song.webm", song, "libopus", rate=48000),
        "aac": write_encoded(folder / "song.aac", song, "aac", container="adts"),
        "mp2": write_encoded(folder / "song.mp2", song, "mp2"),
        "wv": write_encoded(folder / "song.wv", song, "wavpack"),
        "ts": write_encoded(folder / "song.ts", song, "aac", container="mpegts"),
    }
    # Without the frame that says how long the file is, as encoders before 2000 and stream rippers write it.
    for name in ("mp3", "cbr.mp3"):
        data = files[name].read_bytes()
        bare = folder / f"bare.{name}"
        header = parse_header(data)
        assert header is not None
        bare.write_bytes(data[header.size :])
        files[f"bare.{name}"] = bare
    return files


@pytest.fixture
def shortened(sounds: dict[str, Path], tmp_path: Path) -> Callable[[str, float], Path]:
    """Function of a format and a fraction: the song's file, cut after that fraction of its bytes."""

    def cut(name: str, fraction: float) -> Path:
        data = sounds[name].read_bytes()
        path = tmp_path / f"short.{name}"
        path.write_bytes(data[: int(len(data) * fraction)])
        return path

    return cut


@pytest.fixture(scope="session")
def encode() -> Callable[..., Path]:
    """`write_encoded`, for tests that need a file of their own."""
    return write_encoded
