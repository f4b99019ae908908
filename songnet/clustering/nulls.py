"""Data without clusters: what a sweep is compared with before anybody believes it.

Two null models, because each alone can be fooled. ``gaussian`` has the data's covariance and nothing else: one cloud,
stretched as the data are. But skewed or heavy-tailed columns look clustered beside it. ``shuffled`` keeps every column
as it is and takes away what columns have to do with each other. Structure must beat both. What beats only the first is
explained by single columns: skew, outliers, or groups along one of them. A single cloud that is skewed *and*
correlated can beat both: no test against two nulls excludes every shape that is not clusters.

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
# Share of the draws that a number of clusters must have been fitted for.
FITTED = 0.9


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
        centred = linear - linear.mean(axis=0)
        self._axes: np.ndarray | None = None
        if len(space.widths) > 1:
            _, singular, axes = np.linalg.svd(centred, full_matrices=False)
        else:
            singular = np.linalg.svd(centred, compute_uv=False)
        # Orthonormal columns times these have exactly the sample covariance, up to a rotation that changes no distance.
        self._spread = singular[: max(1, int((singular > 1e-9 * singular[0]).sum()))]
        if len(space.widths) > 1:
            # Blocks are brought to length 1 one by one: only unrotated they are the data's own blocks.
            self._axes = axes[: len(self._spread)]

    def draw(self, model: str, seed: int) -> np.ndarray:
        """Points of one draw.

        Parameters
        ----------
        model : str
            ``"gaussian"``: normal data with exactly the covariance that the features have after standardising and
            whitening, then brought to unit length as they are. (A draw that merely came from that covariance would
            spread a little beyond the data's own principal axes, and weak structure would hide behind the
            difference.) ``"shuffled"``: every column in a random order of its own, then the whole way.
        seed : int
            Another seed, another draw.

        Returns
        -------
        numpy.ndarray [shape=(n, n_components), dtype=float32]
        """
        rng = np.random.default_rng([NULL_MODELS.index(model), seed])
        if model == "shuffled":
            return self.space.points(rng.permuted(self.features, axis=0))
        noise = rng.standard_normal((len(self.features), len(self._spread)))
        orthonormal, _ = np.linalg.qr(noise - noise.mean(axis=0))
        drawn = orthonormal * self._spread
        return self.space.finish(drawn if self._axes is None else drawn @ self._axes)


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
        Largest standardised mean silhouette over all numbers of clusters; mean and deviation are of data and draws.
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


def null_test(model: str, n_clusters: list[int], observed: np.ndarray, drawn: np.ndarray) -> NullTest | None:
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

    Returns
    -------
    NullTest or None
        None when there is no number of clusters that nearly all draws could be clustered with.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).normal(0.1, 0.01, (99, 2))
    >>> null_test("gaussian", [2, 3], np.array([0.1, 0.5]), drawn).p_value
    0.01
    """
    # A number of clusters that many draws could not be fitted for cannot be compared: they had no chance to reach the
    # data there. Of the others, a draw that is missing counts as an ordinary one.
    told = np.flatnonzero((np.isfinite(drawn).mean(axis=0) >= FITTED) & np.isfinite(observed))
    if not len(told):
        return None
    # Data and draws are standardised alike, all together: under the null they are exchangeable.
    together = np.vstack([observed[told], drawn[:, told]])
    together = np.where(np.isfinite(together), together, np.nanmean(together, axis=0))
    scores = (together - together.mean(axis=0)) / np.maximum(together.std(axis=0, ddof=1), 1e-9)
    largest = scores.max(axis=1)
    p_value = float((largest >= largest[0]).mean())
    return NullTest(model, len(drawn), float(largest[0]), n_clusters[told[scores[0].argmax()]], p_value)
