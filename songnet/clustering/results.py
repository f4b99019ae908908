"""What a sweep over numbers of clusters gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class StabilityScore:
    """Adjusted Rand index between repetitions: mean, its standard error, and how many repetitions."""

    mean: float
    se: float
    n: int


@dataclass(frozen=True)
class SweepRow:
    """One number of clusters.

    Parameters
    ----------
    n_clusters : int
        Clusters asked for (found, where the method finds the number itself).
    inertia : float
        Sum of squared distances to the cluster centres.
    distortion : float
        Mean distance to the cluster centre.
    silhouette, silhouette_low, silhouette_high : float or None
        Mean silhouette (-1 to 1) and its 95% interval; None with fewer than two clusters.
    silhouette_squared : float or None
        Mean silhouette of squared distances, exact over all tracks however many; of points of length 1 it is the
        silhouette of cosine distances.
    null_observed : float or None
        The data's mean silhouette as the null models' is taken: on the same number of tracks, with as many starts.
    null_mean, null_low, null_high : float or None
        Mean silhouette of the Gaussian null at this k, and what 95 of 100 of its draws stay above and below.
    gap, gap_s : float or None
        Gap statistic against the Gaussian null, and its simulation error s(k).
    gap_break : float or None
        How sharply the gap's rise breaks off at this k, in deviations of the Gaussian null (`songnet.clustering.gap`).
    bic : float or None
        Bayesian information criterion (lower is better), for methods that have one.
    stability : dict
        ``"halves"``, ``"seeds"``, ``"artists"`` to `StabilityScore`; what could not be measured is left out.
    sizes : tuple of int
        Tracks in each cluster, the largest first, without noise.
    noise : int
        Tracks in no cluster.
    converged : bool
        The fit ended by itself rather than by its limit of iterations.
    """

    n_clusters: int
    inertia: float
    distortion: float
    silhouette: float | None
    silhouette_low: float | None
    silhouette_high: float | None
    silhouette_squared: float | None
    bic: float | None
    sizes: tuple[int, ...]
    noise: int
    converged: bool
    null_observed: float | None = None
    null_mean: float | None = None
    null_low: float | None = None
    null_high: float | None = None
    gap: float | None = None
    gap_s: float | None = None
    gap_break: float | None = None
    stability: Mapping[str, StabilityScore] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Parameters
    ----------
    structured : bool or None
        More clustered than both null models. None: not tested.
    explained_by : str or None
        ``"noise"``: Gaussian data reach as much. ``"columns"``: they do not, but shuffled columns do: skewed values, or
        groups along single columns. ``"clusters"``: neither does. None: not tested.
    p_value : float or None
        The larger one of the null models' p-values.
    n_clusters : int or None
        Recommended number of clusters.
    reason : str
        Why that number.
    votes : dict
        Criterion to the number it prefers; None where it has no preference or was not measured.
    """

    structured: bool | None
    explained_by: str | None
    p_value: float | None
    n_clusters: int | None
    reason: str
    votes: Mapping[str, int | None]


@dataclass(frozen=True)
class SilhouettePlotData:
    """Silhouettes of single tracks at one k: values, their tracks (row numbers) and 0-based labels."""

    values: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
