"""Writes playlists, listens and truth beside the music."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songnet.demo.encode import partial_path
from songnet.demo.listeners import Playlist
from songnet.demo.names import file_name
from songnet.demo.playlist_files import m3u8_text, mpd_text, write_formats
from songnet.demo.tracks import TrackTruth

_TRUTH_FIELDS = (
    "path", "title", "artist", "album", "style", "tempo_bpm", "key", "mode", "duration_s", "gain_db", "format", "seed",
    "track_number", "year", "isrc", "channels", "bitrate_kbps", "leading_silence_s", "fade_in_s", "fade_out_s",
    "noise_db",
)  # fmt: skip

README = """\
A small music library composed by SongNet's demo
================================================

Nobody recorded this music: a program composed it, and the names of artists, albums, tracks and listeners are
invented. It is given to the public domain (CC0 1.0): copy, change and share it without asking.

music/                     audio files by style, artist and album, tagged
playlists/m3u8/            one playlist a file, with paths relative to it
playlists/mpd.slice.*.json the same playlists in the format of the Million Playlist Dataset
playlists/formats/         the first of them in every format that SongNet reads
listens.csv                how often each track was played
truth.csv                  what each track was composed to be: style, tempo, key, gain and so on
truth-playlists.csv        who made each playlist, and the style that listener likes best
composition.json           parameters; composing again with the same ones changes nothing

Loudness, file format, bit-rate, channels, leading silence and fades were drawn without regard to the style. Half of
the variance of log listens comes from style, artist, tempo and density, the other half is luck.
"""


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    partial.write_text(text, encoding="utf-8", newline="\n")
    os.replace(partial, path)


def write_truth(root: Path, tracks: Iterable[TrackTruth]) -> None:
    """Write ``truth.csv``."""
    _write_csv(
        root / "truth.csv", _TRUTH_FIELDS, ([getattr(track, field) for field in _TRUTH_FIELDS] for track in tracks)
    )


def write_listens(root: Path, tracks: Sequence[TrackTruth], listens: NDArray[np.int64]) -> None:
    """Write ``listens.csv``."""
    rows = ([track.path, track.title, track.artist, int(n)] for track, n in zip(tracks, listens, strict=True))
    _write_csv(root / "listens.csv", ("path", "title", "artist", "listens"), rows)


def write_playlists(root: Path, playlists: Sequence[Playlist], tracks: Sequence[TrackTruth]) -> None:
    """Write the playlists as M3U8 files and one slice of the Million Playlist Dataset, samples, and who made them."""
    for playlist in playlists:
        write_text(root / m3u8_path(playlist), m3u8_text(playlist, tracks))
    last = len(playlists) - 1
    write_text(root / "playlists" / f"mpd.slice.0-{last}.json", mpd_text(playlists, tracks))
    write_formats(root / "playlists" / "formats", playlists, tracks)
    rows = ([playlist.pid, playlist.name, playlist.listener, playlist.style] for playlist in playlists)
    _write_csv(root / "truth-playlists.csv", ("pid", "name", "listener", "style"), rows)


def m3u8_path(playlist: Playlist) -> str:
    """Place of a playlist's M3U8 file, relative to the root."""
    return f"playlists/m3u8/{playlist.pid:04d} - {file_name(playlist.name)}.m3u8"


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, text.getvalue())
