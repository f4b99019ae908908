"""Agreement of k-means clusters with labels, over seeds, at k = number of labels.

Conventions
-----------
SongNet's own k-means, the labelled tracks alone, as many clusters as labels. NMI (arithmetic mean of the entropies)
grows by chance with the number of clusters; AMI and ARI are 0 by chance. The value is the mean over the seeds. The
interval varies both: in each draw seeds are drawn with replacement and the groups are halved
(`songnet.evaluation.intervals` says why not copied), and the spread is laid around the value.

References
----------
N. X. Vinh, J. Epps, J. Bailey, "Information theoretic measures for clusterings comparison", JMLR 11, 2010. L. Hubert,
P. Arabie, "Comparing partitions", Journal of Classification 2, 1985.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics.cluster import expected_mutual_information

from songnet.clustering.blocks import as_rows
from songnet.clustering.estimators import fit_path
from songnet.errors import ParameterError
from songnet.evaluation.intervals import Estimate, Resampling

SCORES = ("nmi", "ami", "ari")
CHANCE = {"nmi": None, "ami": 0.0, "ari": 0.0}


def agreement(table: np.ndarray) -> dict[str, float]:
    """NMI, AMI and ARI of a table of counts.

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b), dtype=int]
        Tracks with label i in cluster j; empty rows and columns change nothing.

    Returns
    -------
    dict of str to float
        1 when equal; NMI is at least 0. All are 0 when one of the two has a single group and the other has not.

    Examples
    --------
    >>> agreement(np.array([[2, 0], [0, 3]]))
    {'nmi': 1.0, 'ami': 1.0, 'ari': 1.0}
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.int64)
    n = int(table.sum())
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    if len(rows) == len(columns) == 1 or (len(rows) == len(columns) and len(np.flatnonzero(table)) == len(rows)):
        return dict.fromkeys(SCORES, 1.0)
    joint = table[table > 0] / n
    mutual = float((joint * (np.log(joint) - np.log(np.outer(rows, columns)[table > 0] / n / n))).sum())
    mean_entropy = (_entropy(rows / n) + _entropy(columns / n)) / 2
    expected = float(expected_mutual_information(table, n))
    pairs, in_rows, in_columns = _pairs(table), _pairs(rows), _pairs(columns)
    by_chance = in_rows * in_columns / _pairs(np.array([n]))
    ceiling = (in_rows + in_columns) / 2 - by_chance
    return {
        "nmi": max(0.0, mutual / mean_entropy),
        "ami": (mutual - expected) / (mean_entropy - expected) if mean_entropy - expected else 0.0,
        "ari": (pairs - by_chance) / ceiling if ceiling else 0.0,
    }


def _entropy(shares: np.ndarray) -> float:
    return -float((shares * np.log(shares)).sum())


def _pairs(counts: np.ndarray) -> float:
    counts = counts.astype(np.float64)
    return float((counts * (counts - 1)).sum() / 2)


def cluster_labels(points: np.ndarray, k: int, seeds: Sequence[int], *, n_init: int = 10) -> list[np.ndarray]:
    """K-means labels, one clustering a seed [shape=(n,), dtype=int32].

    Raises
    ------
    ParameterError
        If there are too few distinct rows for k clusters.
    """
    rows = as_rows(points, "points")
    return [fit_path("kmeans", rows, [k], n_init=n_init, seed=seed, n_threads=1)[0].labels for seed in seeds]


def cluster_scores(
    clusterings: Sequence[np.ndarray], labels: np.ndarray, resampling: Resampling, rows: np.ndarray
) -> dict[str, Estimate]:
    """Agreement of clusterings with labels, with intervals over seeds and groups.

    Parameters
    ----------
    clusterings : sequence of numpy.ndarray [shape=(m,), dtype=int]
        One a seed.
    labels : numpy.ndarray [shape=(m,), dtype=int]
        From 0.
    resampling : Resampling
        Of the evaluation; the seeds drawn depend on its size alone, so that systems stay paired.
    rows : numpy.ndarray [shape=(m,), dtype=int]
        Track of the evaluation of each row.

    Returns
    -------
    dict of str to Estimate
        Keys of `SCORES`.
    """
    if not clusterings:
        raise ParameterError("no clustering was given: at least one seed is needed")
    n_labels = int(labels.max()) + 1
    groups = resampling.groups[rows]
    n_groups = resampling.halves.shape[1]
    by_group = []
    for clusters in clusterings:
        cell = labels.astype(np.int64) * (int(clusters.max()) + 1) + clusters
        used, cells = np.unique(cell, return_inverse=True)
        # Counts of each group in each used cell: half of the groups is then a sum of rows.
        table = np.zeros((n_groups, len(used)))
        np.add.at(table, (groups, cells.reshape(-1)), 1)
        by_group.append((table, used, int(clusters.max()) + 1))

    def scored(number: int, kept: np.ndarray) -> dict[str, float]:
        table, used, width = by_group[number]
        full = np.zeros(n_labels * width, dtype=np.int64)
        full[used] = np.rint(kept @ table).astype(np.int64)
        return agreement(full.reshape(n_labels, width))

    seeds = range(len(clusterings))
    whole = [scored(seed, np.ones(n_groups)) for seed in seeds]
    rng = np.random.default_rng([len(resampling.halves), len(clusterings), 0x73656564])
    draws: dict[str, list[float]] = {name: [] for name in SCORES}
    for half in resampling.halves:
        chosen = rng.integers(0, len(clusterings), len(clusterings))
        kept = half.astype(np.float64)
        if not (kept @ by_group[0][0]).sum():
            for name in SCORES:
                draws[name].append(float("nan"))
            continue
        found = {int(seed): scored(int(seed), kept) for seed in np.unique(chosen)}
        for name in SCORES:
            draws[name].append(float(np.mean([found[int(seed)][name] for seed in chosen])))
    estimates = {}
    for name in SCORES:
        value = float(np.mean([score[name] for score in whole]))
        spread = np.array(draws[name])
        shifted = np.minimum(1.0, value + spread - np.nanmean(spread))
        estimates[name] = Estimate(value, shifted, len(labels), CHANCE[name])
    return estimates
