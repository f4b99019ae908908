"""Convolutional variational autoencoder of mel images.

References
----------
Rybkin, Daniilidis, Levine: "Simple and effective VAE training with calibrated decoders", ICML 2021: the optimal
variance of the Gaussian likelihood ("optimal sigma-VAE"), shared by all pixels. Odena, Dumoulin, Olah: "Deconvolution
and checkerboard artifacts", Distill 2016: upsampling followed by convolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from songnet.models import backbone, distributions, parameters
from songnet.models.tensors import Tensor
from songnet.models.variational import VariationalAutoencoder

# Rybkin et al. clip log sigma at -6, so that a batch of silence does not send the likelihood to infinity.
SMALLEST_PIXEL_VARIANCE = math.exp(-12.0)
# Of the posterior's standard deviations.
SMALLEST_SCALE = 1e-4
# Of the variance's moving average, about the last hundred batches.
VARIANCE_MOMENTUM = 0.99


class ConvVae(VariationalAutoencoder):
    """Strided convolutions to a diagonal normal posterior; Gaussian pixels with a calibrated variance.

    A fixed pixel variance is what decides between blurred collapse and overfitting; here it is, in each training
    batch, the one that maximises the likelihood (the mean squared error), so that neither it nor `beta` needs a
    search. Evaluation uses the variance's moving average, which is part of the checkpoint.

    Parameters
    ----------
    input_shape : sequence of int
        ``(frequency, time, 1)``, divisible by the products of `strides` along each axis.
    channels : sequence of int
        Channels of the encoder's 3 x 3 convolutions; the decoder mirrors them.
    strides : sequence of pairs of int
        ``(frequency, time)`` stride of each convolution.
    latent_dim : int
        Length of the code.
    activation : {"relu", "leaky_relu", "elu", "sigmoid"}
        After every convolution but the last.
    dropout : float
        Share of values dropped after each convolution of the encoder while training, in [0, 1).
    beta : float
        Weight of the KL term.
    free_bits : float
        Floor of each latent dimension's KL, in nats (mean over a batch), below which it is not penalised.
    kl_warmup_steps : int
        Training batches over which the weight of the KL term rises from 0 to `beta`.
    pooling : {"none", "time"}
        ``"time"``: the posterior depends on means and deviations over time alone (`backbone.pooled_encoder`), so that
        the code cannot say where in the clip something happened.
    features : int
        Units of the layer that sees one time step, with pooling over time.
    seed : int
        Determines initial weights, dropout and sampling.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int] = (96, 216, 1),
        channels: Sequence[int] = (16, 32, 64, 64),
        strides: Sequence[Sequence[int]] = ((2, 2), (2, 2), (2, 2), (2, 3)),
        latent_dim: int = 32,
        activation: str = "relu",
        dropout: float = 0.0,
        beta: float = 1.0,
        free_bits: float = 0.0,
        kl_warmup_steps: int = 0,
        pooling: str = "none",
        features: int = 128,
        seed: int = 0,
    ) -> None:
        super().__init__(name="conv_vae")
        self._start(latent_dim=latent_dim, beta=beta, seed=seed, free_bits=free_bits, kl_warmup_steps=kl_warmup_steps)
        self.image_shape = parameters.image_shape("input_shape", input_shape)
        self.channels = parameters.integers("channels", channels, minimum=1)
        self.strides = backbone.stride_pairs(strides, self.channels)
        self.pooling = parameters.choice("pooling", pooling, backbone.POOLINGS)
        self.features = parameters.integer("features", features, minimum=1)
        self.activation = parameters.choice("activation", activation, parameters.ACTIVATIONS)
        self.dropout = parameters.number("dropout", dropout, minimum=0, below=1)
        self.map_shape = backbone.map_shape(self.image_shape, self.channels, self.strides)
        self.pixel_variance = self.add_weight(name="pixel_variance", shape=(), initializer="ones", trainable=False)
        self.encoder = self._build_encoder()
        self.decoder = self._build_decoder()
        self.built = True

    def _build_encoder(self) -> keras.Model:
        shared: dict[str, Any] = {
            "channels": self.channels,
            "strides": self.strides,
            "outputs": 2 * self.latent_dim,
            "activation": self.activation,
            "dropout": self.dropout,
            "seed": self.seed,
        }
        if self.pooling == "time":
            return backbone.pooled_encoder(self.image_shape[0], features=self.features, **shared)
        return backbone.flat_encoder(self.image_shape, **shared)

    def _build_decoder(self) -> keras.Model:
        return backbone.mirror_decoder(
            self.latent_dim,
            self.map_shape,
            channels=self.channels,
            strides=self.strides,
            activation=self.activation,
            seed=self.seed,
        )

    def split(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each ``(batch, latent_dim)``."""
        mean, raw = encoded[:, : self.latent_dim], encoded[:, self.latent_dim :]
        return mean, ops.softplus(raw) + SMALLEST_SCALE

    def sample(self, mean: Tensor, scale: Tensor) -> Tensor:
        return distributions.normal_sample(mean, scale, self.sampling_seed)

    def divergence(self, mean: Tensor, scale: Tensor) -> Tensor:
        """One term per dimension."""
        return distributions.normal_kl(mean, scale)

    def divergence_per_dimension(self, mean: Tensor, scale: Tensor) -> Tensor:
        return distributions.normal_kl(mean, scale)

    def negative_log_likelihood(self, target: Tensor, decoded: Tensor, training: bool) -> Tensor:
        variance = self._batch_variance(target, decoded) if training else self.pixel_variance.value
        log_prob = distributions.normal_log_prob(target, decoded, ops.sqrt(variance))
        return -ops.sum(log_prob, axis=(1, 2, 3))

    def _batch_variance(self, target: Tensor, decoded: Tensor) -> Tensor:
        # At its optimum the likelihood does not change with the variance, so no gradient is lost by stopping it.
        error = ops.stop_gradient(ops.mean(ops.square(target - decoded)))
        variance = ops.maximum(error, SMALLEST_PIXEL_VARIANCE)
        # A plain mean over the first batches: the initial value says nothing about the data.
        seen = ops.cast(self.steps.value, "float32")
        momentum = ops.minimum(seen / (seen + 1.0), VARIANCE_MOMENTUM)
        self.pixel_variance.assign(momentum * self.pixel_variance + (1.0 - momentum) * variance)
        return variance

    def reconstruct(self, x: Tensor) -> Tensor:
        """Mean of the Gaussian pixels at the posterior mean, shape ``(batch, frequency, time, 1)``."""
        return self.decoder(self.encode(x), training=False)

    def named_variables(self) -> dict[str, keras.Variable]:
        return {**super().named_variables(), "training/pixel_variance": self.pixel_variance}

    def get_config(self) -> dict[str, Any]:
        return {
            "input_shape": list(self.image_shape),
            "channels": list(self.channels),
            "strides": [list(pair) for pair in self.strides],
            "latent_dim": self.latent_dim,
            "activation": self.activation,
            "dropout": self.dropout,
            "free_bits": self.free_bits,
            "kl_warmup_steps": self.kl_warmup_steps,
            "pooling": self.pooling,
            "features": self.features,
            **super().get_config(),
        }
