"""Tables of tracks: which column says what, and rows read one by one."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from songnet.errors import PlaylistError
from songnet.playlists.model import Entry, local_path, seconds, tidy, tidy_isrc, tidy_mbid, tidy_uri
from songnet.playlists.sources.text import read_lines

# Names of a column with everything but letters and digits left out; the first that a table has is taken.
ALIASES: dict[str, tuple[str, ...]] = {
    "playlist": ("playlist", "playlistname", "list", "listname"),
    "playlist_id": ("playlistid", "pid", "playlisturi"),
    "title": ("title", "trackname", "tracktitle", "songname", "songtitle", "song", "track", "name"),
    "artist": ("artist", "artistnames", "artistname", "trackartist", "artists", "performer", "creator"),
    "album": ("album", "albumname", "trackalbumname", "albumtitle", "release"),
    "duration_ms": ("trackdurationms", "durationms", "lengthms"),
    "duration": ("durations", "duration", "durationseconds", "length", "time", "trackduration"),
    "isrc": ("isrc",),
    "mb_recording_id": ("mbrecordingid", "musicbrainzrecordingid", "recordingmbid", "mbid", "musicbrainztrackid"),
    "track_uri": ("trackuri", "spotifyuri", "spotifytrackuri", "spotifyid", "spotifytrackid", "trackid", "uri", "url"),
    "path": ("path", "file", "filepath", "location", "filename"),
    "added_at": ("addedat", "dateadded", "addeddate", "added"),
}


@dataclass(frozen=True)
class Header:
    """The first line of a table.

    Parameters
    ----------
    delimiter : str
        What stands between its columns.
    columns : tuple of str
        As written.
    places : dict of str to int
        Number of the column that says each of `ALIASES`; what no column says is absent.
    """

    delimiter: str
    columns: tuple[str, ...]
    places: Mapping[str, int]

    def names_tracks(self) -> bool:
        """Whether a row can tell which track it means."""
        return ("title" in self.places and bool({"artist", "track_uri", "path", "isrc"} & set(self.places))) or bool(
            {"track_uri", "isrc", "mb_recording_id", "path"} & set(self.places)
        )


def read_header(line: str) -> Header:
    """The columns of a first line; its delimiter is the one that makes most of them.

    Examples
    --------
    >>> header = read_header("Playlist;Artist Name(s);Track Name;Track Duration (ms)")
    >>> header.delimiter, dict(header.places)
    (';', {'playlist': 0, 'title': 2, 'artist': 1, 'duration_ms': 3})
    """
    line = line.rstrip("\r\n")
    delimiter = max(",;\t|", key=line.count)
    try:
        columns = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        columns = []
    plain: dict[str, int] = {}
    for index, column in enumerate(columns):
        plain.setdefault(re.sub(r"[^a-z0-9]", "", column.lower()), index)
    places = {
        field: next(plain[name] for name in names if name in plain)
        for field, names in ALIASES.items()
        if any(name in plain for name in names)
    }
    return Header(delimiter, tuple(columns), places)


def read_rows(path: Path) -> Iterator[tuple[int, Header, Sequence[str]]]:
    """Rows of a table below its header: number of the line they end on, the header, the cells.

    Raises
    ------
    PlaylistError
        If the first line names no column by which a track could be told, or a row is not CSV.
    """
    lines = read_lines(path)
    first = next((line for _, line in lines if line.strip()), "")
    header = read_header(first)
    if not header.names_tracks():
        raise PlaylistError(f"{path}, line 1: no columns that name tracks, such as artist and title")
    reader = csv.reader((line for _, line in lines), delimiter=header.delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise PlaylistError(
                f"{path}, line {reader.line_num + 1}: not CSV ({error}); what came before was read"
            ) from None
        if any(cell.strip() for cell in cells):
            yield reader.line_num + 1, header, cells


def cell(header: Header, cells: Sequence[str], field: str) -> str | None:
    """What a row says of a field of `ALIASES`; None when nothing."""
    place = header.places.get(field)
    return tidy(cells[place]) if place is not None and place < len(cells) else None


def row_entry(position: int, header: Header, cells: Sequence[str]) -> Entry:
    """A row as an entry, which may turn out empty."""
    milliseconds = seconds(cell(header, cells, "duration_ms"), unit=0.001)
    return Entry(
        position=position,
        title=cell(header, cells, "title"),
        artist=cell(header, cells, "artist"),
        album=cell(header, cells, "album"),
        duration_s=milliseconds or seconds(cell(header, cells, "duration")),
        path=local_path(cell(header, cells, "path")),
        isrc=tidy_isrc(cell(header, cells, "isrc")),
        mb_recording_id=tidy_mbid(cell(header, cells, "mb_recording_id")),
        track_uri=tidy_uri(cell(header, cells, "track_uri")),
        added_at=cell(header, cells, "added_at"),
    )
