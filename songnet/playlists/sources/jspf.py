"""JSPF, the JSON form of XSPF (https://xspf.org/jspf), as ListenBrainz writes it among others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from songnet.errors import PlaylistError
from songnet.playlists.model import (
    Entry,
    Playlist,
    is_address,
    local_path,
    seconds,
    tidy,
    tidy_isrc,
    tidy_mbid,
    tidy_uri,
)
from songnet.playlists.sources.json_stream import stream_objects
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text


def sniff(head: bytes, name: str) -> float:
    """1 for an object with a playlist in it."""
    text = head_text(head).lstrip()
    if not text.startswith("{") or '"playlist"' not in text:
        return 0.0
    return 1.0 if '"track"' in text or text[1:].lstrip().startswith('"playlist"') else 0.3


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read the one playlist of a file; see `Source`."""
    content = next(stream_objects(path, "playlist"), None)
    if not isinstance(content, dict) or not isinstance(content.get("track", []), list):
        raise PlaylistError(f"{path}: holds no playlist with a list of tracks")
    entries: list[Entry] = []
    for track in content.get("track", []):
        entry = spiff_entry(len(entries), track if isinstance(track, dict) else {})
        if entry.is_empty:
            on_skip(PlaylistError(f"{path}: a track behind the first {len(entries)} names nothing"))
        else:
            entries.append(entry)
    yield Playlist(
        name=tidy(content.get("title")) or path.stem,
        source="jspf",
        entries=tuple(entries),
        source_id=tidy(content.get("identifier")),
        owner=tidy(content.get("creator")),
        description=tidy(content.get("annotation")),
    )


def spiff_entry(position: int, track: Mapping[str, Any]) -> Entry:
    """An entry from the elements that XSPF and JSPF share.

    Parameters
    ----------
    position : int
        Its place.
    track : Mapping
        ``location`` and ``identifier`` (each a text or several), ``title``, ``creator``, ``album``, ``duration`` (in
        milliseconds), and JSPF's ``extension``.
    """
    identifiers = _texts(track.get("identifier"))
    locations = _texts(track.get("location"))
    extensions = track.get("extension")
    details = list(extensions.values()) if isinstance(extensions, dict) else []
    added = next((detail["added_at"] for detail in details if isinstance(detail, dict) and "added_at" in detail), None)
    return Entry(
        position=position,
        title=tidy(track.get("title")),
        artist=tidy(track.get("creator")),
        album=tidy(track.get("album")),
        duration_s=seconds(track.get("duration"), unit=0.001),
        path=next(filter(None, map(_location, locations)), None),
        isrc=next(filter(None, (tidy_isrc(text.lower().removeprefix("isrc:")) for text in identifiers)), None),
        mb_recording_id=next(filter(None, (tidy_mbid(text) for text in identifiers if "recording" in text)), None),
        track_uri=next(filter(None, map(tidy_uri, [*identifiers, *locations])), None),
        added_at=tidy(added),
    )


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in map(tidy, values) if text is not None]


def _location(text: str) -> str | None:
    # A location is a URI by definition, relative ones included, so that %20 is a space.
    if text.lower().startswith("file:"):
        return local_path(text)
    return text if is_address(text) else tidy(unquote(text))


SOURCE = Source("jspf", "JSPF", sniff, read)
