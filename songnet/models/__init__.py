"""Mel images to codes: model families, their presets, and what is needed to judge a latent space.

Data flow: ``presets`` (data) -> `build_model` -> a `MelAutoencoder` -> ``encode`` -> codes -> `latent_report`.

Importing this package imports neither Keras nor a backend: families are resolved by the registry on demand.

Notation used throughout: images are float32 ``(batch, frequency, time, 1)`` with values in [0, 1]; a code map is
``(batch, frequency, time, channels)``; a latent vector is ``(batch, latent_dim)``; divergences are in nats.
"""

from __future__ import annotations

from songnet.models.build import MODELS, build_model, load_family
from songnet.models.presets import PRESETS, Preset, get_preset

__all__ = ["MODELS", "PRESETS", "Preset", "build_model", "get_preset", "load_family"]
