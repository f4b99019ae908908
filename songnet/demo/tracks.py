"""The truth about every track, drawn before anything is played."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np

from songnet.demo.artists import ALBUM_STREAM, ARTISTS_PER_STYLE, FORMAT_STREAM, TRACK_STREAM, Artist, stream
from songnet.demo.names import album_title, artist_name, distinct, file_name, title
from songnet.demo.score import BEATS
from songnet.demo.sound import SAMPLE_RATE
from songnet.demo.styles import STYLES
from songnet.demo.theory import key_name

FORMATS = ("mp3", "mp3", "mp3", "ogg", "ogg", "m4a", "m4a", "flac", "flac", "wav")
"""Formats of each ten tracks of a style, dealt in random order: every style has the same share of each."""

_BITRATES = (96, 128, 160, 192, 256)


@dataclass(frozen=True)
class TrackTruth:
    """What is known about a track because it was composed that way.

    Parameters
    ----------
    path : str
        Place relative to the composition's root, with forward slashes.
    title, artist, album, style : str
        As in the tags; the style is the genre.
    tempo_bpm : float
        Quarter notes per minute, constant within the track.
    key, mode : str
        Tonic's name and mode, constant within the track.
    duration_s : float
        Duration, in seconds.
    gain_db : float
        Mastering gain, unrelated to all else.
    format : str
        File format: ``"mp3"``, ``"ogg"``, ``"m4a"``, ``"flac"`` or ``"wav"``.
    seed : int
        Seed of all that is drawn while the track is played.
    index, artist_index : int
        Position in the composition, and of the artist among the artists.
    track_number, year : int
        Position on the album, and year of the album.
    isrc : str
        Invented recording code, under a country code that no country has.
    channels : int
        1 or 2.
    bitrate_kbps : int
        Bit-rate asked of a lossy encoder; 0 for lossless formats.
    bars : int
        Number of bars of four quarter notes.
    tonic : int
        Pitch class of the tonic.
    n_samples : int
        Length in samples at 44.1 kHz.
    leading_silence_s, fade_in_s, fade_out_s : float
        Silence before the music, and fades, in seconds.
    noise_db : float
        Level of the noise floor, in dB of full scale.
    """

    path: str
    title: str
    artist: str
    album: str
    style: str
    tempo_bpm: float
    key: str
    mode: str
    duration_s: float
    gain_db: float
    format: str
    seed: int
    index: int
    artist_index: int
    track_number: int
    year: int
    isrc: str
    channels: int
    bitrate_kbps: int
    bars: int
    tonic: int
    n_samples: int
    leading_silence_s: float
    fade_in_s: float
    fade_out_s: float
    noise_db: float


def plan_tracks(n_tracks: int, seed: int, artists: tuple[Artist, ...]) -> tuple[TrackTruth, ...]:
    """Draw the truth of all tracks.

    Tracks are dealt to the styles in turn, and within a style to its artists in turn. A track depends on the seed and
    its index alone, so a smaller composition is the beginning of a larger one.

    Parameters
    ----------
    n_tracks : int
        Number of tracks.
    seed : int
        The composition's seed.
    artists : tuple of Artist
        From `songnet.demo.artists.invent_artists`.
    """
    names = {artist.name for artist in artists}
    used: dict[int, set[str]] = {}
    tracks = []
    for index in range(n_tracks):
        place, style_index = divmod(index, len(STYLES))
        nth, artist_of_style = divmod(place, ARTISTS_PER_STYLE)
        artist_index = style_index * ARTISTS_PER_STYLE + artist_of_style
        titles = used.setdefault(artist_index, set())
        track = _plan_track(index, nth, artist_index, artists[artist_index], seed, titles, names)
        titles.add(track.title)
        tracks.append(track)
    return tuple(tracks)


def _plan_track(
    index: int, nth: int, artist_index: int, artist: Artist, seed: int, titles: set[str], names: set[str]
) -> TrackTruth:
    identity, playing = stream(seed, TRACK_STREAM, index).spawn(2)
    rng = np.random.default_rng(identity)
    tempo = round(float(rng.uniform(*artist.tempo_bpm)), 1)
    bars = max(6, round(float(rng.uniform(18, 28)) * tempo / 60 / BEATS))
    tonic = artist.tonics[int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))]
    silence = float(rng.uniform(0.3, 1.5)) if rng.uniform() < 0.35 else 0.0
    tail = 0.5 + 0.5 * artist.sound.reverb_s
    n_samples = round((silence + bars * BEATS * 60 / tempo + tail) * SAMPLE_RATE)
    song = distinct(title, rng, titles)
    if rng.uniform() < 0.12:
        song = f"{song} (feat. {distinct(artist_name, rng, names)})"
    album_number, on_album = divmod(nth, artist.tracks_per_album)
    album, year = _album(seed, artist_index, album_number)
    extension = _format(seed, index)
    bitrate = int(rng.choice(_BITRATES))
    year_code = f"{year % 100:02d}"
    parts = ("music", artist.style.name, artist.name, album, f"{on_album + 1:02d} - {song}")
    path = PurePosixPath(*(file_name(part) for part in parts))
    return TrackTruth(
        path=f"{path}.{extension}",
        title=song,
        artist=artist.name,
        album=album,
        style=artist.style.name,
        tempo_bpm=tempo,
        key=key_name(tonic),
        mode=artist.modes[int(rng.integers(len(artist.modes)))],
        duration_s=round(n_samples / SAMPLE_RATE, 6),
        gain_db=round(float(rng.uniform(-10, 0)), 2),
        format=extension,
        seed=int(playing.generate_state(1, np.uint64)[0] >> np.uint64(1)),
        index=index,
        artist_index=artist_index,
        track_number=on_album + 1,
        year=year,
        isrc=f"ZZSNG{year_code}{index % 100_000:05d}",
        channels=1 if rng.uniform() < 0.2 else 2,
        bitrate_kbps=bitrate if extension in ("mp3", "ogg", "m4a") else 0,
        bars=bars,
        tonic=tonic,
        n_samples=n_samples,
        leading_silence_s=round(silence, 4),
        fade_in_s=round(float(rng.uniform(0.5, 2)), 2) if rng.uniform() < 0.2 else 0.0,
        fade_out_s=round(float(rng.uniform(3, 6)), 2) if rng.uniform() < 0.35 else 0.3,
        noise_db=round(float(rng.uniform(-75, -48)), 1),
    )


@lru_cache(maxsize=256)
def _album(seed: int, artist_index: int, number: int) -> tuple[str, int]:
    """Title and year of an artist's album."""
    rng = np.random.default_rng(stream(seed, ALBUM_STREAM, artist_index))
    albums: list[str] = []
    year = int(rng.integers(1998, 2019))
    for _ in range(number + 1):
        albums.append(distinct(album_title, rng, albums))
        year += int(rng.integers(1, 4))
    return albums[-1], year


def _format(seed: int, index: int) -> str:
    """Format of a track: each style's tracks are dealt the ten of `FORMATS` in an own random order."""
    place, style_index = divmod(index, len(STYLES))
    block, offset = divmod(place, len(FORMATS))
    order = np.random.default_rng(stream(seed, FORMAT_STREAM, style_index, block)).permutation(len(FORMATS))
    return FORMATS[int(order[offset])]
