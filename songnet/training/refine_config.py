"""What a refinement is told: its settings, and where it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from songnet.errors import ParameterError


@dataclass(frozen=True)
class RefineConfig:
    """How a model is refined.

    Parameters
    ----------
    n_clusters : int
        Number of centres, 2 to 1,000.
    gamma : float
        Weight of the clustering loss, above 0 to 1,000; the model's own loss counts as 1 at the start.
    keep_own_loss : bool
        Keep the loss that the model was trained with (IDEC); False leaves the clustering loss alone (DEC).
    update_every : int or None
        Steps between two targets, 1 to 1,000,000; None for as many as show every clip once, 10 at least.
    max_updates : int
        Targets at most, 1 to 100,000.
    tol : float
        Refinement ends when fewer than this share of the assignments (or none) have changed in each of three updates
        in a row; 0 to 0.5.
    batch_size : int
        Clips a step, of a model that learns from pairs tracks, two clips of each; 2 to 4,096.
    learning_rate : float
        Adam's step size, 1e-7 to 1.
    """

    n_clusters: int
    gamma: float = 1.0
    keep_own_loss: bool = True
    update_every: int | None = None
    max_updates: int = 50
    tol: float = 0.005
    batch_size: int = 64
    learning_rate: float = 3e-4

    def __post_init__(self) -> None:
        limits = {
            "n_clusters": (2, 1_000),
            "gamma": (1e-6, 1_000),
            "update_every": (1, 1_000_000),
            "max_updates": (1, 100_000),
            "tol": (0, 0.5),
            "batch_size": (2, 4_096),
            "learning_rate": (1e-7, 1),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            # Not a number is not within any limits.
            if value is not None and not low <= value <= high:
                raise ParameterError(f"refine.{name} is {value!r}; it must be {low:,} to {high:,}")


@dataclass(frozen=True, eq=False)
class Start:
    """Where a refinement begins.

    Parameters
    ----------
    mean, projection : numpy.ndarray [shape=(d,)], [shape=(d, r)]
        Map from pooled codes to the space of the centres; it stays as it is.
    centers : numpy.ndarray [shape=(n_clusters, r)]
        From k-means in that space.
    evidence : dict
        What was found out about clusters in the codes as they are, in plain JSON values, to be stored with the model.
        ``"beats_chance"`` is true, false, or None where it was not tested.
    """

    mean: np.ndarray
    projection: np.ndarray
    centers: np.ndarray
    evidence: dict[str, Any]


# (pooled codes of all training clips [shape=(n, d)], row of each track's first clip [shape=(n_tracks,)]) to a start.
Begin = Callable[[np.ndarray, np.ndarray], Start]
