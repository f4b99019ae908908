"""Clusterers by name, and fits of one of them for several numbers of clusters.

Every clusterer keeps scikit-learn's conventions: ``fit`` sets ``labels_`` (int32, from 0, noise -1), ``n_clusters_``
(clusters that have rows) and ``converged_``; ``predict`` takes new rows; ``needs_n_clusters`` tells whether a number
of clusters is asked for. All take ``seed`` instead of ``random_state`` and repeat to the last byte.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from songnet.clustering.blocks import as_rows
from songnet.clustering.kmeans import KMeansFit, assign, check_counts, sweep_kmeans
from songnet.errors import ParameterError
from songnet.partition import NOISE
from songnet.progress import Progress, silent
from songnet.registry import Registry

CLUSTERERS = Registry(
    "clustering method",
    {
        "kmeans": "songnet.clustering.centroids:KMeans",
        "minibatch-kmeans": "songnet.clustering.centroids:MiniBatchKMeans",
        "gmm-diag": "songnet.clustering.mixture:DiagonalMixture",
        "gmm-tied": "songnet.clustering.mixture:TiedMixture",
        "gmm-full": "songnet.clustering.mixture:FullMixture",
        "hdbscan": "songnet.clustering.density:HDBSCAN",
    },
)


@dataclass(frozen=True, eq=False)
class Fit:
    """One partition found by a clusterer.

    Parameters
    ----------
    n_clusters : int
        Number of clusters that was asked for; of a method that finds it itself, the number found.
    labels : numpy.ndarray [shape=(n,), dtype=int32]
        Cluster of each row, from 0; -1 is noise.
    predict : callable or None
        Labels of other rows.
    inertia : float
        Sum of squared distances from the centres; of methods without centres, from the clusters' means. Without noise.
    distortion : float
        Mean distance from them.
    bic : float or None
        Bayesian information criterion, lower is better; None for a method without a likelihood.
    converged : bool
        Whether the method came to rest.
    """

    n_clusters: int
    labels: np.ndarray
    predict: Callable[[np.ndarray], np.ndarray] | None
    inertia: float
    distortion: float
    bic: float | None
    converged: bool


def fit_path(
    method: str,
    X: np.ndarray,
    n_clusters: Sequence[int],
    *,
    n_init: int,
    seed: int,
    n_threads: int | None = None,
    on_fit: Callable[[Fit], None] | None = None,
    on_skip: Callable[[int, str], None] | None = None,
    progress: Progress = silent,
) -> list[Fit]:
    """Fits of one method for several numbers of clusters.

    K-means is fitted for all of them together (`songnet.clustering.kmeans.sweep_kmeans`), other methods one by one.

    Parameters
    ----------
    method : str
        Name in `CLUSTERERS`.
    X : numpy.ndarray [shape=(n, d), dtype=float32]
        Rows.
    n_clusters : sequence of int
        Numbers of clusters; ignored by a method that finds the number itself, which gives one fit.
    n_init : int
        Starts of k-means, which mixtures begin with too.
    seed : int
        0 or more.
    n_threads : int or None
        Threads at most; None for one a core. The result does not depend on it.
    on_fit : callable or None
        Called with each fit as soon as it is there.
    on_skip : callable or None
        Called with a number of clusters that a mixture cannot be fitted for (too few rows, a component that collapses)
        and why; the number is left out. Without it that is an error.
    progress : Progress
        Told how many fits are finished.

    Returns
    -------
    list of Fit
        In the order of ``n_clusters``, without those that were skipped.

    Raises
    ------
    ParameterError
        If the method is unknown, X is no finite table, has too few rows for a number of clusters, or a parameter is out
        of range.
    """
    tell = on_fit or (lambda fit: None)
    clusterer = CLUSTERERS[method]
    X = as_rows(X)
    if method == "kmeans":
        finished: dict[int, Fit] = {}

        def keep(found: KMeansFit) -> None:
            finished[found.n_clusters] = _of_kmeans(found, X.shape[1], n_threads)
            tell(finished[found.n_clusters])

        sweep_kmeans(X, n_clusters, n_init=n_init, seed=seed, n_threads=n_threads, on_fit=keep, progress=progress)
        return [finished[int(k)] for k in n_clusters]
    if not clusterer.needs_n_clusters:
        progress(method, 0, 1, "")
        found = clusterer(seed=seed).fit(X)
        fits = [_of_estimator(found, X, found.n_clusters_)]
        tell(fits[0])
        progress(method, 1, 1, "")
        return fits
    fits_by_k: dict[int, Fit] = {}
    wanted = check_counts(n_clusters)
    for i, k in enumerate(wanted):
        progress(method, i, len(wanted), f"k = {k}")
        try:
            fitted = clusterer(k, n_init=n_init, seed=seed, n_threads=n_threads).fit(X)
        except ParameterError as error:
            if on_skip is None:
                raise
            on_skip(k, str(error))
            continue
        fits_by_k[k] = _of_estimator(fitted, X, k)
        tell(fits_by_k[k])
    progress(method, len(wanted), len(wanted), "")
    return [fits_by_k[int(k)] for k in n_clusters if int(k) in fits_by_k]


def kmeans_bic(inertia: float, sizes: np.ndarray, n_columns: int) -> float | None:
    """Bayesian information criterion of a k-means partition as a mixture of spherical Gaussians of one variance.

    With n rows in k clusters of sizes n_j and d columns (X-means, Pelleg & Moore 2000, rows belonging wholly to their
    clusters)::

        variance = inertia / (d (n - k))
        log-likelihood = sum_j n_j log(n_j / n) - n d / 2 log(2 pi variance) - d (n - k) / 2
        BIC = (k - 1 + k d + 1) log(n) - 2 log-likelihood

    Parameters
    ----------
    inertia : float
        Sum of squared distances from the centres.
    sizes : numpy.ndarray [shape=(k,)]
        Rows in each cluster.
    n_columns : int
        Columns d.

    Returns
    -------
    float or None
        Lower is better, scikit-learn's sign; None where the variance is 0 or nothing is left to estimate it from.
    """
    sizes = sizes[sizes > 0].astype(np.float64)
    n, k, d = float(sizes.sum()), len(sizes), n_columns
    if n <= k or inertia <= 0:
        return None
    variance = inertia / (d * (n - k))
    likelihood = (sizes * np.log(sizes / n)).sum() - n * d / 2 * np.log(2 * np.pi * variance) - d * (n - k) / 2
    return float((k + k * d) * np.log(n) - 2 * likelihood)


def spread_of_clusters(X: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Sum of squared distances and mean distance of rows from the means of their clusters, without noise."""
    inertia, distance, n = 0.0, 0.0, 0
    for label in np.unique(labels[labels != NOISE]):
        members = X[labels == label]
        squared = np.square(members - members.mean(axis=0, dtype=np.float64)).sum(axis=1)
        inertia += float(squared.sum())
        distance += float(np.sqrt(squared).sum())
        n += len(members)
    return inertia, distance / max(n, 1)


def _of_kmeans(found: KMeansFit, n_columns: int, n_threads: int | None) -> Fit:
    return Fit(
        n_clusters=found.n_clusters,
        labels=found.labels,
        predict=partial(_nearest, found.centers, n_threads),
        inertia=found.inertia,
        distortion=found.distortion,
        bic=kmeans_bic(found.inertia, np.bincount(found.labels), n_columns),
        converged=found.converged,
    )


def _nearest(centers: np.ndarray, n_threads: int | None, X: np.ndarray) -> np.ndarray:
    return assign(X, centers, n_threads)[0]


def _of_estimator(found: Any, X: np.ndarray, n_clusters: int) -> Fit:
    inertia, distortion = spread_of_clusters(X, found.labels_)
    bic = getattr(found, "bic", None)
    return Fit(
        n_clusters=n_clusters,
        labels=found.labels_,
        predict=found.predict,
        inertia=inertia,
        distortion=distortion,
        bic=None if bic is None else bic(X),
        converged=found.converged_,
    )
