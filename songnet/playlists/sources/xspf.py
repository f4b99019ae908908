"""XSPF, the XML Shareable Playlist Format (https://xspf.org/spec)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, Playlist, tidy
from songnet.playlists.sources.jspf import spiff_entry
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text
from songnet.playlists.sources.xml_stream import stream_elements


def sniff(head: bytes, name: str) -> float:
    """1 for XML with the format's namespace or its list of tracks."""
    text = head_text(head).lstrip()
    if not text.startswith("<"):
        return 0.0
    if "xspf.org/ns" in text or "<trackList" in text:
        return 1.0
    return 0.5 if name.lower().endswith(".xspf") else 0.0


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read the one playlist of a file; of a file that is cut off, the tracks before the cut. See `Source`."""
    entries: list[Entry] = []
    about: dict[str, Any] = {}
    track: dict[str, Any] | None = None
    cut: PlaylistError | None = None
    try:
        for event, name, element in stream_elements(path):
            if name == "track" and event == "start":
                track = {}
            elif name == "track":
                entry = spiff_entry(len(entries), track or {})
                track = None
                if entry.is_empty:
                    on_skip(PlaylistError(f"{path}: a track behind the first {len(entries)} names nothing"))
                else:
                    entries.append(entry)
            elif event == "end":
                _note(about if track is None else track, name, tidy(element.text))
    except PlaylistError as error:
        if not entries:
            raise
        cut = error
    if "trackList" not in about and cut is None:
        raise PlaylistError(f"{path}: XML without a list of tracks is no XSPF")
    yield Playlist(
        name=about.get("title") or path.stem,
        source="xspf",
        entries=tuple(entries),
        source_id=next(iter(about.get("identifier", [])), None),
        owner=about.get("creator"),
        description=about.get("annotation"),
    )
    if cut is not None:
        raise cut


def _note(fields: dict[str, Any], name: str, text: str | None) -> None:
    if name in ("location", "identifier"):
        fields.setdefault(name, []).append(text)
    else:
        fields.setdefault(name, text)


SOURCE = Source("xspf", "XSPF", sniff, read)
