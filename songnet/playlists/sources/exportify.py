"""Exportify's CSV: one Spotify playlist a file, named by the file.

Known layouts, told apart by their columns alone: watsonbox/exportify until 2020 (``Spotify URI``, ``Artist Name``),
since then (``Track URI``, ``Artist Name(s)``, ``ISRC``), and pavelkomarov/exportify (``Spotify ID`` or ``Track URI``,
``Duration (ms)``, audio features).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, Playlist
from songnet.playlists.sources.columns import read_header, read_rows, row_entry
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text, is_text


def sniff(head: bytes, name: str) -> float:
    """1 for a header with Spotify's name of a track and no column that names playlists."""
    header = read_header(head_text(head).lstrip().partition("\n")[0])
    columns = {column.strip().lower() for column in header.columns}
    known = {"track uri", "spotify uri", "spotify id"} & columns and "track name" in columns
    return 1.0 if is_text(head) and known and not {"playlist", "playlist_id"} & set(header.places) else 0.0


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read the one playlist of a file; of a file that breaks off, the rows before the break. See `Source`."""
    entries: list[Entry] = []
    cut: PlaylistError | None = None
    try:
        for line, header, cells in read_rows(path):
            entry = row_entry(len(entries), header, cells)
            if entry.is_empty:
                on_skip(PlaylistError(f"{path}, line {line}: names no track"))
            else:
                entries.append(entry)
    except PlaylistError as error:
        if not entries:
            raise
        cut = error
    # Exportify writes underscores where a playlist's name has spaces.
    yield Playlist(name=path.stem.replace("_", " ").strip() or path.stem, source="exportify", entries=tuple(entries))
    if cut is not None:
        raise cut


SOURCE = Source("exportify", "Exportify CSV", sniff, read)
