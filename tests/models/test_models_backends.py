"""Weights written on TensorFlow encode, evaluate and train the same on the other backends."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from songnet.models import MODELS, PRESETS

PROBE = Path(__file__).with_name("backend_probe.py")
ROOT = Path(__file__).parents[2]


@dataclass
class Pair:
    """One model here, and what the other backend made of its weights."""

    model: Any
    images: np.ndarray
    other: dict[str, Any]


@pytest.fixture(scope="module", params=["jax", "torch"])
def pairs(
    request: pytest.FixtureRequest,
    images: np.ndarray,
    small_images: np.ndarray,
    small_vae_config: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Pair]:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    cases = {
        "conv-autoencoder": ({**PRESETS["cae-12x15"].config, "seed": 5}, images[:2]),
        "conv-vae": (
            {**small_vae_config, "dropout": 0.1, "kl_warmup_steps": 3, "free_bits": 0.1, "seed": 5},
            small_images[:4],
        ),
        "contrastive-encoder": (
            {
                **{"input_shape": (32, 48, 1), "channels": (8, 16), "strides": ((2, 2), (2, 2)), "features": 16},
                **{"latent_dim": 8, "crop_frames": 32, "dropout": 0.1, "seed": 5},
            },
            small_images[:4],
        ),
    }
    models = {}
    rng = np.random.default_rng(0)
    for family, (config, batch) in cases.items():
        model = models[family] = MODELS[family](**config)
        weights = model.weights_by_name()
        for name, array in weights.items():
            # Fresh biases are zero, which would hide a bias that is not carried over.
            if name.endswith("bias"):
                weights[name] = rng.normal(0, 0.05, array.shape).astype(np.float32)
        model.load_weights_by_name(weights)
        stored = {"family": family, "config": json.dumps(model.get_config()), "images": batch, **weights}
        np.savez(folder / f"{family}.in.npz", **stored)
    environment = {**os.environ, "KERAS_BACKEND": request.param, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROBE), str(folder)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]
    found = {}
    for family, (_, batch) in cases.items():
        with np.load(folder / f"{family}.out.npz") as archive:
            found[family] = Pair(models[family], batch, dict(archive))
        assert found[family].other["backend"] == request.param
    return found


@pytest.mark.parametrize("family", ["conv-autoencoder", "conv-vae", "contrastive-encoder"])
def test_initial_weights_and_codes_agree(pairs: dict[str, Pair], family: str) -> None:
    model, batch, other = pairs[family].model, pairs[family].images, pairs[family].other
    fresh = MODELS[family](**model.get_config()).weights_by_name()
    for name in (name for name in fresh if name.endswith("kernel")):
        np.testing.assert_array_equal(other[f"fresh/{name}"], fresh[name], err_msg=name)
    np.testing.assert_allclose(np.asarray(model.encode(batch)), other["codes"], atol=1e-4)


def test_autoencoder_evaluates_and_trains_the_same(pairs: dict[str, Pair]) -> None:
    model, batch, other = (getattr(pairs["conv-autoencoder"], name) for name in ("model", "images", "other"))
    model.compile_for_training(1e-3)
    assert json.loads(str(other["evaluated"])) == pytest.approx(
        model.test_on_batch(batch, batch, return_dict=True), rel=1e-4
    )
    # Without dropout, training draws nothing: the whole step must agree.
    assert json.loads(str(other["trained"])) == pytest.approx(
        model.train_on_batch(batch, batch, return_dict=True), rel=1e-4
    )
    for name, array in model.weights_by_name().items():
        np.testing.assert_allclose(other[f"after/{name}"], array, atol=1e-4, err_msg=name)


def test_variational_autoencoder_evaluates_the_same_and_trains(pairs: dict[str, Pair]) -> None:
    model, batch, other = (getattr(pairs["conv-vae"], name) for name in ("model", "images", "other"))
    model.compile_for_training(1e-3)
    assert json.loads(str(other["evaluated"])) == pytest.approx(
        model.test_on_batch(batch, batch, return_dict=True), rel=1e-4
    )
    # Noise differs between backends; every step counts and calibrates nevertheless.
    assert set(json.loads(str(other["trained"]))) == {"loss", "reconstruction", "kl"}
    assert other["after/training/steps"] == 1
    assert 0 < other["after/training/pixel_variance"] < 1


def test_contrastive_encoder_evaluates_the_same_and_trains(pairs: dict[str, Pair]) -> None:
    model, batch, other = (getattr(pairs["contrastive-encoder"], name) for name in ("model", "images", "other"))
    model.compile_for_training(1e-3)
    assert json.loads(str(other["evaluated"])) == pytest.approx(
        model.test_on_batch(batch, batch, return_dict=True), rel=1e-4
    )
    # Draws differ between backends; the step changes the weights and counts its draws nevertheless.
    assert set(json.loads(str(other["trained"]))) == {"loss", "found"}
    before = model.weights_by_name()
    changed = [name for name in before if name.endswith("kernel") and (other[f"after/{name}"] != before[name]).any()]
    assert len(changed) == sum(name.endswith("kernel") for name in before)
    assert (other["after/training/augmentation_seed"] != before["training/augmentation_seed"]).any()
