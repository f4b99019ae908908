"""What the families that reconstruct their input share."""

from __future__ import annotations

from abc import abstractmethod

import keras

from songnet.models.encoder import MelEncoder
from songnet.models.tensors import Tensor


class MelAutoencoder(MelEncoder):
    """Base of the models that have an `encoder` and a `decoder`, both functional Keras models.

    Attributes
    ----------
    decoder : keras.Model
        From codes to images; the other attributes are those of `MelEncoder`.
    """

    decoder: keras.Model

    def parts(self) -> tuple[keras.Model, ...]:
        return self.encoder, self.decoder

    @abstractmethod
    def reconstruct(self, x: Tensor) -> Tensor:
        """Decode the codes of images.

        Parameters
        ----------
        x : tensor [shape=(batch, frequency, time, 1)]

        Returns
        -------
        tensor [shape=(batch, frequency, time, 1)]
            In the scale of `x`; not clipped to [0, 1].
        """

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Encode and decode; the output is what the family's loss is computed from."""
        return self.decoder(self.encoder(inputs, training=training), training=training)
