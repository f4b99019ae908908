"""Readers against full decodes of the same files, and files that are not what they seem."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from songnet.audio import READERS, decodable_samples, open_audio
from songnet.audio.frames import FrameMap
from songnet.audio.samples import frame_channels, mix_down
from songnet.errors import AudioError

SOUNDFILE = ["wav", "float.wav", "flac", "ogg", "mp3", "cbr.mp3", "aiff"]
LOSSLESS_OR_STATELESS = ["alac.m4a", "wv", "bare.mp3", "bare.cbr.mp3", "mp2"]
LOSSY = ["m4a", "opus", "wma", "mka", "webm", "aac", "ts"]
CODECS = {
    "wav": "pcm_16", "float.wav": "float", "flac": "flac", "ogg": "vorbis", "mp3": "mp3", "aiff": "pcm_16",
    "m4a": "aac", "alac.m4a": "alac", "opus": "opus", "wma": "wmav2", "mka": "aac", "webm": "opus", "aac": "aac",
    "mp2": "mp2", "wv": "wavpack", "ts": "aac", "bare.mp3": "mp3",
}  # fmt: skip


def full_decode(path: Path, name: str) -> np.ndarray:
    """The whole file, mono, decoded from its beginning."""
    if name in SOUNDFILE:
        return sf.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    with av.open(str(path)) as container:
        return np.concatenate([mix_down(frame_channels(frame)) for frame in container.decode(audio=0)])


def lag(piece: np.ndarray, whole: np.ndarray, start: int, reach: int = 3000) -> int:
    """Samples by which `piece` stands off `start` in `whole`, by cross-correlation."""
    low = max(0, start - reach)
    around = whole[low : start + len(piece) + reach]
    size = 1 << int(np.ceil(np.log2(len(around) + len(piece))))
    cross = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(piece, size)), size)
    return int(np.argmax(cross[: len(around) - len(piece) + 1])) + low - start


def places(n: int) -> list[int]:
    return [0, 1, 700, n // 3, n // 2 + 1, int(0.83 * n), n - 9000]


@pytest.mark.parametrize("name", CODECS)
def test_codec_rate_and_length(sounds: dict[str, Path], name: str) -> None:
    whole = full_decode(sounds[name], name)
    path = os.fsencode(sounds[name])
    with open_audio(path) as reader:
        assert reader.codec == CODECS[name]
        assert reader.channels == 2
        assert reader.sr == (48000 if name in ("opus", "webm") else 44100)
        # Matroska and WMA count milliseconds and include the encoder's delay.
        assert abs(reader.n_samples - len(whole)) <= 0.06 * reader.sr
        assert abs(decodable_samples(reader, path) - len(whole)) <= 1024


@pytest.mark.parametrize("name", SOUNDFILE)
def test_seeks_are_exact_with_libsndfile(sounds: dict[str, Path], name: str) -> None:
    whole = full_decode(sounds[name], name)
    with open_audio(os.fsencode(sounds[name])) as reader:
        for start in reversed(places(len(whole))):
            np.testing.assert_allclose(reader.read(start, 8000), whole[start : start + 8000], atol=2e-6)


@pytest.mark.parametrize("name", LOSSLESS_OR_STATELESS)
def test_seeks_are_exact_with_ffmpeg(sounds: dict[str, Path], name: str) -> None:
    whole = full_decode(sounds[name], name)
    with open_audio(os.fsencode(sounds[name])) as reader:
        for start in reversed(places(len(whole))):
            np.testing.assert_allclose(reader.read(start, 8000), whole[start : start + 8000], atol=1e-4)


@pytest.mark.parametrize("name", LOSSY)
def test_seeks_have_no_lag(sounds: dict[str, Path], name: str) -> None:
    whole = full_decode(sounds[name], name)
    with open_audio(os.fsencode(sounds[name])) as reader:
        for start in reversed(places(len(whole))):
            piece = reader.read(start, 8000)
            expected = whole[start : start + 8000]
            assert len(piece) == 8000
            assert lag(piece, whole, start) == 0
            # Decoders that fill in noise give other noise after a seek.
            assert np.mean((piece - expected) ** 2) < 0.02 * np.mean(expected**2)


@pytest.mark.parametrize("name", [*CODECS, "bare.cbr.mp3"])
def test_a_read_does_not_depend_on_earlier_ones(sounds: dict[str, Path], name: str) -> None:
    path = os.fsencode(sounds[name])
    with open_audio(path) as fresh, open_audio(path) as used:
        for start in (300_000, 10, 500_000):
            used.read(start, 5000)
        np.testing.assert_array_equal(fresh.read(200_000, 5000), used.read(200_000, 5000))


@pytest.mark.parametrize("name", CODECS)
def test_reads_end_with_the_audio(sounds: dict[str, Path], name: str) -> None:
    path = os.fsencode(sounds[name])
    with open_audio(path) as reader:
        end = decodable_samples(reader, path)
        assert len(reader.read(end - 100, 100)) == 100
        assert len(reader.read(reader.n_samples + 48000, 100)) == 0
        assert len(reader.read(0, 0)) == 0


@pytest.mark.parametrize("name", ["wav", "float.wav", "aiff", "flac", "mp3", "cbr.mp3", "m4a", "wma", "webm", "wv"])
@pytest.mark.parametrize("fraction", [0.5, 0.9])
def test_a_truncated_file_is_found_short(shortened, name: str, fraction: float) -> None:  # type: ignore[no-untyped-def]
    path = os.fsencode(shortened(name, fraction))
    with open_audio(path) as reader:
        declared = reader.n_samples
        real = decodable_samples(reader, path)
        assert declared / reader.sr == pytest.approx(12.0, abs=0.1)
        assert declared - real > 0.5 * (1 - fraction) * declared
        assert real > 0.3 * fraction * declared
        # Nearly all of what is left is found, and nothing after it.
        assert len(reader.read(real - 2000, 2000)) == 2000
        try:
            rest = len(reader.read(real, reader.sr // 4))
        except AudioError:
            rest = 0
        assert rest <= 0.11 * reader.sr


def test_a_wav_without_samples_is_too_short(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    sf.write(path, np.zeros(0, np.float32), 44100)
    with pytest.raises(AudioError) as caught:
        open_audio(os.fsencode(path))
    assert caught.value.kind == "too-short"


def test_the_search_for_the_end_is_short(shortened) -> None:  # type: ignore[no-untyped-def]
    path = os.fsencode(shortened("flac", 0.4))
    with open_audio(path) as reader:
        reads: list[int] = []
        original = reader.read
        reader.read = lambda start, n: reads.append(n) or original(start, n)  # type: ignore[method-assign,func-returns-value]
        decodable_samples(reader, path)
    assert len(reads) < 15
    assert sum(reads) < reader.sr


@pytest.mark.parametrize(
    ("name", "disguise"), [("m4a", "x.mp3"), ("wav", "x.flac"), ("mp3", "x.ogg"), ("ogg", "x.mp3"), ("opus", "x.wma")]
)
def test_content_goes_before_extension(sounds: dict[str, Path], tmp_path: Path, name: str, disguise: str) -> None:
    path = tmp_path / disguise
    shutil.copy(sounds[name], path)
    with open_audio(os.fsencode(path)) as reader:
        assert reader.codec == CODECS[name]
        assert len(reader.read(100_000, 1000)) == 1000


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"This is a note about a song, not a song.\n" * 200, "not-audio"),
        (b"<!DOCTYPE html><html><body>404</body></html>" * 50, "not-audio"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "not-audio"),
        (b"#EXTM3U\n#EXTINF:1,x\nhttp://127.0.0.1:9/x.ts\n", "not-audio"),
        (bytes(50_000), "not-audio"),
        (np.random.default_rng(0).bytes(100_000), "not-audio"),
        (b"fLaC" + np.random.default_rng(0).bytes(50_000), "corrupt"),
        (b"RIFF\x00\x10\x00\x00WAVE" + bytes(4000), "corrupt"),
        (b"OggS" + bytes(4000), "corrupt"),
        (b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256 + 5000), "corrupt"),
    ],
    ids=["empty", "text", "html", "png", "m3u", "zeros", "random", "flac", "wav", "ogg", "id3"],
)
@pytest.mark.parametrize("extension", ["mp3", "m4a", "flac"])
def test_what_is_no_sound_is_told_apart(tmp_path: Path, content: bytes, kind: str, extension: str) -> None:
    path = tmp_path / f"x.{extension}"
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        open_audio(os.fsencode(path)).close()
    assert caught.value.kind == kind
    assert "\n" not in caught.value.reason


def test_an_m4a_without_its_index_is_corrupt(sounds: dict[str, Path], tmp_path: Path) -> None:
    data = sounds["alac.m4a"].read_bytes()
    path = tmp_path / "x.m4a"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError) as caught:
        open_audio(os.fsencode(path))
    assert caught.value.kind == "corrupt"


def test_gone_folder_and_pipe_are_unreadable(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    for path in (tmp_path / "gone.mp3", tmp_path, tmp_path / "pipe.mp3"):
        with pytest.raises(AudioError) as caught:
            open_audio(os.fsencode(path))
        assert caught.value.kind == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_unreadable(sounds: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    shutil.copy(sounds["wav"], path)
    path.chmod(0)
    with pytest.raises(AudioError) as caught:
        open_audio(os.fsencode(path))
    assert caught.value.kind == "unreadable"


def test_nan_is_corrupt_and_does_not_hide_the_end(song: np.ndarray, tmp_path: Path) -> None:
    y = song.copy()
    y[-100:] = np.nan
    path = tmp_path / "nan.wav"
    sf.write(path, y, 44100, subtype="FLOAT")
    with open_audio(os.fsencode(path)) as reader:
        assert decodable_samples(reader, os.fsencode(path)) == len(y)
        assert np.isfinite(reader.read(0, 1000)).all()
        with pytest.raises(AudioError, match="not numbers") as caught:
            reader.read(len(y) - 500, 500)
    assert caught.value.kind == "corrupt"


def test_a_damaged_flac_can_still_be_read_elsewhere(sounds: dict[str, Path], tmp_path: Path) -> None:
    data = sounds["flac"].read_bytes()
    path = tmp_path / "x.flac"
    path.write_bytes(data[: len(data) // 2])
    with open_audio(os.fsencode(path)) as reader:
        before = reader.read(50_000, 1000)
        with pytest.raises(AudioError):
            reader.read(reader.n_samples - 5000, 1000)
        np.testing.assert_array_equal(reader.read(50_000, 1000), before)


@pytest.mark.parametrize("name", ["wav", "m4a", "mp3", "bare.mp3", "opus"])
@pytest.mark.parametrize("odd", [b"\xff\xfe\x80.x", b"new\nline.x", "\U0001f3b5 %03d.x".encode(), b"-opt: x?.x"])
def test_odd_names(sounds: dict[str, Path], tmp_path: Path, name: str, odd: bytes) -> None:
    path = os.path.join(os.fsencode(tmp_path), odd)
    shutil.copy(sounds[name], path)
    with open_audio(path) as reader:
        assert len(reader.read(1000, 1000)) == 1000


def repeat_frames(source: Path, target: Path, copies: int) -> int:
    """Write the frames of a bare stream again and again; return the bytes of one round."""
    data = source.read_bytes()
    with open(target, "wb") as file:
        for _ in range(copies):
            file.write(data)
    return len(data)


@pytest.mark.parametrize("sr", [24000, 22050])
def test_a_ten_hour_mp3(tmp_path: Path, sr: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    short = tmp_path / "short.mp3"
    with sf.SoundFile(short, "w", sr, 1, bitrate_mode="CONSTANT", compression_level=0.99) as file:
        file.write(0.1 * rng.normal(size=sr * 72).astype(np.float32))
    data = short.read_bytes()
    short.write_bytes(data[data.index(data[:2], 50) :])
    path = tmp_path / "long.mp3"
    repeat_frames(short, path, 500)
    decoded: list[int] = []

    def frames(self: FrameMap, first: int, stop: int) -> list[bytes]:
        found = original(self, first, stop)
        decoded.append(len(found))
        return found

    original = FrameMap.frames
    monkeypatch.setattr(FrameMap, "frames", frames)
    with open_audio(os.fsencode(short)) as one, open_audio(os.fsencode(path)) as reader:
        assert reader.n_samples == pytest.approx(500 * one.n_samples, rel=1e-4)
        assert reader.n_samples / reader.sr > 35_000
        decoded.clear()
        assert decodable_samples(reader, os.fsencode(path)) == reader.n_samples
        for hour in (9.9, 0.1, 5.0):
            assert len(reader.read(int(hour * 3600 * reader.sr), 5 * reader.sr)) == 5 * reader.sr
        # Three clips of 5 s and the end, each with a few frames before it.
        assert 300 < sum(decoded) < 800
        late = reader.n_samples - one.n_samples + 100_000
        if sr == 24000:  # no padding, so every round of frames has the same length
            np.testing.assert_allclose(reader.read(late, 5000), one.read(100_000, 5000), atol=1e-4)


def test_registered_readers_resolve() -> None:
    for name in READERS:
        for attribute in ("read", "close", "__enter__", "__exit__"):
            assert callable(getattr(READERS[name], attribute))


@pytest.mark.realdata
@pytest.mark.parametrize("folder", ["music", "instruments", "sounds"])
def test_real_recordings_decode(folder: str) -> None:
    root = Path(__file__).resolve().parents[3] / "shared" / "data" / folder
    if not root.is_dir():
        pytest.skip("the real recordings are not here")
    files = [path for path in sorted(root.iterdir()) if path.suffix in (".ogg", ".wav", ".mp3")]
    assert files
    for path in files:
        with open_audio(os.fsencode(path)) as reader:
            n = decodable_samples(reader, os.fsencode(path))
            assert n == reader.n_samples > 0
            middle = reader.read(n // 2, 2000)
            whole = sf.read(path, dtype="float32", always_2d=True, start=n // 2, stop=n // 2 + 2000)[0].mean(axis=1)
            np.testing.assert_allclose(middle, whole, atol=2e-6)


@pytest.mark.parametrize("name", ["mp3", "bare.mp3", "bare.cbr.mp3"])
def test_junk_behind_a_tag_is_stepped_over(sounds: dict[str, Path], tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(b"ID3\x03\0\0\0\0\0\x14" + bytes(20) + b"\0\xff\xfb\x01junk" + sounds[name].read_bytes())
    with open_audio(os.fsencode(sounds[name])) as plain, open_audio(os.fsencode(path)) as tagged:
        assert tagged.n_samples == plain.n_samples
        np.testing.assert_allclose(tagged.read(90_000, 5000), plain.read(90_000, 5000), atol=1e-5)


@pytest.mark.parametrize("name", ["bare.mp3", "bare.cbr.mp3", "aac"])
def test_a_bare_stream_goes_on_after_damage(sounds: dict[str, Path], tmp_path: Path, name: str) -> None:
    data = bytearray(sounds[name].read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path = tmp_path / "x.mp3"
    path.write_bytes(data)
    with open_audio(os.fsencode(sounds[name])) as whole, open_audio(os.fsencode(path)) as damaged:
        assert 0 <= whole.n_samples - damaged.n_samples < whole.sr
        np.testing.assert_allclose(damaged.read(44_100, 5000), whole.read(44_100, 5000), atol=1e-5)
        assert len(damaged.read(damaged.n_samples - 5000, 5000)) == 5000


@pytest.mark.parametrize("placeholder", [0, 0xFFFFFFFF])
def test_a_wav_written_to_a_pipe_is_not_short(sounds: dict[str, Path], tmp_path: Path, placeholder: int) -> None:
    data = bytearray(sounds["wav"].read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = placeholder.to_bytes(4, "little")
    path = tmp_path / "x.wav"
    path.write_bytes(data)
    with open_audio(os.fsencode(path)) as reader:
        assert decodable_samples(reader, os.fsencode(path)) == reader.n_samples
