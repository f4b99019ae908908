"""Autoencoder that has to fill in what is hidden from it, on the contrastive encoder's backbone.

References
----------
Vincent et al.: "Stacked denoising autoencoders", JMLR 2010. He et al.: "Masked autoencoders are scalable vision
learners", CVPR 2022 (hiding most of an image makes the task one of understanding).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from songnet.errors import ParameterError
from songnet.models import backbone, parameters, seeded
from songnet.models.autoencoder import MelAutoencoder
from songnet.models.tensors import Tensor


class MaskedAutoencoder(MelAutoencoder):
    """Strided convolutions to a vector, upsampling back to the whole image; loss MSE against the clean image.

    While training, patches of the input are replaced by the image's mean and noise is added; in evaluation nothing is.

    Parameters
    ----------
    input_shape : sequence of int
        ``(frequency, time, 1)``, divisible by the products of `strides` and by `patch`.
    channels : sequence of int
        Channels of the encoder's 3 x 3 convolutions; the decoder mirrors them.
    strides : sequence of pairs of int
        ``(frequency, time)`` stride of each convolution.
    pooling : {"time", "none"}
        Whether the code is pooled over time (`backbone.pooled_encoder`) or keeps where something happened.
    features : int
        Units of the layer that sees one time step, with pooling over time.
    latent_dim : int
        Length of the code.
    patch : pair of int
        ``(frequency, time)`` sides of the patches that are hidden.
    hidden : float
        Share of the patches that is hidden, in [0, 1).
    noise : float
        Standard deviation of the noise, of values in [0, 1].
    activation : {"relu", "leaky_relu", "elu", "sigmoid"}
        After every layer but the last of each part.
    dropout : float
        Dropout rate of the encoder while training, in [0, 1).
    seed : int
        Determines initial weights, what is hidden, noise and dropout.
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int] = (96, 216, 1),
        channels: Sequence[int] = (16, 32, 64, 64),
        strides: Sequence[Sequence[int]] = ((2, 2), (2, 2), (2, 2), (2, 1)),
        pooling: str = "time",
        features: int = 128,
        latent_dim: int = 128,
        patch: Sequence[int] = (8, 8),
        hidden: float = 0.5,
        noise: float = 0.02,
        activation: str = "relu",
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="masked_autoencoder")
        self.image_shape = parameters.image_shape("input_shape", input_shape)
        self.channels = parameters.integers("channels", channels, minimum=1)
        self.strides = backbone.stride_pairs(strides, self.channels)
        self.pooling = parameters.choice("pooling", pooling, backbone.POOLINGS)
        self.features = parameters.integer("features", features, minimum=1)
        self.latent_dim = parameters.integer("latent_dim", latent_dim, minimum=1)
        self.patch = parameters.integers("patch", patch, minimum=1)
        self.hidden = parameters.number("hidden", hidden, minimum=0, below=1)
        self.noise = parameters.number("noise", noise, minimum=0)
        self.activation = parameters.choice("activation", activation, parameters.ACTIVATIONS)
        self.dropout = parameters.number("dropout", dropout, minimum=0, below=1)
        self.seed = parameters.integer("seed", seed, minimum=0)
        frequency, time, _ = self.image_shape
        if len(self.patch) != 2 or frequency % self.patch[0] or time % self.patch[1]:
            raise ParameterError(f"patch must be (frequency, time) that divide {frequency} x {time}, got {patch!r}")
        self.code_shape = (self.latent_dim,)
        self.time_axis = None
        self.corruption_seed = keras.random.SeedGenerator(seeded.derived_seed(self.seed, "corruption"))
        self.encoder = self._build_encoder()
        self.decoder = backbone.mirror_decoder(
            self.latent_dim,
            backbone.map_shape(self.image_shape, self.channels, self.strides),
            channels=self.channels,
            strides=self.strides,
            activation=self.activation,
            seed=self.seed,
        )
        self.built = True

    def _build_encoder(self) -> keras.Model:
        shared: dict[str, Any] = {
            "channels": self.channels,
            "strides": self.strides,
            "outputs": self.latent_dim,
            "activation": self.activation,
            "dropout": self.dropout,
            "seed": self.seed,
        }
        if self.pooling == "time":
            return backbone.pooled_encoder(self.image_shape[0], features=self.features, **shared)
        return backbone.flat_encoder(self.image_shape, **shared)

    def corrupt(self, x: Tensor) -> Tensor:
        """Images with patches hidden and noise added, by new draws at every call."""
        frequency, time, _ = self.image_shape
        rows, columns = frequency // self.patch[0], time // self.patch[1]
        draws = keras.random.uniform((ops.shape(x)[0], rows, columns, 1), seed=self.corruption_seed)
        draws = ops.repeat(ops.repeat(draws, self.patch[0], axis=1), self.patch[1], axis=2)
        shown = ops.where(draws < self.hidden, ops.mean(x, axis=(1, 2, 3), keepdims=True), x)
        return shown + self.noise * keras.random.normal(ops.shape(x), seed=self.corruption_seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Reconstruct the whole image, from a part of it while training."""
        return super().call(self.corrupt(inputs) if training else inputs, training=training)

    def reconstruct(self, x: Tensor) -> Tensor:
        return self(x, training=False)

    def compile_for_training(self, learning_rate: float, decay_steps: int = 0) -> None:
        self.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="mean_squared_error")

    def named_variables(self) -> dict[str, keras.Variable]:
        return {**super().named_variables(), "training/corruption_seed": self.corruption_seed.state}

    def get_config(self) -> dict[str, Any]:
        return {
            "input_shape": list(self.image_shape),
            "channels": list(self.channels),
            "strides": [list(pair) for pair in self.strides],
            "pooling": self.pooling,
            "features": self.features,
            "latent_dim": self.latent_dim,
            "patch": list(self.patch),
            "hidden": self.hidden,
            "noise": self.noise,
            "activation": self.activation,
            "dropout": self.dropout,
            "seed": self.seed,
        }
