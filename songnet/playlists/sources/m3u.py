"""M3U and M3U8: a path or address a line, comments of Winamp's extended form between them.

The encoding is found line by line: UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252. The
streaming lists of HTTP Live Streaming share the ending; they list pieces of one recording and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from songnet.playlists.model import Entry, Playlist, local_path, seconds, tidy, tidy_uri
from songnet.playlists.sources.source import OnSkip, Source
from songnet.playlists.sources.text import head_text, is_text, read_lines

_INFO = re.compile(r"#EXTINF:\s*(-?[\d.]*)((?:\s+[\w-]+=\"[^\"]*\")*)\s*(?:,(.*))?$", re.IGNORECASE | re.DOTALL)


def sniff(head: bytes, name: str) -> float:
    """1 for the extended form, 0.4 for text whose name has the ending; 0 for HTTP Live Streaming."""
    text = head_text(head).lstrip()
    if not is_text(head) or "#EXT-X-" in text:
        return 0.0
    if text.upper().startswith("#EXTM3U") or "\n#EXTINF:" in text:
        return 1.0
    return 0.4 if name.lower().endswith((".m3u", ".m3u8")) and not text.startswith(("<", "{")) else 0.0


def read(path: Path, on_skip: OnSkip) -> Iterator[Playlist]:
    """Read the one playlist of a file; see `Source`. Paths are kept as they are written."""
    entries: list[Entry] = []
    name: str | None = None
    about: dict[str, str | None] = {}
    length: float | None = None
    for _, raw in read_lines(path):
        # A lone carriage return ended a line on old Macs.
        for line in filter(None, map(tidy, raw.split("\r"))):
            if not line.startswith("#"):
                entries.append(_entry(len(entries), line, about, length))
                about, length = {}, None
                continue
            word, _, rest = line.partition(":")
            info = _INFO.match(line)
            if info:
                length = seconds(info.group(1))
                about["credit"] = tidy(info.group(3))
            elif word.upper() == "#PLAYLIST":
                name = name or tidy(rest)
            elif word.upper() in ("#EXTALB", "#EXTART"):
                about[word.upper()] = tidy(rest)
    yield Playlist(name=name or path.stem, source="m3u", entries=tuple(entries))


def _entry(position: int, line: str, about: dict[str, str | None], length: float | None) -> Entry:
    artist, title = split_credit(about.get("credit"))
    return Entry(
        position=position,
        title=title,
        artist=about.get("#EXTART") or artist,
        album=about.get("#EXTALB"),
        duration_s=length,
        path=local_path(line),
        track_uri=tidy_uri(line),
    )


def split_credit(text: str | None) -> tuple[str | None, str | None]:
    """Artist and title of a line such as ``Artist - Title``; without the dash all of it is the title.

    Examples
    --------
    >>> split_credit("Nina - Live - Part 2"), split_credit("Intro"), split_credit(None)
    (('Nina', 'Live - Part 2'), (None, 'Intro'), (None, None))
    """
    artist, dash, title = (text or "").partition(" - ")
    return (tidy(artist), tidy(title)) if dash and tidy(title) else (None, tidy(text))


SOURCE = Source("m3u", "M3U and M3U8", sniff, read)
