"""The densities and divergences that the models use: the only file that knows a backend.

On the TensorFlow backend TensorFlow Probability supplies them, imported on first use; elsewhere the functions of
`songnet.models.closed_form` with the same names do (TensorFlow Probability's JAX substrate does not run on current
JAX). Both agree to 1e-5. Sampling goes through `keras.random` everywhere, reparametrised, so that gradients flow and
one seeded generator serves all backends. Conventions as in `closed_form`.

References
----------
Kingma and Welling: "Auto-encoding variational Bayes", ICLR 2014 (reparametrisation). Dillon et al.: "TensorFlow
Distributions", arXiv:1711.10604.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from songnet.models import closed_form
from songnet.models.tensors import Tensor


def _on_tensorflow() -> bool:
    return bool(keras.backend.backend() == "tensorflow")


def _tfd() -> Any:
    # Imported late: it costs seconds, and only training and posteriors need it.
    import tensorflow_probability

    return tensorflow_probability.distributions


def normal_sample(mean: Tensor, scale: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """One reparametrised draw from each element's normal, shape of `mean`."""
    return mean + scale * keras.random.normal(ops.shape(mean), seed=seed)


def mvn_tril_sample(mean: Tensor, scale_tril: Tensor, seed: keras.random.SeedGenerator) -> Tensor:
    """One reparametrised draw from each full-covariance normal.

    Parameters
    ----------
    mean : tensor [shape=(batch, d)]
    scale_tril : tensor [shape=(batch, d, d)]
    seed : keras.random.SeedGenerator
        Advanced by the call.

    Returns
    -------
    tensor [shape=(batch, d)]
    """
    noise = keras.random.normal(ops.shape(mean), seed=seed)
    return mean + ops.squeeze(ops.matmul(scale_tril, ops.expand_dims(noise, -1)), -1)


def normal_log_prob(value: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Log density of each element under its own normal; arguments broadcast."""
    if not _on_tensorflow():
        return closed_form.normal_log_prob(value, mean, scale)
    return _tfd().Normal(mean, scale).log_prob(value)


def bernoulli_log_prob(value: Tensor, logits: Tensor) -> Tensor:
    """Log likelihood of each element, which may be a grey value in [0, 1], under a Bernoulli with these logits."""
    if not _on_tensorflow():
        return closed_form.bernoulli_log_prob(value, logits)
    logits = ops.convert_to_tensor(logits)
    # Its default type is int32, which would truncate grey values to 0.
    return _tfd().Bernoulli(logits=logits, dtype=logits.dtype).log_prob(value)


def normal_kl(mean: Tensor, scale: Tensor) -> Tensor:
    """KL divergence of each element's normal from the standard normal, shape of `mean`."""
    if not _on_tensorflow():
        return closed_form.normal_kl(mean, scale)
    tfd = _tfd()
    return tfd.kl_divergence(tfd.Normal(mean, scale), tfd.Normal(0.0, 1.0))


def mvn_tril_log_prob(value: Tensor, mean: Tensor, scale_tril: Tensor) -> Tensor:
    """Log density of vectors ``(batch, d)`` under full-covariance normals, shape ``(batch,)``."""
    if not _on_tensorflow():
        return closed_form.mvn_tril_log_prob(value, mean, scale_tril)
    return _tfd().MultivariateNormalTriL(mean, scale_tril).log_prob(value)


def mvn_tril_kl(mean: Tensor, scale_tril: Tensor) -> Tensor:
    """KL divergence of full-covariance normals from the standard normal, shape ``(batch,)``."""
    if not _on_tensorflow():
        return closed_form.mvn_tril_kl(mean, scale_tril)
    tfd = _tfd()
    prior = tfd.MultivariateNormalDiag(ops.zeros_like(mean), ops.ones_like(mean))
    return tfd.kl_divergence(tfd.MultivariateNormalTriL(mean, scale_tril), prior)
