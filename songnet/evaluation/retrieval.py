"""Retrieval: where a track's fellows (same artist, album or label) stand when all others are ranked by cosine.

Conventions
-----------
Each track that has a fellow is a query; all other tracks are ranked. Average precision is the mean of the precision at
the rank of each fellow; its mean over queries is mAP. Recall@k is the share of the fellows among the first k, by
``min(k, number of fellows)``, so that 1 can be reached. Ties go against the system: a stranger as similar as a fellow
stands before it, so that constant vectors earn nothing. Chance is the expectation under a random ranking, exactly.
A filter takes the query's own artist (or album) out of the ranking, as in `songnet.evaluation.knn`: neither fellows nor
strangers of that artist are there; a query without a fellow left is not counted.

References
----------
C. Manning, P. Raghavan, H. Schütze, "Introduction to information retrieval", 2008, chapter 8. Y. Bestgen, "Exact
expected average precision of the random baseline for system evaluation", Prague Bulletin of Mathematical Linguistics
103, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import TaskPool
from songnet.evaluation.knn import block_rows, similarity_blocks, unit_rows


@dataclass(frozen=True, eq=False)
class RetrievalScores:
    """Scores of each query.

    Parameters
    ----------
    average_precision, recall : numpy.ndarray [shape=(n,), dtype=float64]
        0 to 1; NaN for a track without fellows.
    chance_precision, chance_recall : float
        Means over the queries under a random ranking; NaN without queries.
    precision_as_answer, recall_as_answer : numpy.ndarray [shape=(n,), dtype=float64]
        What each row adds to (or takes from) the scores of its fellows by where it stands; for intervals.
    """

    average_precision: np.ndarray
    recall: np.ndarray
    chance_precision: float
    chance_recall: float
    precision_as_answer: np.ndarray
    recall_as_answer: np.ndarray


def retrieval_scores(
    points: np.ndarray,
    groups: np.ndarray,
    k: int = 10,
    *,
    exclude: np.ndarray | None = None,
    n_threads: int | None = None,
) -> RetrievalScores:
    """Average precision and recall@k of every track.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, d)]
        Finite.
    groups : numpy.ndarray [shape=(n,), dtype=int]
        Equal numbers are fellows; -1 has none.
    k : int
        Of the recall.
    exclude : numpy.ndarray or None [shape=(n,), dtype=int]
        Rows of the query's own number are not ranked; -1 is a number of none.
    n_threads : int or None
        The result does not depend on it.
    """
    unit = unit_rows(points)
    left_out = np.full(len(unit), -1, dtype=np.int64) if exclude is None else exclude
    relevant, ranked = _counts(groups, left_out)

    def work(start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scores = np.full((2, stop - start), np.nan)
        fellows, added = [], []
        for first, block in similarity_blocks(unit, start, stop):
            for offset in np.flatnonzero(relevant[first : first + len(block)] > 0):
                row = first + int(offset)
                there = (left_out != left_out[row]) | (left_out[row] < 0)
                fellow = (groups == groups[row]) & there
                fellow[row] = False
                # Its own similarity is minus infinity: the query stands behind all, whether it is there or not.
                ranks = pessimistic_ranks(block[offset][there], fellow[there])
                n = len(ranks)
                single = np.stack([np.arange(1, n + 1) / ranks, (ranks <= k) * (n / min(k, n))])
                scores[:, row - start] = single.mean(axis=1)
                mine = np.flatnonzero(fellow)
                fellows.append(mine[np.argsort(-block[offset][mine], kind="stable")])
                added.append((single - single.mean(axis=1, keepdims=True)) / n)
        if not fellows:
            return scores, np.empty(0, dtype=np.int64), np.empty((2, 0))
        return scores, np.concatenate(fellows), np.concatenate(added, axis=1)

    parts = []
    as_answer = np.zeros((2, len(unit)))
    with TaskPool(n_threads) as pool:
        for scores, fellows, added in pool.map(work, len(unit), block_rows(len(unit))):
            parts.append(scores)
            for kind in range(2):
                as_answer[kind] += np.bincount(fellows, weights=added[kind], minlength=len(unit))
    precision, recall = np.concatenate(parts, axis=1)
    asked, others = relevant[relevant > 0], ranked[relevant > 0]
    if not len(asked):
        return RetrievalScores(precision, recall, float("nan"), float("nan"), *as_answer)
    expected = chance_average_precision(asked, others)
    expected_recall = np.minimum(k, others) * asked / others / np.minimum(k, asked)
    chances = float(expected.mean()), float(expected_recall.mean())
    return RetrievalScores(precision, recall, *chances, *as_answer)


def _counts(groups: np.ndarray, left_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many fellows each row has, and how many rows are ranked for it, without those that are left out."""
    n = len(groups)
    known, filtered = groups >= 0, left_out >= 0
    alike = np.bincount(groups[known], minlength=1)[np.maximum(groups, 0)]
    # Rows of one group and one filter number: itself, and the fellows that it loses.
    _, pair, of_pair = np.unique(np.stack([groups, left_out]), axis=1, return_inverse=True, return_counts=True)
    lost = np.where(filtered, of_pair[pair.reshape(-1)], 1)
    hidden = np.where(filtered, np.bincount(left_out[filtered], minlength=1)[np.maximum(left_out, 0)], 1)
    return np.where(known, alike - lost, 0), n - hidden


def pessimistic_ranks(similarities: np.ndarray, fellow: np.ndarray) -> np.ndarray:
    """Ranks of the fellows, from 1, ascending; a stranger as similar as a fellow stands before it.

    Examples
    --------
    >>> pessimistic_ranks(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])).tolist()
    [1, 3]
    """
    mine = np.sort(similarities[fellow])[::-1]
    strangers = np.sort(similarities[~fellow])
    before = len(strangers) - np.searchsorted(strangers, mine, side="left")
    ranks: np.ndarray = before + np.arange(1, len(mine) + 1)
    return ranks


def chance_average_precision(n_relevant: np.ndarray, n_ranked: np.ndarray) -> np.ndarray:
    """Expected average precision of a random ranking of ``n_ranked`` things, ``n_relevant`` of them relevant."""
    harmonic = np.cumsum(1.0 / np.arange(1, n_ranked.max() + 1))[n_ranked - 1]
    share = (n_relevant - 1) / np.maximum(1, n_ranked - 1)
    expected: np.ndarray = (share * (n_ranked - harmonic) + harmonic) / n_ranked
    return expected
