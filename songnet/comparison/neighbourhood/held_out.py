"""Playlists in folds: each is held out once, and the others are what may be known when it is asked for.

A query is one track of one held-out playlist: are the other tracks of that playlist near it? So every entry of a
playlist counts once, however long the playlist is, and the playlist is the unit that is drawn for intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from songnet.errors import InputNotFoundError, ParameterError
from songnet.playlists.stored import Memberships, distinct_entries

# Fold of playlists that are always known and never asked for.
NEVER = -1


@dataclass(frozen=True, eq=False)
class SplitPlaylists:
    """Playlists of the compared tracks, dealt to folds.

    Parameters
    ----------
    track_ids : tuple of str
        Tracks that stand in at least one playlist, sorted.
    incidence : scipy.sparse.csr_array [shape=(n_playlists, n_tracks), dtype=float32]
        1 where a track stands in a playlist; every playlist has 2 tracks or more.
    fold_of : numpy.ndarray [shape=(n_playlists,), dtype=int64]
        Fold of each playlist, from 0; `NEVER` for one that is not held out in any.
    n_folds : int
        How many there are.
    n_too_short, n_too_long : int
        Playlists left out: fewer than 2 of the compared tracks, or more than the limit.
    """

    track_ids: tuple[str, ...]
    incidence: scipy.sparse.csr_array
    fold_of: npt.NDArray[np.int64]
    n_folds: int
    n_too_short: int
    n_too_long: int

    @property
    def n_playlists(self) -> int:
        """Playlists that take part."""
        return int(self.incidence.shape[0])

    def training(self, fold: int) -> scipy.sparse.csr_array:
        """Rows of the playlists that are not held out in a fold."""
        return self.incidence[np.flatnonzero(self.fold_of != fold)]

    def held_out(self, fold: int) -> scipy.sparse.csr_array:
        """Rows of the playlists that are held out in a fold."""
        return self.incidence[np.flatnonzero(self.fold_of == fold)]


@dataclass(frozen=True, eq=False)
class Queries:
    """Entries of held-out playlists.

    Parameters
    ----------
    playlist, track : numpy.ndarray [shape=(n_queries,), dtype=int64]
        Row and column of the incidence, ordered by fold, playlist and track.
    fold : numpy.ndarray [shape=(n_queries,), dtype=int64]
        Fold of the playlist.
    n_entries : int
        Entries that they were drawn from.
    """

    playlist: npt.NDArray[np.int64]
    track: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    n_entries: int

    def __len__(self) -> int:
        return len(self.track)

    def blocks(self, size: int) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
        """Folds with the queries that belong to them, at most ``size`` at once."""
        for fold in np.unique(self.fold).tolist():
            rows = np.flatnonzero(self.fold == fold)
            for start in range(0, len(rows), size):
                yield fold, rows[start : start + size]


def split_playlists(
    memberships: Memberships,
    track_ids: Sequence[str],
    *,
    n_folds: int = 5,
    seed: int = 0,
    max_playlist_length: int = 1_000,
    asked: npt.NDArray[np.int64] | None = None,
) -> SplitPlaylists:
    """Keep what playlists say of given tracks, and deal the playlists to folds.

    Parameters
    ----------
    memberships : Memberships
        From `songnet.playlists.stored.load_memberships`. A track that stands in a playlist twice counts once.
    track_ids : sequence of str
        Tracks to compare: those of which there is something to hear.
    n_folds : int
        2 up to the number of playlists; every playlist is held out in one.
    seed : int
        Of the dealing.
    max_playlist_length : int
        A playlist with more of these tracks is a collection and left out, 2 or more.
    asked : numpy.ndarray [dtype=int64], optional
        Numbers of the playlists that may be held out; what stands in the others is known in every fold. All of them
        when left out.

    Raises
    ------
    InputNotFoundError
        If no playlist names one of these tracks.
    ParameterError
        If fewer than two playlists hold two of them, or a number is out of range.
    """
    if max_playlist_length < 2:
        raise ParameterError(f"max_playlist_length is {max_playlist_length}; it must be 2 or more")
    column = {track: index for index, track in enumerate(sorted(set(track_ids)))}
    new = np.array([column.get(track, -1) for track in memberships.track_ids], dtype=np.int64)
    tracks = new[memberships.track_of]
    known = tracks >= 0
    if not known.any():
        raise InputNotFoundError(
            "no playlist names a track that there are features of: import playlists of the library's own tracks"
            " (songnet playlists import PATH), see why none was matched (songnet playlists unmatched)"
        )
    pairs = np.stack(distinct_entries(memberships.playlist_of[known], tracks[known]))
    lengths = np.bincount(pairs[0], minlength=len(memberships.playlist_ids))
    short, long = lengths < 2, lengths > max_playlist_length
    rows = np.flatnonzero(~short & ~long)
    if len(rows) < 2:
        raise ParameterError(
            f"{len(rows)} playlist(s) hold two or more of the tracks that there are features of: at least 2 are needed"
            " to hold one out"
        )
    dealt = np.arange(len(rows)) if asked is None else np.flatnonzero(np.isin(memberships.playlist_ids[rows], asked))
    if not 2 <= n_folds <= len(dealt):
        raise ParameterError(f"{n_folds} folds of {len(dealt)} playlists; choose 2 to {len(dealt)}")
    pairs = pairs[:, np.isin(pairs[0], rows)]
    used = np.unique(pairs[1])
    incidence = scipy.sparse.csr_array(
        (
            np.ones(pairs.shape[1], dtype=np.float32),
            (np.searchsorted(rows, pairs[0]), np.searchsorted(used, pairs[1])),
        ),
        shape=(len(rows), len(used)),
    )
    fold_of = np.full(len(rows), NEVER, dtype=np.int64)
    order = np.random.default_rng([seed, 0x666F6C64]).permutation(len(dealt))
    fold_of[dealt[order]] = np.arange(len(dealt)) % n_folds
    names = list(column)
    return SplitPlaylists(
        tuple(names[index] for index in used.tolist()), incidence, fold_of, n_folds, int(short.sum()), int(long.sum())
    )


def shuffle_memberships(memberships: Memberships, seed: int) -> Memberships:
    """Playlists put together at random: entries keep their places, and the tracks are dealt to them anew.

    Parameters
    ----------
    memberships : Memberships
        What to imitate: every playlist keeps its number of entries, every track the number of entries it has.
    seed : int
        Of the dealing.

    Notes
    -----
    A track dealt to a playlist twice counts once there, so that popular tracks lose a little.
    """
    rng = np.random.default_rng([seed, 0x73686666])
    playlist_of, track_of = distinct_entries(memberships.playlist_of, memberships.track_of)
    return Memberships(memberships.playlist_ids, memberships.track_ids, playlist_of, rng.permutation(track_of))


def draw_queries(split: SplitPlaylists, n_queries: int, seed: int = 0) -> Queries:
    """All entries, or as many as wanted, any of them alike.

    Parameters
    ----------
    split : SplitPlaylists
        Whose entries.
    n_queries : int
        At most so many, 1 or more.
    seed : int
        Of the draw.

    Raises
    ------
    ParameterError
        If ``n_queries`` is less than 1.
    """
    if n_queries < 1:
        raise ParameterError(f"n_queries is {n_queries}; it must be 1 or more")
    playlists, tracks = split.incidence.nonzero()
    asked = split.fold_of[playlists] != NEVER
    playlists, tracks = playlists[asked], tracks[asked]
    n_entries = len(tracks)
    rng = np.random.default_rng([seed, 0x71756572])
    drawn = np.arange(n_entries)
    if n_entries > n_queries:
        drawn = np.sort(rng.choice(n_entries, n_queries, replace=False))
    playlists, tracks = playlists[drawn].astype(np.int64), tracks[drawn].astype(np.int64)
    fold = split.fold_of[playlists]
    order = np.lexsort((tracks, playlists, fold))
    return Queries(playlists[order], tracks[order], fold[order], n_entries)


def share_together(split: SplitPlaylists, queries: Queries, n_looked_at: int = 500) -> float:
    """How many of the other tracks a query stands beside in any playlist, in the mean; 0 to 1.

    Parameters
    ----------
    split : SplitPlaylists
        Playlists.
    queries : Queries
        What is asked for.
    n_looked_at : int
        Queries to look at, at most, evenly spaced.
    """
    rows = np.unique(np.linspace(0, len(queries) - 1, min(len(queries), n_looked_at)).astype(np.int64))
    together = scipy.sparse.csr_array(split.incidence[:, queries.track[rows]].T @ split.incidence)
    # Every query stands beside itself.
    return float((together.nnz / len(rows) - 1) / (len(split.track_ids) - 1))
