"""Does a latent space carry anything? Active units and divergence per dimension.

References
----------
Burda, Grosse, Salakhutdinov: "Importance weighted autoencoders", ICLR 2016, section 5.2: a latent unit u is active if
the variance over data of its posterior mean, Cov_x(E[u | x]), is above 0.01.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from songnet.errors import ParameterError

ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class LatentReport:
    """What a latent space carries.

    Attributes
    ----------
    active_units : int
        Dimensions whose posterior mean varies over the data by more than 0.01 (variance).
    variance_of_mean : array [shape=(latent_dim,)]
        That variance; the prior's is 1.
    kl_per_dim : array [shape=(latent_dim,)]
        Mean divergence from the prior over the data, in nats.
    kl : float
        Its sum: how many nats the code of one image carries at most, on average.
    collapsed : bool
        True if no unit is active: the code does not depend on the image.
    """

    active_units: int
    variance_of_mean: NDArray[np.float64]
    kl_per_dim: NDArray[np.float64]
    kl: float
    collapsed: bool


def latent_report(mean: ArrayLike, kl_per_dim: ArrayLike) -> LatentReport:
    """Summarise the posteriors of a set of images, such as the batches of a validation set stacked.

    Parameters
    ----------
    mean : array [shape=(n, latent_dim)]
        Posterior means, n at least 2.
    kl_per_dim : array [shape=(n, latent_dim)]
        Divergences in nats.

    Raises
    ------
    ParameterError
        If the shapes do not fit or a value is not finite.

    Examples
    --------
    >>> report = latent_report([[-1.0, 0.0], [1.0, 0.0]], [[0.5, 0.0], [0.5, 0.0]])
    >>> report.active_units, report.kl, report.collapsed
    (1, 0.5, False)
    """
    means = np.asarray(mean, dtype=np.float64)
    divergences = np.asarray(kl_per_dim, dtype=np.float64)
    if means.ndim != 2 or means.shape != divergences.shape or len(means) < 2:
        raise ParameterError(
            "mean and kl_per_dim must both be (n, latent_dim) with n of at least 2, "
            f"got {means.shape} and {divergences.shape}"
        )
    if not (np.isfinite(means).all() and np.isfinite(divergences).all()):
        raise ParameterError("mean and kl_per_dim must be finite")
    variance = means.var(axis=0, ddof=1)
    active = int((variance > ACTIVE_VARIANCE).sum())
    per_dimension = divergences.mean(axis=0)
    return LatentReport(
        active_units=active,
        variance_of_mean=variance,
        kl_per_dim=per_dimension,
        kl=float(per_dimension.sum()),
        collapsed=active == 0,
    )
