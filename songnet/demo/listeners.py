"""Listeners with tastes, the playlists they make, and how often tracks are played.

Conventions
-----------
- A taste is a weight for every artist: one or two styles have most of it, favourite artists in them more, and all
  others a little.
- A playlist is drawn without replacement with probabilities proportional to taste times popularity; one track in
  twelve is drawn regardless of taste.
- The logarithm of a track's listens is half audible (style, artist, tempo, density) and half luck, in variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from songnet.demo.artists import ARTISTS_PER_STYLE, LISTENER_STREAM, LISTENS_STREAM, Artist, stream
from songnet.demo.names import playlist_name, word
from songnet.demo.styles import STYLES
from songnet.demo.tracks import TrackTruth

AUDIBLE_SHARE = 0.5
"""Share of the variance of log listens that what can be heard explains."""

STRAY_SHARE = 1 / 12
"""Share of a playlist that is drawn regardless of taste."""

_SHORTEST, _LONGEST = 8, 25


@dataclass(frozen=True)
class Playlist:
    """A listener's playlist.

    Parameters
    ----------
    pid : int
        Number, from 0.
    name : str
        Name; several playlists may have the same.
    listener : str
        Who made it.
    style : str
        The listener's first style.
    tracks : tuple of int
        Indices of the tracks, in order, each once.
    followers : int
        How many others follow it, at least 1.
    """

    pid: int
    name: str
    listener: str
    style: str
    tracks: tuple[int, ...]
    followers: int


def count_listens(tracks: Sequence[TrackTruth], artists: Sequence[Artist], seed: int) -> NDArray[np.int64]:
    """Number of listens of each track, log-normal. [shape=(n_tracks,)]

    Parameters
    ----------
    tracks : sequence of TrackTruth
        The tracks.
    artists : sequence of Artist
        The artists that their `artist_index` refers to.
    seed : int
        The composition's seed.
    """
    rng = np.random.default_rng(stream(seed, LISTENS_STREAM))
    of_style = rng.permutation(np.linspace(-1, 1, len(STYLES)))
    of_artist = rng.normal(size=len(artists))
    # One draw for each track beforehand: a track's luck does not depend on how many there are.
    luck = np.array([np.random.default_rng(stream(seed, LISTENS_STREAM, track.index)).normal() for track in tracks])
    heard = np.array(
        [
            1.1 * of_style[track.artist_index // ARTISTS_PER_STYLE]
            + 0.5 * of_artist[track.artist_index]
            + 0.5 * _liveliness(track, artists[track.artist_index])
            for track in tracks
        ]
    )
    log_listens = np.sqrt(AUDIBLE_SHARE) * heard + np.sqrt(1 - AUDIBLE_SHARE) * luck
    return np.asarray(np.maximum(1, np.round(np.exp(6.5 + 1.3 * log_listens))), dtype=np.int64)


def _liveliness(track: TrackTruth, artist: Artist) -> float:
    """Tempo within the style's range and density of notes, in about [-1.7, 1.7]."""
    low, high = artist.style.tempo_bpm
    thin, thick = artist.style.density
    tempo = (track.tempo_bpm - low) / (high - low)
    density = (artist.sound.density - thin) / (thick - thin)
    return float(1.7 * (tempo + density - 1))


def make_playlists(
    tracks: Sequence[TrackTruth], listens: NDArray[np.int64], n_listeners: int, n_playlists: int, seed: int
) -> tuple[Playlist, ...]:
    """Let listeners make playlists.

    Parameters
    ----------
    tracks : sequence of TrackTruth
        The tracks.
    listens : array [shape=(n_tracks,), int]
        Listens of each track; popular tracks are put into more playlists.
    n_listeners, n_playlists : int
        How many; the first `n_listeners` playlists are by different listeners.
    seed : int
        The composition's seed.
    """
    artist_of = np.array([track.artist_index for track in tracks])
    popularity = np.asarray(listens, dtype=np.float64) ** 0.35
    tastes = [_taste(seed, listener) for listener in range(n_listeners)]
    playlists = []
    for pid in range(n_playlists):
        rng = np.random.default_rng(stream(seed, LISTENER_STREAM, 1, pid))
        listener = pid if pid < n_listeners else int(rng.integers(n_listeners))
        name, favourite, weights = tastes[listener]
        # A playlist leans to some of the listener's artists, as a mood does.
        mood = weights * rng.gamma(1.5, size=len(weights))
        liked = mood[artist_of] * popularity
        chance = (1 - STRAY_SHARE) * liked / liked.sum() + STRAY_SHARE * popularity / popularity.sum()
        length = min(int(rng.integers(_SHORTEST, _LONGEST + 1)), max(2, len(tracks) // 3))
        length = min(length, len(tracks))
        # Adding Gumbel noise to log probabilities and sorting draws without replacement.
        order = np.argsort(-(np.log(chance) + rng.gumbel(size=len(tracks))), kind="stable")[:length]
        drawn = tuple(int(i) for i in rng.permutation(order))
        style = STYLES[favourite].name
        playlists.append(Playlist(pid, playlist_name(rng, style), name, style, drawn, 1 + int(rng.geometric(0.3))))
    return tuple(playlists)


def _taste(seed: int, listener: int) -> tuple[str, int, NDArray[np.float64]]:
    """A listener's name, first style, and weight of each artist. [shape=(n_artists,)]"""
    rng = np.random.default_rng(stream(seed, LISTENER_STREAM, 0, listener))
    first, second = (int(i) for i in rng.permutation(len(STYLES))[:2])
    first = listener % len(STYLES)
    second = second if second != first else (first + 1) % len(STYLES)
    of_style = np.full(len(STYLES), 0.006)
    of_style[first] = 1.0
    if rng.uniform() < 0.5:
        of_style[second] = rng.uniform(0.1, 0.4)
    favour = rng.dirichlet(np.full(ARTISTS_PER_STYLE, 1.2), size=len(STYLES)) + 0.05
    return word(rng).lower(), first, (of_style[:, np.newaxis] * favour).ravel()
