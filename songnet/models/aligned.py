"""Aligned encoder: predicts from sound the vector that playlists gave the track.

Reference
---------
Smith: "Deej-AI", 2019: MP3ToVec, a convolutional network that maps mel slices to the track's Track2Vec vector with the
cosine proximity as its loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from songnet.models import parameters, seeded
from songnet.models.augmented import AugmentedEncoder
from songnet.models.tensors import Tensor


class AlignedEncoder(AugmentedEncoder):
    """The contrastive encoder's backbone with a head that points where the playlists put the track.

    Its code is the predicted direction, a vector of length 1. While training, a step cuts a random stretch of
    `crop_frames` frames from each image and changes it (`songnet.models.augment.Ranges`); in evaluation whole images
    are read, unchanged. Backbone layers have the names of those of `songnet.models.contrastive.ContrastiveEncoder`, so
    that a training may start from its weights.

    Parameters
    ----------
    latent_dim : int
        Length of the vectors to predict: Track2Vec's dimensions.
    bottleneck : int
        Length of what the backbone gives to the head.
    input_shape, channels, strides, features, crop_frames, augmentation, decibels, activation, dropout, seed
        As in `songnet.models.contrastive.ContrastiveEncoder`.
    """

    targeted: ClassVar[bool] = True

    def __init__(
        self,
        *,
        input_shape: Sequence[int] = (96, 216, 1),
        channels: Sequence[int] = (16, 32, 64, 64),
        strides: Sequence[Sequence[int]] = ((2, 2), (2, 2), (2, 2), (2, 1)),
        features: int = 128,
        bottleneck: int = 128,
        latent_dim: int = 100,
        crop_frames: int = 128,
        augmentation: Mapping[str, float] | None = None,
        decibels: float = 90.0,
        level: str = "absolute",
        activation: str = "relu",
        dropout: float = 0.2,
        seed: int = 0,
    ) -> None:
        super().__init__(name="aligned_encoder")
        self.bottleneck = parameters.integer("bottleneck", bottleneck, minimum=1)
        self.latent_dim = parameters.integer("latent_dim", latent_dim, minimum=1)
        self._start(
            input_shape=input_shape, channels=channels, strides=strides, features=features, outputs=self.bottleneck,
            crop_frames=crop_frames, augmentation=augmentation, decibels=decibels, level=level,
            activation=activation, dropout=dropout, seed=seed,
        )  # fmt: skip
        self.code_shape = (self.latent_dim,)
        self.head = self._build_head()
        self.predictor = keras.Model(self.encoder.input, self.head(self.encoder.output), name="predictor")
        self.built = True

    def _build_head(self) -> keras.Model:
        x = code = keras.Input((self.bottleneck,), name="code")
        x = keras.layers.Activation(self.activation, name="head_activation")(x)
        if self.dropout:
            x = seeded.dropout("head_dropout", self.dropout, self.seed)(x)
        x = seeded.dense("head_output", self.latent_dim, self.seed)(x)
        return keras.Model(code, keras.layers.UnitNormalization(dtype="float32", name="head_length")(x), name="head")

    def parts(self) -> tuple[keras.Model, ...]:
        return self.encoder, self.head

    def encoded(self, x: Tensor) -> Tensor:
        """Predicted directions of one batch of images, in inference mode, as a NumPy array."""
        return self.predictor.predict_on_batch(x)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Directions [shape=(batch, latent_dim)]; while training, of one changed cut of each image."""
        views = self.augmenter.views(inputs) if training else inputs
        return self.head(self.encoder(views, training=training), training=training)

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """1 less the cosine between prediction and target, in the mean; `y` holds targets of length 1."""
        return 1.0 - ops.mean(ops.sum(y * y_pred, axis=-1))

    def start_from(self, constant: Tensor, weights: Mapping[str, Any]) -> None:
        """Begin with the answer that needs no hearing, and with a backbone that another training left.

        Parameters
        ----------
        constant : array [shape=(latent_dim,)]
            Mean direction of the targets: the head's bias.
        weights : Mapping of str to array
            Of a model whose backbone has the same names and shapes; what lies beside the backbone is not read. Empty
            to leave the backbone at random.

        Raises
        ------
        CheckpointError
            If a name is missing or a shape differs.
        """
        named = self.weights_by_name()
        named["head/head_output/bias"] = constant
        if weights:
            # Random states are this model's own; a layer that is not there is missing, and told of.
            learned = {name for name in named if name.startswith("encoder/") and "dropout" not in name}
            named = {name: value for name, value in named.items() if name not in learned}
            named |= {name: weights[name] for name in learned if name in weights}
        self.load_weights_by_name(named)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bottleneck": self.bottleneck, "latent_dim": self.latent_dim}
