"""How much of a clustering is a nuisance in disguise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from songnet.errors import ParameterError
from songnet.evaluation.panels.nuisance_values import Nuisance
from songnet.partition import NOISE

N_BINS = 5


@dataclass(frozen=True)
class ClusterShare:
    """How much one nuisance and the clusters say of each other.

    Parameters
    ----------
    nuisance : str
        Its name.
    ami : float or None
        Adjusted mutual information of clusters and the nuisance's classes (numbers: fifths of the tracks; or,
        where most tracks share a value, whether it is that one): 0 by chance, 1 at most. None where there is nothing
        to compare.
    ami_p : float or None
        Share of random orders of the tracks with as much mutual information or more, the present one counted.
    eta_squared : float or None
        Share of a number's variance between clusters, 0 to 1; None for classes.
    eta_chance, eta_p : float or None
        Mean over the random orders, and the share of those with as much or more.
    n_tracks : int
        Tracks in a cluster whose value is known.
    note : str
        Why there is no value; empty otherwise.
    """

    nuisance: str
    ami: float | None
    ami_p: float | None
    eta_squared: float | None
    eta_chance: float | None
    eta_p: float | None
    n_tracks: int
    note: str = ""


def explained_by_clusters(
    nuisance: Nuisance,
    labels: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    n_permutations: int = 999,
    seed: int = 0,
) -> ClusterShare:
    """Compare a nuisance with clusters.

    Parameters
    ----------
    nuisance : Nuisance
        Of every track.
    labels : numpy.ndarray [shape=(n_tracks,), dtype=int]
        Clusters; -1 is noise and left out.
    groups : numpy.ndarray or None [shape=(n_tracks,), dtype=int]
        Artist of each track. Random orders then keep the tracks of an artist together: one artist's records often
        share a year and a cluster, and are not many independent cases of that.
    n_permutations : int
        Random orders, 1 or more.
    seed : int
        Of the orders.

    Returns
    -------
    ClusterShare

    Raises
    ------
    ParameterError
        If labels and values do not match, or there is no permutation.
    """
    if len(labels) != len(nuisance.values):
        raise ParameterError(f"{len(labels)} labels for {len(nuisance.values)} values of {nuisance.name}")
    if n_permutations < 1:
        raise ParameterError(f"n_permutations is {n_permutations}; it must be 1 or more")
    kept = nuisance.known & (labels != NOISE)
    values = nuisance.values[kept]
    _, clusters = np.unique(labels[kept], return_inverse=True)
    n = len(values)
    number = nuisance.kind == "number"
    numbers = values.astype(np.float64) if number else np.empty(0)
    classes = _binned(numbers) if number else np.unique(values.astype(str), return_inverse=True)[1]
    n_classes, n_clusters = len(np.unique(classes)), len(np.unique(clusters))
    if n_classes < 2 or n_clusters < 2:
        what = "no known value" if not n else "one value" if n_classes < 2 else "one cluster"
        return ClusterShare(nuisance.name, None, None, None, None, None, n, f"nothing to explain: {what}")
    rng = np.random.default_rng([seed, 8])
    blocks = _blocks(None if groups is None else groups[kept], n)
    places = np.concatenate(blocks)
    sizes = np.bincount(clusters)
    observed = _mutual_information(classes, clusters, n_classes, n_clusters)
    spread = between = 0.0
    if number:
        centred = numbers - numbers.mean()
        spread = float(centred @ centred)
        between = _between(centred, clusters, sizes)
    information, betweens = np.empty(n_permutations), np.empty(n_permutations)
    for draw in range(n_permutations):
        order = np.concatenate([blocks[block] for block in rng.permutation(len(blocks))])
        information[draw] = _mutual_information(classes[order], clusters[places], n_classes, n_clusters)
        betweens[draw] = _between(centred[order], clusters[places], sizes) if number else 0.0
    # The margins are the same in every order: as much mutual information is as much adjusted information. The
    # tolerance is for sums of the same numbers in another order.
    ami_p = (1 + int((information >= observed - 1e-12).sum())) / (1 + n_permutations)
    eta_p = (1 + int((betweens >= between * (1 - 1e-12)).sum())) / (1 + n_permutations)
    return ClusterShare(
        nuisance.name,
        float(adjusted_mutual_info_score(clusters, classes)),
        ami_p,
        between / spread if number else None,
        float(betweens.mean() / spread) if number else None,
        eta_p if number else None,
        n,
    )


def _binned(numbers: np.ndarray) -> np.ndarray:
    """Fifths of the tracks, or whether the value is the commonest where most share it."""
    if not len(numbers):
        return np.empty(0, dtype=np.int64)
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    # The right edge of a bin belongs to it: a value that many tracks share is not parted.
    bins = np.unique(np.searchsorted(edges, numbers, side="left"), return_inverse=True)[1]
    if bins.any():
        return bins
    values, counts = np.unique(numbers, return_counts=True)
    rare: np.ndarray = (numbers != values[counts.argmax()]).astype(np.int64)
    return rare


def _blocks(groups: np.ndarray | None, n: int) -> list[np.ndarray]:
    """Places of the tracks of each group; every track alone without groups."""
    if groups is None:
        return list(np.arange(n)[:, None])
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def _mutual_information(first: np.ndarray, second: np.ndarray, n_first: int, n_second: int) -> float:
    """In nats, up to a constant that depends on the margins alone."""
    counts = np.bincount(first * n_second + second, minlength=n_first * n_second)
    counts = counts[counts > 0]
    return float((counts * np.log(counts)).sum() / len(first))


def _between(centred: np.ndarray, clusters: np.ndarray, sizes: np.ndarray) -> float:
    sums = np.bincount(clusters, weights=centred)
    return float((sums**2 / sizes).sum())
