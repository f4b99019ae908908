"""PLS: numbered ``File1=``, ``Title1=``, ``Length1=`` under ``[playlist]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, Playlist, local_path, seconds, tidy, tidy_uri
from songnet.playlists.sources.m3u import split_credit
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text, is_text, read_lines

_LINE = re.compile(r"(file|title|length)(\d{1,9})\s*=(.*)", re.IGNORECASE | re.DOTALL)
_NAME = re.compile(r"(?:playlistname|x-gnome-title)\s*=(.*)", re.IGNORECASE | re.DOTALL)


def sniff(head: bytes, name: str) -> float:
    """1 for a file that begins with ``[playlist]``."""
    return 1.0 if is_text(head) and head_text(head).lstrip().lower().startswith("[playlist]") else 0.0


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read the one playlist of a file, ordered by its numbers; see `Source`. The declared count is not believed."""
    fields: dict[int, dict[str, str | None]] = {}
    name: str | None = None
    for _, line in read_lines(path):
        found, named = _LINE.match(line.strip()), _NAME.match(line.strip())
        if found:
            fields.setdefault(int(found.group(2)), {})[found.group(1).lower()] = tidy(found.group(3))
        elif named:
            name = name or tidy(named.group(1))
    entries: list[Entry] = []
    for number in sorted(fields):
        where = fields[number].get("file")
        if where is None:
            on_skip(PlaylistError(f"{path}: number {number} has no File{number}="))
            continue
        artist, title = split_credit(fields[number].get("title"))
        entries.append(
            Entry(
                position=len(entries),
                title=title,
                artist=artist,
                duration_s=seconds(fields[number].get("length")),
                path=local_path(where),
                track_uri=tidy_uri(where),
            )
        )
    yield Playlist(name=name or path.stem, source="pls", entries=tuple(entries))


SOURCE = Source("pls", "PLS", sniff, read)
