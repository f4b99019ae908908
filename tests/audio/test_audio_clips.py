"""Where clips lie, what is passed over, and what a track is called."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import soxr
from hypothesis import given
from hypothesis import strategies as st

from songnet.audio import audio_identity, clip_starts, cut_clips, decodable_samples, open_audio
from songnet.errors import AudioError, ParameterError


class FakeReader:
    """Samples from memory; notes the reads."""

    def __init__(self, y: np.ndarray, sr: int) -> None:
        self.y, self.sr, self.channels, self.codec, self.n_samples = y.astype(np.float32), sr, 1, "fake", len(y)
        self.reads: list[tuple[int, int]] = []

    def read(self, start: int, n: int) -> np.ndarray:
        self.reads.append((start, n))
        return self.y[start : start + n]

    def close(self) -> None: ...
    def __enter__(self) -> FakeReader:
        return self

    def __exit__(self, *_: object) -> None: ...


@given(st.floats(0, 1e6, allow_nan=False), st.floats(1e-3, 1e4, allow_nan=False), st.integers(1, 64))
def test_clip_starts_lie_inside_in_order_and_apart(duration: float, clip: float, n_clips: int) -> None:
    starts = clip_starts(duration, clip, n_clips)
    assert 1 <= len(starts) <= n_clips
    assert len(starts) <= max(1, duration / clip)
    if duration < clip:
        assert starts == [0.0]
        return
    assert starts[0] >= 0
    assert starts[-1] + clip <= duration * (1 + 1e-12)
    assert all(b - a >= clip * (1 - 1e-9) - 1e-9 * duration for a, b in pairwise(starts))
    assert starts == sorted(starts)


def test_clip_starts_are_centred() -> None:
    assert clip_starts(100.0, 5.0, 1) == [47.5]
    assert clip_starts(100.0, 5.0, 2) == [22.5, 72.5]
    assert len(clip_starts(20.0, 5.0, 8)) == 4
    assert clip_starts(3.0, 5.0, 8) == [0.0]


@pytest.mark.parametrize("arguments", [(10.0, 0.0, 1), (10.0, 5.0, 0), (-1.0, 5.0, 1), (float("nan"), 5.0, 1)])
def test_clip_starts_refuse_nonsense(arguments: tuple[float, float, int]) -> None:
    with pytest.raises(ParameterError):
        clip_starts(*arguments)


def test_clips_are_resampled_pieces() -> None:
    sr = 44100
    y = 0.5 * np.sin(2 * np.pi * 440 * np.arange(60 * sr) / sr)
    reader = FakeReader(y, sr)
    clips = cut_clips(reader, len(y), sr=22050, clip_samples=5 * 22050, n_clips=3)
    assert [clip.index for clip in clips] == [0, 1, 2]
    assert [clip.start_s for clip in clips] == [7.5, 27.5, 47.5]
    assert len(reader.reads) == 3
    for clip in clips:
        assert clip.y.dtype == np.float32
        assert clip.y.shape == (110250,)
        assert not clip.padded
        start = int(clip.start_s * sr)
        np.testing.assert_allclose(clip.y, soxr.resample(reader.y[start : start + 5 * sr], sr, 22050, quality="HQ"))


@pytest.mark.parametrize("native", [22050, 44100, 48000, 8000, 11025, 96000])
@pytest.mark.parametrize("clip_samples", [110250, 22051, 4410])
def test_clips_have_exactly_the_length_asked_for(native: int, clip_samples: int) -> None:
    y = np.random.default_rng(0).normal(size=native * 21) * 0.1
    clips = cut_clips(FakeReader(y, native), len(y), sr=22050, clip_samples=clip_samples, n_clips=8)
    assert len(clips) == min(8, 21 * 22050 // clip_samples)
    for clip in clips:
        assert clip.y.shape == (clip_samples,)
        assert not clip.padded
        assert np.abs(clip.y[-3:]).max() > 0
    if native == 22050:
        start = round(clips[0].start_s * native)
        np.testing.assert_array_equal(clips[0].y, y[start : start + clip_samples].astype(np.float32))


def test_a_short_track_is_padded() -> None:
    y = np.full(22050, 0.25)
    (clip,) = cut_clips(FakeReader(y, 22050), len(y), sr=22050, clip_samples=110250)
    assert clip.padded
    assert clip.start_s == 0
    np.testing.assert_array_equal(clip.y[:22050], np.float32(0.25))
    assert not clip.y[22050:].any()


def test_too_short_and_silent_are_told_apart() -> None:
    for y, kind in ((np.ones(2000), "too-short"), (np.zeros(22050 * 30), "silent"), (np.zeros(22050), "silent")):
        with pytest.raises(AudioError) as caught:
            cut_clips(FakeReader(y, 22050), len(y), sr=22050, clip_samples=22050)
        assert caught.value.kind == kind


def test_silence_is_passed_over() -> None:
    sr = 8000
    rng = np.random.default_rng(0)
    y = rng.normal(scale=0.1, size=sr * 120)
    y[sr * 27 : sr * 33] = 0  # around the first clip's place, at 27.5 s
    y[sr * 60 : sr * 120] *= 1e-5  # the whole second half, 100 dB down
    reader = FakeReader(y, sr)
    clips = cut_clips(reader, len(y), sr=sr, clip_samples=5 * sr, n_clips=2)
    assert len(clips) == 2
    assert all(np.sqrt(np.mean(clip.y**2)) > 0.05 for clip in clips)
    starts = [clip.start_s for clip in clips]
    assert starts[1] - starts[0] >= 5
    again = cut_clips(reader, len(y), sr=sr, clip_samples=5 * sr, n_clips=2)
    assert [clip.start_s for clip in again] == starts


def test_one_sound_in_a_long_silence_is_looked_for_within_bounds() -> None:
    sr = 8000
    y = np.zeros(sr * 3600)
    reader = FakeReader(y, sr)
    with pytest.raises(AudioError):
        cut_clips(reader, len(y), sr=sr, clip_samples=5 * sr, n_clips=8)
    assert len(reader.reads) <= 3 * 8 + 8


@given(st.integers(900, 40_000), st.integers(1, 9), st.integers(100, 9000), st.data())
def test_clips_never_overlap(n: int, n_clips: int, clip_samples: int, data: st.DataObject) -> None:
    y = np.ones(n)
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, n - 1))
        y[start : start + n // 3] = 0
    if not y.any():
        return
    try:
        clips = cut_clips(FakeReader(y, 8000), n, sr=8000, clip_samples=clip_samples, n_clips=n_clips)
    except AudioError as error:
        assert error.kind == "silent"  # noqa: PT017 (either outcome is right)
        return
    starts = [round(clip.start_s * 8000) for clip in clips]
    assert all(b - a >= clip_samples for a, b in pairwise(starts))
    assert all(s + clip_samples <= max(n, clip_samples) for s in starts)


@pytest.mark.parametrize("name", ["wav", "flac", "ogg", "mp3", "bare.mp3", "m4a", "opus", "wma"])
def test_clips_of_real_files_are_deterministic(sounds: dict[str, Path], name: str) -> None:
    path = os.fsencode(sounds[name])
    results = []
    for _ in range(2):
        with open_audio(path) as reader:
            n = decodable_samples(reader, path)
            results.append(cut_clips(reader, n, sr=22050, clip_samples=22050 * 3, n_clips=3))
    for one, two in zip(*results, strict=True):
        assert (one.index, one.start_s, one.padded) == (two.index, two.start_s, two.padded)
        np.testing.assert_array_equal(one.y, two.y)


def identity(path: Path) -> str:
    with open_audio(os.fsencode(path)) as reader:
        return audio_identity(reader, decodable_samples(reader, os.fsencode(path)))


def id3(size: int) -> bytes:
    body = b"TIT2" + struct.pack(">I", 6) + b"\0\0\x00title" + bytes(size)
    return b"ID3\x03\0\0" + bytes(len(body) >> s & 0x7F for s in (21, 14, 7, 0)) + body


@pytest.mark.parametrize("name", ["mp3", "cbr.mp3", "bare.mp3", "bare.cbr.mp3", "mp2", "aac"])
def test_retagging_mpeg_audio_keeps_the_identity(sounds: dict[str, Path], tmp_path: Path, name: str) -> None:
    data = sounds[name].read_bytes()
    plain = identity(sounds[name])
    path = tmp_path / "retagged.mp3"
    id3v1 = b"TAG" + b"title".ljust(125, b"\0")
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8)
    for retagged in (
        id3(0) + data,
        id3(200_000) + data,
        id3(70_000) + data + id3v1,
        data + id3v1,
        data + bytes(1968) + footer + id3v1,
    ):
        path.write_bytes(retagged)
        assert identity(path) == plain


def test_retagging_flac_keeps_the_identity(encode: Callable[..., Path], song: np.ndarray, tmp_path: Path) -> None:
    names = {
        identity(encode(tmp_path / f"{i}.flac", song, "flac", tags=tags))
        for i, tags in enumerate([{}, {"title": "x"}, {"title": "x" * 90_000, "artist": "y"}])
    }
    assert len(names) == 1


@pytest.mark.parametrize(("extension", "codec"), [("m4a", "aac"), ("wma", "wmav2"), ("mka", "aac")])
def test_retagging_containers_keeps_the_identity(
    encode: Callable[..., Path], song: np.ndarray, tmp_path: Path, extension: str, codec: str
) -> None:
    names = {
        identity(encode(tmp_path / f"{i}.{extension}", song, codec, tags=tags))
        for i, tags in enumerate([{}, {"title": "x" * 9000, "artist": "y"}])
    }
    assert len(names) == 1


def test_identities_differ_between_recordings(sounds: dict[str, Path], song: np.ndarray, tmp_path: Path) -> None:
    shutil.copy(sounds["mp3"], tmp_path / "moved.mp3")
    assert identity(tmp_path / "moved.mp3") == identity(sounds["mp3"])
    sf.write(tmp_path / "other.wav", np.roll(song, 500, axis=0), 44100)
    sf.write(tmp_path / "shorter.wav", song[:-1], 44100)
    names = [identity(path) for path in (*sounds.values(), tmp_path / "other.wav", tmp_path / "shorter.wav")]
    for one, two in (("wav", "aiff"), ("opus", "webm"), ("aac", "ts")):
        assert identity(sounds[one]) == identity(sounds[two])  # one encoding in two containers
    assert len(set(names)) == len(names) - 3
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in names)


def test_identity_of_a_tiny_file() -> None:
    reader = FakeReader(np.linspace(-1, 1, 50), 8000)
    assert len(audio_identity(reader, 50)) == 32
    with pytest.raises(AudioError):
        audio_identity(reader, 0)
