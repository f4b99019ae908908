"""Densities and divergences in closed form, on any Keras backend.

Conventions: `scale` is a standard deviation, `scale_tril` a lower-triangular factor L of the covariance L L^T with
positive diagonal; results are in nats; "the prior" is the standard normal of the same dimension.

References
----------
Cover and Thomas: "Elements of information theory", 2nd edition, sections 2.5 (chain rule of relative entropy) and 8.5.
"""

from __future__ import annotations

import math

from keras import ops

from songnet.models.tensors import Tensor

LOG_2PI = math.log(2.0 * math.pi)


def normal_log_prob(value: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Log density of each element under its own normal; arguments broadcast."""
    return -0.5 * ops.square((value - mean) / scale) - ops.log(scale) - 0.5 * LOG_2PI


def bernoulli_log_prob(value: Tensor, logits: Tensor) -> Tensor:
    """Log likelihood of each element under a Bernoulli with these logits.

    `value` may be any number in [0, 1]: for grey values this is minus the cross-entropy, a common but improper
    likelihood (it lacks the normaliser of the continuous Bernoulli).
    """
    return value * logits - ops.softplus(logits)


def normal_kl(mean: Tensor, scale: Tensor) -> Tensor:
    """KL divergence of each element's normal from the standard normal, shape of `mean`."""
    return 0.5 * (ops.square(mean) + ops.square(scale) - 1.0) - ops.log(scale)


def mvn_tril_log_prob(value: Tensor, mean: Tensor, scale_tril: Tensor) -> Tensor:
    """Log density of vectors under full-covariance normals.

    Parameters
    ----------
    value, mean : tensor [shape=(batch, d)]
    scale_tril : tensor [shape=(batch, d, d)]

    Returns
    -------
    tensor [shape=(batch,)]
    """
    residual = ops.expand_dims(value - mean, -1)  # (batch, d, 1)
    whitened = ops.squeeze(ops.solve_triangular(scale_tril, residual, lower=True), -1)  # (batch, d)
    log_determinant = ops.sum(ops.log(_diagonal(scale_tril)), axis=-1)
    return -0.5 * ops.sum(ops.square(whitened) + LOG_2PI, axis=-1) - log_determinant


def mvn_tril_kl(mean: Tensor, scale_tril: Tensor) -> Tensor:
    """KL divergence of full-covariance normals from the prior, shape ``(batch,)``."""
    return ops.sum(mvn_tril_kl_per_dimension(mean, scale_tril), axis=-1)


def mvn_tril_kl_per_dimension(mean: Tensor, scale_tril: Tensor) -> Tensor:
    """Attribution of `mvn_tril_kl` to dimensions by the chain rule; the terms sum to it exactly.

    Term j is the expected divergence of the conditional q(z_j | z_1 .. z_{j-1}) from the prior: non-negative, and
    dependent on the order of the dimensions. It is at least the divergence of the marginal q(z_j), and equal to it for
    every j if and only if the covariance is diagonal; the sum of the differences is the posterior's total correlation.

    Parameters
    ----------
    mean : tensor [shape=(batch, d)]
    scale_tril : tensor [shape=(batch, d, d)]

    Returns
    -------
    tensor [shape=(batch, d)]
    """
    variance = ops.sum(ops.square(scale_tril), axis=-1)  # of each marginal
    return 0.5 * (ops.square(mean) + variance - 1.0) - ops.log(_diagonal(scale_tril))


def _diagonal(matrices: Tensor) -> Tensor:
    return ops.diagonal(matrices, axis1=-2, axis2=-1)
