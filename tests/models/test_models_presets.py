"""Published figures, and what `build_model` refuses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from songnet.errors import ParameterError
from songnet.models import PRESETS, build_model

# name: parameters, code shape; as published.
PUBLISHED = {
    "cae-72x72": (95_067, (12, 27, 16)),
    "cae-48x81": (28_249, (12, 27, 12)),
    "cae-168x108": (27_905, (24, 54, 14)),
    "cae-12x15": (28_268, (4, 9, 5)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parameter_counts_and_code_shapes(name: str) -> None:
    model = build_model(name)
    parameters, code_shape = PUBLISHED[name]
    assert model.count_params() == parameters
    assert model.code_shape == code_shape
    assert dict(PRESETS[name].published) == {"batch_size": 5, "learning_rate": 5e-4, "epochs": 125}


@pytest.mark.parametrize("head", ["sigmoid", "bernoulli"])
def test_reference_vae_has_the_published_geometry(head: str) -> None:
    model = build_model(f"vae-r1-{head}")
    shapes = {
        layer.name: tuple(layer.output.shape[1:]) for part in (model.encoder, model.decoder) for layer in part.layers
    }
    assert shapes["encoder_flatten"] == (5184,)
    assert shapes["encoder_output"] == (152,)
    assert shapes["decoder_conv_1"] == (3, 3, 16)
    assert shapes["decoder_upsample_1"] == (6, 9, 16)
    assert shapes["decoder_upsample_3"] == (24, 9, 96)
    assert shapes["decoder_pixels"] == (96, 216, 1)
    assert ("decoder_output" in shapes) == (head == "sigmoid")
    assert PRESETS[f"vae-r1-{head}"].published["batch_size"] == 15


def test_importing_the_room_does_not_import_keras() -> None:
    program = (
        "import sys, songnet.models; sys.exit(any(name in sys.modules for name in ('keras', 'tensorflow', 'jax')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_dropout_and_activation_keep_the_parameter_count() -> None:
    model = build_model("cae-12x15", {"dropout": 0.4, "activation": "leaky_relu"})
    assert model.count_params() == 28_268


def test_unknown_preset_names_the_allowed_ones() -> None:
    with pytest.raises(ParameterError, match="unknown preset 'vae'; choose one of: contrastive"):
        build_model("vae")


def test_unknown_override_names_the_allowed_ones() -> None:
    with pytest.raises(ParameterError, match=r"unknown override 'depth'.*allowed: activation, channels, dropout"):
        build_model("cae-72x72", {"depth": 3})


def test_seed_is_not_an_override() -> None:
    with pytest.raises(ParameterError, match="unknown override 'seed'"):
        build_model("cae-72x72", {"seed": 3})


@pytest.mark.parametrize(
    ("preset", "name", "value"),
    [
        ("cae-12x15", "dropout", 1.0),
        ("cae-12x15", "dropout", "much"),
        ("cae-12x15", "dropout", float("nan")),
        ("cae-12x15", "channels", ()),
        ("cae-12x15", "channels", "48"),
        ("cae-12x15", "channels", (48, 0, 12, 5)),
        ("cae-12x15", "pools", (2, 2)),
        ("cae-12x15", "pools", (2, 2, 2, 5)),
        ("cae-12x15", "input_shape", (96, 216)),
        ("cae-12x15", "input_shape", (96, 216, 3)),
        ("cae-12x15", "activation", "tanhh"),
        ("vae-r1-sigmoid", "head", "gaussian"),
        ("vae-r1-sigmoid", "beta", -1),
        ("vae-conv", "latent_dim", 0),
        ("vae-conv", "latent_dim", 2.5),
        ("vae-conv", "latent_dim", True),
        ("vae-conv", "beta", float("inf")),
        ("vae-conv", "free_bits", -0.1),
        ("vae-conv", "kl_warmup_steps", -1),
        ("vae-conv", "strides", ((2, 2),)),
        ("vae-conv", "strides", ((2, 2), (2, 2), (2, 2), (2, 2))),
        ("vae-conv", "strides", ((2, 2), (2, 2), (2, 2), (2, 3, 1))),
    ],
)
def test_bad_values_are_refused_by_name(preset: str, name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        build_model(preset, {name: value})


@pytest.mark.parametrize("seed", [-1, 0.5, "a"])
def test_bad_seed_is_refused(seed: object) -> None:
    with pytest.raises(ParameterError, match="seed"):
        build_model("cae-12x15", seed=seed)  # type: ignore[arg-type]
