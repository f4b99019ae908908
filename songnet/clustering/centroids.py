"""K-means as scikit-learn estimators: all rows at once, and in small batches."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn import cluster
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from songnet.clustering.blocks import ONE_THREAD_BLAS, as_rows, check_distinct, find_frame
from songnet.clustering.estimators import kmeans_bic
from songnet.clustering.kmeans import assign, check_counts, sweep_kmeans
from songnet.errors import ParameterError

BATCH_ROWS = 4096


class _Centroids(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """What the two have in common: clusters are nearest centres.

    Attributes
    ----------
    labels_ : numpy.ndarray [shape=(n,), dtype=int32]
        Cluster of each row, from 0.
    cluster_centers_ : numpy.ndarray [shape=(k, d), dtype=float32]
        Centres.
    inertia_, distortion_ : float
        Sum of squared distances from the centres, and mean distance.
    n_iter_ : int
        Passes over the rows.
    converged_ : bool
        Whether the centres came to rest.
    n_clusters_, n_features_in_ : int
        Clusters that have rows, and columns.
    """

    needs_n_clusters: ClassVar[bool] = True
    n_threads: int | None

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Nearest centre of each row [shape=(n,), dtype=int32].

        Raises
        ------
        ParameterError
            If X is no finite table with the columns that were fitted.
        """
        check_is_fitted(self, "cluster_centers_")
        return assign(X, self.cluster_centers_, self.n_threads)[0]

    def bic(self, X: np.ndarray) -> float | None:
        """Bayesian information criterion on some rows (`songnet.clustering.estimators.kmeans_bic`); lower is better."""
        check_is_fitted(self, "cluster_centers_")
        labels, squared = assign(X, self.cluster_centers_, self.n_threads)
        return kmeans_bic(float(squared.sum(dtype=np.float64)), np.bincount(labels), self.n_features_in_)


class KMeans(_Centroids):
    """K-means (`songnet.clustering.kmeans.sweep_kmeans` for one k).

    Parameters
    ----------
    n_clusters : int
        Number of clusters.
    n_init : int
        Chains of greedy k-means++.
    max_iter : int
        Passes at most.
    tol : float
        Tolerance on the centres' movement, in mean variances of a column.
    seed : int
        0 or more.
    n_threads : int or None
        Threads at most; None for one a core.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: int = 3,
        max_iter: int = 100,
        tol: float = 1e-4,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed
        self.n_threads = n_threads

    def fit(self, X: np.ndarray, y: None = None) -> KMeans:
        """Find clusters in rows [shape=(n, d), dtype=float32].

        Raises
        ------
        ParameterError
            As `songnet.clustering.kmeans.sweep_kmeans`.
        """
        X = as_rows(X)
        (found,) = sweep_kmeans(
            X,
            [self.n_clusters],
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            seed=self.seed,
            n_threads=self.n_threads,
        )
        self.labels_, self.cluster_centers_ = found.labels, found.centers
        self.inertia_, self.distortion_ = found.inertia, found.distortion
        self.n_iter_, self.converged_ = found.n_iter, found.converged
        self.n_clusters_, self.n_features_in_ = len(np.unique(found.labels)), X.shape[1]
        return self


class MiniBatchKMeans(_Centroids):
    """K-means that moves its centres after every batch of 4,096 rows (Sculley 2010; scikit-learn's).

    Parameters
    ----------
    n_clusters : int
        Number of clusters.
    n_init : int
        Starts, of which the best on a sample goes on.
    max_iter : int
        Passes over the rows at most.
    seed : int
        0 or more.
    n_threads : int or None
        Threads at most for the last assignment; the batches run on one.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: int = 3,
        max_iter: int = 100,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.seed = seed
        self.n_threads = n_threads

    def fit(self, X: np.ndarray, y: None = None) -> MiniBatchKMeans:
        """Find clusters in rows [shape=(n, d), dtype=float32].

        Raises
        ------
        ParameterError
            As `songnet.clustering.kmeans.sweep_kmeans`.
        """
        X = as_rows(X)
        check_distinct(X, *check_counts([self.n_clusters]))
        for name, value in (("n_init", self.n_init), ("max_iter", self.max_iter)):
            if value < 1:
                raise ParameterError(f"{name} is {value}; it must be 1 or more")
        if self.seed < 0:
            raise ParameterError(f"seed is {self.seed}; it must be 0 or more")
        frame = find_frame(X)
        batches = cluster.MiniBatchKMeans(
            self.n_clusters,
            batch_size=BATCH_ROWS,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=self.seed,
            compute_labels=False,
        )
        # OpenMP's limit is the thread's, BLAS's the process's. The sums that decide when to stop depend on both.
        with ONE_THREAD_BLAS, threadpool_limits(limits=1, user_api="openmp"):
            batches.fit(np.ascontiguousarray(frame.extended(X)[:, :-1]))
        self.cluster_centers_ = frame.restore(batches.cluster_centers_)
        self.labels_, squared = assign(X, self.cluster_centers_, self.n_threads)
        self.inertia_ = float(squared.sum(dtype=np.float64))
        self.distortion_ = float(np.sqrt(squared).mean(dtype=np.float64))
        self.n_iter_, self.converged_ = batches.n_iter_, batches.n_iter_ < self.max_iter
        self.n_clusters_, self.n_features_in_ = len(np.unique(self.labels_)), X.shape[1]
        return self
