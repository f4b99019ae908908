"""`Playlist` and `Entry`: what every playlist format becomes.

An entry says what its file says of a track and nothing more: which audio it is, if any, is found by
`songnet.playlists.matching`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from songnet.library.tracks import fold

MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_SPOTIFY_ID = re.compile(r"[0-9A-Za-z]{22}")
_SPOTIFY_URL = re.compile(r"https?://open\.spotify\.com/(?:intl-[a-z-]+/)?track/([0-9A-Za-z]{22})(?:[/?#].*)?")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


@dataclass(frozen=True)
class Entry:
    """One place of a playlist.

    Parameters
    ----------
    position : int
        Place in the playlist as it was read, from 0; a track that stands twice has two places.
    title, artist, album : str, optional
        As written; ``artist`` is the whole credit.
    duration_s : float, optional
        Duration in seconds, above 0.
    path : str, optional
        Path or address as written, file URLs decoded. It is text: nothing here opens it.
    isrc : str, optional
        International Standard Recording Code, 12 capital letters and digits.
    mb_recording_id : str, optional
        MusicBrainz recording id, lower case.
    track_uri : str, optional
        What a service calls the track, such as ``"spotify:track:6YUTL4dYpB9xZO5qExPf05"``.
    added_at : str, optional
        When it was added, as written.
    """

    position: int
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_s: float | None = None
    path: str | None = None
    isrc: str | None = None
    mb_recording_id: str | None = None
    track_uri: str | None = None
    added_at: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said by which a track could be told from another."""
        return not (self.title or self.path or self.isrc or self.mb_recording_id or self.track_uri)


@dataclass(frozen=True)
class Playlist:
    """One playlist of a file.

    Parameters
    ----------
    name : str
        As written; the file's name without its ending where none is written.
    source : str
        Format, a name of `songnet.playlists.sources.SOURCES`.
    entries : tuple of Entry
        In order, repetitions included; positions ascend from 0.
    source_id : str, optional
        What the file calls the playlist, such as the number in a slice of the Million Playlist Dataset.
    owner, description : str, optional
        Who made it, and what they say of it.
    """

    name: str
    source: str
    entries: tuple[Entry, ...]
    source_id: str | None = None
    owner: str | None = None
    description: str | None = None


def tidy(value: object) -> str | None:
    r"""A field's text without what a database cannot keep (NUL, lone surrogates); None when nothing remains.

    Examples
    --------
    >>> tidy("  Caf\u00e9 \x00 "), tidy("   "), tidy(None), tidy(7)
    ('Café', None, None, '7')
    """
    if value is None or isinstance(value, (dict, list, bool)):
        return None
    text = str(value).replace("\x00", "").strip()
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text or None


def tidy_isrc(value: object) -> str | None:
    """An ISRC without its hyphens and spaces, in capitals; None when it is none.

    Examples
    --------
    >>> tidy_isrc("gb-ayE-67.00077"), tidy_isrc("n/a")
    ('GBAYE6700077', None)
    """
    text = re.sub(r"[^A-Za-z0-9]", "", tidy(value) or "").upper()
    return text if ISRC.fullmatch(text) else None


def tidy_mbid(value: object) -> str | None:
    """The first MusicBrainz id in a text or address, lower case; None when there is none.

    Examples
    --------
    >>> tidy_mbid("https://musicbrainz.org/recording/8F3471B5-7E6A-48DA-86A9-C1C07A0F47AE")
    '8f3471b5-7e6a-48da-86a9-c1c07a0f47ae'
    """
    found = MBID.search(tidy(value) or "")
    return found.group().lower() if found else None


def tidy_uri(value: object) -> str | None:
    """A service's name of a track in one way of writing; None when it names none.

    Spotify's web addresses and bare ids become URIs. What Spotify calls a local file is known by its title only.

    Examples
    --------
    >>> tidy_uri("https://open.spotify.com/track/6YUTL4dYpB9xZO5qExPf05?si=abc")
    'spotify:track:6YUTL4dYpB9xZO5qExPf05'
    >>> tidy_uri("spotify:local:Artist:Album:Title:213") is None
    True
    """
    text = tidy(value)
    if text is None or text.startswith(("spotify:local:", "spotify:episode:")):
        return None
    if _SPOTIFY_ID.fullmatch(text):
        return f"spotify:track:{text}"
    url = _SPOTIFY_URL.fullmatch(text)
    if url:
        return f"spotify:track:{url.group(1)}"
    return text if re.fullmatch(r"[a-z][a-z0-9+.-]*:track:\S+", text) else None


def seconds(value: object, *, unit: float = 1.0) -> float | None:
    """A duration in seconds; None when it is not a number, or not above 0 (a stream has -1).

    Parameters
    ----------
    value : object
        A number, its text, or minutes and seconds such as ``"3:07"``.
    unit : float
        Seconds of one unit of a plain number: 0.001 for milliseconds.

    Examples
    --------
    >>> seconds("222000", unit=0.001), seconds("3:07"), seconds("-1"), seconds("long")
    (222.0, 187.0, None, None)
    """
    text = tidy(value)
    if text is None:
        return None
    clock = re.fullmatch(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{2}(?:\.\d+)?)", text)
    if clock:
        return int(clock.group(1) or 0) * 3600 + int(clock.group(2)) * 60 + float(clock.group(3)) or None
    try:
        number = float(text) * unit
    except ValueError:
        return None
    return round(number, 3) if 0 < number < 1e7 else None


def local_path(text: str | None) -> str | None:
    """A file URL as the path it stands for; every other text as it is.

    Examples
    --------
    >>> local_path("file://localhost/Music/Caf%C3%A9.mp3"), local_path("file:///C:/a%20b.mp3"), local_path("../a%20b")
    ('/Music/Café.mp3', 'C:/a b.mp3', '../a%20b')
    """
    if text is None or not text.lower().startswith("file:"):
        return text
    try:
        path = unquote(urlsplit(text.replace("#", "%23").replace("?", "%3F")).path)
    except ValueError:  # a host in square brackets that is none
        return text
    return tidy(path[1:] if _DRIVE.match(path[1:]) else path)


def is_address(path: str) -> bool:
    """Whether a path is an address such as ``http://...`` and no place in a file system."""
    return bool(_SCHEME.match(path)) and not _DRIVE.match(path)


def is_relative(path: str) -> bool:
    r"""Whether a path begins where its playlist lies.

    Examples
    --------
    >>> [is_relative(path) for path in ("../a.mp3", "/a.mp3", "C:\\a.mp3", "http://host/a.mp3")]
    [True, False, False, False]
    """
    return not path.startswith(("/", "\\")) and not _DRIVE.match(path) and not is_address(path)


def absolute_path(path: str, folder: str) -> str:
    r"""A path with ``.`` and ``..`` worked out as text, relative ones from a folder.

    Examples
    --------
    >>> absolute_path("..\\House\\a.mp3", "/music/lists"), absolute_path("../../../etc/passwd", "/music")
    ('/music/House/a.mp3', '/etc/passwd')
    """
    if is_address(path):
        return path
    if "/" not in path or _DRIVE.match(path):
        path = path.replace("\\", "/")
    return os.path.normpath(os.path.join(folder, path) if is_relative(path) else path)


def track_key(entry: Entry, folder: str) -> str:
    """What makes entries the same track when no audio is known: URI, else ISRC, else artist and title, else path.

    Parameters
    ----------
    entry : Entry
        Not empty.
    folder : str
        Folder of the playlist file, from which relative paths begin.

    Examples
    --------
    >>> track_key(Entry(0, title=" Hoppípolla", artist="SIGUR RÓS", path="a.mp3"), "/m")
    'song:sigur ros // hoppipolla'
    >>> track_key(Entry(0, path="../a.mp3", title="Intro"), "/m/lists")
    'path:/m/a.mp3'
    """
    if entry.track_uri:
        return entry.track_uri
    if entry.isrc:
        return f"isrc:{entry.isrc}"
    if entry.title and (entry.artist or not entry.path):
        # Artists have no two slashes in a row here, so that no two pairs share a key.
        return f"song:{fold(entry.artist or '').replace('//', '/ /')} // {fold(entry.title)}"
    if entry.path:
        return f"path:{absolute_path(entry.path, folder)}"
    return f"mbid:{entry.mb_recording_id}"
