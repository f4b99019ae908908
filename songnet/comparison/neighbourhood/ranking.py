"""Ranks among many candidates, of which only the first are put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def order_keys(scores: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Scores as whole numbers in the same order, equal ones told apart [dtype=int64].

    Parameters
    ----------
    scores : numpy.ndarray [shape=(m, n), dtype=float32]
        No NaN and no negative zero.
    ties : numpy.ndarray [shape=(n,), dtype=int64]
        A permutation: of equal scores the one with the higher number comes first.
    """
    bits = np.ascontiguousarray(scores, dtype=np.float32).view(np.int32)
    # The bits of negative floats count backwards.
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64)
    keys: np.ndarray = (ordered << 31) | ties
    return keys


@dataclass(frozen=True, eq=False)
class Ranking:
    """Keys of the candidates that are not relevant, of which only the first are in order.

    Parameters
    ----------
    keys : numpy.ndarray [shape=(n,), dtype=int64]
        From `order_keys`, none twice.
    first : numpy.ndarray [shape=(min(n, n_first),), dtype=int64]
        The largest of them, negative, ascending.
    """

    keys: np.ndarray
    first: np.ndarray

    @classmethod
    def of(cls, keys: np.ndarray, n_first: int) -> Ranking:
        """Put the first ``n_first`` in order."""
        best = keys if len(keys) <= n_first else np.partition(keys, len(keys) - n_first)[-n_first:]
        return cls(keys, np.sort(-best))


def rank_measures(
    relevant: np.ndarray, others: Ranking, ks: Sequence[int], *, left_out: np.ndarray
) -> tuple[float, np.ndarray]:
    """Reciprocal rank of the first relevant track, and recall at each k.

    Parameters
    ----------
    relevant : numpy.ndarray [shape=(n,), dtype=int64]
        Keys from `order_keys` of the relevant tracks, at least one.
    others : Ranking
        Of the other candidates, the first ``max(ks) + len(left_out)`` in order.
    ks : sequence of int
        Ranks, 1 or more.
    left_out : numpy.ndarray [shape=(m,), dtype=int64]
        Keys among the others that do not count.

    Examples
    --------
    >>> others = Ranking.of(np.array([10, 8, 7, 1]), 5)
    >>> rank_measures(np.array([9, 3]), others, [1, 2, 5], left_out=np.array([], dtype=int))
    (0.5, array([0. , 0.5, 1. ]))
    """
    best = relevant.max()
    rank = 1 + int((others.keys > best).sum()) - int((left_out > best).sum())
    mine = np.sort(-relevant)
    # Beyond the first that are in order counts stand still, at a rank that is greater than every k.
    above = np.searchsorted(others.first, mine) - np.searchsorted(np.sort(-left_out), mine)
    ranks = 1 + above + np.arange(len(mine))
    return 1 / rank, np.searchsorted(ranks, np.asarray(ks), side="right") / len(mine)
