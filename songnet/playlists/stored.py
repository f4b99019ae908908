"""Playlists in the library: matched to its tracks, counted, listed, and laid out for a graph."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from songnet.errors import InputNotFoundError
from songnet.library.store import Library
from songnet.playlists.fuzzy import match_fuzzy
from songnet.playlists.matching import AMBIGUOUS, METHODS, Match, TrackIndex, Wanted, build_index, match_entries
from songnet.progress import Progress, silent

log = logging.getLogger(__name__)

UNTRAINABLE = frozenset({"spotify"})
"""Sources of playlists that no model may be trained on: Spotify's developer policy forbids it."""

_BATCH = 50_000


@dataclass(frozen=True)
class PlaylistStats:
    """What the stored playlists hold.

    Parameters
    ----------
    n_files, n_playlists, n_entries : int
        Files, playlists, entries.
    n_tracks : int
        Different tracks: the library's, and those known by what entries say of them.
    n_library_tracks : int
        How many of these are the library's.
    n_duplicates : int
        Entries whose track stands earlier in the same playlist.
    matched : dict of str to int
        Matched entries of each of `songnet.playlists.matching.METHODS`.
    n_ambiguous, n_unmatched : int
        Entries that mean more than one of the library's tracks as well as another, and none.
    n_skipped : int
        Parts of the files that were left out when they were read.
    """

    n_files: int
    n_playlists: int
    n_entries: int
    n_tracks: int
    n_library_tracks: int
    n_duplicates: int
    matched: Mapping[str, int]
    n_ambiguous: int
    n_unmatched: int
    n_skipped: int


class StoredPlaylist(NamedTuple):
    """A playlist without its entries; ``file`` is bytes, ``n_matched`` entries have a track of the library."""

    playlist_id: int
    name: str
    source: str
    file: bytes
    n_entries: int
    n_matched: int


class Unmatched(NamedTuple):
    """A track that playlists name and the library has not; ``reason`` is ``"not found"`` or ``"ambiguous"``."""

    track_key: str
    artist: str | None
    title: str | None
    album: str | None
    path: str | None
    n_entries: int
    reason: str


@dataclass(frozen=True, eq=False)
class Memberships:
    """Which track stands in which playlist, as arrays.

    Parameters
    ----------
    playlist_ids : numpy.ndarray [shape=(n_playlists,), dtype=int64]
        Numbers of all playlists, ascending; empty ones included.
    track_ids : tuple of str
        Sorted: ids of the library's tracks for what is matched, else `songnet.playlists.model.track_key`.
    playlist_of, track_of : numpy.ndarray [shape=(n_entries,), dtype=int64]
        Index into ``playlist_ids`` and into ``track_ids`` of each entry, by playlist and position; a track that stands
        twice in a playlist has two entries.
    """

    playlist_ids: npt.NDArray[np.int64]
    track_ids: tuple[str, ...]
    playlist_of: npt.NDArray[np.int64]
    track_of: npt.NDArray[np.int64]


def match_library(
    library: Library, *, fuzzy: float | None = None, keep_fuzzy: bool = True, progress: Progress = silent
) -> Counter[str]:
    """Match all stored entries anew to the tracks that the library has now.

    Parameters
    ----------
    library : Library
        Open for writing.
    fuzzy : float, optional
        Also match by likeness, with this threshold (50 to 100).
    keep_fuzzy : bool
        Without `fuzzy`: keep what was matched by likeness before and by nothing better now.
    progress : Progress
        Is told of different wordings done.

    Returns
    -------
    Counter
        Wordings of each outcome: the methods, ``"ambiguous"``, ``"not found"``.
    """
    db = library.db
    index = build_index(db)
    (total,) = db.execute("SELECT count(*) FROM playlist_items").fetchone()
    outcomes: Counter[str] = Counter()
    done = 0
    with db:
        for rows in _batches(db):
            wanted = [_wanted(row) for row in rows]
            before = [Match(row[9], row[10], row[11]) for row in rows]
            found = _match(index, wanted, before, fuzzy, keep_fuzzy)
            changed = [(*new, row[0]) for row, old, new in zip(rows, before, found, strict=True) if new != old]
            db.executemany(
                "UPDATE playlist_items SET track_id = ?, method = ?, confidence = ? WHERE item_id = ?", changed
            )
            outcomes.update(match.method or "not found" for match in found)
            done += len(rows)
            progress("match tracks", done, total)
    return outcomes


def _batches(db: sqlite3.Connection) -> Iterator[list[sqlite3.Row]]:
    last = -1
    while True:
        rows = db.execute(
            "SELECT item_id, title, artist, album, duration_s, path, folder, isrc, mb_recording_id, track_id, method,"
            " confidence FROM playlist_items WHERE item_id > ? ORDER BY item_id LIMIT ?",
            (last, _BATCH),
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield rows


def _wanted(row: sqlite3.Row) -> Wanted:
    said = {name: row[name] for name in ("title", "artist", "album", "duration_s", "path", "isrc", "mb_recording_id")}
    return Wanted(**said, folder=os.fsdecode(row["folder"] or b"/"))


def _match(
    index: TrackIndex, wanted: list[Wanted], before: list[Match], fuzzy: float | None, keep_fuzzy: bool
) -> list[Match]:
    found = match_entries(index, wanted)
    open_places = [place for place, match in enumerate(found) if match.method is None]
    if fuzzy is not None:
        likely = match_fuzzy(index, [wanted[place] for place in open_places], threshold=fuzzy)
        for place, match in zip(open_places, likely, strict=True):
            found[place] = match
    elif keep_fuzzy:
        for place in open_places:
            if before[place].method == "fuzzy" and before[place].track_id in index.tracks:
                found[place] = before[place]
    return found


def load_memberships(library: Library, *, for_training: bool = False) -> Memberships:
    """Which track stands in which playlist.

    Entries that are not matched themselves, but share the key of entries that are, all to one track, are that track.

    Parameters
    ----------
    library : Library
        Open for reading, with playlists.
    for_training : bool
        Leave out what a service's terms forbid training on (`UNTRAINABLE`), and log how much that is.

    Raises
    ------
    InputNotFoundError
        If the library has no playlists, or none to train on.
    """
    db = _require_playlists(library)
    items = db.execute("SELECT item_id, track_key, track_id FROM playlist_items ORDER BY item_id").fetchall()
    of_key: dict[str, str | None] = {}
    for _, key, track_id in items:
        if track_id is not None and of_key.setdefault(key, track_id) != track_id:
            of_key[key] = None
    names = [track_id or of_key.get(key) or key for _, key, track_id in items]
    number_of = np.full(items[-1][0] + 1 if items else 1, -1, dtype=np.int64)
    every = sorted(set(names))
    rank = {name: index for index, name in enumerate(every)}
    number_of[[row[0] for row in items]] = [rank[name] for name in names]
    found = db.execute("SELECT playlist_id, source FROM playlists JOIN playlist_files USING (file_id) ORDER BY 1")
    sources = found.fetchall()
    kept = [row[0] for row in sources if not (for_training and row[1] in UNTRAINABLE)]
    if not kept:
        raise InputNotFoundError(
            f"all {len(sources)} playlists of the library {library.path} come from Spotify, whose terms forbid training"
            " on them: import playlists from files, or use the graph cooccurrence, which learns nothing"
        )
    if len(kept) < len(sources):
        log.warning(
            "%d of %d playlists come from Spotify, whose terms forbid training on them: left out",
            len(sources) - len(kept),
            len(sources),
        )
    playlist_ids = np.array(kept, dtype=np.int64)
    (n_entries,) = db.execute("SELECT count(*) FROM entries").fetchone()
    playlist_of, track_of = np.empty(n_entries, dtype=np.int64), np.empty(n_entries, dtype=np.int64)
    cursor, done = db.execute("SELECT playlist_id, item_id FROM entries ORDER BY playlist_id, position"), 0
    while rows := cursor.fetchmany(_BATCH):
        pairs = np.array([tuple(row) for row in rows], dtype=np.int64)
        playlist_of[done : done + len(rows)] = pairs[:, 0]
        track_of[done : done + len(rows)] = pairs[:, 1]
        done += len(rows)
    trainable = np.isin(playlist_of, playlist_ids)
    playlist_of, track_of = playlist_of[trainable], number_of[track_of[trainable]]
    # A wording that no entry uses any more names no track.
    used = np.unique(track_of)
    return Memberships(
        playlist_ids,
        tuple(every[index] for index in used.tolist()),
        np.searchsorted(playlist_ids, playlist_of).astype(np.int64),
        np.searchsorted(used, track_of).astype(np.int64),
    )


def distinct_entries(
    playlist_of: npt.NDArray[np.int64], track_of: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Each pair of playlist and track once, by playlist and then track: ``(playlist_of, track_of)``.

    Parameters
    ----------
    playlist_of, track_of : numpy.ndarray [shape=(n_entries,), dtype=int64]
        As in `Memberships`, in any order.

    Examples
    --------
    >>> [part.tolist() for part in distinct_entries(np.array([1, 0, 1]), np.array([2, 5, 2]))]
    [[0, 1], [5, 2]]
    """
    n_tracks = int(track_of.max(initial=0)) + 1
    # One number a pair sorts ten times as fast as two do in numpy.unique, whose hash table for one is no faster.
    codes = np.sort(playlist_of * n_tracks + track_of)
    playlists, tracks = np.divmod(codes[np.flatnonzero(np.diff(codes, prepend=-1))], n_tracks)
    return playlists, tracks


def memberships_digest(memberships: Memberships) -> str:
    """SHA-256 of which track stands where in which playlist, in hexadecimal; names and numbers of playlists aside."""
    digest = sha256(str((len(memberships.playlist_ids), len(memberships.track_ids))).encode())
    digest.update("\0".join(memberships.track_ids).encode())
    for numbers in (memberships.playlist_of, memberships.track_of):
        digest.update(numbers.astype("<i8").tobytes())
    return digest.hexdigest()


def same_playlists(memberships: Memberships, graph: Mapping[str, Any], max_playlist_length: int) -> bool:
    """Whether a graph of playlists, as a partition's summary tells of it, was made of these.

    Parameters
    ----------
    memberships : Memberships
        What the library holds now.
    graph : Mapping
        ``memberships``: the `memberships_digest` of then. Partitions that were stored without it have ``n_playlists``,
        the number of playlists used.
    max_playlist_length : int
        Longer playlists were not used.
    """
    if "memberships" in graph:
        return bool(graph["memberships"] == memberships_digest(memberships))
    playlists, _ = distinct_entries(memberships.playlist_of, memberships.track_of)
    lengths = np.bincount(playlists, minlength=1)
    return bool(graph.get("n_playlists") == np.count_nonzero((lengths > 0) & (lengths <= max_playlist_length)))


def playlist_stats(library: Library) -> PlaylistStats:
    """Count what the stored playlists hold; zeros when there are none."""
    db = library.db
    if not _knows_playlists(db):
        return PlaylistStats(0, 0, 0, 0, 0, 0, dict.fromkeys(METHODS, 0), 0, 0, 0)
    n_files, n_skipped = db.execute(
        "SELECT count(*), coalesce(sum(n_skipped + (problem IS NOT NULL)), 0) FROM playlist_files"
    ).fetchone()
    by_outcome = {
        row[0]: row[1]
        for row in db.execute(
            "SELECT coalesce(method, 'not found'), count(*) FROM entries JOIN playlist_items USING (item_id) GROUP BY 1"
        )
    }
    n_tracks = n_own = n_duplicates = n_playlists = 0
    if n_files:
        memberships = load_memberships(library)
        n_playlists = len(memberships.playlist_ids)
        n_tracks = len(memberships.track_ids)
        own = {row[0] for row in db.execute("SELECT DISTINCT track_id FROM playlist_items WHERE track_id IS NOT NULL")}
        n_own = sum(track in own for track in memberships.track_ids)
        n_duplicates = len(memberships.track_of) - len(
            distinct_entries(memberships.playlist_of, memberships.track_of)[0]
        )
    return PlaylistStats(
        n_files=n_files,
        n_playlists=n_playlists,
        n_entries=sum(by_outcome.values()),
        n_tracks=n_tracks,
        n_library_tracks=n_own,
        n_duplicates=n_duplicates,
        matched={method: by_outcome.get(method, 0) for method in METHODS},
        n_ambiguous=by_outcome.get(AMBIGUOUS, 0),
        n_unmatched=by_outcome.get("not found", 0),
        n_skipped=n_skipped,
    )


def list_playlists(library: Library) -> list[StoredPlaylist]:
    """All stored playlists, in the order they were read."""
    if not _knows_playlists(library.db):
        return []
    rows = library.db.execute(
        "SELECT playlist_id, name, source, path, n_entries, (SELECT count(*) FROM entries e JOIN playlist_items USING"
        " (item_id) WHERE e.playlist_id = p.playlist_id AND track_id IS NOT NULL)"
        " FROM playlists p JOIN playlist_files USING (file_id) ORDER BY playlist_id"
    )
    return [StoredPlaylist(*row) for row in rows]


def list_unmatched(library: Library) -> list[Unmatched]:
    """Tracks that playlists name and no track of the library was found for, the most frequent first.

    Raises
    ------
    InputNotFoundError
        If the library has no playlists.
    """
    rows = _require_playlists(library).execute(
        "SELECT track_key, min(artist), min(title), min(album), min(path), count(*),"
        " CASE WHEN max(method) IS NOT NULL THEN 'ambiguous' ELSE 'not found' END"
        " FROM entries JOIN playlist_items USING (item_id) WHERE track_id IS NULL"
        " GROUP BY track_key ORDER BY count(*) DESC, track_key"
    )
    return [Unmatched(*row) for row in rows]


def _knows_playlists(db: sqlite3.Connection) -> bool:
    # A reader may meet a library of an older schema, which the writer brings up to date at any moment.
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'playlist_files'").fetchone() is not None


def _require_playlists(library: Library) -> sqlite3.Connection:
    if not _knows_playlists(library.db) or library.db.execute("SELECT 1 FROM playlists LIMIT 1").fetchone() is None:
        raise InputNotFoundError(
            f"the library {library.path} has no playlists: songnet playlists import PATH --library {library.path}"
        )
    return library.db
