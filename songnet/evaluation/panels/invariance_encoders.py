"""What `measure_invariance` takes: functions from images to vectors, one row an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from songnet.clustering.space import FittedSpace
from songnet.descriptors import timbre_descriptor
from songnet.embedding import encode_images
from songnet.embedding.vectors import time_axis
from songnet.evaluation.panels.invariance import Encode
from songnet.evaluation.systems import code_parts
from songnet.evaluation.untrained import Untrained
from songnet.spectrogram import Recipe, to_decibels
from songnet.training import ModelCard, PixelScaling

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

# Images described together, so that what is computed of them stays in the cache.
IMAGES_AT_ONCE = 8


def codes_encoder(card: ModelCard, model: MelEncoder, aggregate: str = "mean-std") -> Encode:
    """Codes of a model, each clip's aggregated as if it were a track of one clip.

    Parameters
    ----------
    card, model : ModelCard, MelEncoder
        From `songnet.training.load_model`.
    aggregate : str
        Key of `songnet.embedding.AGGREGATES`; codes without a time axis have deviations of 0 in ``"mean-std"``. Where
        a track's vector depends on all tracks, the mean.

    Returns
    -------
    callable
        Images [shape=(n, n_mels, n_frames), dtype=uint8] to [shape=(n, d), dtype=float32].
    """
    return _encoder(model, card.scaling, time_axis(card), aggregate)


def untrained_encoder_of(untrained: Untrained, aggregate: str = "mean-std") -> Encode:
    """`codes_encoder` of random weights (`songnet.evaluation.untrained.untrained_encoder`)."""
    return _encoder(untrained.model, untrained.scaling, untrained.time_axis, aggregate)


def _encoder(model: MelEncoder, scaling: PixelScaling, axis: int | None, aggregate: str) -> Encode:
    def encode(pixels: np.ndarray) -> np.ndarray:
        vectors = code_parts(encode_images(model, pixels, scaling), axis, aggregate, "clips")
        assert vectors is not None  # only halves can be missing
        return vectors

    return encode


def descriptor_encoder(recipe: Recipe, n_columns: int | None = None) -> Encode:
    """Timbre descriptors of single clips.

    Parameters
    ----------
    recipe : Recipe
        What made the images.
    n_columns : int or None
        The first so many: `songnet.clustering.against.N_MFCC_STATISTICS` leaves the statistics of the cepstrum, without
        modulation; None takes all.

    Returns
    -------
    callable
        Images [shape=(n, n_mels, n_frames), dtype=uint8] to [shape=(n, n_columns), dtype=float32].
    """

    def encode(pixels: np.ndarray) -> np.ndarray:
        parts = [
            timbre_descriptor(
                to_decibels(pixels[start : start + IMAGES_AT_ONCE], recipe), frame_rate=recipe.sr / recipe.hop_length
            )[:, :n_columns]
            for start in range(0, len(pixels), IMAGES_AT_ONCE)
        ]
        return np.concatenate(parts)

    return encode


def remembering(encode: Encode) -> Encode:
    """An encoder that answers the same images twice by working once.

    Parameters
    ----------
    encode : callable
        Whose answer several encoders share: descriptors stand alone, joined to codes, and joined to untrained codes.

    Returns
    -------
    callable
        The same function. The last images and their vectors are kept; images count as the same if they are one array.
    """
    last: list[tuple[np.ndarray, np.ndarray]] = []

    def answer(pixels: np.ndarray) -> np.ndarray:
        if not last or last[0][0] is not pixels:
            last[:] = [(pixels, encode(pixels))]
        return last[0][1]

    return answer


def joined_encoder(first: Encode, second: Encode) -> Encode:
    """Vectors of two encoders side by side: descriptors, then codes, as `songnet.evaluation.systems.join` does."""

    def encode(pixels: np.ndarray) -> np.ndarray:
        return np.concatenate([first(pixels), second(pixels)], axis=1)

    return encode


def placed(encode: Encode, space: FittedSpace) -> Encode:
    """Vectors of an encoder, brought where the library's tracks are compared.

    Parameters
    ----------
    encode : callable
    space : FittedSpace
        Fitted on the library's track vectors of the same kind, so that a clip goes the way that tracks went.

    Returns
    -------
    callable
        Images [shape=(n, n_mels, n_frames), dtype=uint8] to points of the space [shape=(n, d)].
    """

    def points(pixels: np.ndarray) -> np.ndarray:
        # Row by row: a product of two matrices may sum in another order when it has another number of rows.
        return np.concatenate([space.apply(row[None]) for row in encode(pixels).astype(np.float64)])

    return points
