"""The variational autoencoder of SongNet's first version, kept as a reference system.

It hardly learns: its reconstructions are slow to become better than the mean image. Two likely reasons lie in its
design: the decoder's last map is reshaped, not upsampled, to pixels, so that neighbours in the image are not
neighbours in the map; and the logits of the ``"bernoulli"`` head come out of a ReLU, so that it cannot give any pixel
a probability below one half. Use `songnet.models.conv_vae` for codes.

References
----------
Farnan, Dantuluri, Bose: "SongNet: real-time music classification", Stanford CS230, 2020. Kingma and Welling:
"Auto-encoding variational Bayes", ICLR 2014.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from songnet.models import closed_form, distributions, parameters, seeded
from songnet.models.tensors import Tensor
from songnet.models.variational import VariationalAutoencoder

HEADS = ("sigmoid", "bernoulli")
IMAGE_SHAPE = (96, 216, 1)
LATENT_DIM = 16
# Of the posterior's standard deviations, so that its log-density stays finite.
SMALLEST_SCALE = 1e-5


class ReferenceVae(VariationalAutoencoder):
    """Full-covariance normal posterior of 16 dimensions, Bernoulli pixels.

    Encoder: 3 x 3 convolutions to 96, 45, 16 channels, each with 2 x 2 max-pooling; flattened to 5,184; one dense
    layer to 152 = 16 + 16 * 17 / 2 numbers, the mean and the lower-triangular factor of the covariance. Decoder:
    transposed convolutions to 16, 45, 96 channels with nearest upsampling, to 24 x 9 x 96 = 20,736 values, one per
    pixel. The geometry is fixed to 96 x 216 images.

    Parameters
    ----------
    head : {"sigmoid", "bernoulli"}
        What turns those values into pixels: one more transposed convolution with a sigmoid, or nothing: the values
        are read as the pixels' logits. Both are scored by the Bernoulli likelihood, computed from logits.
    activation : {"relu", "leaky_relu", "elu", "sigmoid"}
        After every convolution but the last of the sigmoid head.
    dropout : float
        Share of values dropped after each pooling while training, in [0, 1).
    beta : float
        Weight of the KL term.
    seed : int
        Determines initial weights, dropout and sampling.
    """

    def __init__(
        self,
        *,
        head: str = "sigmoid",
        activation: str = "relu",
        dropout: float = 0.0,
        beta: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="reference_vae")
        self._start(latent_dim=LATENT_DIM, beta=beta, seed=seed)
        self.image_shape = IMAGE_SHAPE
        self.head = parameters.choice("head", head, HEADS)
        self.activation = parameters.choice("activation", activation, parameters.ACTIVATIONS)
        self.dropout = parameters.number("dropout", dropout, minimum=0, below=1)
        self.encoder = self._build_encoder()
        self.decoder = self._build_decoder()
        self.built = True

    def _build_encoder(self) -> keras.Model:
        x = image = keras.Input(IMAGE_SHAPE, name="image")
        for number, channels in enumerate((96, 45, 16), start=1):
            x = seeded.conv2d(f"encoder_conv_{number}", channels, self.seed, self.activation)(x)
            x = keras.layers.MaxPooling2D(2, name=f"encoder_pool_{number}")(x)
            if self.dropout:
                x = seeded.dropout(f"encoder_dropout_{number}", self.dropout, self.seed)(x)
        x = keras.layers.Flatten(name="encoder_flatten")(x)  # 12 * 27 * 16 = 5,184
        x = seeded.dense("encoder_output", LATENT_DIM + LATENT_DIM * (LATENT_DIM + 1) // 2, self.seed)(x)
        return keras.Model(image, x, name="encoder")

    def _build_decoder(self) -> keras.Model:
        x = latent = keras.Input((LATENT_DIM,), name="latent")
        x = keras.layers.Reshape((1, 1, LATENT_DIM), name="decoder_reshape")(x)
        steps = ((16, "valid", (2, 3)), (45, "same", (2, 1)), (96, "same", (2, 1)))
        for number, (channels, padding, factors) in enumerate(steps, start=1):
            name = f"decoder_conv_{number}"
            x = seeded.conv2d_transpose(name, channels, self.seed, self.activation, padding)(x)
            x = keras.layers.UpSampling2D(factors, name=f"decoder_upsample_{number}")(x)
        x = keras.layers.Reshape(IMAGE_SHAPE, name="decoder_pixels")(x)  # (24, 9, 96) -> (96, 216, 1)
        if self.head == "sigmoid":
            # The sigmoid itself is applied in `reconstruct`: the likelihood from logits is the same and does not
            # overflow.
            x = seeded.conv2d_transpose("decoder_output", 1, self.seed)(x)
        return keras.Model(latent, x, name="decoder")

    def split(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Mean ``(batch, 16)`` and lower-triangular scale ``(batch, 16, 16)``."""
        mean, packed = encoded[:, :LATENT_DIM], encoded[:, LATENT_DIM:]
        rows = []
        start = 0
        for row in range(LATENT_DIM):
            below = packed[:, start : start + row]
            diagonal = ops.softplus(packed[:, start + row : start + row + 1]) + SMALLEST_SCALE
            filled = ops.concatenate([below, diagonal], axis=-1)  # (batch, row + 1)
            rows.append(ops.pad(filled, [[0, 0], [0, LATENT_DIM - row - 1]]))
            start += row + 1
        return mean, ops.stack(rows, axis=1)

    def sample(self, mean: Tensor, scale: Tensor) -> Tensor:
        return distributions.mvn_tril_sample(mean, scale, self.sampling_seed)

    def divergence(self, mean: Tensor, scale: Tensor) -> Tensor:
        """The total as one term, shape ``(batch, 1)``."""
        return ops.expand_dims(distributions.mvn_tril_kl(mean, scale), -1)

    def divergence_per_dimension(self, mean: Tensor, scale: Tensor) -> Tensor:
        """By the chain rule: see `closed_form.mvn_tril_kl_per_dimension`, which also relates it to the marginals."""
        return closed_form.mvn_tril_kl_per_dimension(mean, scale)

    def negative_log_likelihood(self, target: Tensor, decoded: Tensor, training: bool) -> Tensor:
        return -ops.sum(distributions.bernoulli_log_prob(target, decoded), axis=(1, 2, 3))

    def reconstruct(self, x: Tensor) -> Tensor:
        """Means of the pixels' Bernoullis at the posterior mean, shape ``(batch, 96, 216, 1)``."""
        return ops.sigmoid(self.decoder(self.encode(x), training=False))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "head": self.head,
            "activation": self.activation,
            "dropout": self.dropout,
        }
