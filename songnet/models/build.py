"""Models by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from songnet.errors import ParameterError
from songnet.models.backend import load_backend
from songnet.models.presets import get_preset
from songnet.registry import Registry

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

MODELS = Registry(
    "model",
    {
        "conv-autoencoder": "songnet.models.cae:ConvAutoencoder",
        "reference-vae": "songnet.models.vae:ReferenceVae",
        "conv-vae": "songnet.models.conv_vae:ConvVae",
        "masked-autoencoder": "songnet.models.masked_cae:MaskedAutoencoder",
        "contrastive-encoder": "songnet.models.contrastive:ContrastiveEncoder",
        "aligned-encoder": "songnet.models.aligned:AlignedEncoder",
    },
)


def load_family(name: str) -> Any:
    """The class of a model family; brings the numerical backend with it."""
    load_backend()
    return MODELS[name]


def build_model(preset: str, overrides: Mapping[str, object] | None = None, seed: int = 0) -> MelEncoder:
    """Build the model of a preset, with freshly initialised weights.

    Parameters
    ----------
    preset : str
        Key of `PRESETS`.
    overrides : Mapping, optional
        Constructor arguments of the preset's family that replace the preset's or the defaults.
    seed : int
        Determines initial weights, dropout and sampling.

    Raises
    ------
    ParameterError
        If the preset or an override is unknown, or a value is outside what the family allows.

    Examples
    --------
    >>> build_model("cae-12x15", {"dropout": 0.2}).count_params()
    28268
    """
    wanted = get_preset(preset)
    family = load_family(wanted.family)
    allowed = sorted(inspect.signature(family).parameters.keys() - {"seed"})
    chosen = dict(overrides or {})
    unknown = sorted(chosen.keys() - set(allowed))
    if unknown:
        raise ParameterError(
            f"unknown override {', '.join(map(repr, unknown))} for preset {preset!r}; allowed: {', '.join(allowed)}"
        )
    model: MelEncoder = family(**{**wanted.config, **chosen, "seed": seed})
    return model
