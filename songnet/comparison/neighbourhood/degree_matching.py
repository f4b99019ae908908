"""Tracks to tell relevant ones apart from, that are about as popular: so that popularity alone tells nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

# Relevant tracks of a query, and non-relevant ones on each side of them in popularity, that the AUC looks at.
N_POSITIVES, N_A_SIDE = 5, 4
# Non-relevant tracks are drawn among the nearest in popularity, so many on each side, ...
WINDOW = 32
# ... and (count + 1) may differ by this factor at most.
MAX_RATIO = 2.0


@dataclass(frozen=True, eq=False)
class MatchedPairs:
    """Relevant tracks and the non-relevant ones that each is compared with.

    Parameters
    ----------
    query : numpy.ndarray [shape=(n,), dtype=int64]
        Index of the query.
    track, positive, negative : numpy.ndarray [shape=(n,), dtype=int64]
        Its track, a relevant one, and one of the non-relevant ones drawn for it.
    weight : numpy.ndarray [shape=(n,), dtype=float64]
        Sums to 1 over a query: its relevant tracks count alike, and so do the non-relevant ones of each.
    """

    query: np.ndarray
    track: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, eq=False)
class Popularity:
    """Tracks in the order of the number of training playlists they stand in.

    Parameters
    ----------
    order : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Tracks, least popular first, equals by chance.
    place : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Place of each track in that order.
    counts : numpy.ndarray [shape=(n_tracks,), dtype=float64]
        Counts in that order.
    """

    order: np.ndarray
    place: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, training: scipy.sparse.csr_array, ties: np.ndarray) -> Popularity:
        """Order of the tracks of training playlists; equals stand as in ``ties``, a permutation."""
        counts = training.sum(axis=0).astype(np.float64)
        order = np.lexsort((ties, counts))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return cls(order, place, counts[order])

    def matched(self, positive: int, others: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Tracks about as popular as a given one, as many before as behind it in the order.

        Parameters
        ----------
        positive : int
            A track.
        others : numpy.ndarray [shape=(n,), dtype=int64]
            Places of those that may be drawn, ascending.
        rng : numpy.random.Generator
            Draws.

        Returns
        -------
        numpy.ndarray [shape=(m,), dtype=int64]
            At most twice `N_A_SIDE`, within `MAX_RATIO`; only equals if all others are on one side; empty if there are
            none of these either.
        """
        count = self.counts[self.place[positive]]
        bounds = np.searchsorted(self.counts, [(count + 1) / MAX_RATIO - 1, count])
        ends = np.searchsorted(self.counts, [count, (count + 1) * MAX_RATIO - 1], side="right")
        first, low = np.searchsorted(others, bounds).tolist()
        high, last = np.searchsorted(others, ends).tolist()
        if first == low or high == last:
            # None less popular, or none more popular: equals are a fair comparison, others are not.
            equals = others[low:high]
            return np.asarray(self.order[rng.choice(equals, min(2 * N_A_SIDE, len(equals)), replace=False)])
        # Its own place among its equals is drawn anew each time.
        middle = int(rng.integers(low, high + 1))
        reach = min(WINDOW, middle - first, last - middle)
        sides = (others[middle - reach : middle], others[middle : middle + reach])
        return np.concatenate([self.order[rng.choice(side, min(N_A_SIDE, reach), replace=False)] for side in sides])


def match_block(
    relevant: np.ndarray,
    others: np.ndarray,
    popularity: Popularity,
    rows: np.ndarray,
    tracks: np.ndarray,
    seed: int,
) -> tuple[MatchedPairs, int]:
    """Draw what the AUC compares, for a block of queries.

    Parameters
    ----------
    relevant, others : numpy.ndarray [shape=(n_queries, n_tracks), dtype=bool]
        Tracks that are relevant to a query, and those that they are told apart from.
    popularity : Popularity
        Of the training playlists.
    rows, tracks : numpy.ndarray [shape=(n_queries,), dtype=int64]
        Number of each query, and its track.
    seed : int
        Of the draws.

    Returns
    -------
    pairs : MatchedPairs
    n_lost : int
        Relevant tracks that were looked at and could not be matched.
    """
    parts: list[tuple[int, int, int, np.ndarray, float]] = []
    n_lost = 0
    for place, row in enumerate(rows.tolist()):
        # A stream of its own: what is drawn for a query depends neither on its block nor, where nothing of it is left
        # out, on the setting.
        rng = np.random.default_rng([seed, 0x70616972, row])
        positives = np.flatnonzero(relevant[place])
        if len(positives) > N_POSITIVES:
            positives = np.sort(rng.choice(positives, N_POSITIVES, replace=False))
        candidates = np.flatnonzero(others[place][popularity.order])
        drawn = [(int(positive), popularity.matched(int(positive), candidates, rng)) for positive in positives]
        kept = [(positive, negatives) for positive, negatives in drawn if len(negatives)]
        n_lost += len(drawn) - len(kept)
        parts += [(row, int(tracks[place]), positive, negatives, 1 / len(kept)) for positive, negatives in kept]
    sizes = [len(part[3]) for part in parts]
    query, track, positive = (
        np.repeat(np.array([part[column] for part in parts], dtype=np.int64), sizes) for column in range(3)
    )
    weight = np.repeat(np.array([part[4] / len(part[3]) for part in parts]), sizes)
    negative = np.concatenate([part[3] for part in parts]) if parts else np.empty(0, dtype=np.int64)
    return MatchedPairs(query, track, positive, negative, weight), n_lost


def matched_wins(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """1 where the relevant track is nearer, 0.5 where both are equally near, else 0 [dtype=float64]."""
    wins: np.ndarray = (positive > negative) + 0.5 * (positive == negative)
    return wins


def joined_pairs(parts: Sequence[MatchedPairs]) -> MatchedPairs:
    """Pairs of several blocks, one after the other."""
    return MatchedPairs(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("query", "track", "positive", "negative", "weight")
        )
    )
