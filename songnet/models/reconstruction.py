"""A light decoder beside the contrastive loss: from a code to how a clean cut sounds over its whole length.

The encoder reads a changed and masked view; the target is the cut before it was changed. Since the code has no time
axis, a decoder of whole images could at best repeat one spectrum over all frames, and would spend its weights on what
the code cannot hold. So the target is what of a cut does not depend on the order of its frames: each band's mean and
deviation over time.

Reference
---------
Vincent et al.: "Stacked denoising autoencoders", JMLR 2010 (the clean input as the target of a changed one).
"""

from __future__ import annotations

import keras
from keras import ops

from songnet.models import seeded
from songnet.models.backbone import TYPICAL_DEVIATION, TYPICAL_MEAN, time_statistics
from songnet.models.tensors import Tensor


def spectrum_target(cuts: Tensor) -> Tensor:
    """Mean and deviation over time of each band, on the scale that the backbone reads images on.

    Parameters
    ----------
    cuts : tensor [shape=(batch, frequency, time, 1)]
        Values in [0, 1].

    Returns
    -------
    tensor [shape=(batch, 2 * frequency), dtype=float32]
        Means first. One unit is a typical deviation of an image's values, a quarter of their range.
    """
    frames = ops.transpose(ops.squeeze(cuts, -1), (0, 2, 1))
    return time_statistics((frames - TYPICAL_MEAN) / TYPICAL_DEVIATION)


def spectrum_decoder(latent_dim: int, n_bands: int, seed: int) -> keras.Model:
    """Codes to what `spectrum_target` gives: one hidden layer as wide as the code, then a linear one.

    Parameters
    ----------
    latent_dim : int
        Length of the code.
    n_bands : int
        Mel bands of an image.
    seed : int
        Determines initial weights.

    Returns
    -------
    keras.Model
        ``(batch, latent_dim)`` to ``(batch, 2 * n_bands)``.
    """
    x = code = keras.Input((latent_dim,), name="code")
    x = seeded.dense("decoder_hidden", latent_dim, seed, "relu")(x)
    x = seeded.dense("decoder_output", 2 * n_bands, seed)(x)
    return keras.Model(code, x, name="decoder")


def squared_errors(rebuilt: Tensor, target: Tensor) -> Tensor:
    """Mean squared error of each row [shape=(batch,), dtype=float32]; both arguments ``(batch, features)``."""
    return ops.mean(ops.square(rebuilt - target), axis=-1)
