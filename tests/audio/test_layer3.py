"""Pieces of MP3 files against full decodes by libsndfile: the same samples, at the same places, wherever they lie."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from songnet.audio import audio_identity, decodable_samples, open_audio
from songnet.audio.layer3 import parse_info_tag
from songnet.audio.mpeg import parse_header
from songnet.audio.stream_reader import StreamReader
from songnet.errors import AudioError


def write_mp3(path: Path, sr: int, channels: int, mode: str, level: float, seconds: float = 8.0) -> Path:
    """A sweep and noise that comes and goes: of the bits, some frames borrow from many before them."""
    rng = np.random.default_rng(3)
    t = np.arange(int(sr * seconds)) / sr
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * t / 3)
    y = 0.3 * np.sin(2 * np.pi * (200 + 60 * t) * t)[:, None] + 0.05 * swell[:, None] ** 4 * rng.normal(
        size=(len(t), 2)
    )
    with sf.SoundFile(path, "w", sr, channels, format="MP3", bitrate_mode=mode, compression_level=level) as file:
        file.write(y[:, :channels].astype(np.float32))
    return path


def decode_all(path: Path) -> np.ndarray:
    return sf.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)


@pytest.mark.parametrize("sr", [44100, 48000, 22050, 8000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("mode", "level"),
    [("CONSTANT", 0.0), ("CONSTANT", 0.6), ("CONSTANT", 0.95), ("VARIABLE", 0.1), ("VARIABLE", 0.95)],
)
def test_pieces_equal_the_whole(
    tmp_path: Path, sr: int, channels: int, mode: str, level: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_mp3(tmp_path / "x.mp3", sr, channels, mode, level)
    whole = decode_all(path)
    n = len(whole)
    capfd.readouterr()
    with open_audio(os.fsencode(path)) as reader:
        assert isinstance(reader, StreamReader)
        assert reader.n_samples == n == decodable_samples(reader, os.fsencode(path))
        places = np.random.default_rng(0).integers(0, n, 40)
        for start in [0, 1, 47, 528, 529, 1151, 1152, 1153, 5000, n - 5000, n - 1153, n - 600, n - 1, *places]:
            piece = reader.read(int(start), 4000)
            assert len(piece) == min(4000, n - start)
            np.testing.assert_allclose(piece, whole[start : start + 4000], atol=2e-7)
    # The decoder complains on stderr of frames whose bits it was not given.
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_tags_and_junk_around_the_frames(tmp_path: Path, mode: str) -> None:
    path = write_mp3(tmp_path / "x.mp3", 44100, 2, mode, 0.5)
    whole = decode_all(path)
    data = path.read_bytes()
    around = tmp_path / "around.mp3"
    around.write_bytes(b"ID3\x03\0\0\0\0\x02\0" + bytes(256) + data + b"TAG" + bytes(125))
    middle = len(data) // 2
    between = tmp_path / "between.mp3"
    between.write_bytes(data[:middle] + bytes(700) + data[middle:])
    for other in (around, between):
        with open_audio(os.fsencode(other)) as reader:
            assert reader.n_samples == len(whole)
            for start in (0, 44_100, len(whole) - 50_000):
                np.testing.assert_allclose(reader.read(start, 4000), whole[start : start + 4000], atol=2e-7)


@pytest.mark.parametrize("padding", [0, 200, 529, 530, 2000])
@pytest.mark.parametrize("delay", [0, 576, 1105, 2257])
def test_delays_are_cut_as_libsndfile_cuts_them(tmp_path: Path, delay: int, padding: int) -> None:
    path = write_mp3(tmp_path / "x.mp3", 44100, 1, "VARIABLE", 0.5, seconds=2)
    data = bytearray(path.read_bytes())
    at = data.index(b"LAME")
    data[at + 21 : at + 24] = (delay << 12 | padding).to_bytes(3, "big")
    path.write_bytes(data)
    whole = decode_all(path)
    with open_audio(os.fsencode(path)) as reader:
        assert isinstance(reader, StreamReader)
        assert reader.n_samples == len(whole)
        for start in (0, 40_000, len(whole) - 3000):
            np.testing.assert_allclose(reader.read(start, 4000), whole[start : start + 4000], atol=2e-7)


def test_a_tag_without_delays_or_count(tmp_path: Path) -> None:
    path = write_mp3(tmp_path / "x.mp3", 44100, 1, "CONSTANT", 0.5, seconds=2)
    data = bytearray(path.read_bytes())
    at = data.index(b"LAME")
    data[at : at + 24] = bytes(24)
    path.write_bytes(data)
    whole = decode_all(path)
    with open_audio(os.fsencode(path)) as reader:
        assert isinstance(reader, StreamReader)
        assert reader.n_samples == len(whole)
        np.testing.assert_allclose(reader.read(40_000, 4000), whole[40_000:44_000], atol=2e-7)
    data[data.index(b"Info") + 7] &= 0xFE
    header = parse_header(data)
    assert header is not None
    assert parse_info_tag(bytes(data[: header.size])) is None


def test_a_stream_cut_out_of_another_begins_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_mp3(tmp_path / "x.mp3", 44100, 2, "CONSTANT", 0.95)
    whole = decode_all(path)
    data = path.read_bytes()
    header = parse_header(data)
    assert header is not None
    at = data.index(data[:2], 60 * header.size)
    path.write_bytes(data[at:])
    capfd.readouterr()
    with open_audio(os.fsencode(path)) as reader:
        n = reader.n_samples
        assert len(reader.read(0, 5000)) == 5000
        end = reader.read(n - 100_000, 4000)
        np.testing.assert_allclose(end, whole[len(whole) - 100_000 :][:4000], atol=2e-7)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("seed", range(30))
def test_damage_is_silence_or_an_error(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = write_mp3(tmp_path / "x.mp3", 44100, 2, ("CONSTANT", "VARIABLE")[seed % 2], 0.5, seconds=3)
    data = bytearray(path.read_bytes())
    for i in rng.integers(0, (600, len(data))[seed % 3 > 0], 100):
        data[i] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)
    try:
        with open_audio(os.fsencode(path)) as reader:
            n = decodable_samples(reader, os.fsencode(path))
            audio_identity(reader, n)
            assert np.isfinite(reader.read(0, n)).all()
    except AudioError as error:
        assert error.kind in ("corrupt", "too-short", "not-audio")  # noqa: PT017 (either outcome is right)
