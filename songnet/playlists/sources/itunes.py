"""The library that iTunes and Apple Music export (``Library.xml``): a property list of tracks and playlists.

Only tracks that playlists name are kept in memory, as entries. Left out are the playlists that nobody made: the whole
library, the ones Apple keeps (Music, Films, ...) and folders of playlists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, Playlist, local_path, seconds, tidy
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text
from songnet.playlists.sources.xml_stream import stream_elements

_TRACK_LEVEL = ("plist", "dict", "dict", "dict")
_PLAYLIST_LEVEL = ("plist", "dict", "array", "dict")


def sniff(head: bytes, name: str) -> float:
    """1 for a property list with tracks or a library's keys in it."""
    text = head_text(head).lstrip()
    if not text.startswith("<") or "<plist" not in text:
        return 0.0
    return 1.0 if "<key>Tracks</key>" in text or "<key>Playlists</key>" in text else 0.2


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read the playlists of a library; see `Source`."""
    tracks: dict[str, Entry] = {}
    n_playlists = 0
    for section, content in _sections(path):
        if section == "Tracks":
            track_id = tidy(content.get("Track ID"))
            if track_id is not None:
                tracks[track_id] = _entry(content)
            continue
        if content.get("Master") or content.get("Folder") or "Distinguished Kind" in content:
            continue
        n_playlists += 1
        name = tidy(content.get("Name")) or f"{path.stem} {n_playlists}"
        yield Playlist(
            name=name,
            source="itunes",
            entries=tuple(_entries(content, tracks, f"{path}, playlist {name!r}", on_skip)),
            source_id=tidy(content.get("Playlist Persistent ID") or content.get("Playlist ID")),
            description=tidy(content.get("Description")),
        )


def _entries(content: dict[str, Any], tracks: dict[str, Entry], where: str, on_skip: OnSkip) -> Iterator[Entry]:
    position = 0
    items = content.get("Playlist Items")
    for item in items if isinstance(items, list) else []:
        track_id = tidy(item.get("Track ID")) if isinstance(item, dict) else None
        entry = tracks.get(track_id or "")
        if entry is None or entry.is_empty:
            on_skip(PlaylistError(f"{where}: track {track_id} is not among the library's tracks"))
            continue
        yield replace(entry, position=position)
        position += 1


def _entry(content: dict[str, Any]) -> Entry:
    return Entry(
        position=0,
        title=tidy(content.get("Name")),
        artist=tidy(content.get("Artist")),
        album=tidy(content.get("Album")),
        duration_s=seconds(content.get("Total Time"), unit=0.001),
        path=local_path(tidy(content.get("Location"))),
        added_at=tidy(content.get("Date Added")),
    )


def _sections(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each track and each playlist of a property list as a dictionary, after the section that it stands in."""
    above: list[str] = []
    open_values: list[Any] = []  # containers of the track or playlist under way
    keys: list[str] = []  # the last key met in each open dictionary
    section = ""
    for event, name, element in stream_elements(path):
        if event == "start":
            above.append(name)
            if open_values or _begins(above, section):
                if name == "dict":
                    open_values.append({})
                    keys.append("")
                elif name == "array":
                    open_values.append([])
                    keys.append("")
            continue
        depth = len(above)
        above.pop()
        if not open_values:
            if name == "key" and depth == 3:
                section = tidy(element.text) or ""
            continue
        if name == "key":
            keys[-1] = tidy(element.text) or ""
            continue
        value = _scalar(name, element)
        if name in ("dict", "array"):
            value = open_values.pop()
            keys.pop()
        if not open_values:
            yield section, value
        elif isinstance(open_values[-1], dict):
            open_values[-1][keys[-1]] = value
        else:
            open_values[-1].append(value)


def _begins(above: list[str], section: str) -> bool:
    place = tuple(above)
    return (section == "Tracks" and place == _TRACK_LEVEL) or (section == "Playlists" and place == _PLAYLIST_LEVEL)


def _scalar(name: str, element: Element) -> Any:
    return name == "true" if name in ("true", "false") else tidy(element.text)


SOURCE = Source("itunes", "iTunes and Apple Music library", sniff, read)
