"""The gap statistic, and where its rise breaks off.

The gap at k is how much smaller the logarithm of the inertia is than in data without clusters. It rises as long as
another cluster explains more than it would in noise. In data with clusters inside clusters (artists inside styles) it
never stops rising: Tibshirani's rule then ends among the smallest clusters. What marks a level of such a hierarchy is
that the rise *breaks off* there.

References
----------
R. Tibshirani, G. Walther, T. Hastie, "Estimating the number of clusters in a data set via the gap statistic", JRSS B
63, 2001. M. Yan, K. Ye, "Determining the number of clusters using the weighted gap statistic", Biometrics 63, 2007
(the difference of differences of the gap, for clusters inside clusters).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Steps on either side over which the rise is measured: one alone is mostly the luck of single fits.
STEPS = 2


def log_inertia(points: np.ndarray) -> float:
    """Logarithm of the inertia of all the points around one centre, for k = 1."""
    centred = points - points.mean(axis=0, dtype=np.float64)
    return float(np.log(max(float((centred**2).sum()), 1e-300)))


def gap_statistic(observed: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gap and its simulation error.

    Parameters
    ----------
    observed : numpy.ndarray [shape=(n_k,)]
        Logarithms of the inertia of the data, one a number of clusters.
    drawn : numpy.ndarray [shape=(draws, n_k)]
        The same of data without clusters; NaN where a draw could not be clustered.

    Returns
    -------
    tuple of numpy.ndarray [shape=(n_k,)]
        Gap(k), the mean of the draws less the observed value; s(k), the deviation of the draws times
        sqrt(1 + 1 / draws).
    """
    return np.nanmean(drawn, axis=0) - observed, np.nanstd(drawn, axis=0) * np.sqrt(1 + 1 / len(drawn))


def bend(n_clusters: Sequence[int], values: np.ndarray) -> np.ndarray:
    """How much less steeply values rise after each k than before it.

    Parameters
    ----------
    n_clusters : sequence of int [length n_k]
        Ascending.
    values : numpy.ndarray [shape=(..., n_k)]
        One curve or many.

    Returns
    -------
    numpy.ndarray [shape=(..., n_k)]
        Mean slope over `STEPS` numbers of clusters before k (fewer where there are not as many) less the slope over as
        many after it; NaN at both ends.

    Examples
    --------
    >>> bend([1, 2, 3, 4, 5], np.array([0.0, 1.0, 2.0, 2.0, 2.0])).tolist()
    [nan, 0.5, 1.0, 0.5, nan]
    """
    k = np.asarray(n_clusters, dtype=float)
    bends = np.full(values.shape, np.nan)
    for i in range(1, len(k) - 1):
        before, after = max(0, i - STEPS), min(len(k) - 1, i + STEPS)
        rise = (values[..., i] - values[..., before]) / (k[i] - k[before])
        bends[..., i] = rise - (values[..., after] - values[..., i]) / (k[after] - k[i])
    return bends


def gap_breaks(n_clusters: Sequence[int], observed: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, float]:
    """How sharply the gap's rise breaks off at each k, and how sharply it does somewhere in noise.

    Parameters
    ----------
    n_clusters : sequence of int [length n_k]
        Ascending from 1, with the neighbours of every k of interest.
    observed : numpy.ndarray [shape=(n_k,)]
        Logarithms of the inertia of the data.
    drawn : numpy.ndarray [shape=(draws, n_k)]
        The same of data without clusters.

    Returns
    -------
    breaks : numpy.ndarray [shape=(n_k,)]
        `bend` of the gap, divided by the deviation of the draws' own bends. NaN at both ends.
    threshold : float
        What the sharpest break of 95 of 100 draws stays below.
    """
    breaks = np.full(len(n_clusters), np.nan)
    if len(n_clusters) < 3:
        return breaks, 0.0
    gap, _ = gap_statistic(observed, drawn)
    inner = slice(1, len(n_clusters) - 1)
    # The gap of a draw is the mean of all less its own logarithm.
    of_draws = bend(n_clusters, np.nanmean(drawn, axis=0) - drawn)[:, inner]
    deviation = np.maximum(np.nanstd(of_draws, axis=0, ddof=1), 1e-9)
    breaks[inner] = bend(n_clusters, gap)[inner] / deviation
    sharpest = np.where(np.isfinite(of_draws), of_draws / deviation, -np.inf).max(axis=1)
    return breaks, float(np.quantile(sharpest, 0.95))
