"""Clusters as dense regions: HDBSCAN, which finds their number itself and leaves rows out as noise."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn import cluster
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from songnet.clustering.blocks import ONE_THREAD_BLAS, as_rows, find_frame
from songnet.errors import ParameterError
from songnet.partition import NOISE

SAMPLE_ROWS = 20_000
MIN_SAMPLES = 5


class HDBSCAN(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """Hierarchical density-based clustering (Campello, Moulavi & Sander 2013; scikit-learn's).

    Parameters
    ----------
    min_cluster_size : int or None
        Rows of the smallest group that counts as a cluster, 2 or more. None for a hundredth of the rows, and 5 at
        least: smaller groups of a large collection are seldom worth a name, and below 5 chance makes clusters.
    min_samples : int
        Neighbours, the row itself included, within which a region must be dense. It stays small when
        ``min_cluster_size`` grows: as large as that, thin clusters would all be noise.
    seed : int
        Of the sample, 0 or more.

    Attributes
    ----------
    labels_ : numpy.ndarray [shape=(n,), dtype=int32]
        Cluster of each row, from 0; -1 is noise.
    n_clusters_, n_features_in_ : int
        Clusters found, maybe 0, and columns.
    converged_ : bool
        True: nothing is iterated.

    Notes
    -----
    Time grows nearly with the square of the rows: data of more than 20,000 rows are fitted on a seeded sample of so
    many, and the others get their labels as `predict` gives them.
    """

    needs_n_clusters: ClassVar[bool] = False

    def __init__(self, *, min_cluster_size: int | None = None, min_samples: int = MIN_SAMPLES, seed: int = 0) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.seed = seed

    def fit(self, X: np.ndarray, y: None = None) -> HDBSCAN:
        """Find clusters in rows [shape=(n, d), dtype=float32].

        Raises
        ------
        ParameterError
            If X is no finite table, has fewer rows than a cluster needs, or a parameter is out of range.
        """
        X = as_rows(X)
        fitted = np.arange(len(X))
        if self.seed < 0:
            raise ParameterError(f"seed is {self.seed}; it must be 0 or more")
        if len(X) > SAMPLE_ROWS:
            fitted = np.sort(np.random.default_rng(self.seed).choice(len(X), SAMPLE_ROWS, replace=False, shuffle=False))
        size = self.min_cluster_size
        if size is None:
            size = max(5, round(len(fitted) / 100))
        if size < 2 or self.min_samples < 1:
            raise ParameterError(
                f"min_cluster_size is {size}, min_samples {self.min_samples}; they must be 2 and 1 or more"
            )
        if len(fitted) < max(size, self.min_samples):
            raise ParameterError(
                f"{max(size, self.min_samples)} rows make a cluster of HDBSCAN, X has {len(fitted)}: lower "
                "min_cluster_size or min_samples, or use kmeans"
            )
        self._frame = find_frame(X)
        points = self._points(X[fitted])
        method = cluster.HDBSCAN(min_cluster_size=size, min_samples=self.min_samples, n_jobs=1, copy=True)
        with ONE_THREAD_BLAS, threadpool_limits(limits=1, user_api="openmp"):
            labels = method.fit(points).labels_.astype(np.int32)
            self._neighbours = NearestNeighbors(n_neighbors=self.min_samples, n_jobs=1).fit(points)
            core = self._neighbours.kneighbors(points)[0][:, -1]
        self._fitted_labels = labels
        self.n_clusters_ = int(labels.max(initial=NOISE)) + 1
        self._reach = np.array([core[labels == label].max() for label in range(self.n_clusters_)])
        self.n_features_in_, self.converged_ = X.shape[1], True
        self.labels_ = labels if len(fitted) == len(X) else self.predict(X)
        self.labels_[fitted] = labels
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Labels of new rows, by the nearest fitted row.

        A row has the label of the nearest row that was fitted; it is noise if that row is, or if it lies farther from
        it than any row of the cluster lies from its own ``min_samples`` neighbours. This is not what fitting all rows
        together would give: new rows found no new clusters.

        Returns
        -------
        numpy.ndarray [shape=(n,), dtype=int32]

        Raises
        ------
        ParameterError
            If X is no finite table with the columns that were fitted.
        """
        check_is_fitted(self, "n_features_in_")
        X = as_rows(X)
        if X.shape[1] != self.n_features_in_:
            raise ParameterError(f"X has {X.shape[1]} columns, HDBSCAN was fitted to {self.n_features_in_}")
        with ONE_THREAD_BLAS, threadpool_limits(limits=1, user_api="openmp"):
            distances, rows = self._neighbours.kneighbors(self._points(X), n_neighbors=1)
        labels: np.ndarray = self._fitted_labels[rows[:, 0]].copy()
        inside = labels != NOISE
        inside[inside] = distances[inside, 0] <= self._reach[labels[inside]]
        labels[~inside] = NOISE
        return labels

    def _points(self, X: np.ndarray) -> np.ndarray:
        return self._frame.extended(X)[:, :-1].astype(np.float64)
