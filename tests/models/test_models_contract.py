"""One contract for every preset of every family."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from songnet.models import MODELS, PRESETS, build_model

LEARNING_RATE = 5e-4


@dataclass
class Case:
    """A preset's model before and after three training steps on one batch."""

    name: str
    model: Any
    initial: dict[str, np.ndarray]
    before: dict[str, float]
    logs: list[dict[str, float]]
    after: dict[str, float]


@pytest.fixture(scope="module", params=sorted(PRESETS))
def case(request: pytest.FixtureRequest, images: np.ndarray) -> Case:
    model: Any = build_model(request.param, seed=7)
    model.compile_for_training(LEARNING_RATE)
    initial = model.weights_by_name()
    wanted = np.eye(len(images), *model.code_shape, dtype=np.float32) if model.targeted else images
    before = model.test_on_batch(images, wanted, return_dict=True)
    logs = [model.train_on_batch(images, wanted, return_dict=True) for _ in range(8)]
    return Case(request.param, model, initial, before, logs, model.test_on_batch(images, wanted, return_dict=True))


def test_every_family_has_a_preset() -> None:
    assert {preset.family for preset in PRESETS.values()} == set(MODELS)


def reconstructs(case: Case) -> bool:
    return PRESETS[case.name].family not in ("contrastive-encoder", "aligned-encoder")


def test_codes_and_reconstructions_have_the_declared_shapes(case: Case, images: np.ndarray) -> None:
    codes = np.asarray(case.model.encode(images))
    assert codes.shape == (4, *case.model.code_shape)
    assert codes.dtype == np.float32
    assert np.isfinite(codes).all()
    assert hasattr(case.model, "reconstruct") == reconstructs(case)
    if reconstructs(case):
        rebuilt = np.asarray(case.model.reconstruct(images))
        assert rebuilt.shape == images.shape
        assert np.isfinite(rebuilt).all()
    assert case.model.time_axis == (1 if len(case.model.code_shape) == 3 else None)


def test_encoding_is_deterministic_and_independent_of_the_neighbours(case: Case, images: np.ndarray) -> None:
    codes = np.asarray(case.model.encode(images))
    reversed_codes = np.asarray(case.model.encode(images[::-1].copy()))
    np.testing.assert_array_equal(codes, np.asarray(case.model.encode(images)))
    np.testing.assert_array_equal(codes, reversed_codes[::-1])


def test_codes_are_what_reconstructions_are_made_of(case: Case, images: np.ndarray) -> None:
    if not reconstructs(case):
        pytest.skip("nothing is reconstructed")
    decoded = np.asarray(case.model.decoder(case.model.encode(images), training=False))
    rebuilt = np.asarray(case.model.reconstruct(images))
    if PRESETS[case.name].family == "reference-vae":
        decoded = 1 / (1 + np.exp(-decoded))
    np.testing.assert_allclose(decoded, rebuilt, atol=1e-6)


def test_training_lowers_the_evaluated_loss(case: Case) -> None:
    assert case.after["loss"] < case.before["loss"]
    assert all(np.isfinite(value) for logs in case.logs for value in logs.values())


def test_logs_are_complete(case: Case) -> None:
    variational = PRESETS[case.name].family.endswith("vae")
    expected = {"loss", "reconstruction", "kl"} if variational else {"loss"}
    if not reconstructs(case):
        expected = {"loss"} if case.model.targeted else {"loss", "found"}
    assert set(case.logs[0]) == set(case.after) == expected
    if variational:
        beta = case.model.get_config()["beta"]
        assert case.after["loss"] == pytest.approx(case.after["reconstruction"] + beta * case.after["kl"], rel=1e-5)


def test_config_is_json_and_rebuilds_the_model(case: Case, images: np.ndarray) -> None:
    config = json.loads(json.dumps(case.model.get_config()))
    assert config["seed"] == 7
    twin = type(case.model)(**config)
    assert twin.get_config() == case.model.get_config()
    weights = case.model.weights_by_name()
    twin.load_weights_by_name(weights)
    np.testing.assert_array_equal(np.asarray(twin.encode(images)), np.asarray(case.model.encode(images)))
    restored = twin.weights_by_name()
    assert list(restored) == list(weights)
    for name, array in weights.items():
        np.testing.assert_array_equal(restored[name], array, err_msg=name)


def test_weights_are_a_function_of_the_seed_alone(case: Case) -> None:
    same = build_model(case.name, seed=7).weights_by_name()
    other = build_model(case.name, seed=8).weights_by_name()
    assert list(same) == list(case.initial)
    for name, array in case.initial.items():
        np.testing.assert_array_equal(same[name], array, err_msg=name)
    kernels = [name for name in same if name.endswith("kernel")]
    assert kernels
    assert all((same[name] != other[name]).any() for name in kernels)


def test_training_changes_every_kernel(case: Case) -> None:
    trained = case.model.weights_by_name()
    unchanged = [
        name for name in trained if name.endswith("kernel") and np.array_equal(trained[name], case.initial[name])
    ]
    assert unchanged == []


def test_returned_weights_are_a_copy(case: Case) -> None:
    name = next(iter(case.initial))
    stolen = case.model.weights_by_name()
    kept = stolen[name].copy()
    stolen[name] += 1
    np.testing.assert_array_equal(case.model.weights_by_name()[name], kept)


def test_all_weights_are_named(case: Case) -> None:
    named = {id(variable) for variable in case.model.named_variables().values()}
    assert [weight.path for weight in case.model.weights if id(weight) not in named] == []
