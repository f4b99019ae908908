"""Which tracks sound like this one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from songnet.config import ReadConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library.tracks import fold, tracks_by_id
from songnet.retrieval.representation import Sounds, point_of_file


@dataclass(frozen=True)
class Neighbour:
    """One answer.

    Parameters
    ----------
    track : dict
        The track as `songnet.library.tracks.tracks_by_id` gives it.
    similarity : float
        Cosine of the points (`songnet.clustering.space.Space`), -1 to 1.
    """

    track: dict[str, Any]
    similarity: float


@dataclass(frozen=True)
class SimilarReport:
    """The question as understood, and its answers, the nearest first.

    Parameters
    ----------
    query : dict
        The track asked about; for a file outside the library only its ``path``.
    inside : bool
        The query is a track of the library.
    neighbours : list of Neighbour
    searched : int
        Tracks the answer was chosen from.
    """

    query: dict[str, Any]
    inside: bool
    neighbours: list[Neighbour]
    searched: int


def find_track(library: Library, query: str) -> str | None:
    """The track of the library that a query names, or None.

    Parameters
    ----------
    library : Library
        Open for reading.
    query : str
        A track id (or 8 characters or more of its beginning), a path, ``"artist - title"``, or a title.

    Raises
    ------
    ParameterError
        If it fits several tracks; the message lists them.
    """
    db = library.db
    path = os.fsencode(os.path.abspath(query))
    row = db.execute("SELECT track_id FROM paths WHERE path = ?", (path,)).fetchone()
    row = row or db.execute("SELECT track_id FROM tracks WHERE track_id = ?", (query,)).fetchone()
    if row:
        return str(row[0])
    found: dict[str, str] = {}
    if len(query) >= 8:
        rows = db.execute(
            "SELECT track_id FROM tracks WHERE substr(track_id, 1, ?) = ?", (len(query), query)
        ).fetchall()
        found = {row[0]: row[0] for row in rows}
    wanted = fold(query)
    for row in db.execute("SELECT track_id, artist, title FROM tracks WHERE title IS NOT NULL ORDER BY track_id"):
        full = f"{row['artist'] or ''} - {row['title']}"
        if wanted in (fold(full), fold(row["title"])):
            found[row["track_id"]] = full
    if len(found) > 1:
        # An artist and title that fit exactly win over a title that several artists share.
        exact = [track for track, full in found.items() if fold(full) == wanted]
        if len(exact) == 1:
            return exact[0]
        shown = "; ".join(f"{full} [{track[:12]}]" for track, full in list(found.items())[:5])
        raise ParameterError(f"{query!r} fits {len(found)} tracks ({shown}): name one by its id or path")
    return next(iter(found), None)


def similar(
    library: Library,
    query: str,
    sounds: Sounds,
    *,
    n: int = 10,
    other_artists: bool = False,
    other_albums: bool = False,
    include_missing: bool = False,
    read: ReadConfig | None = None,
) -> SimilarReport:
    """The tracks nearest to a track of the library, or to a file outside it.

    Parameters
    ----------
    library : Library
        Open for reading.
    query : str
        See `find_track`; a path to an audio file that is not in the library is read, described and encoded.
    sounds : Sounds
        What to search; from `songnet.retrieval.load_sounds`.
    n : int
        Answers wanted.
    other_artists, other_albums : bool
        Leave out tracks by the query's artist, or from its album.
    include_missing : bool
        Also answer with tracks whose files are gone.
    read : ReadConfig, optional
        Limits for reading a file outside the library.

    Returns
    -------
    SimilarReport
        A query inside the library is its own first answer (unless its artist or album is left out), so that a reader
        sees at once that the right track was understood.

    Raises
    ------
    InputNotFoundError
        If the query names nothing, or a track without what is compared.
    AudioError
        If the file outside the library cannot be read.
    """
    track_id = find_track(library, query)
    tracks = tracks_by_id(library.db)
    if track_id is not None:
        if track_id not in sounds.track_ids:
            raise InputNotFoundError(f"{query!r} has no {sounds.what} yet: run `songnet embed` first")
        asked, target = tracks[track_id], sounds.points[sounds.track_ids.index(track_id)]
    elif os.path.isfile(query):
        asked = {
            "path": os.fsencode(os.path.abspath(query)),
            "track_id": None,
            "artist": None,
            "album": None,
            "title": None,
        }
        target = point_of_file(library, sounds, Path(query), read or ReadConfig())
    elif Path(query).is_dir():
        raise InputNotFoundError(f"{query} is a folder: name one file of it")
    else:
        raise InputNotFoundError(f"{query!r} is no file, track id, title or 'artist - title' of the library")
    candidates = [
        index
        for index, candidate in enumerate(sounds.track_ids)
        if candidate in tracks
        and (include_missing or not tracks[candidate]["missing"] or candidate == track_id)
        and not (other_artists and _same(tracks[candidate], asked, "artist"))
        and not (
            other_albums and _same(tracks[candidate], asked, "album") and _same(tracks[candidate], asked, "artist")
        )
    ]
    scores = sounds.points[candidates] @ target
    # Equal scores in the order of ids, so that answers repeat.
    order = np.lexsort((candidates, -scores))[: max(0, n)]
    neighbours = [Neighbour(tracks[sounds.track_ids[candidates[i]]], float(scores[i])) for i in order]
    return SimilarReport(asked, track_id is not None, neighbours, len(candidates))


def _same(track: dict[str, Any], asked: dict[str, Any], column: str) -> bool:
    mine, theirs = track[column], asked[column]
    return bool(mine and theirs and fold(mine) == fold(theirs))
