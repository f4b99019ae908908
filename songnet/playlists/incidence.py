"""Which playlist holds which track, sorted both ways, in as little memory as will do.

A million playlists have some sixty million entries: everything here is counted and placed, never sorted as a whole, and
kept in 32 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from songnet.errors import ParameterError


@dataclass(frozen=True, eq=False)
class Incidence:
    """Playlists and tracks, without duplicates inside a playlist.

    Tracks go by rank here: 0 is the track in the most playlists, so that what is counted most lies together in memory.
    Tracks below the support asked for have no rank; playlists that are too long or hold no pair have no members.

    Parameters
    ----------
    track_of_rank : numpy.ndarray [shape=(n_ranked,), dtype=int64]
        Track of each rank; of tracks in equally many playlists the lower number first.
    support : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Playlists that hold each track, the playlists left out not counted.
    length : numpy.ndarray [shape=(n_playlists,), dtype=int64]
        Different tracks in each playlist, tracks without a rank included.
    n_used, n_left_out : int
        Playlists with tracks that were used, and that were left out for their length.
    starts, members : numpy.ndarray [dtype=int64 and int32]
        Ranks in playlist p, ascending: ``members[starts[p]:starts[p + 1]]``.
    rank_starts, playlists : numpy.ndarray [dtype=int64 and int32]
        Playlists that hold rank r, ascending: ``playlists[rank_starts[r]:rank_starts[r + 1]]``.
    """

    track_of_rank: npt.NDArray[np.int64]
    support: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]
    n_used: int
    n_left_out: int
    starts: npt.NDArray[np.int64]
    members: npt.NDArray[np.int32]
    rank_starts: npt.NDArray[np.int64]
    playlists: npt.NDArray[np.int32]


@njit(nogil=True, cache=True)
def _group(keys: np.ndarray, values: np.ndarray, n_keys: int) -> tuple[np.ndarray, np.ndarray]:
    """Values by key, in the order they came: ``(starts, grouped)``."""
    starts = np.zeros(n_keys + 1, dtype=np.int64)
    for key in keys:
        starts[key + 1] += 1
    for key in range(n_keys):
        starts[key + 1] += starts[key]
    fill = starts[:-1].copy()
    grouped = np.empty(len(values), dtype=np.int32)
    for i in range(len(values)):
        grouped[fill[keys[i]]] = values[i]
        fill[keys[i]] += 1
    return starts, grouped


@njit(nogil=True, cache=True)
def _transpose(starts: np.ndarray, members: np.ndarray, n_values: int) -> tuple[np.ndarray, np.ndarray]:
    """Keys by value, ascending: the same incidence the other way round."""
    value_starts = np.zeros(n_values + 1, dtype=np.int64)
    for value in members:
        value_starts[value + 1] += 1
    for value in range(n_values):
        value_starts[value + 1] += value_starts[value]
    fill = value_starts[:-1].copy()
    keys = np.empty(len(members), dtype=np.int32)
    for key in range(len(starts) - 1):
        for i in range(starts[key], starts[key + 1]):
            keys[fill[members[i]]] = key
            fill[members[i]] += 1
    return value_starts, keys


@njit(nogil=True, cache=True)
def _distinct(starts: np.ndarray, members: np.ndarray, n_values: int) -> tuple[np.ndarray, int]:
    """Drop repeated values inside a key, in place: ``(starts, number kept)``."""
    last = np.full(n_values, -1, dtype=np.int32)
    kept_starts = np.zeros(len(starts), dtype=np.int64)
    kept = 0
    for key in range(len(starts) - 1):
        for i in range(starts[key], starts[key + 1]):
            if last[members[i]] != key:
                last[members[i]] = key
                members[kept] = members[i]
                kept += 1
        kept_starts[key + 1] = kept
    return kept_starts, kept


@njit(nogil=True, cache=True)
def _rank(starts: np.ndarray, members: np.ndarray, rank_of: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, int]:
    """Replace tracks by ranks in place, without those below support: ``(starts, number kept)``."""
    kept_starts = np.zeros(len(starts), dtype=np.int64)
    kept = 0
    for key in range(len(starts) - 1):
        begin = kept
        if used[key]:
            for i in range(starts[key], starts[key + 1]):
                if rank_of[members[i]] >= 0:
                    members[kept] = rank_of[members[i]]
                    kept += 1
            if kept - begin < 2:
                kept = begin
        kept_starts[key + 1] = kept
    return kept_starts, kept


def build_incidence(
    playlist_of: npt.ArrayLike,
    track_of: npt.ArrayLike,
    n_tracks: int,
    *,
    min_support: int,
    max_playlist_length: int | None,
) -> Incidence:
    """Sort entries by playlist and by track.

    Parameters
    ----------
    playlist_of, track_of : array-like [shape=(n_entries,), dtype=int64]
        Playlist of each entry, and its track; 0 or more.
    n_tracks : int
        Tracks in all, each number in ``track_of`` below it.
    min_support : int
        Tracks in fewer playlists get no rank.
    max_playlist_length : int or None
        Playlists of more different tracks are left out.

    Raises
    ------
    ParameterError
        If the entries are not two arrays of whole numbers in range.
    """
    playlists, tracks = _whole(playlist_of, "playlist_of"), _whole(track_of, "track_of")
    if playlists.shape != tracks.shape:
        raise ParameterError(f"playlist_of has {len(playlists)} entries, track_of {len(tracks)}")
    if len(tracks) and tracks.max() >= n_tracks:
        raise ParameterError(f"track_of holds {int(tracks.max())}; with n_tracks = {n_tracks} it must be less")
    n_playlists = int(playlists.max()) + 1 if len(playlists) else 0
    if max(n_playlists, n_tracks) >= 2**31 or n_playlists > 4 * len(playlists) + 1024:
        raise ParameterError("playlists and tracks must be numbered without gaps from 0, below 2,147,483,648")
    starts, members = _group(playlists, tracks, n_playlists)
    starts, kept = _distinct(starts, members, n_tracks)
    length = np.diff(starts)
    used = np.ones(n_playlists, dtype=bool) if max_playlist_length is None else length <= max_playlist_length
    members = members[:kept]
    support = np.bincount(members if used.all() else members[np.repeat(used, length)], minlength=n_tracks)
    ranked = np.flatnonzero(support >= max(min_support, 1))
    track_of_rank = ranked[np.argsort(-support[ranked], kind="stable")]
    rank_of = np.full(n_tracks, -1, dtype=np.int32)
    rank_of[track_of_rank] = np.arange(len(track_of_rank), dtype=np.int32)
    starts, kept = _rank(starts, members, rank_of, used)
    # Copied to let go of what was cut off. Transposed twice, members come out in ascending order.
    rank_starts, by_rank = _transpose(starts, members[:kept].copy(), len(track_of_rank))
    starts, members = _transpose(rank_starts, by_rank, n_playlists)
    n_used, n_left_out = np.count_nonzero(used & (length > 0)), np.count_nonzero(~used)
    return Incidence(
        track_of_rank, support, length, int(n_used), int(n_left_out), starts, members, rank_starts, by_rank
    )


def _whole(values: npt.ArrayLike, name: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ParameterError(f"{name} must be one whole number an entry, not {array.dtype} of shape {array.shape}")
    if array.size and array.min() < 0:
        raise ParameterError(f"{name} holds {int(array.min())}; numbers of playlists and tracks start at 0")
    return np.ascontiguousarray(array, dtype=np.int64)
