"""The convolutional encoder that the contrastive model and its relatives share, and the decoder that mirrors it.

The frequency axis is kept to the end, since a low band and a high band are not the same thing heard elsewhere; the
time axis is pooled away, since where in a clip a note fell says nothing about the music. No layer looks at the other
images of a batch, so a code does not depend on its company; images of any number of frames can be encoded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
from keras import ops

from songnet.errors import ParameterError
from songnet.models import parameters, seeded
from songnet.models.level import RelativeLevel
from songnet.models.tensors import Tensor

POOLINGS = ("none", "time")
# Of a variance under a root, whose slope is infinite at 0.
SMALLEST_VARIANCE = 1e-4
# Scaled images have a mean of about 0.4 and a deviation of about a quarter; centred inputs train faster.
TYPICAL_MEAN = 0.4
TYPICAL_DEVIATION = 0.25


def stride_pairs(strides: Sequence[Sequence[int]], channels: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Strides as ``(frequency, time)`` pairs, one a convolution.

    Raises
    ------
    ParameterError
        If there is another number of them than of `channels`, or one is no pair.
    """
    pairs = []
    for index, value in enumerate(strides):
        pair = parameters.integers(f"strides[{index}]", value, minimum=1)
        if len(pair) != 2:
            raise ParameterError(f"strides[{index}] must be (frequency, time), got {value!r}")
        pairs.append((pair[0], pair[1]))
    if len(pairs) != len(channels):
        raise ParameterError(f"strides must have one pair per entry of channels, got {strides!r}")
    return tuple(pairs)


def map_shape(
    image_shape: tuple[int, int, int], channels: Sequence[int], strides: Sequence[tuple[int, int]]
) -> tuple[int, int, int]:
    """Shape ``(frequency, time, channels)`` of the last feature map.

    Raises
    ------
    ParameterError
        If the strides do not divide the image evenly, so that a decoder could not mirror them.
    """
    sides = []
    for axis in (0, 1):
        side, reduction = image_shape[axis], math.prod(pair[axis] for pair in strides)
        if side % reduction:
            raise ParameterError(f"strides multiply to {reduction} along axis {axis}, which does not divide {side}")
        sides.append(side // reduction)
    return sides[0], sides[1], channels[-1]


def time_statistics(frames: Tensor) -> Tensor:
    """Mean and standard deviation over time.

    Parameters
    ----------
    frames : tensor [shape=(batch, time, features)]

    Returns
    -------
    tensor [shape=(batch, 2 * features)]
        Means first. The same for every order of the frames.
    """
    # Small differences of large numbers, in layers of a lower precision.
    frames = ops.cast(frames, "float32")
    mean = ops.mean(frames, axis=1, keepdims=True)
    variance = ops.mean(ops.square(frames - mean), axis=1)
    return ops.concatenate([ops.squeeze(mean, 1), ops.sqrt(variance + SMALLEST_VARIANCE)], axis=-1)


def pooled_encoder(
    n_bands: int,
    *,
    channels: Sequence[int],
    strides: Sequence[tuple[int, int]],
    features: int,
    outputs: int,
    activation: str,
    dropout: float,
    seed: int,
    relative_to: float | None = None,
) -> keras.Model:
    """Images of any length to vectors.

    3 x 3 convolutions with strides; then each time step's bands and channels, flattened, through one dense layer;
    mean and deviation over time; one linear layer.

    Parameters
    ----------
    n_bands : int
        Mel bands of an image.
    channels, strides : sequence
        Of the convolutions.
    features : int
        Units of the layer that sees one time step.
    outputs : int
        Length of the vector.
    activation : str
        After every layer but the last.
    dropout : float
        Share of the pooled values dropped while training, in [0, 1).
    seed : int
        Determines initial weights and dropout.
    relative_to : float or None
        Decibels of the images' scale, to read each image relative to its own level (`songnet.models.level`); None
        reads them as they are.

    Returns
    -------
    keras.Model
        ``(batch, n_bands, any, 1)`` to ``(batch, outputs)``.
    """
    x = image = keras.Input((n_bands, None, 1), name="image")
    if relative_to is not None:
        x = RelativeLevel(relative_to, name="encoder_level")(x)
    x = (x - TYPICAL_MEAN) / TYPICAL_DEVIATION
    for number, (width, stride) in enumerate(zip(channels, strides, strict=True), start=1):
        x = seeded.conv2d(f"encoder_conv_{number}", width, seed, activation, stride)(x)
    bands, depth = x.shape[1], x.shape[3]
    x = ops.transpose(x, (0, 2, 1, 3))  # (batch, time, frequency, channels)
    x = keras.layers.Reshape((-1, bands * depth), name="encoder_frames")(x)
    x = time_statistics(seeded.dense("encoder_features", features, seed, activation)(x))
    if dropout:
        x = seeded.dropout("encoder_dropout", dropout, seed)(x)
    x = seeded.dense("encoder_output", outputs, seed)(x)
    return keras.Model(image, x, name="encoder")


def flat_encoder(
    image_shape: tuple[int, int, int],
    *,
    channels: Sequence[int],
    strides: Sequence[tuple[int, int]],
    outputs: int,
    activation: str,
    dropout: float,
    seed: int,
) -> keras.Model:
    """Images of one size to vectors that keep where in the clip something happened.

    3 x 3 convolutions with strides, each followed by dropout; then one linear layer over all that is left. Parameters
    as in `pooled_encoder`.
    """
    x = image = keras.Input(image_shape, name="image")
    for number, (width, stride) in enumerate(zip(channels, strides, strict=True), start=1):
        x = seeded.conv2d(f"encoder_conv_{number}", width, seed, activation, stride)(x)
        if dropout:
            x = seeded.dropout(f"encoder_dropout_{number}", dropout, seed)(x)
    x = keras.layers.Flatten(name="encoder_flatten")(x)
    x = seeded.dense("encoder_output", outputs, seed)(x)
    return keras.Model(image, x, name="encoder")


def mirror_decoder(
    latent_dim: int,
    shape: tuple[int, int, int],
    *,
    channels: Sequence[int],
    strides: Sequence[tuple[int, int]],
    activation: str,
    seed: int,
) -> keras.Model:
    """Vectors to images: one dense layer to the last feature map, then upsampling and convolution back.

    Parameters
    ----------
    latent_dim : int
        Length of the vector.
    shape : tuple of int
        `map_shape`.
    channels, strides : sequence
        Of the encoder's convolutions.
    activation : str
        After every layer but the last.
    seed : int
        Determines initial weights.
    """
    x = latent = keras.Input((latent_dim,), name="latent")
    x = seeded.dense("decoder_input", math.prod(shape), seed, activation)(x)
    x = keras.layers.Reshape(shape, name="decoder_reshape")(x)
    outputs = (*reversed(channels[:-1]), 1)
    for number, (width, factors) in enumerate(zip(outputs, reversed(strides), strict=True), start=1):
        x = keras.layers.UpSampling2D(factors, name=f"decoder_upsample_{number}")(x)
        x = seeded.conv2d(f"decoder_conv_{number}", width, seed, None if number == len(outputs) else activation)(x)
    return keras.Model(latent, ops.cast(x, "float32"), name="decoder")
