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

from songnet.errors import ParameterError
from songnet.models import distributions, parameters, seeded
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
        seed: int = 0,
    ) -> None:
        super().__init__(name="conv_vae")
        self._start(latent_dim=latent_dim, beta=beta, seed=seed, free_bits=free_bits, kl_warmup_steps=kl_warmup_steps)
        self.image_shape = parameters.image_shape("input_shape", input_shape)
        self.channels = parameters.integers("channels", channels, minimum=1)
        self.strides = tuple(_pair(f"strides[{index}]", pair) for index, pair in enumerate(strides))
        self.activation = parameters.choice("activation", activation, parameters.ACTIVATIONS)
        self.dropout = parameters.number("dropout", dropout, minimum=0, below=1)
        self.map_shape = self._check_geometry()
        self.pixel_variance = self.add_weight(name="pixel_variance", shape=(), initializer="ones", trainable=False)
        self.encoder = self._build_encoder()
        self.decoder = self._build_decoder()
        self.built = True

    def _check_geometry(self) -> tuple[int, int, int]:
        if len(self.strides) != len(self.channels):
            raise ParameterError(f"strides must have one pair per entry of channels, got {self.strides!r}")
        sides = []
        for axis in (0, 1):
            side, reduction = self.image_shape[axis], math.prod(pair[axis] for pair in self.strides)
            if side % reduction:
                raise ParameterError(f"strides multiply to {reduction} along axis {axis}, which does not divide {side}")
            sides.append(side // reduction)
        return sides[0], sides[1], self.channels[-1]

    def _build_encoder(self) -> keras.Model:
        x = image = keras.Input(self.image_shape, name="image")
        for number, (channels, stride) in enumerate(zip(self.channels, self.strides, strict=True), start=1):
            x = seeded.conv2d(f"encoder_conv_{number}", channels, self.seed, self.activation, stride)(x)
            if self.dropout:
                x = seeded.dropout(f"encoder_dropout_{number}", self.dropout, self.seed)(x)
        x = keras.layers.Flatten(name="encoder_flatten")(x)
        x = seeded.dense("encoder_output", 2 * self.latent_dim, self.seed)(x)
        return keras.Model(image, x, name="encoder")

    def _build_decoder(self) -> keras.Model:
        x = latent = keras.Input((self.latent_dim,), name="latent")
        x = seeded.dense("decoder_input", math.prod(self.map_shape), self.seed, self.activation)(x)
        x = keras.layers.Reshape(self.map_shape, name="decoder_reshape")(x)
        outputs = (*reversed(self.channels[:-1]), 1)
        for number, (channels, factors) in enumerate(zip(outputs, reversed(self.strides), strict=True), start=1):
            last = number == len(outputs)
            x = keras.layers.UpSampling2D(factors, name=f"decoder_upsample_{number}")(x)
            x = seeded.conv2d(f"decoder_conv_{number}", channels, self.seed, None if last else self.activation)(x)
        return keras.Model(latent, x, name="decoder")

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
            **super().get_config(),
        }


def _pair(name: str, value: object) -> tuple[int, int]:
    pair = parameters.integers(name, value, minimum=1)
    if len(pair) != 2:
        raise ParameterError(f"{name} must be (frequency, time), got {value!r}")
    return pair[0], pair[1]
