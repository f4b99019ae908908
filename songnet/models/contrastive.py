"""Contrastive encoder: what two cuts of one track share, and others lack, is its code.

References
----------
Chen et al.: "A simple framework for contrastive learning of visual representations", ICML 2020 (SimCLR). Saeed,
Grangier, Zeghidour: "Contrastive learning of general-purpose audio representations", ICASSP 2021 (COLA: two cuts of
one recording as positives). Spijkervet and Burgoyne: "Contrastive learning of musical representations", ISMIR 2021.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from songnet.models import parameters, seeded
from songnet.models.augmented import AugmentedEncoder
from songnet.models.contrastive_losses import LOSSES, found_partners, nt_xent, vicreg
from songnet.models.reconstruction import spectrum_decoder, spectrum_target, squared_errors
from songnet.models.tensors import Tensor


class ContrastiveEncoder(AugmentedEncoder):
    """Strided convolutions, pooled over time, to a code; trained so that views of one track find each other.

    While training, a step cuts a random stretch of `crop_frames` frames from each image and changes it (`Ranges`); a
    projection of the code, which nothing else uses, enters the loss. In evaluation the first stretch of one image meets
    the last of its partner, unchanged.

    The metric ``found`` is the share of the tracks of a batch whose second view is the nearest to its first.

    With `reconstruction` above 0, a light decoder (`songnet.models.reconstruction`) rebuilds from the code alone the
    mean spectrum, and its deviation over time, of the cut as it was before it was changed. The loss then is
    ``contrastive + reconstruction * MSE``, the mean squared error being that of both views; both terms are metrics of
    their own. The error counts in the unit that the backbone reads images in, a typical deviation of their values. With
    a weight of 1 it adds a tenth to NT-Xent when a training begins (about 0.4 beside ``log(2 * batch - 1)``, which is
    4.8 for 64 tracks), and less to VICReg. One answer for all tracks would leave an error of 0.1 to 0.3.

    Parameters
    ----------
    input_shape : sequence of int
        ``(frequency, time, 1)``; images of another length can be encoded, but not trained on together with these.
    channels : sequence of int
        Channels of the 3 x 3 convolutions.
    strides : sequence of pairs of int
        ``(frequency, time)`` stride of each convolution.
    features : int
        Units of the layer that sees one time step.
    latent_dim : int
        Length of the code.
    projection : int
        Length of what enters the loss.
    loss : {"nt-xent", "vicreg"}
    temperature : float
        Of NT-Xent, above 0: the smaller, the more the nearest strangers count.
    reconstruction : float
        Weight of the error of what is rebuilt from the code, at least 0; without weight there is no decoder.
    crop_frames : int
        Frames of a cut; at most those of an image.
    augmentation : Mapping or None
        Fields of `songnet.models.augment.Ranges` that replace the defaults.
    decibels : float
        Decibels that the image values 0 and 1 lie apart, above 0; `songnet.training.train` sets it.
    level : {"absolute", "relative"}
        Whether images are read as they are or relative to their own level, so that louder and softer is the same.
    activation : {"relu", "leaky_relu", "elu", "sigmoid"}
        After every layer but the last.
    dropout : float
        Share of the pooled values dropped while training, in [0, 1).
    seed : int
        Determines initial weights, cuts, changes and dropout.
    """

    paired: ClassVar[bool] = True

    def __init__(
        self,
        *,
        input_shape: Sequence[int] = (96, 216, 1),
        channels: Sequence[int] = (16, 32, 64, 64),
        strides: Sequence[Sequence[int]] = ((2, 2), (2, 2), (2, 2), (2, 1)),
        features: int = 128,
        latent_dim: int = 128,
        projection: int = 64,
        loss: str = "nt-xent",
        temperature: float = 0.1,
        reconstruction: float = 0.0,
        crop_frames: int = 128,
        augmentation: Mapping[str, float] | None = None,
        decibels: float = 90.0,
        level: str = "absolute",
        activation: str = "relu",
        dropout: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="contrastive_encoder")
        self.latent_dim = parameters.integer("latent_dim", latent_dim, minimum=1)
        self.projection = parameters.integer("projection", projection, minimum=1)
        self.loss_name = parameters.choice("loss", loss, LOSSES)
        self.temperature = parameters.number("temperature", temperature, minimum=1e-3)
        self.reconstruction = parameters.number("reconstruction", reconstruction, minimum=0)
        self._start(
            input_shape=input_shape, channels=channels, strides=strides, features=features, outputs=self.latent_dim,
            crop_frames=crop_frames, augmentation=augmentation, decibels=decibels, level=level,
            activation=activation, dropout=dropout, seed=seed,
        )  # fmt: skip
        self.code_shape = (self.latent_dim,)
        self.projector = self._build_projector()
        self.found_metric = keras.metrics.Mean(name="found")
        self.decoder: keras.Model | None = None
        if self.reconstruction:
            self.decoder = spectrum_decoder(self.latent_dim, self.image_shape[0], self.seed)
            self.contrastive_metric = keras.metrics.Mean(name="contrastive")
            self.reconstruction_metric = keras.metrics.Mean(name="reconstruction")
        self.built = True

    def _build_projector(self) -> keras.Model:
        x = code = keras.Input((self.latent_dim,), name="code")
        x = seeded.dense("projector_hidden", self.latent_dim, self.seed, "relu")(x)
        x = seeded.dense("projector_output", self.projection, self.seed)(x)
        return keras.Model(code, x, name="projector")

    def parts(self) -> tuple[keras.Model, ...]:
        return (self.encoder, self.projector) if self.decoder is None else (self.encoder, self.projector, self.decoder)

    def call(self, inputs: Tensor, training: bool = False) -> dict[str, Tensor]:
        """What enters the loss of one view of each image.

        Returns
        -------
        dict of str to tensor
            ``"projected"`` [shape=(batch, projection)] and, with a decoder, ``"error"`` [shape=(batch,)].
        """
        return self._see(inputs, slice(self.crop_frames), training)

    def _see(self, images: Tensor, stretch: slice, training: bool) -> dict[str, Tensor]:
        """A random view of each image while training, else the same stretch of all, unchanged."""
        if training:
            views, cuts = self.augmenter.views_and_cuts(images)
        else:
            views = cuts = images[:, :, stretch]
        codes = self.encoder(views, training=training)
        seen = {"projected": self.projector(codes, training=training)}
        if self.decoder is not None:
            seen["error"] = squared_errors(self.decoder(codes, training=training), spectrum_target(cuts))
        return seen

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """Keras's hook for losses of more than outputs and targets: `y` holds the partners of `x`."""
        seen = self._see(y, slice(-self.crop_frames, None), training)
        first, second = y_pred["projected"], seen["projected"]
        self.found_metric.update_state(found_partners(first, second))
        loss = vicreg(first, second) if self.loss_name == "vicreg" else nt_xent(first, second, self.temperature)
        if self.decoder is None:
            return loss
        error = (ops.mean(y_pred["error"]) + ops.mean(seen["error"])) / 2.0
        self.contrastive_metric.update_state(loss)
        self.reconstruction_metric.update_state(error)
        return loss + self.reconstruction * error

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "projection": self.projection,
            "loss": self.loss_name,
            "temperature": self.temperature,
            # Left out at 0: such a model is stored, and goes on being trained, as those that know no decoder.
            **({"reconstruction": self.reconstruction} if self.reconstruction else {}),
        }
