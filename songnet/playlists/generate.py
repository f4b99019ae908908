"""Playlists made up with a seed, shaped like those of the Million Playlist Dataset, for scale and known answers.

Lengths are log-normal, popularity of tracks is Zipf's with a flattened head (Mandelbrot), and each playlist has a
taste: most of its tracks come from one group of tracks, which a community method should find again. What is known of
the dataset (Chen et al. 2018): 1,000,000 playlists of 5 to 376 tracks, 66 in the mean and 49 in the median, 2,262,292
different tracks, of which the most popular stands in 4.6% of the playlists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from songnet.errors import ParameterError

# Playlists made at once; each such piece has a random stream of its own.
PIECE = 50_000
SIGMA = 0.78
SHORTEST, LONGEST = 5, 250


@dataclass(frozen=True, eq=False)
class GeneratedPlaylists:
    """Playlists and what they were made from.

    Parameters
    ----------
    playlist_of, track_of : numpy.ndarray [shape=(n_entries,), dtype=int64]
        Playlist of each entry, ascending, and its track.
    n_playlists, n_tracks : int
        How many there are.
    playlist_group : numpy.ndarray [shape=(n_playlists,), dtype=int32]
        Taste of each playlist, from 0.
    track_group : numpy.ndarray [shape=(n_tracks,), dtype=int32]
        Group of each track, from 0.
    """

    playlist_of: npt.NDArray[np.int64]
    track_of: npt.NDArray[np.int64]
    n_playlists: int
    n_tracks: int
    playlist_group: npt.NDArray[np.int32]
    track_group: npt.NDArray[np.int32]


def usual_n_tracks(n_playlists: int) -> int:
    """Tracks that playlists of the dataset's kind draw from: it grows as their number to the power of 0.575.

    The line goes through 250 playlists with 19,171 different tracks and a million with 2,262,292.
    """
    return int(np.rint(19_171 * (n_playlists / 250) ** 0.575))


def generate_playlists(
    n_playlists: int,
    *,
    n_tracks: int | None = None,
    n_groups: int = 100,
    mean_length: float = 54.0,
    purity: float = 0.8,
    exponent: float = 0.95,
    flat_head: float = 60.0,
    seed: int = 0,
) -> GeneratedPlaylists:
    """Make playlists up.

    Parameters
    ----------
    n_playlists : int
        How many, 1 or more.
    n_tracks : int or None
        Tracks to draw from, at least ``n_groups``; None for `usual_n_tracks`.
    n_groups : int
        Groups of tracks and tastes, 1 or more; tracks are dealt to them in the order of their popularity.
    mean_length : float
        Mean of the lengths before they are cut to 5 to 250 entries.
    purity : float
        0 to 1. Share of a playlist's entries that come from its own group; the others come from all groups.
    exponent, flat_head : float
        A track of rank r (from 0) is drawn with a probability proportional to (r + flat_head) ** -exponent; both
        greater than 0, the exponent not 1.
    seed : int
        Of all random numbers.

    Raises
    ------
    ParameterError
        If a value is out of range.

    Examples
    --------
    >>> made = generate_playlists(1000, n_tracks=5000, n_groups=10)
    >>> made.n_playlists, made.n_tracks, len(made.playlist_of) == len(made.track_of)
    (1000, 5000, True)
    """
    total = usual_n_tracks(n_playlists) if n_tracks is None else n_tracks
    if n_playlists < 1 or not 1 <= n_groups <= total:
        raise ParameterError(f"{n_playlists} playlists of {total} tracks in {n_groups} groups cannot be made")
    if not 0 <= purity <= 1:
        raise ParameterError(f"purity is {purity}; it must lie between 0 and 1")
    if exponent <= 0 or exponent == 1 or flat_head <= 0:
        raise ParameterError(f"exponent {exponent} and flat_head {flat_head} must be above 0, the exponent not 1")
    root, naming = np.random.SeedSequence(seed).spawn(2)
    # A track's number says nothing about its popularity or group.
    number = np.random.default_rng(naming).permutation(total)
    track_group = np.empty(total, dtype=np.int32)
    track_group[number] = np.arange(total) % n_groups
    pieces: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]] = []
    for start, child in zip(range(0, n_playlists, PIECE), root.spawn(-(-n_playlists // PIECE)), strict=True):
        rng = np.random.default_rng(child)
        n_piece = min(PIECE, n_playlists - start)
        drawn = rng.lognormal(np.log(mean_length) - SIGMA**2 / 2, SIGMA, n_piece)
        lengths = np.clip(np.rint(drawn), SHORTEST, LONGEST).astype(np.int64)
        groups = rng.integers(n_groups, size=n_piece, dtype=np.int32)
        owner = np.repeat(np.arange(n_piece), lengths)
        group = np.where(rng.random(len(owner)) < purity, groups[owner], rng.integers(n_groups, size=len(owner)))
        in_group = (total - group + n_groups - 1) // n_groups
        rank = _zipf(rng.random(len(owner)), in_group, exponent, flat_head / n_groups)
        pieces.append((lengths, groups, number[rank * n_groups + group]))
    return GeneratedPlaylists(
        np.repeat(np.arange(n_playlists), np.concatenate([piece[0] for piece in pieces])),
        np.concatenate([piece[2] for piece in pieces]),
        n_playlists,
        total,
        np.concatenate([piece[1] for piece in pieces]),
        track_group,
    )


def _zipf(uniform: np.ndarray, n: np.ndarray, exponent: float, head: float) -> npt.NDArray[np.int64]:
    """Ranks from 0 below n: the inverse of the integral of (x + head) ** -exponent, so that no table is searched."""
    power = 1 - exponent
    low, high = head**power, (n + head) ** power
    rank: npt.NDArray[np.int64] = ((low + uniform * (high - low)) ** (1 / power) - head).astype(np.int64)
    return np.asarray(np.minimum(rank, n - 1))
