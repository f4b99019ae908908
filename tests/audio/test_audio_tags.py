"""Tags in every format, written by other programs' rules."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.audio import Tags, read_tags
from songnet.audio.id3 import read_unique_file_ids

RECORDING = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"
ARTIST = "65f4f0c5-ef9e-490c-aee3-909e7ae6b2ab"
ALBUM = "39b8b6a5-0000-4042-ae91-78d6a3267d69"

Writer = Callable[..., Path]


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=0.1, size=(44100, 2)).astype(np.float32)


def frame(name: bytes, body: bytes, version: int = 4) -> bytes:
    size = len(body)
    length = bytes(size >> s & 0x7F for s in (21, 14, 7, 0)) if version == 4 else struct.pack(">I", size)
    return name + length + b"\0\0" + body


def tag(*frames: bytes, version: int = 4, padding: int = 0) -> bytes:
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, 0]) + bytes(len(body) >> s & 0x7F for s in (21, 14, 7, 0)) + body


def text(name: bytes, value: str, version: int = 4) -> bytes:
    encoded = b"\x03" + value.encode() if version == 4 else b"\x01" + value.encode("utf-16")
    return frame(name, encoded, version)


def with_tag(sounds: dict[str, Path], folder: Path, data: bytes) -> bytes:
    path = folder / "tagged.mp3"
    path.write_bytes(data + sounds["mp3"].read_bytes())
    return os.fsencode(path)


@pytest.mark.parametrize("version", [3, 4])
def test_id3(sounds: dict[str, Path], tmp_path: Path, version: int) -> None:
    def user(name: str, value: str) -> bytes:
        return frame(b"TXXX", b"\x00" + name.encode() + b"\0" + value.encode(), version)

    data = tag(
        text(b"TIT2", "Näme 歌", version),
        text(b"TPE1", "Someone", version),
        text(b"TPE2", "Someone & Others", version),
        text(b"TALB", "Record", version),
        text(b"TRCK", "3/12", version),
        text(b"TDRC" if version == 4 else b"TYER", "2019-06-14" if version == 4 else "2019", version),
        text(b"TCON", "Jazz", version),
        text(b"TSRC", "GBAYE0601690", version),
        frame(b"APIC", b"\x00image/png\0\x03\0" + bytes(70_000), version),
        frame(b"UFID", b"http://musicbrainz.org\0" + RECORDING.encode(), version),
        user("MusicBrainz Artist Id", ARTIST),
        user("MusicBrainz Album Id", ALBUM),
        version=version,
        padding=500,
    )
    assert read_tags(with_tag(sounds, tmp_path, data)) == Tags(
        title="Näme 歌",
        artist="Someone",
        album="Record",
        album_artist="Someone & Others",
        date="2019-06-14" if version == 4 else "2019",
        genre="Jazz",
        isrc="GBAYE0601690",
        mb_recording_id=RECORDING,
        mb_artist_id=ARTIST,
        mb_album_id=ALBUM,
        track_number=3,
    )


def test_several_values_are_joined(sounds: dict[str, Path], tmp_path: Path) -> None:
    data = tag(text(b"TPE1", "One\0Two"), text(b"TCON", "Rock\0Pop"))
    tags = read_tags(with_tag(sounds, tmp_path, data))
    assert (tags.artist, tags.genre) == ("One; Two", "Rock; Pop")


@pytest.mark.parametrize(
    ("written", "read"),
    [("A feat. B\0A\0B", "A feat. B"), ("A\0B\0A & B", "A & B"), ("Air\0Fairground", "Air; Fairground"), ("A", "A")],
)
def test_artists_beside_a_credit_are_not_repeated(
    sounds: dict[str, Path], tmp_path: Path, written: str, read: str
) -> None:
    assert read_tags(with_tag(sounds, tmp_path, tag(text(b"TPE1", written)))).artist == read


def test_values_are_bounded_and_stripped(sounds: dict[str, Path], tmp_path: Path) -> None:
    data = tag(
        text(b"TIT2", "  " + "x" * 500_000), text(b"TPE1", " A \n"), text(b"TALB", "   "), text(b"TRCK", "9" * 90)
    )
    tags = read_tags(with_tag(sounds, tmp_path, data))
    assert tags == Tags(title="x" * 1000, artist="A")


def test_libsndfile_formats(noise: np.ndarray, tmp_path: Path) -> None:
    for extension in ("wav", "flac", "ogg", "mp3"):
        path = tmp_path / f"x.{extension}"
        with sf.SoundFile(path, "w", 44100, 2) as file:
            file.title, file.artist, file.album, file.date = "Title", "Artist", "Album", "2001"
            file.write(noise)
        tags = read_tags(os.fsencode(path))
        assert (tags.title, tags.artist, tags.album, tags.date) == ("Title", "Artist", "Album", "2001"), extension


@pytest.mark.parametrize(
    ("extension", "codec", "rate"),
    [("m4a", "aac", 44100), ("opus", "libopus", 48000), ("wma", "wmav2", 44100), ("mka", "aac", 44100),
     ("flac", "flac", 44100), ("wv", "wavpack", 44100)],
)  # fmt: skip
def test_ffmpeg_formats(
    encode: Writer, noise: np.ndarray, tmp_path: Path, extension: str, codec: str, rate: int
) -> None:
    written = {
        "title": "Title",
        "artist": "Ärtist",
        "album": "Album",
        "date": "2001-02-03",
        "track": "7",
        "genre": "Folk",
    }
    path = encode(tmp_path / f"x.{extension}", noise, codec, rate=rate, tags=written)
    tags = read_tags(os.fsencode(path))
    assert (tags.title, tags.artist, tags.album, tags.genre) == ("Title", "Ärtist", "Album", "Folk")
    assert tags.track_number == 7
    assert tags.date == ("2001-02-03" if extension != "wma" else tags.date)


@pytest.mark.parametrize(("extension", "codec", "rate"), [("flac", "flac", 44100), ("opus", "libopus", 48000)])
def test_vorbis_comments(
    encode: Writer, noise: np.ndarray, tmp_path: Path, extension: str, codec: str, rate: int
) -> None:
    written = {"MUSICBRAINZ_TRACKID": RECORDING, "MUSICBRAINZ_ARTISTID": ARTIST, "MUSICBRAINZ_ALBUMID": ALBUM,
               "ISRC": "GBAYE0601690", "ALBUMARTIST": "Others"}  # fmt: skip
    tags = read_tags(os.fsencode(encode(tmp_path / f"x.{extension}", noise, codec, rate=rate, tags=written)))
    assert (tags.mb_recording_id, tags.mb_artist_id, tags.mb_album_id) == (RECORDING, ARTIST, ALBUM)
    assert (tags.isrc, tags.album_artist) == ("GBAYE0601690", "Others")


def test_wma_identifiers(encode: Writer, noise: np.ndarray, tmp_path: Path) -> None:
    written = {"MusicBrainz/Track Id": RECORDING, "MusicBrainz/Artist Id": ARTIST, "WM/ISRC": "GBAYE0601690",
               "WM/AlbumArtist": "Others"}  # fmt: skip
    tags = read_tags(os.fsencode(encode(tmp_path / "x.wma", noise, "wmav2", tags=written)))
    assert (tags.mb_recording_id, tags.mb_artist_id, tags.isrc) == (RECORDING, ARTIST, "GBAYE0601690")
    assert tags.album_artist == "Others"


def test_mp4_freeform_atoms(tmp_path: Path) -> None:
    def atom(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + name + body

    def freeform(name: str, value: str) -> bytes:
        return atom(
            b"----",
            atom(b"mean", bytes(4) + b"com.apple.iTunes")
            + atom(b"name", bytes(4) + name.encode())
            + atom(b"data", bytes([0, 0, 0, 1, 0, 0, 0, 0]) + value.encode()),
        )

    listing = atom(
        b"ilst",
        atom(b"\xa9nam", atom(b"data", bytes([0, 0, 0, 1, 0, 0, 0, 0]) + b"Title"))
        + freeform("MusicBrainz Track Id", RECORDING)
        + freeform("MusicBrainz Artist Id", ARTIST)
        + freeform("MusicBrainz Album Id", ALBUM)
        + freeform("ISRC", "GBAYE0601690"),
    )
    path = tmp_path / "x.m4a"
    path.write_bytes(
        atom(b"ftyp", b"M4A \0\0\0\0M4A ") + atom(b"moov", atom(b"udta", atom(b"meta", bytes(4) + listing)))
    )
    assert read_tags(os.fsencode(path)) == Tags(
        title="Title", isrc="GBAYE0601690", mb_recording_id=RECORDING, mb_artist_id=ARTIST, mb_album_id=ALBUM
    )


def test_no_file_and_no_tags(tmp_path: Path) -> None:
    assert read_tags(os.fsencode(tmp_path / "gone.mp3")) == Tags()
    path = os.path.join(os.fsencode(tmp_path), b"\xff.mp3")
    for content in (b"", b"text", bytes(100), b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", b"fLaC\x84\xff\xff\xff"):
        with open(path, "wb") as file:
            file.write(content)
        assert read_tags(path) == Tags()


@pytest.mark.parametrize("name", ["mp3", "flac", "ogg", "m4a", "wma", "wav"])
def test_damaged_tags_do_not_raise(sounds: dict[str, Path], tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(3)
    data = tag(text(b"TIT2", "x" * 40), text(b"TPE1", "y" * 40)) if name == "mp3" else b""
    data += sounds[name].read_bytes()[:6000]
    path = tmp_path / "x"
    for _ in range(30):
        damaged = bytearray(data)
        for place in rng.integers(0, 400, size=8):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        assert isinstance(read_tags(os.fsencode(path)), Tags)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([2, 3, 4]), st.integers(0, 255))
def test_unique_file_ids_of_anything(body: bytes, version: int, flags: int) -> None:
    header = b"ID3" + bytes([version, 0, flags, 0, 0, 0, len(body)])
    for key, value in read_unique_file_ids(BytesIO(header + body)).items():
        assert isinstance(key, str)
        assert 0 < len(value) <= 64
