"""Data without clusters: what a sweep is compared with before anybody believes it.

Two null models, because each alone can be fooled. ``gaussian`` has the data's covariance and nothing else: one cloud,
stretched as the data are. But skewed or heavy-tailed columns look clustered beside it. ``shuffled`` keeps every column
as it is and takes away what columns have to do with each other. Structure must beat both.

References
----------
Sigclust: Y. Liu, D. N. Hayes, A. Nobel, J. S. Marron, "Statistical significance of clustering for high-dimension,
low-sample size data", JASA 103, 2008 (Gaussian null). R. Tibshirani, G. Walther, T. Hastie, "Estimating the number of
clusters in a data set via the gap statistic", JRSS B 63, 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.clustering.space import Space

NULL_MODELS = ("gaussian", "shuffled")
# A p-value above this is "no more clustered than noise".
ALPHA = 0.01


class NullSource:
    """Draws of data without clusters, like given features.

    Parameters
    ----------
    space : Space
        The way from features to points; every draw goes the same way.
    features : numpy.ndarray [shape=(n, d)]
        n at least 3.
    """

    def __init__(self, space: Space, features: np.ndarray) -> None:
        self.space = space
        self.features = features
        linear = space.linear(features)
        self._mean = linear.mean(axis=0)
        _, singular, axes = np.linalg.svd(linear - self._mean, full_matrices=False)
        rank = max(1, int((singular > 1e-9 * singular[0]).sum()))
        # Multiplying orthonormal columns by this gives data of exactly the sample covariance.
        self._factor = singular[:rank, None] * axes[:rank]

    def draw(self, model: str, seed: int) -> np.ndarray:
        """Points of one draw.

        Parameters
        ----------
        model : str
            ``"gaussian"``: normal directions with exactly the features' covariance. A draw that merely came from that
            covariance would spread a little beyond the data's own principal axes, and weak structure would hide
            behind the difference. ``"shuffled"``: every column in a random order of its own.
        seed : int
            Another seed, another draw.

        Returns
        -------
        numpy.ndarray [shape=(n, n_components), dtype=float32]
        """
        rng = np.random.default_rng([NULL_MODELS.index(model), seed])
        if model == "shuffled":
            return self.space.points(rng.permuted(self.features, axis=0))
        n, rank = len(self.features), len(self._factor)
        noise = rng.standard_normal((n, rank))
        orthonormal, _ = np.linalg.qr(noise - noise.mean(axis=0))
        return self.space.finish(orthonormal @ self._factor + self._mean)


@dataclass(frozen=True)
class NullTest:
    """Whether the data are more clustered than draws of a null model.

    Parameters
    ----------
    model : str
        Which null model.
    draws : int
        How many.
    statistic : float
        Largest standardised mean silhouette over all numbers of clusters: (data - mean of draws) / deviation of draws.
    at : int
        Number of clusters at which it was reached.
    p_value : float
        Share of draws, the data counted among them, whose own largest value is at least as large. Because the largest
        over all k is compared with the largest over all k, trying many k costs nothing.
    """

    model: str
    draws: int
    statistic: float
    at: int
    p_value: float


def null_test(model: str, n_clusters: list[int], observed: np.ndarray, drawn: np.ndarray) -> NullTest:
    """Compare silhouettes with those of draws.

    Parameters
    ----------
    model : str
        Name of the null model.
    n_clusters : list of int [length n_k]
        Numbers of clusters.
    observed : numpy.ndarray [shape=(n_k,)]
        Mean silhouettes of the data.
    drawn : numpy.ndarray [shape=(draws, n_k)]
        Mean silhouettes of the draws; NaN where a draw could not be clustered.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).normal(0.1, 0.01, (99, 2))
    >>> null_test("gaussian", [2, 3], np.array([0.1, 0.5]), drawn).p_value
    0.01
    """
    # A number of clusters that too few draws could be fitted for says nothing.
    told = (np.isfinite(drawn).sum(axis=0) >= 2) & np.isfinite(observed)
    if not told.any():
        return NullTest(model, len(drawn), 0.0, n_clusters[0], 1.0)
    mean = np.nanmean(drawn[:, told], axis=0)
    deviation = np.maximum(np.nanstd(drawn[:, told], axis=0, ddof=1), 1e-9)
    scores = np.full(len(observed), -np.inf)
    scores[told] = (observed[told] - mean) / deviation
    largest = np.nan_to_num((drawn[:, told] - mean) / deviation, nan=-np.inf).max(axis=1)
    best = int(scores.argmax())
    p_value = (1 + int((largest >= scores[best]).sum())) / (1 + len(drawn))
    return NullTest(model, len(drawn), float(scores[best]), n_clusters[best], p_value)
