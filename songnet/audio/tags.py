"""What a file says about itself: title, artist, album and the identifiers that playlists refer to.

Tags are hints written by strangers: nothing here raises because of them, and nothing downstream may trust them.
Control characters other than NUL are kept; whoever prints a value takes them out.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import av
import tinytag

from songnet.audio.id3 import read_unique_file_ids

__all__ = ["Tags", "read_tags"]

logger = logging.getLogger(__name__)

_LONGEST = 1000
_MUSICBRAINZ = "http://musicbrainz.org"
_KEYS: dict[str, tuple[str, ...]] = {
    "title": ("title",),
    "artist": ("artist", "author"),
    "album": ("album",),
    "album_artist": ("albumartist", "album_artist", "album artist", "wm/albumartist"),
    "date": ("date", "year", "tdrc", "tyer", "wm/year"),
    "genre": ("genre", "wm/genre"),
    "isrc": ("isrc", "tsrc", "wm/isrc"),
    "mb_recording_id": ("musicbrainz_trackid", "musicbrainz track id", "musicbrainz/track id"),
    "mb_artist_id": ("musicbrainz_artistid", "musicbrainz artist id", "musicbrainz/artist id"),
    "mb_album_id": ("musicbrainz_albumid", "musicbrainz album id", "musicbrainz/album id"),
}
"""Field of `Tags` -> names it goes by, lower case: Vorbis comments, ID3 TXXX and MP4 freeform atoms, WMA."""
_TRACK_KEYS = ("track", "tracknumber", "wm/tracknumber")


@dataclass(frozen=True)
class Tags:
    """Tags of one file; None where the file does not say.

    Attributes
    ----------
    title, artist, album, album_artist, genre : str or None
        Several values of one tag are joined by ``"; "``.
    date : str or None
        As written: ``"2019"``, ``"2019-06-14"``.
    isrc : str or None
        International Standard Recording Code.
    mb_recording_id, mb_artist_id, mb_album_id : str or None
        MusicBrainz identifiers.
    track_number : int or None
        Place on the album, from 1.
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    date: str | None = None
    genre: str | None = None
    isrc: str | None = None
    mb_recording_id: str | None = None
    mb_artist_id: str | None = None
    mb_album_id: str | None = None
    track_number: int | None = None


def read_tags(path: bytes) -> Tags:
    """Read a file's tags.

    Parameters
    ----------
    path : bytes
        The file.

    Returns
    -------
    Tags
        What could be read; all None for a file that is damaged, gone or has no tags. Values are stripped, and cut at
        1,000 characters.
    """
    tags = _read_with_tinytag(path)
    # Asked only then: opening a WAV with FFmpeg takes 30 ms, five hundred times as long as its tags.
    if tags is None:
        tags = _read_with_pyav(path)
    if tags.mb_recording_id is None:
        recording = _read_recording_id(path)
        tags = replace(tags, mb_recording_id=recording) if recording else tags
    return tags


def _read_with_tinytag(path: bytes) -> Tags | None:
    """None if it is no file that tinytag knows, or it broke off."""
    try:
        with open(path, "rb") as file:
            # No name: given one, tinytag goes by the extension.
            tag = tinytag.TinyTag.get(file_obj=file, duration=False, image=False)
    except Exception as error:
        # Damaged tags make parsers raise whatever comes first: IndexError, struct.error, UnicodeDecodeError, ...
        logger.debug("%r: tags cannot be read: %s", path, error)
        return None
    values: dict[str, list[str]] = {name.lower(): list(found) for name, found in tag.other.items()}
    for name, value in (
        ("title", tag.title),
        ("artist", tag.artist),
        ("album", tag.album),
        ("albumartist", tag.albumartist),
        ("year", tag.year),
        ("genre", tag.genre),
        ("track", tag.track),
    ):
        if value is not None:
            values[name] = [str(value), *values.get(name, [])]
    return _collect(values)


def _read_with_pyav(path: bytes) -> Tags:
    try:
        with av.open(os.fsdecode(path), options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
            values = {name.lower(): [value] for name, value in container.metadata.items()}
            # Ogg keeps its comments in the stream.
            for stream in container.streams.audio[:1]:
                for name, value in stream.metadata.items():
                    values.setdefault(name.lower(), [value])
    except (av.error.FFmpegError, OSError, ValueError) as error:
        logger.debug("%r: no tags: %s", path, error)
        return Tags()
    return _collect(values)


def _read_recording_id(path: bytes) -> str | None:
    try:
        with open(path, "rb") as file:
            return _clean([read_unique_file_ids(file).get(_MUSICBRAINZ, "")])
    except (OSError, ValueError) as error:
        logger.debug("%r: no identifiers: %s", path, error)
        return None


def _collect(values: Mapping[str, list[str]]) -> Tags:
    found: dict[str, Any] = {}
    for field, names in _KEYS.items():
        found[field] = next((text for name in names if (text := _clean(values.get(name, [])))), None)
    track = next((text for name in _TRACK_KEYS if (text := _clean(values.get(name, [])))), "")
    digits = track.partition("/")[0].strip()
    # Longer than this is no place on an album, and int() of megabytes of digits takes minutes.
    found["track_number"] = int(digits) if digits.isdecimal() and len(digits) <= 6 else None
    found["artist"] = _full_credit(found["artist"])
    return Tags(**found)


def _full_credit(artist: str | None) -> str | None:
    """``"A feat. B; A; B"`` to ``"A feat. B"``: some taggers list the artists once more beside the credit."""
    parts = artist.split("; ") if artist else []
    longest = max(parts, key=len, default=None)
    if longest is not None and all(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", longest) for part in parts):
        return longest
    return artist


def _clean(values: Iterable[str]) -> str | None:
    """Join the values of one tag: stripped, without NUL and without repeats, bounded; None if nothing is left."""
    parts: dict[str, None] = {}
    for value in values:
        for part in value[: 8 * _LONGEST].split("\0"):
            if part.strip():
                parts[part.strip()] = None
    return "; ".join(parts)[:_LONGEST].strip() or None
