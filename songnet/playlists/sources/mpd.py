"""Slices of the Million Playlist Dataset (``mpd.slice.0-999.json``), and what is written like them.

Ching-Wei Chen, Paul Lamere, Markus Schedl, Hamed Zamani: RecSys Challenge 2018. The slice's own counts (``num_tracks``)
are not believed; entries are ordered by ``pos`` where all have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, Playlist, seconds, tidy, tidy_uri
from songnet.playlists.sources.json_stream import stream_objects
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text


def sniff(head: bytes, name: str) -> float:
    """1 for an object of playlists with the dataset's keys."""
    text = head_text(head)
    if not text.lstrip().startswith("{") or '"playlists"' not in text:
        return 0.0
    if '"track_uri"' in text or '"pid"' in text:
        return 1.0
    return 0.6 if '"slice"' in text else 0.0


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read a slice, one playlist at a time; see `Source`."""
    number = 0
    for number, content in enumerate(stream_objects(path, "playlists.item"), 1):
        where = f"{path}, playlist {number}"
        if not isinstance(content, dict) or not isinstance(content.get("tracks"), list):
            on_skip(PlaylistError(f"{where}: has no list of tracks"))
            continue
        # Positions that are not all numbers order nothing.
        rows = content["tracks"]
        if all(isinstance(row, dict) and isinstance(row.get("pos"), int) for row in rows):
            rows = sorted(rows, key=lambda row: row["pos"])
        yield Playlist(
            name=tidy(content.get("name")) or f"{path.stem} {number}",
            source="mpd",
            entries=tuple(_entries(rows, where, on_skip)),
            source_id=tidy(content.get("pid")),
            description=tidy(content.get("description")),
        )
    if number == 0:
        raise PlaylistError(f"{path}: holds no playlists")


def _entries(rows: list[Any], where: str, on_skip: OnSkip) -> Iterator[Entry]:
    position = 0
    for row in rows:
        fields = row if isinstance(row, dict) else {}
        entry = Entry(
            position=position,
            title=tidy(fields.get("track_name")),
            artist=tidy(fields.get("artist_name")),
            album=tidy(fields.get("album_name")),
            duration_s=seconds(fields.get("duration_ms"), unit=0.001),
            track_uri=tidy_uri(fields.get("track_uri")),
        )
        if entry.is_empty:
            on_skip(PlaylistError(f"{where}: an entry behind the first {position} names no track"))
            continue
        position += 1
        yield entry


SOURCE = Source("mpd", "Million Playlist Dataset", sniff, read)
