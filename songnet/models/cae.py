"""Convolutional autoencoder of mel images.

References
----------
Farnan, Dantuluri, Bose: "SongNet: real-time music classification", Stanford CS230, 2020: the four architectures and
their parameter counts. Masci, Meier, Ciresan, Schmidhuber: "Stacked convolutional auto-encoders for hierarchical
feature extraction", ICANN 2011.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from songnet.errors import ParameterError
from songnet.models import parameters, seeded
from songnet.models.autoencoder import MelAutoencoder
from songnet.models.tensors import Tensor


class ConvAutoencoder(MelAutoencoder):
    """Convolutions and max-pooling down to a code map, convolutions and nearest upsampling back; loss MSE.

    The code keeps the clip's time axis. The decoder mirrors the encoder: one convolution per encoder convolution with
    the channel counts in reverse, each followed by upsampling with the mirrored pool; then a linear convolution to
    one channel. All kernels are 3 x 3 with "same" padding.

    Parameters
    ----------
    input_shape : sequence of int
        ``(frequency, time, 1)``; both sides divisible by the product of `pools`.
    channels : sequence of int
        Channels of the encoder's convolutions; the last is the code's.
    pools : sequence of int
        Pooling after each convolution, the same along both axes.
    activation : {"relu", "leaky_relu", "elu", "sigmoid"}
        After every convolution but the last.
    dropout : float
        Share of values dropped after each pooling while training, in [0, 1).
    seed : int
        Determines initial weights and dropout.

    Examples
    --------
    >>> ConvAutoencoder(channels=(48, 24, 12, 5), pools=(2, 2, 2, 3)).code_shape
    (4, 9, 5)
    """

    def __init__(
        self,
        *,
        input_shape: Sequence[int] = (96, 216, 1),
        channels: Sequence[int] = (96, 45, 16),
        pools: Sequence[int] = (2, 2, 2),
        activation: str = "relu",
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="conv_autoencoder")
        self.image_shape = parameters.image_shape("input_shape", input_shape)
        self.channels = parameters.integers("channels", channels, minimum=1)
        self.pools = parameters.integers("pools", pools, minimum=1)
        self.activation = parameters.choice("activation", activation, parameters.ACTIVATIONS)
        self.dropout = parameters.number("dropout", dropout, minimum=0, below=1)
        self.seed = parameters.integer("seed", seed, minimum=0)
        if len(self.pools) != len(self.channels):
            raise ParameterError(
                f"pools must have one entry per entry of channels ({len(self.channels)}), got {pools!r}"
            )
        reduction = math.prod(self.pools)
        frequency, time, _ = self.image_shape
        if frequency % reduction or time % reduction:
            raise ParameterError(
                f"pools {self.pools} multiply to {reduction}, which must divide both sides of {frequency} x {time}"
            )
        self.code_shape = (frequency // reduction, time // reduction, self.channels[-1])
        self.time_axis = 1
        self.encoder = self._build_encoder()
        self.decoder = self._build_decoder()
        self.built = True

    def _build_encoder(self) -> keras.Model:
        x = image = keras.Input(self.image_shape, name="image")
        for number, (channels, pool) in enumerate(zip(self.channels, self.pools, strict=True), start=1):
            x = seeded.conv2d(f"encoder_conv_{number}", channels, self.seed, self.activation)(x)
            x = keras.layers.MaxPooling2D(pool, name=f"encoder_pool_{number}")(x)
            if self.dropout:
                x = seeded.dropout(f"encoder_dropout_{number}", self.dropout, self.seed)(x)
        return keras.Model(image, x, name="encoder")

    def _build_decoder(self) -> keras.Model:
        x = code = keras.Input(self.code_shape, name="code")
        mirrored = zip(reversed(self.channels), reversed(self.pools), strict=True)
        for number, (channels, pool) in enumerate(mirrored, start=1):
            x = seeded.conv2d(f"decoder_conv_{number}", channels, self.seed, self.activation)(x)
            x = keras.layers.UpSampling2D(pool, name=f"decoder_upsample_{number}")(x)
        x = seeded.conv2d("decoder_output", 1, self.seed)(x)
        return keras.Model(code, x, name="decoder")

    def get_config(self) -> dict[str, Any]:
        return {
            "input_shape": list(self.image_shape),
            "channels": list(self.channels),
            "pools": list(self.pools),
            "activation": self.activation,
            "dropout": self.dropout,
            "seed": self.seed,
        }

    def compile_for_training(self, learning_rate: float, decay_steps: int = 0) -> None:
        self.compile(optimizer=keras.optimizers.Adam(learning_rate), loss="mean_squared_error")

    def reconstruct(self, x: Tensor) -> Tensor:
        return self(x, training=False)
