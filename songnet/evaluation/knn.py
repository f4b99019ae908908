"""k-nearest-neighbour accuracy, with and without a track's own artist and album.

Conventions
-----------
Similarity is the cosine. A track is never its own neighbour. Neighbours of equal similarity stand in the order of the
rows. The majority of k neighbours decides; among labels with equally many, the one whose nearest neighbour is nearest.
A filter leaves out the query's own artist (or album): recordings of one artist share voice, room and mastering, and an
unfiltered figure measures the recognition of artists as much as that of kinds (the "artist effect"). A query with no
neighbour left is not counted.

References
----------
E. Pampalk, A. Flexer, G. Widmer, "Improvements of audio-based music similarity and genre classification", ISMIR 2005.
A. Flexer, D. Schnitzer, "Effects of album and artist filters in audio similarity computed for very large music
databases", Computer Music Journal 34(3), 2010.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import TaskPool, as_rows
from songnet.errors import ParameterError

# Similarities held at once by one thread: 64 MB.
BLOCK_VALUES = 16 * 2**20
# Neighbours looked up beyond k, so that leaving an artist out seldom needs another search.
SPARE = 40


@dataclass(frozen=True, eq=False)
class KnnScores:
    """Whether the neighbours of each track name its label.

    Parameters
    ----------
    correct : numpy.ndarray [shape=(n,), dtype=float64]
        1 or 0; NaN for a query without neighbours.
    chance : float
        Share that would be right if the same answers were dealt at random.
    as_answer : numpy.ndarray [shape=(n,), dtype=float64]
        What each row does to others as their neighbour: the sum over those queries of 1 / k, less the mean, where it
        has their label, and of 0, less the mean, where it has another; for intervals.
    """

    correct: np.ndarray
    chance: float
    as_answer: np.ndarray


def unit_rows(points: np.ndarray) -> np.ndarray:
    """Rows brought to length 1 [dtype=float32]; rows of zeros stay zeros."""
    rows = as_rows(points, "points").astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


def block_rows(n: int) -> int:
    """Rows of a block of an n x n matrix; it depends on n alone, so that threads change nothing."""
    return max(1, min(512, BLOCK_VALUES // max(1, n)))


def similarity_blocks(unit: np.ndarray, start: int, stop: int) -> Iterator[tuple[int, np.ndarray]]:
    """First row and cosines [shape=(rows, n)] of each block, a row's own set to minus infinity."""
    step = block_rows(len(unit))
    for first in range(start, stop, step):
        block = unit[first : min(first + step, stop)] @ unit.T
        block[np.arange(len(block)), first + np.arange(len(block))] = -np.inf
        yield first, block


def nearest(
    points: np.ndarray, k: int, exclude: Sequence[np.ndarray | None] = (None,), *, n_threads: int | None = None
) -> list[np.ndarray]:
    """Exact nearest neighbours by cosine, in blocks.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, d)]
        Finite.
    k : int
        Neighbours wanted, at least 1.
    exclude : sequence of numpy.ndarray or None [shape=(n,), dtype=int]
        For each, one answer: neighbours of the query's own group are left out; -1 is a group of none, None no filter.
    n_threads : int or None
        The result does not depend on it.

    Returns
    -------
    list of numpy.ndarray [shape=(n, k), dtype=int64]
        Rows of the neighbours, the nearest first; -1 where there are no more.

    Raises
    ------
    ParameterError
        If ``k`` is below 1, or the points are no finite table.
    """
    if k < 1:
        raise ParameterError(f"k is {k}; it must be 1 or more")
    unit = unit_rows(points)

    filtered = any(groups is not None for groups in exclude)

    def work(start: int, stop: int) -> list[np.ndarray]:
        found: list[list[np.ndarray]] = [[] for _ in exclude]
        for first, block in similarity_blocks(unit, start, stop):
            near = largest(block, k + SPARE if filtered else k)
            for answers, groups in zip(found, exclude, strict=True):
                answers.append(near[:, :k] if groups is None else _others(block, near, groups, first, k))
        return [np.concatenate(answers) for answers in found]

    with TaskPool(n_threads) as pool:
        parts = list(pool.map(work, len(unit), block_rows(len(unit))))
    return [np.concatenate([part[index] for part in parts]) for index in range(len(exclude))]


def _others(block: np.ndarray, near: np.ndarray, groups: np.ndarray, first: int, k: int) -> np.ndarray:
    """The first k of the nearest that are not of the query's own group, searched anew where too few are left."""
    own = groups[first : first + len(block)]
    kept = (near >= 0) & ((groups[np.maximum(near, 0)] != own[:, None]) | (own[:, None] < 0))
    order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
    answers = np.where(np.take_along_axis(kept, order, axis=1), np.take_along_axis(near, order, axis=1), -1)
    # All that a short list could have missed lies beyond its end.
    short = np.flatnonzero((kept.sum(axis=1) < k) & (near[:, -1] >= 0))
    if len(short):
        mine = (groups[None, :] == own[short, None]) & (own[short, None] >= 0)
        answers[short] = largest(np.where(mine, np.float32(-np.inf), block[short]), k)
    return answers


def largest(block: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k largest values of each row, the largest first, equal ones by column; -1 for minus infinity.

    Examples
    --------
    >>> largest(np.array([[1.0, 3.0, 3.0, -np.inf]]), 4).tolist()
    [[1, 2, 0, -1]]
    """
    n = block.shape[1]
    taken = min(k, n)
    if taken < n:
        edge = np.partition(block, n - taken, axis=1)[:, n - taken, None]
        chosen = block >= edge
        # More than enough where several values are equal at the edge: the first of them are wanted.
        for row in np.flatnonzero(chosen.sum(axis=1) > taken):
            level = np.flatnonzero(block[row] == edge[row])
            chosen[row, level[taken - int((block[row] > edge[row]).sum()) :]] = False
        columns = np.nonzero(chosen)[1].reshape(len(block), taken)
    else:
        columns = np.tile(np.arange(n), (len(block), 1))
    values = np.take_along_axis(block, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    columns, values = np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)
    answers = np.full((len(block), k), -1, dtype=np.int64)
    answers[:, :taken] = np.where(np.isneginf(values), -1, columns)
    return answers


def knn_scores(neighbours: np.ndarray, labels: np.ndarray) -> KnnScores:
    """Majority vote of neighbours.

    Parameters
    ----------
    neighbours : numpy.ndarray [shape=(n, k), dtype=int]
        From `nearest`, -1 for none.
    labels : numpy.ndarray [shape=(n,), dtype=int]
        Class of each row, 0 or more.

    Returns
    -------
    KnnScores

    Examples
    --------
    >>> knn_scores(np.array([[1, 2], [0, 2], [0, -1]]), np.array([0, 0, 1])).correct.tolist()
    [1.0, 1.0, 0.0]
    """
    there = neighbours >= 0
    votes = np.where(there, labels[np.maximum(neighbours, 0)], -1)
    counts = ((votes[:, :, None] == votes[:, None, :]) & there[:, None, :]).sum(axis=2) * there
    # The first place with the largest count belongs to the label whose nearest member is nearest.
    answers = votes[np.arange(len(votes)), counts.argmax(axis=1)]
    asked = there.any(axis=1)
    correct = np.where(asked, answers == labels, np.nan).astype(np.float64)
    n_classes = int(labels.max()) + 1
    if not asked.any():
        return KnnScores(correct, float("nan"), np.zeros(len(labels)))
    answered = np.bincount(answers[asked], minlength=n_classes) / asked.sum()
    true = np.bincount(labels[asked], minlength=n_classes) / asked.sum()
    agree = (votes == labels[:, None]).astype(np.float64)
    given = np.where(there, (agree - agree[there].mean()) / np.maximum(there.sum(axis=1), 1)[:, None], 0.0)
    as_answer = np.bincount(neighbours[there], weights=given[there], minlength=len(labels))
    return KnnScores(correct, float(answered @ true), as_answer)
