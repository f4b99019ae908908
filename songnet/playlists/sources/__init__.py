"""Playlist formats, one file each; which one a file has is told by its content.

Adding a format is one file with a `Source` in it and one line in `SOURCES`. Readers take in text: no path that stands
in a playlist is ever opened.
"""

from __future__ import annotations

from pathlib import Path

from songnet.errors import PlaylistError
from songnet.playlists.sources.source import HEAD_BYTES, OnSkip, Source, refuse
from songnet.registry import Registry

SOURCES = Registry(
    "playlist format",
    {
        "mpd": "songnet.playlists.sources.mpd:SOURCE",
        "exportify": "songnet.playlists.sources.exportify:SOURCE",
        "m3u": "songnet.playlists.sources.m3u:SOURCE",
        "pls": "songnet.playlists.sources.pls:SOURCE",
        "xspf": "songnet.playlists.sources.xspf:SOURCE",
        "jspf": "songnet.playlists.sources.jspf:SOURCE",
        "itunes": "songnet.playlists.sources.itunes:SOURCE",
        "spotify-export": "songnet.playlists.sources.spotify_export:SOURCE",
        "csv": "songnet.playlists.sources.plain_csv:SOURCE",
    },
)

ENDINGS = frozenset({".json", ".csv", ".tsv", ".txt", ".m3u", ".m3u8", ".pls", ".xspf", ".jspf", ".xml"})
"""Endings of the files that are looked into when a folder is named."""


SURE = 0.3
"""How surely a file that nobody named must be a playlist: any table of tracks could be one."""


def detect(path: Path, *, least: float = 0.0) -> Source | None:
    """The format of a file, by its content; None when it is none of `SOURCES`.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    least : float
        How sure the format must be, 0 to 1.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    scores = {name: SOURCES[name].sniff(head, path.name) for name in SOURCES}
    best = max(scores, key=scores.__getitem__)
    found: Source | None = SOURCES[best] if scores[best] > 0 and scores[best] >= least else None
    return found


def choose_source(path: Path, name: str | None = None) -> Source:
    """The format to read a file in: the one named, else the one detected.

    Raises
    ------
    PlaylistError
        If none is named and the content is of no format known.
    ParameterError
        If the name is of no format known.
    """
    source: Source | None = SOURCES[name] if name is not None else detect(path)
    if source is None:
        known = ", ".join(SOURCES)
        raise PlaylistError(f"{path} is no playlist of a known format ({known}): name one with --format")
    return source


__all__ = ["ENDINGS", "SOURCES", "SURE", "OnSkip", "Source", "choose_source", "detect", "refuse"]
