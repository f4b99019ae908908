"""Gaussian mixtures as clusterers: scikit-learn's, begun with k-means and guarded against collapse."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from songnet.clustering.blocks import ONE_THREAD_BLAS, SharedContext, as_rows, check_distinct
from songnet.clustering.kmeans import check_counts, sweep_kmeans
from songnet.errors import ParameterError

SAMPLE_ROWS = 50_000
SCORE_ROWS = 8192
# Added to variances, in mean variances of a column: far below what data have, far above rounding.
REGULARISATION = 1e-6
# A variance within this factor of what is added to it is no variance any more.
COLLAPSED = 3.0


@contextmanager
def _ignored() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


# Filters of warnings belong to the process; `converged_` tells the same.
_QUIET = SharedContext(_ignored)


class _Mixture(ClusterMixin, BaseEstimator):  # type: ignore[misc]
    """A Gaussian mixture (Dempster, Laird & Rubin 1977), begun with the k-means partition.

    Data of more than 50,000 rows are fitted on a seeded sample of so many; all rows get their labels.

    Parameters
    ----------
    n_clusters : int
        Number of components.
    n_init : int
        Chains of greedy k-means++ of the k-means that it begins with.
    max_iter : int
        Passes at most.
    tol : float
        Converged when a pass gains no more than this in mean log-likelihood a row.
    seed : int
        0 or more.
    n_threads : int or None
        Threads at most of the k-means; the rest runs on one.

    Attributes
    ----------
    labels_ : numpy.ndarray [shape=(n,), dtype=int32]
        Likeliest component of each row, from 0.
    weights_, means_, covariances_ : numpy.ndarray
        As scikit-learn's, float64, in the units of the data.
    n_iter_ : int
        Passes.
    converged_ : bool
        Whether the likelihood came to rest.
    n_clusters_, n_features_in_ : int
        Components that are the likeliest of some row, and columns.
    """

    needs_n_clusters: ClassVar[bool] = True
    covariance_type: ClassVar[str]

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: int = 3,
        max_iter: int = 200,
        tol: float = 1e-3,
        seed: int = 0,
        n_threads: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed
        self.n_threads = n_threads

    def fit(self, X: np.ndarray, y: None = None) -> _Mixture:
        """Fit to rows [shape=(n, d), dtype=float32].

        Raises
        ------
        ParameterError
            If X is no finite table or has too few distinct rows, there are too few rows for the covariances, a
            component collapses onto too few rows, or a parameter is out of range.
        """
        X = as_rows(X)
        (k,) = check_counts([self.n_clusters])
        if not (self.max_iter >= 1 and self.tol >= 0):
            raise ParameterError(f"max_iter is {self.max_iter}, tol {self.tol}; they must be 1 and 0 or more")
        if self.seed < 0:
            raise ParameterError(f"seed is {self.seed}; it must be 0 or more")
        check_distinct(X, k)
        sample = X
        if len(X) > SAMPLE_ROWS:
            rows = np.random.default_rng(self.seed).choice(len(X), SAMPLE_ROWS, replace=False, shuffle=False)
            sample = X[np.sort(rows)]
        self._check_rows(len(sample), X.shape[1])
        (start,) = sweep_kmeans(sample, [k], n_init=self.n_init, seed=self.seed, n_threads=self.n_threads)
        # About their mean and in units of their spread, it does not matter where the data lie or how large they are.
        self._origin = sample.mean(axis=0, dtype=np.float64)
        self._scale = float(np.sqrt(np.mean(sample.var(axis=0, dtype=np.float64)))) or 1.0
        points = (sample - self._origin) / self._scale
        with ONE_THREAD_BLAS, threadpool_limits(limits=1, user_api="openmp"), _QUIET:
            weights, means, precisions = self._begin(points, start.labels)
            self._mixture = GaussianMixture(
                k,
                covariance_type=self.covariance_type,
                reg_covar=REGULARISATION,
                tol=self.tol,
                max_iter=self.max_iter,
                random_state=self.seed,
                weights_init=weights,
                means_init=means,
                precisions_init=precisions,
            )
            try:
                self._mixture.fit(points)
            except ValueError as error:
                raise ParameterError(self._collapse("a covariance has collapsed")) from error
            self._check_collapse(points)
        self.weights_ = self._mixture.weights_
        self.means_ = self._mixture.means_ * self._scale + self._origin
        self.covariances_ = self._mixture.covariances_ * self._scale**2
        self.n_iter_, self.converged_ = int(self._mixture.n_iter_), bool(self._mixture.converged_)
        self.n_features_in_ = X.shape[1]
        self.labels_ = self.predict(X)
        self.n_clusters_ = len(np.unique(self.labels_))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Likeliest component of each row [shape=(n,), dtype=int32].

        Raises
        ------
        ParameterError
            If X is no finite table with the columns that were fitted.
        """
        with ONE_THREAD_BLAS:
            return np.concatenate([self._mixture.predict(part) for part in self._parts(X)]).astype(np.int32)

    def bic(self, X: np.ndarray) -> float:
        """Bayesian information criterion on some rows: parameters x log(rows) - 2 log-likelihood; lower is better."""
        with ONE_THREAD_BLAS:
            parts = [self._mixture.score_samples(part) for part in self._parts(X)]
        n, d = len(X), self.n_features_in_
        likelihood = float(np.concatenate(parts).sum())
        # Densities are of the scaled rows: in the units of the data each column divides them by the scale.
        likelihood -= n * d * float(np.log(self._scale))
        return float(self.n_parameters(self.n_clusters, d) * np.log(n) - 2 * likelihood)

    @classmethod
    def n_parameters(cls, n_clusters: int, n_columns: int) -> int:
        """Free parameters of means, covariances and weights."""
        square = n_columns * (n_columns + 1) // 2
        covariances = {"diag": n_clusters * n_columns, "tied": square, "full": n_clusters * square}[cls.covariance_type]
        return n_clusters * n_columns + covariances + n_clusters - 1

    def _parts(self, X: np.ndarray) -> Iterator[np.ndarray]:
        check_is_fitted(self, "means_")
        X = as_rows(X)
        if X.shape[1] != self.n_features_in_:
            raise ParameterError(f"X has {X.shape[1]} columns, the mixture was fitted to {self.n_features_in_}")
        for start in range(0, len(X), SCORE_ROWS):
            yield (X[start : start + SCORE_ROWS] - self._origin) / self._scale

    def _check_rows(self, n_rows: int, n_columns: int) -> None:
        # What the covariances need not to be singular; a mean and a variance need two rows.
        k = self.n_clusters
        needed = {"diag": 2 * k, "tied": max(2 * k, k + n_columns), "full": k * (n_columns + 1)}[self.covariance_type]
        if n_rows < needed:
            raise ParameterError(
                f"a {self.covariance_type} mixture of {k} components in {n_columns} columns needs {needed} rows or more"
                f" and has {n_rows}: {self._advice()}"
            )

    def _advice(self) -> str:
        simpler = {"full": "gmm-tied or gmm-diag", "tied": "gmm-diag or kmeans", "diag": "kmeans"}[self.covariance_type]
        return f"use fewer clusters, fewer columns, or {simpler}"

    def _collapse(self, what: str) -> str:
        return f"{what} in a {self.covariance_type} mixture of {self.n_clusters} components: {self._advice()}"

    def _begin(self, points: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights, means and precisions of a partition."""
        k, d = self.n_clusters, points.shape[1]
        counts = np.bincount(labels, minlength=k).astype(np.float64)
        means = np.stack([points[labels == j].mean(axis=0) for j in range(k)])
        residuals = points - means[labels]
        if self.covariance_type == "diag":
            pooled = np.square(residuals).mean(axis=0)
            own = np.stack([np.square(residuals[labels == j]).sum(axis=0) for j in range(k)])
            return counts / len(points), means, 1 / ((own + pooled) / (counts + 1)[:, None] + REGULARISATION)
        ridge = REGULARISATION * np.eye(d)
        shared = residuals.T @ residuals / len(points)
        if self.covariance_type == "tied":
            return counts / len(points), means, np.linalg.inv(shared + ridge)
        # A cluster of fewer rows than columns has no covariance of its own: it begins with what all share.
        each = [
            (residuals[labels == j].T @ residuals[labels == j] + d * shared) / (counts[j] + d) + ridge for j in range(k)
        ]
        return counts / len(points), means, np.linalg.inv(np.stack(each))

    def _check_collapse(self, points: np.ndarray) -> None:
        floor = COLLAPSED * REGULARISATION
        held = self._mixture.weights_ * len(points)
        fewest = points.shape[1] + 1 if self.covariance_type == "full" else 2
        if held.min() < fewest and self.n_clusters > 1:
            raise ParameterError(
                self._collapse(f"a component holds {np.floor(100 * held.min()) / 100:.2f} rows, fewer than {fewest},")
            )
        covariances = self._mixture.covariances_
        if self.covariance_type == "diag":
            # A column that hardly varies at all is nobody's collapse.
            varying = points.var(axis=0) > 100 * REGULARISATION
            smallest = float(covariances[:, varying].min(initial=np.inf))
        else:
            variances, axes = np.linalg.eigh(np.cov(points, rowvar=False).reshape(points.shape[1], -1))
            varying = variances > 100 * REGULARISATION
            inside = axes[:, varying].T @ np.atleast_3d(covariances).reshape(-1, *axes.shape) @ axes[:, varying]
            smallest = float(np.linalg.eigvalsh(inside).min(initial=np.inf))
        if smallest < floor:
            raise ParameterError(self._collapse("a component's variance has shrunk to nothing in one direction"))


class DiagonalMixture(_Mixture):
    """Mixture in which every component has a variance of its own for each column."""

    covariance_type = "diag"


class TiedMixture(_Mixture):
    """Mixture in which all components share one covariance."""

    covariance_type = "tied"


class FullMixture(_Mixture):
    """Mixture in which every component has a covariance of its own."""

    covariance_type = "full"
