"""The same sound played softer is the same sound: images relative to their own level.

An image whose every pixel is measured from the power of the whole does not change when the recording is played louder
or softer, but for what falls below the floor of the library's scale or rises above its top.

Reference
---------
ITU-R BS.1770 measures the loudness of a programme by its mean power, gated; here the mean needs no gate, since pauses
add nothing to a power.
"""

from __future__ import annotations

import keras
from keras import ops

from songnet.models.tensors import Tensor

# What an image shows: from so far below its level to so far above it, in dB. The level of music lies about 50 dB above
# the floor of the default scale; single bands of a frame seldom rise 25 dB above the mean.
BELOW_DB, ABOVE_DB = 55.0, 25.0
NEPERS_PER_DB = 0.2302585093


class RelativeLevel(keras.layers.Layer):  # type: ignore[misc]  # Keras ships no types
    """Scaled log-mel images, each shifted so that its mean power lies at the same value; in [0, 1].

    An image of silence alone becomes an even one.

    Parameters
    ----------
    decibels : float
        Decibels that the image values 0 and 1 lie apart.
    name : str
    """

    def __init__(self, decibels: float, name: str) -> None:
        # Powers of a wide scale overflow in 16 bits.
        super().__init__(name=name, dtype="float32")
        self.decibels = decibels

    def call(self, inputs: Tensor) -> Tensor:
        """Images [shape=(batch, frequency, time, 1)], the same shape out."""
        in_db = inputs * self.decibels
        level = ops.log(ops.mean(ops.exp(in_db * NEPERS_PER_DB), axis=(1, 2, 3), keepdims=True)) / NEPERS_PER_DB
        return ops.clip((in_db - level + BELOW_DB) / (BELOW_DB + ABOVE_DB), 0.0, 1.0)
