"""Clip-to-track consistency: are two clips of one track nearer to each other than to clips of other tracks?

Conventions
-----------
No labels are needed. Every clip of a track with two or more is a query; all other clips are ranked by cosine. AUC is
the chance that a clip of the same track is more similar than a clip of another, ties counting half; MRR is the mean of
1 / rank of the first clip of the same track; top-1 is how often that one stands first. Ties go against the system in
both. Clips of a track do not overlap. Where tracks have one clip, its two halves in time stand for two clips: they
touch, and a convolution near the cut sees both, so that halves are an easier question than clips; every system is
asked the same one.

A high value alone proves little: the loudness and bandwidth of a recording are the same in all its clips. Read it
beside the baselines.

References
----------
J. Spijkervet, J. A. Burgoyne, "Contrastive learning of musical representations", ISMIR 2021 (two fragments of one track
are each other's positives). T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import TaskPool
from songnet.errors import ParameterError
from songnet.evaluation.knn import block_rows, similarity_blocks, unit_rows


@dataclass(frozen=True, eq=False)
class ConsistencyScores:
    """Scores of each clip that has a fellow.

    Parameters
    ----------
    rows : numpy.ndarray [shape=(q,), dtype=int64]
        Which clips these are.
    auc, reciprocal_rank, first : numpy.ndarray [shape=(q,), dtype=float64]
        0 to 1 each.
    chance_first : float
        Share of queries whose first answer would be right by chance.
    """

    rows: np.ndarray
    auc: np.ndarray
    reciprocal_rank: np.ndarray
    first: np.ndarray
    chance_first: float


def consistency_scores(points: np.ndarray, owners: np.ndarray, *, n_threads: int | None = None) -> ConsistencyScores:
    """AUC, reciprocal rank and first answer of every clip with a fellow.

    Parameters
    ----------
    points : numpy.ndarray [shape=(m, d)]
        One row a clip.
    owners : numpy.ndarray [shape=(m,), dtype=int]
        Track of each clip, 0 or more.
    n_threads : int or None
        The result does not depend on it.

    Raises
    ------
    ParameterError
        If no track has two clips, or there is one track only.
    """
    unit = unit_rows(points)
    sizes = np.bincount(owners)
    asked = sizes[owners] > 1
    if not asked.any() or (sizes > 0).sum() < 2:
        raise ParameterError("clip-to-track consistency needs two clips of a track, and clips of other tracks")

    def work(start: int, stop: int) -> list[tuple[float, float, float]]:
        found = []
        for start_of_block, block in similarity_blocks(unit, start, stop):
            for offset in np.flatnonzero(asked[start_of_block : start_of_block + len(block)]):
                row = start_of_block + int(offset)
                same = owners == owners[row]
                strangers = np.sort(block[offset][~same])
                same[row] = False
                mine = block[offset][same]
                below = np.searchsorted(strangers, mine, side="left")
                level = np.searchsorted(strangers, mine, side="right") - below
                auc = float((below + 0.5 * level).mean()) / len(strangers)
                before = len(strangers) - int(np.searchsorted(strangers, mine.max(), side="left"))
                found.append((auc, 1.0 / (1 + before), float(before == 0)))
        return found

    with TaskPool(n_threads) as pool:
        scores = np.array([entry for part in pool.map(work, len(unit), block_rows(len(unit))) for entry in part])
    rows = np.flatnonzero(asked)
    chance = float(((sizes[owners[rows]] - 1) / (len(unit) - 1)).mean())
    return ConsistencyScores(rows, scores[:, 0], scores[:, 1], scores[:, 2], chance)
