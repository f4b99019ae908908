"""Are the other tracks of a held-out playlist near a track of it? AUC, reciprocal rank and recall of every query.

Pairs are either new or all. ``"new"``: a relevant track stands in the held-out playlist and beside the query in no
training playlist; it is told apart from tracks that stand beside the query in no playlist at all. ``"all"``: relevant
is every other track of the held-out playlist, told apart from every track that is not in it. In both, what is relevant
and what is not are in the same state as far as the training playlists know.

AUC is that of matched pairs: the share of non-relevant tracks, drawn for each relevant one among those that stand in
about as many training playlists, that are less near to the query than it (ties count half). As many of them are more
popular as are less, so that popularity alone reaches 0.5. Ranks are among all candidates, popular or not; equal scores
are ordered by chance, alike for all predictors.

References
----------
Y. Yang, R. N. Lichtenwalter, N. V. Chawla, "Evaluating link prediction methods", Knowledge and Information Systems 45,
2015 (negatives). A. Bordes et al., "Translating embeddings for modeling multi-relational data", NIPS 2013 (other true
answers are taken out of the ranking).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.comparison.neighbourhood.degree_matching import (
    MatchedPairs,
    Popularity,
    joined_pairs,
    match_block,
    matched_wins,
)
from songnet.comparison.neighbourhood.held_out import Queries, SplitPlaylists
from songnet.comparison.neighbourhood.predictors import Predictor
from songnet.comparison.neighbourhood.ranking import Ranking, order_keys, rank_measures
from songnet.errors import ParameterError
from songnet.playlists.stored import distinct_entries
from songnet.progress import Progress, silent

PAIRS = ("new", "all")
# Pairs that are left out, by what both tracks share.
SETTINGS: dict[str, tuple[str, ...]] = {
    "all artists and albums": (),
    "without same artist": ("artist",),
    "without same album": ("album",),
    "without either": ("artist", "album"),
}
UNKNOWN = -1
QUERY_BLOCK = 64


@dataclass(frozen=True, eq=False)
class Measured:
    """Every query's measures under one setting.

    Parameters
    ----------
    setting : str
        One of `SETTINGS`.
    ks : tuple of int
        Ranks that recall is taken at.
    auc, reciprocal_rank : numpy.ndarray [shape=(n_predictors, n_queries), dtype=float64]
        0 to 1; NaN for a query without a relevant track (of the AUC: without one that could be matched).
    recall : numpy.ndarray [shape=(n_predictors, len(ks), n_queries), dtype=float64]
        Share of the relevant tracks among the first k.
    n_relevant, n_candidates : numpy.ndarray [shape=(n_queries,), dtype=int64]
        Relevant tracks of each query, and tracks that were ranked.
    pairs : MatchedPairs
        What the AUC compared.
    n_unmatched : int
        Relevant tracks that were looked at and found no non-relevant ones of like popularity on both sides.
    """

    setting: str
    ks: tuple[int, ...]
    auc: np.ndarray
    reciprocal_rank: np.ndarray
    recall: np.ndarray
    n_relevant: np.ndarray
    n_candidates: np.ndarray
    pairs: MatchedPairs
    n_unmatched: int

    @property
    def n_positives(self) -> int:
        """Relevant tracks that the AUC compared."""
        return len(distinct_entries(self.pairs.query, self.pairs.positive)[0])


def measure(
    split: SplitPlaylists,
    queries: Queries,
    predictors: Sequence[Predictor],
    *,
    groups: dict[str, np.ndarray],
    pairs: str = "new",
    ks: Sequence[int] = (10, 50, 100),
    seed: int = 0,
    progress: Progress = silent,
) -> list[Measured]:
    """Measure every predictor on every query under every setting.

    Parameters
    ----------
    split : SplitPlaylists
        Playlists in folds.
    queries : Queries
        Entries to ask for.
    predictors : sequence of Predictor
        Fitted anew on the training playlists of each fold.
    groups : dict of str to numpy.ndarray [shape=(n_tracks,), dtype=int64]
        ``"artist"`` and ``"album"``: number of each track's, -1 where it is unknown, which is never the same.
    pairs : str
        ``"new"`` or ``"all"``.
    ks : sequence of int
        Ranks for recall, ascending, 1 or more.
    seed : int
        Of the tracks drawn for the AUC and of the order of equals.
    progress : Progress
        Told of queries.

    Returns
    -------
    list of Measured
        In the order of `SETTINGS`.

    Raises
    ------
    ParameterError
        If ``pairs`` is neither.
    """
    if pairs not in PAIRS:
        raise ParameterError(f"pairs is {pairs!r}; choose one of: {', '.join(PAIRS)}")
    n, n_tracks = len(queries), len(split.track_ids)
    ties = np.random.default_rng([seed, 0x74696573]).permutation(n_tracks)
    shape = (len(SETTINGS), len(predictors))
    auc, first = np.full((*shape, n), np.nan), np.full((*shape, n), np.nan)
    recall = np.full((*shape, len(ks), n), np.nan)
    n_relevant, n_candidates = (np.zeros((len(SETTINGS), n), dtype=np.int64) for _ in range(2))
    found: list[list[MatchedPairs]] = [[] for _ in SETTINGS]
    n_unmatched = [0] * len(SETTINGS)
    fitted, done = -1, 0
    with ONE_THREAD_BLAS:
        for fold, rows in queries.blocks(QUERY_BLOCK):
            if fold != fitted:
                training, held_out = split.training(fold), split.held_out(fold)
                for predictor in predictors:
                    predictor.fit(training)
                popularity = Popularity.of(training, ties)
                fitted = fold
            tracks = queries.track[rows]
            asked = _Asked.of(split, training, held_out, queries.playlist[rows], tracks, pairs)
            masks, chosen = [], []
            for index, shared in enumerate(SETTINGS.values()):
                relevant, others = asked.without(groups, shared)
                matched, n_lost = match_block(relevant, others, popularity, rows, tracks, seed)
                found[index].append(matched)
                n_unmatched[index] += n_lost
                n_relevant[index, rows] = relevant.sum(axis=1)
                n_candidates[index, rows] = relevant.sum(axis=1) + others.sum(axis=1)
                masks.append((relevant, others))
                chosen.append(matched)
            # The first setting leaves nothing out: the others rank a part of its candidates.
            widest = masks[0][1]
            shapes = [
                (
                    [np.flatnonzero(row) for row in relevant],
                    [np.flatnonzero(row) for row in widest & ~others],
                )
                for relevant, others in masks
            ]
            for which, predictor in enumerate(predictors):
                scores = predictor.scores(tracks)
                keys = order_keys(scores, ties)
                for index in range(len(SETTINGS)):
                    auc[index, which, rows] = _auc_block(scores, chosen[index], rows)
                for place, row in enumerate(rows.tolist()):
                    if not n_relevant[0, row]:
                        continue
                    most = max(len(left_out[place]) for _, left_out in shapes)
                    ranking = Ranking.of(keys[place, widest[place]], max(ks) + most)
                    for index, (relevant_rows, left_out) in enumerate(shapes):
                        if n_relevant[index, row]:
                            first[index, which, row], recall[index, which, :, row] = rank_measures(
                                keys[place, relevant_rows[place]], ranking, ks, left_out=keys[place, left_out[place]]
                            )
            done += len(rows)
            progress("rank neighbours", done, n)
    return [
        Measured(
            name, tuple(ks), auc[index], first[index], recall[index], n_relevant[index], n_candidates[index],
            joined_pairs(found[index]), n_unmatched[index],
        )
        for index, name in enumerate(SETTINGS)
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is relevant and what is not, for a block of queries [shape=(n_queries, n_tracks), dtype=bool]."""

    tracks: np.ndarray
    relevant: np.ndarray
    others: np.ndarray

    @classmethod
    def of(
        cls,
        split: SplitPlaylists,
        training: scipy.sparse.csr_array,
        held_out: scipy.sparse.csr_array,
        playlists: np.ndarray,
        tracks: np.ndarray,
        pairs: str,
    ) -> _Asked:
        inside = split.incidence[playlists].toarray() > 0
        itself = np.arange(len(tracks)), tracks
        if pairs == "all":
            relevant, others = inside.copy(), ~inside
        else:
            before, now = ((part[:, tracks].T @ part).toarray() > 0 for part in (training, held_out))
            relevant, others = inside & ~before, ~(before | now)
        relevant[itself] = others[itself] = False
        return cls(tracks, relevant, others)

    def without(self, groups: dict[str, np.ndarray], shared: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Both without the tracks of the query's own artist, album or either."""
        relevant, others = self.relevant, self.others
        for what in shared:
            numbers = groups[what]
            mine = numbers[self.tracks]
            apart = (mine[:, None] != numbers[None, :]) | (mine[:, None] == UNKNOWN)
            relevant, others = relevant & apart, others & apart
        return relevant, others


def _auc_block(scores: np.ndarray, pairs: MatchedPairs, rows: np.ndarray) -> np.ndarray:
    """AUC of each of a block's queries; NaN where nothing was matched."""
    place = np.searchsorted(rows, pairs.query)
    wins = matched_wins(scores[place, pairs.positive], scores[place, pairs.negative])
    total = np.bincount(place, weights=pairs.weight * wins, minlength=len(rows))
    known = np.bincount(place, minlength=len(rows)) > 0
    result: np.ndarray = np.where(known, total, np.nan)
    return result
