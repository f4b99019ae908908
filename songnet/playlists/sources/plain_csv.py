"""Plain tables: one row an entry, with columns such as ``playlist``, ``artist``, ``title`` in any order.

`songnet.playlists.sources.columns.ALIASES` lists the names. Without a column that names playlists, the file is one.
Playlists are told apart by their id where there is one: names repeat.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, Playlist
from songnet.playlists.sources.columns import cell, read_header, read_rows, row_entry
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text, is_text

_Key = tuple[str | None, str | None]


def sniff(head: bytes, name: str) -> float:
    """0.5 for a header that names playlists and tracks, 0.2 for one that names tracks in at least two columns."""
    first = head_text(head).lstrip().partition("\n")[0]
    if not is_text(head) or first.startswith(("{", "[", "<", "#")):
        return 0.0
    header = read_header(first)
    if not header.names_tracks() or len(header.places) < 2:
        return 0.0
    return 0.5 if {"playlist", "playlist_id"} & set(header.places) else 0.2


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read all playlists of a table, in the order of their first rows; see `Source`.

    One playlist is in memory at a time if the rows of each stand together, all of them otherwise.
    """
    gathered: dict[_Key, list[Entry]] = {}
    together = _stand_together(path)
    cut: PlaylistError | None = None
    last: _Key | None = None
    try:
        for line, header, cells in read_rows(path):
            key = (cell(header, cells, "playlist_id"), cell(header, cells, "playlist"))
            if together and last is not None and key != last:
                yield _playlist(path, last, gathered.pop(last, []))
            last = key
            entries = gathered.setdefault(key, [])
            entry = row_entry(len(entries), header, cells)
            if entry.is_empty:
                on_skip(PlaylistError(f"{path}, line {line}: names no track"))
            else:
                entries.append(entry)
    except PlaylistError as error:
        cut = error
    for key, entries in gathered.items():
        yield _playlist(path, key, entries)
    if cut is not None:
        raise cut


def _playlist(path: Path, key: _Key, entries: list[Entry]) -> Playlist:
    number, name = key
    return Playlist(name=name or number or path.stem, source="csv", entries=tuple(entries), source_id=number)


def _stand_together(path: Path) -> bool:
    """Whether the rows of each playlist follow one another."""
    seen: set[_Key] = set()
    last: _Key | None = None
    try:
        for _, header, cells in read_rows(path):
            key = (cell(header, cells, "playlist_id"), cell(header, cells, "playlist"))
            if key != last and key in seen:
                return False
            seen.add(key)
            last = key
    except PlaylistError:
        pass  # met again by the one who reads
    return True


SOURCE = Source("csv", "plain CSV", sniff, read)
