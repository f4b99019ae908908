"""Keras layers whose random initial weights depend on a model's seed and the layer's name, and on nothing else.

Keras draws the seeds of unseeded initialisers from process-wide state, so the second model built in a process would
start from other weights than the first; and each backend draws other numbers from one seed.

Layers compute in the precision that Keras's dtype policy gives while the model is built, except those whose name ends
in ``_output``: codes, posteriors, images and what enters a loss come out in float32. Weights are always float32.
"""

from __future__ import annotations

import math
import zlib
from typing import Any

import keras
import numpy as np

from songnet.models.tensors import Tensor


def derived_seed(seed: int, purpose: str) -> int:
    """Independent seed for one `purpose` (a layer's name, ``"sampling"``) under a model's `seed`.

    Returns
    -------
    int
        In [0, 2**31), which every Keras backend accepts.

    Examples
    --------
    >>> derived_seed(0, "conv_1") == derived_seed(0, "conv_1")
    True
    >>> derived_seed(0, "conv_1") == derived_seed(1, "conv_1")
    False
    """
    sequence = np.random.SeedSequence([seed, zlib.crc32(purpose.encode())])
    return int(sequence.generate_state(1)[0] >> 1)


class _GlorotUniform(keras.Initializer):  # type: ignore[misc]  # Keras ships no types
    """Glorot and Bengio's uniform initialiser (AISTATS 2010), drawn by NumPy: the same numbers on every backend."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Tensor:
        receptive_field = math.prod(shape[:-2])
        limit = math.sqrt(6.0 / (receptive_field * (shape[-2] + shape[-1])))
        values = np.random.default_rng(self.seed).uniform(-limit, limit, shape)
        return keras.ops.convert_to_tensor(values.astype(np.float32), dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


def _initializer(seed: int, name: str) -> keras.Initializer:
    return _GlorotUniform(derived_seed(seed, name))


def _precision(name: str) -> str | None:
    # None is the policy that holds while the model is built (`songnet.training.devices`).
    return "float32" if name.endswith("_output") else None


def conv2d(
    name: str, filters: int, seed: int, activation: str | None = None, strides: tuple[int, int] = (1, 1)
) -> keras.layers.Conv2D:
    """3 x 3 convolution, "same" padding."""
    return keras.layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding="same",
        activation=activation,
        kernel_initializer=_initializer(seed, name),
        dtype=_precision(name),
        name=name,
    )


def conv2d_transpose(
    name: str, filters: int, seed: int, activation: str | None = None, padding: str = "same"
) -> keras.layers.Conv2DTranspose:
    """3 x 3 transposed convolution, stride 1."""
    return keras.layers.Conv2DTranspose(
        filters,
        3,
        padding=padding,
        activation=activation,
        kernel_initializer=_initializer(seed, name),
        dtype=_precision(name),
        name=name,
    )


def dense(name: str, units: int, seed: int, activation: str | None = None) -> keras.layers.Dense:
    """Fully connected layer."""
    return keras.layers.Dense(
        units, activation=activation, kernel_initializer=_initializer(seed, name), dtype=_precision(name), name=name
    )


def dropout(name: str, rate: float, seed: int) -> keras.layers.Dropout:
    """Dropout of a share `rate` of the values while training."""
    return keras.layers.Dropout(rate, seed=derived_seed(seed, name), name=name)
