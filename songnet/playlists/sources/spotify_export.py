"""The playlists that Spotify sends with the data of an account (``Playlist1.json``, ``Playlist2.json``, ...)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, Playlist, tidy, tidy_uri
from songnet.playlists.sources.json_stream import stream_objects
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text


def sniff(head: bytes, name: str) -> float:
    """1 for an object of playlists with the export's keys."""
    text = head_text(head)
    if not text.lstrip().startswith("{") or '"playlists"' not in text:
        return 0.0
    keys = ('"lastModifiedDate"', '"trackUri"', '"trackName"', '"localTrack"', '"addedDate"')
    return 1.0 if any(key in text for key in keys) else 0.0


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read an export, one playlist at a time; podcast episodes are left out without a word. See `Source`."""
    number = 0
    for number, content in enumerate(stream_objects(path, "playlists.item"), 1):
        where = f"{path}, playlist {number}"
        if not isinstance(content, dict) or not isinstance(content.get("items"), list):
            on_skip(PlaylistError(f"{where}: has no list of items"))
            continue
        yield Playlist(
            name=tidy(content.get("name")) or f"{path.stem} {number}",
            source="spotify-export",
            entries=tuple(_entries(content["items"], where, on_skip)),
            description=tidy(content.get("description")),
        )
    if number == 0:
        raise PlaylistError(f"{path}: holds no playlists")


def _entries(items: list[Any], where: str, on_skip: OnSkip) -> Iterator[Entry]:
    position = 0
    for item in items:
        fields = item if isinstance(item, dict) else {}
        if fields.get("episode"):
            continue
        track: dict[str, Any] = next(
            (fields[key] for key in ("track", "localTrack") if isinstance(fields.get(key), dict)), {}
        )
        entry = Entry(
            position=position,
            title=tidy(track.get("trackName")),
            artist=tidy(track.get("artistName")),
            album=tidy(track.get("albumName")),
            track_uri=tidy_uri(track.get("trackUri") or track.get("uri")),
            added_at=tidy(fields.get("addedDate")),
        )
        if entry.is_empty:
            on_skip(PlaylistError(f"{where}: an item behind the first {position} names no track"))
            continue
        position += 1
        yield entry


SOURCE = Source("spotify-export", "Spotify account export", sniff, read)
