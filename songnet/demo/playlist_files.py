"""The same playlists in every format that SongNet reads, as small samples.

What a program would add of its own (dates, numbers, addresses) is constant or counted, so that the same composition
gives the same bytes. Where a format wants absolute paths, they begin with an invented ``/Music``.
"""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from songnet.demo.encode import partial_path
from songnet.demo.listeners import Playlist
from songnet.demo.tracks import TrackTruth

SAMPLES = 3
"""How many playlists the samples of formats that hold many have."""

_DAY = "2020-01-01"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'

Tracks = Sequence[TrackTruth]


def format_files(playlists: Sequence[Playlist], tracks: Tracks) -> dict[str, bytes]:
    """A sample of every format, ``file name -> content``; formats of one playlist a file have the first one.

    Parameters
    ----------
    playlists : sequence of Playlist
        At least one.
    tracks : sequence of TrackTruth
        What their numbers stand for.
    """
    some, first = playlists[:SAMPLES], playlists[0]
    one: dict[str, Callable[[Playlist, Tracks], str]] = {
        "exportify.csv": _exportify, "sample.m3u8": m3u8_text, "sample.pls": _pls, "sample.xspf": _xspf,
        "sample.jspf": _jspf,
    }  # fmt: skip
    many: dict[str, Callable[[Sequence[Playlist], Tracks], str]] = {
        f"mpd.slice.0-{len(some) - 1}.json": mpd_text, "Playlist1.json": _spotify_export, "Library.xml": _itunes,
        "playlists.csv": _plain_csv,
    }  # fmt: skip
    files = {name: write(first, tracks).encode() for name, write in one.items()}
    files |= {name: write(some, tracks).encode() for name, write in many.items()}
    # M3U without the 8 has no encoding of its own; old players wrote Latin-1 and Windows line ends.
    files["sample.m3u"] = m3u8_text(first, tracks).replace("\n", "\r\n").encode("latin-1", "replace")
    return dict(sorted(files.items()))


def write_formats(folder: Path, playlists: Sequence[Playlist], tracks: Tracks) -> None:
    """Write the samples, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in format_files(playlists, tracks).items():
        partial = partial_path(folder / name)
        partial.write_bytes(content)
        partial.replace(folder / name)


def m3u8_text(playlist: Playlist, tracks: Tracks) -> str:
    """A playlist as M3U8 whose paths begin two folders above it."""
    lines = ["#EXTM3U", f"#PLAYLIST:{playlist.name}"]
    for track in _of(playlist, tracks):
        lines += [f"#EXTINF:{round(track.duration_s)},{track.artist} - {track.title}", f"../../{track.path}"]
    return "\n".join(lines) + "\n"


def mpd_text(playlists: Sequence[Playlist], tracks: Tracks) -> str:
    """Playlists as a slice of the Million Playlist Dataset."""
    dataset = {
        "info": {"generated_on": f"{_DAY} 00:00:00.000000", "slice": f"0-{len(playlists) - 1}", "version": "v1"},
        "playlists": [_mpd_playlist(playlist, tracks) for playlist in playlists],
    }
    return json.dumps(dataset, indent=1, ensure_ascii=False) + "\n"


def _mpd_playlist(playlist: Playlist, tracks: Tracks) -> dict[str, object]:
    entries = [
        {
            "pos": position,
            "artist_name": track.artist,
            "track_uri": track_uri(track),
            "artist_uri": f"demo:artist:{track.artist_index:04d}",
            "track_name": track.title,
            "album_uri": f"demo:album:{track.artist_index:04d}-{track.year}",
            "duration_ms": _milliseconds(track),
            "album_name": track.album,
        }
        for position, track in enumerate(_of(playlist, tracks))
    ]
    return {
        "name": playlist.name,
        "collaborative": "false",
        "pid": playlist.pid,
        # The day on which every playlist was last changed, so that nothing depends on the clock.
        "modified_at": 1_577_836_800,
        "num_tracks": len(entries),
        "num_albums": len({entry["album_uri"] for entry in entries}),
        "num_artists": len({entry["artist_uri"] for entry in entries}),
        "num_followers": playlist.followers,
        "num_edits": 1,
        "duration_ms": sum(_milliseconds(track) for track in _of(playlist, tracks)),
        "tracks": entries,
    }


def track_uri(track: TrackTruth) -> str:
    """An invented service's name of a track."""
    return f"demo:track:{track.index:06d}"


def recording_id(track: TrackTruth) -> str:
    """An invented MusicBrainz recording id."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{track_uri(track)}:{track.isrc}"))


def _exportify(playlist: Playlist, tracks: Tracks) -> str:
    columns = (
        "Track URI", "Track Name", "Artist URI(s)", "Artist Name(s)", "Album Name", "Disc Number", "Track Number",
        "Track Duration (ms)", "ISRC", "Added By", "Added At",
    )  # fmt: skip
    rows = (
        [
            track_uri(track), track.title, f"demo:artist:{track.artist_index:04d}", track.artist, track.album, 1,
            track.track_number, _milliseconds(track), track.isrc, playlist.listener, f"{_DAY}T00:00:00Z",
        ]
        for track in _of(playlist, tracks)
    )  # fmt: skip
    return _csv(columns, rows)


def _plain_csv(playlists: Sequence[Playlist], tracks: Tracks) -> str:
    rows = (
        [playlist.name, track.artist, track.title, track.album, round(track.duration_s, 3)]
        for playlist in playlists
        for track in _of(playlist, tracks)
    )
    return _csv(("playlist", "artist", "title", "album", "duration_s"), rows)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _pls(playlist: Playlist, tracks: Tracks) -> str:
    lines = ["[playlist]"]
    for number, track in enumerate(_of(playlist, tracks), 1):
        lines += [
            f"File{number}=../../{track.path}",
            f"Title{number}={track.artist} - {track.title}",
            f"Length{number}={round(track.duration_s)}",
        ]
    return "\n".join([*lines, f"NumberOfEntries={len(playlist.tracks)}", "Version=2"]) + "\n"


def _xspf(playlist: Playlist, tracks: Tracks) -> str:
    lines = [
        f'{_XML}<playlist version="1" xmlns="http://xspf.org/ns/0/">',
        f"  <title>{escape(playlist.name)}</title>",
        f"  <creator>{escape(playlist.listener)}</creator>",
        "  <trackList>",
    ]
    for track in _of(playlist, tracks):
        parts = {
            "location": quote(f"../../{track.path}"), "title": track.title, "creator": track.artist,
            "album": track.album, "duration": str(_milliseconds(track)),
        }  # fmt: skip
        lines += [
            "    <track>",
            *(f"      <{tag}>{escape(text)}</{tag}>" for tag, text in parts.items()),
            "    </track>",
        ]
    return "\n".join([*lines, "  </trackList>", "</playlist>"]) + "\n"


def _jspf(playlist: Playlist, tracks: Tracks) -> str:
    entries = [
        {
            "identifier": [f"https://musicbrainz.org/recording/{recording_id(track)}"],
            "title": track.title,
            "creator": track.artist,
            "album": track.album,
            "duration": _milliseconds(track),
            "extension": {"https://musicbrainz.org/doc/jspf#track": {"added_at": f"{_DAY}T00:00:00+00:00"}},
        }
        for track in _of(playlist, tracks)
    ]
    content = {"playlist": {"title": playlist.name, "creator": playlist.listener, "track": entries}}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _spotify_export(playlists: Sequence[Playlist], tracks: Tracks) -> str:
    content = [
        {
            "name": playlist.name,
            "lastModifiedDate": _DAY,
            "items": [
                {
                    "track": {
                        "trackName": track.title,
                        "artistName": track.artist,
                        "albumName": track.album,
                        "trackUri": track_uri(track),
                    },
                    "episode": None,
                    "localTrack": None,
                    "addedDate": _DAY,
                }
                for track in _of(playlist, tracks)
            ],
            "description": None,
            "numberOfFollowers": playlist.followers,
        }
        for playlist in playlists
    ]
    return json.dumps({"playlists": content}, indent=1, ensure_ascii=False) + "\n"


def _itunes(playlists: Sequence[Playlist], tracks: Tracks) -> str:
    used = sorted({index for playlist in playlists for index in playlist.tracks})
    lines = [
        f'{_XML}<!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN"'
        ' "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
        '<plist version="1.0">', "<dict>", _pair("Major Version", 1), _pair("Minor Version", 1),
        "<key>Tracks</key>", "<dict>",
    ]  # fmt: skip
    for index in used:
        track = tracks[index]
        lines += [
            f"<key>{1000 + index}</key>", "<dict>", _pair("Track ID", 1000 + index), _pair("Name", track.title),
            _pair("Artist", track.artist), _pair("Album", track.album), _pair("Genre", track.style),
            _pair("Total Time", _milliseconds(track)), _pair("Location", f"file://localhost/Music/{quote(track.path)}"),
            "</dict>",
        ]  # fmt: skip
    lines += [
        "</dict>",
        "<key>Playlists</key>",
        "<array>",
        "<dict>",
        _pair("Name", "Library"),
        "<key>Master</key><true/>",
    ]
    lines += [*_itunes_items(used), "</dict>"]
    for playlist in playlists:
        lines += ["<dict>", _pair("Name", playlist.name), _pair("Playlist ID", 5000 + playlist.pid)]
        lines += [*_itunes_items(playlist.tracks), "</dict>"]
    return "\n".join([*lines, "</array>", "</dict>", "</plist>"]) + "\n"


def _itunes_items(indices: Iterable[int]) -> list[str]:
    items = [f"<dict>{_pair('Track ID', 1000 + index)}</dict>" for index in indices]
    return ["<key>Playlist Items</key>", "<array>", *items, "</array>"]


def _pair(key: str, value: str | int) -> str:
    tag = "integer" if isinstance(value, int) else "string"
    return f"<key>{key}</key><{tag}>{escape(str(value))}</{tag}>"


def _of(playlist: Playlist, tracks: Tracks) -> list[TrackTruth]:
    return [tracks[index] for index in playlist.tracks]


def _milliseconds(track: TrackTruth) -> int:
    return round(1000 * track.duration_s)
