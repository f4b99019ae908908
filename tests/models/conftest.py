"""Synthetic mel-like images with few factors, and a quiet TensorFlow."""

from __future__ import annotations

import os

# Before anything imports TensorFlow, which reads it once.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from numpy.typing import NDArray

Images = NDArray[np.float32]


def mel_like(count: int, shape: tuple[int, int] = (96, 216), seed: int = 0) -> Images:
    """Harmonic stripes and pulses in faint noise; five factors: pitch, brightness, pulse period, phase and strength."""
    rng = np.random.default_rng(seed)
    band = np.arange(shape[0])[:, None]
    frame = np.arange(shape[1])[None, :]
    images = []
    for _ in range(count):
        spacing, brightness = rng.uniform(shape[0] / 8, shape[0] / 3), rng.uniform(0.2, 1.0)
        period, phase, strength = rng.uniform(shape[1] / 8, shape[1] / 2), rng.uniform(0, 1), rng.uniform(0.2, 1.0)
        stripes = np.exp(4 * (np.cos(2 * np.pi * band / spacing) - 1)) * np.exp(-band / (brightness * shape[0]))
        pulses = np.exp(4 * (np.cos(2 * np.pi * (frame / period + phase)) - 1))
        images.append(stripes * (1 - strength * (1 - pulses)) + 0.02 * rng.random(shape))
    return np.clip(np.stack(images), 0, 1).astype(np.float32)[..., None]


@pytest.fixture(scope="session")
def images() -> Images:
    """Four images of the presets' shape, softest at 10% and loudest at 60% of the scale, as music lies."""
    return 0.1 + 0.5 * mel_like(4)


@pytest.fixture(scope="session")
def small_images() -> Images:
    """Images for the small variational model of `small_vae_config`."""
    return mel_like(128, shape=(32, 48))


@pytest.fixture(scope="session")
def small_vae_config() -> dict[str, object]:
    """Constructor arguments of a convolutional VAE that trains in seconds."""
    return {"input_shape": (32, 48, 1), "channels": (16, 16), "strides": ((2, 2), (2, 2)), "latent_dim": 8}
