"""Finds the library's track that a playlist's entry means, or says that there is none, or more than one.

Ways are tried from the surest to the least sure; the first that names tracks decides:

============== ====================================================================================== ==========
method         what agrees                                                                            confidence
============== ====================================================================================== ==========
path           the whole path, from the playlist's folder if it is relative                           1.0
mb-recording   the MusicBrainz recording id                                                           0.99
isrc           the ISRC, and the title or the duration does not speak against it                      0.75 .. 0.97
path-suffix    the end of the path: folder and file, or the file alone if the title agrees            0.7 .. 0.95
name           artist, title and version (`songnet.playlists.normalise`), durations within 15 s       0.7 .. 0.95
fuzzy          artist and title nearly (`songnet.playlists.fuzzy`); only when asked for               0.4 .. 0.8
============== ====================================================================================== ==========

Where several tracks agree, album and then duration decide between them; when they cannot, no match is made and the
entry is ambiguous.
"""

from __future__ import annotations

import os
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from songnet.library.tracks import fold
from songnet.playlists.model import absolute_path, is_address, tidy_isrc, tidy_mbid
from songnet.playlists.normalise import Title, first_artist, normalise_artist, normalise_title

SAME_LENGTH_S = 3.0
"""Seconds by which two copies of one recording may differ in length: silence, encoders, rounding."""

NEAR_LENGTH_S = 15.0
"""Seconds beyond which the same artist and title are another cut."""

SUFFIX_PARTS = 8
"""Folders and file name of a path that are compared, from its end."""

_MANY = ""  # marks what stands for more than one track; no track id is empty

METHODS = ("path", "mb-recording", "isrc", "path-suffix", "name", "fuzzy")
AMBIGUOUS = "ambiguous"


class Match(NamedTuple):
    """What was found for an entry.

    Parameters
    ----------
    track_id : str or None
        The library's track; None without a match.
    method : str or None
        One of `METHODS`; without a match `AMBIGUOUS` if several tracks are as good, else None.
    confidence : float or None
        0 to 1, see the table of this module; None without a match.
    """

    track_id: str | None
    method: str | None
    confidence: float | None


class Wanted(NamedTuple):
    """What an entry says, with the folder (text) from which its path begins; see `songnet.playlists.model.Entry`."""

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_s: float | None = None
    path: str | None = None
    folder: str = "/"
    isrc: str | None = None
    mb_recording_id: str | None = None


class Known(NamedTuple):
    """What decides between tracks of the library that agree with an entry."""

    title: Title | None
    album: str
    duration_s: float | None


@dataclass(frozen=True, eq=False)
class TrackIndex:
    """A library's tracks by everything an entry may say of them.

    Parameters
    ----------
    tracks : dict of str to Known
        All tracks, by id.
    paths : dict of bytes to str
        Whole path to track id.
    suffixes : dict of str to str
        Folded ends of paths, of one part and more, to a track id, or to ``""`` where several tracks share one.
    isrcs, mb_recordings : dict of str to list of str
        Identifier to track ids, sorted.
    names : dict of tuple to list of str
        ``(artist's whole credit, title)`` to track ids, sorted.
    first_names : dict of tuple to list of str
        The same with the first artist of the credit alone.
    """

    tracks: dict[str, Known] = field(default_factory=dict)
    paths: dict[bytes, str] = field(default_factory=dict)
    suffixes: dict[str, str] = field(default_factory=dict)
    isrcs: dict[str, list[str]] = field(default_factory=dict)
    mb_recordings: dict[str, list[str]] = field(default_factory=dict)
    names: dict[tuple[str, Title], list[str]] = field(default_factory=dict)
    first_names: dict[tuple[str, Title], list[str]] = field(default_factory=dict)


def build_index(db: sqlite3.Connection) -> TrackIndex:
    """Index the tracks of a library; those whose files are gone are still its tracks.

    Parameters
    ----------
    db : sqlite3.Connection
        The library's database.
    """
    index = TrackIndex()
    columns = "track_id, title, artist, album, duration_s, isrc, mb_recording_id"
    for track_id, title, artist, album, duration_s, isrc, mbid in db.execute(
        f"SELECT {columns} FROM tracks ORDER BY track_id"
    ):
        known = normalise_title(title) if title else None
        index.tracks[track_id] = Known(known, fold(album or ""), duration_s)
        if code := tidy_isrc(isrc):
            index.isrcs.setdefault(code, []).append(track_id)
        if recording := tidy_mbid(mbid):
            index.mb_recordings.setdefault(recording, []).append(track_id)
        if artist and known:
            index.names.setdefault((normalise_artist(artist), known), []).append(track_id)
            index.first_names.setdefault((first_artist(artist), known), []).append(track_id)
    for path, track_id in db.execute("SELECT path, track_id FROM paths ORDER BY path"):
        index.paths[path] = track_id
        for suffix in _suffixes(_path_text(path)):
            if index.suffixes.setdefault(suffix, track_id) != track_id:
                index.suffixes[suffix] = _MANY
    return index


def match_entries(index: TrackIndex, wanted: Iterable[Wanted]) -> list[Match]:
    """Find the tracks that entries mean, by everything but likeness.

    Parameters
    ----------
    index : TrackIndex
        The library's tracks.
    wanted : iterable of Wanted
        What the entries say.

    Returns
    -------
    list of Match
        One an entry, in order.
    """
    return [_match(index, entry) for entry in wanted]


def _match(index: TrackIndex, entry: Wanted) -> Match:
    ambiguous = False
    for way in (_by_path, _by_recording, _by_isrc, _by_suffix, _by_name):
        found = way(index, entry)
        if found is not None and found.track_id is not None:
            return found
        ambiguous = ambiguous or found is not None
    return Match(None, AMBIGUOUS if ambiguous else None, None)


def _by_path(index: TrackIndex, entry: Wanted) -> Match | None:
    if entry.path is None or is_address(entry.path):
        return None
    text = absolute_path(entry.path, entry.folder)
    # Old players wrote, and old disks have, names that are not UTF-8.
    spellings = {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
    for spelling in sorted(spellings):
        for encoding in ("utf-8", "latin-1"):
            try:
                raw = spelling.encode(encoding, "surrogateescape")
            except UnicodeEncodeError:
                continue
            if raw in index.paths:
                return Match(index.paths[raw], "path", 1.0)
    return None


def _by_recording(index: TrackIndex, entry: Wanted) -> Match | None:
    if entry.mb_recording_id is None:
        return None
    return _choose(index, entry, index.mb_recordings.get(entry.mb_recording_id, []), "mb-recording", 0.99)


def _by_isrc(index: TrackIndex, entry: Wanted) -> Match | None:
    # Codes are mistyped and reused: one that the rest of the entry contradicts tells nothing.
    if entry.isrc is None:
        return None
    title = normalise_title(entry.title) if entry.title else None
    confidences: dict[float, list[str]] = {}
    for track_id in index.isrcs.get(entry.isrc, []):
        known = index.tracks[track_id]
        same_title = None if title is None or known.title is None else title.core == known.title.core
        apart = seconds_apart(entry, known)
        if same_title is False and (apart is None or apart > SAME_LENGTH_S):
            continue
        if apart is not None and apart > NEAR_LENGTH_S:
            continue
        confidence = 0.75 if same_title is False else 0.97 if same_title else 0.9
        confidences.setdefault(confidence, []).append(track_id)
    if not confidences:
        return None
    best = max(confidences)
    return _choose(index, entry, confidences[best], "isrc", best)


def _by_suffix(index: TrackIndex, entry: Wanted) -> Match | None:
    if entry.path is None or is_address(entry.path):
        return None
    path = entry.path if "/" in entry.path else entry.path.replace("\\", "/")
    for suffix in reversed(_suffixes(os.path.normpath(path))):  # the longest first
        track_id = index.suffixes.get(suffix)
        if track_id is None:
            continue
        if track_id == _MANY:
            return Match(None, AMBIGUOUS, None) if "/" in suffix else None
        known, parts = index.tracks[track_id], suffix.count("/") + 1
        apart = seconds_apart(entry, known)
        if apart is not None and apart > NEAR_LENGTH_S:
            return None
        same_title = entry.title is not None and normalise_title(entry.title) == known.title
        if parts == 1 and not same_title:
            return None  # every album has a 01.mp3
        confidence = 0.95 if same_title else 0.7 if parts == 2 else 0.9
        return Match(track_id, "path-suffix", 0.8 if parts == 1 else confidence)
    return None


def _by_name(index: TrackIndex, entry: Wanted) -> Match | None:
    if not entry.title or not entry.artist:
        return None
    title = normalise_title(entry.title)
    whole, first = normalise_artist(entry.artist), first_artist(entry.artist)
    ways: tuple[tuple[Sequence[str], float], ...] = (
        (index.names.get((whole, title), ()), 0.95),
        (index.first_names.get((whole, title), ()), 0.9),
        (index.names.get((first, title), ()), 0.9),
        (index.first_names.get((first, title), ()), 0.85),
    )
    for candidates, confidence in ways:
        near = [key for key in candidates if (seconds_apart(entry, index.tracks[key]) or 0) <= NEAR_LENGTH_S]
        if near:
            found = _choose(index, entry, near, "name", confidence)
            if found is None or found.track_id is None:
                return found
            apart = seconds_apart(entry, index.tracks[found.track_id])
            if apart is not None and apart > SAME_LENGTH_S:
                return Match(found.track_id, "name", round(confidence - 0.15, 2))
            return found
    return None


def _choose(
    index: TrackIndex, entry: Wanted, candidates: Sequence[str], method: str, confidence: float
) -> Match | None:
    """The one track among those that agree; album, then duration decide between several."""
    if not candidates:
        return None
    left = list(candidates)
    if len(left) > 1 and entry.album:
        album = fold(entry.album)
        left = [key for key in left if index.tracks[key].album == album] or left
    if len(left) > 1:
        lengths = {key: apart for key in left if (apart := seconds_apart(entry, index.tracks[key])) is not None}
        left = [key for key, apart in lengths.items() if apart <= SAME_LENGTH_S] or left
    return Match(left[0], method, confidence) if len(left) == 1 else Match(None, AMBIGUOUS, None)


def seconds_apart(entry: Wanted, known: Known) -> float | None:
    """Seconds between the durations; None when one is not known."""
    if entry.duration_s is None or known.duration_s is None:
        return None
    return abs(entry.duration_s - known.duration_s)


def _suffixes(text: str) -> list[str]:
    """Folded ends of a path, shortest first."""
    # What leads out of a folder is no name of one.
    parts = [fold(part) for part in text.split("/") if part not in ("", ".", "..")][-SUFFIX_PARTS:]
    return ["/".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]


def _path_text(path: bytes) -> str:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return path.decode("latin-1")
