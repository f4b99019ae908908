"""Altered weights are refused, and a refused call changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from songnet.errors import CheckpointError
from songnet.models.cae import ConvAutoencoder
from songnet.models.conv_vae import ConvVae

Weights = dict[str, np.ndarray]
KERNEL = "encoder/encoder_conv_1/kernel"


@pytest.fixture
def model(small_vae_config: dict[str, Any]) -> ConvVae:
    return ConvVae(**small_vae_config, dropout=0.1, kl_warmup_steps=5)


def _missing(weights: Weights) -> None:
    del weights[KERNEL]


def _extra(weights: Weights) -> None:
    weights["encoder/encoder_conv_9/kernel"] = np.zeros(3, np.float32)


def _transposed(weights: Weights) -> None:
    weights[KERNEL] = weights[KERNEL].T


def _nan(weights: Weights) -> None:
    weights[KERNEL][0, 0, 0, 0] = np.nan


def _overflowing(weights: Weights) -> None:
    weights[KERNEL] = weights[KERNEL].astype(np.float64)
    weights[KERNEL][0, 0, 0, 0] = 1e300


def _whole(weights: Weights) -> None:
    weights[KERNEL] = weights[KERNEL].astype(np.int64)


def _fractional_step(weights: Weights) -> None:
    weights["training/steps"] = np.array(0.5, np.float32)


def _huge_step(weights: Weights) -> None:
    weights["training/steps"] = np.array(2**40, np.int64)


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_missing, f"missing {KERNEL}; unknown none"),
        (_extra, "missing none; unknown encoder/encoder_conv_9/kernel"),
        (_transposed, r"encoder_conv_1/kernel has shape \(16, 1, 3, 3\), but the model needs \(3, 3, 1, 16\)"),
        (_nan, "encoder_conv_1/kernel holds values that are not finite"),
        (_overflowing, "encoder_conv_1/kernel holds values that are not finite"),
        (_whole, "encoder_conv_1/kernel has type int64, but the model needs floating-point"),
        (_fractional_step, "training/steps has type float32, but the model needs whole"),
        (_huge_step, "training/steps holds values outside the range of int32"),
    ],
)
def test_altered_weights_are_refused(model: ConvVae, tamper: Callable[[Weights], None], message: str) -> None:
    before = model.weights_by_name()
    # Everything else differs from the model's own, so that a partial load would show.
    weights = {name: array + 1 for name, array in before.items()}
    tamper(weights)
    with pytest.raises(CheckpointError, match=message):
        model.load_weights_by_name(weights)
    after = model.weights_by_name()
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)


def test_names_do_not_depend_on_what_was_built_before(small_vae_config: dict[str, Any]) -> None:
    first = ConvVae(**small_vae_config)
    ConvAutoencoder(input_shape=(16, 16, 1), channels=(4,), pools=(2,))
    second = ConvVae(**small_vae_config)
    assert list(first.weights_by_name()) == list(second.weights_by_name())
    first.load_weights_by_name({name: array + 1 for name, array in first.weights_by_name().items()})
    assert (first.weights_by_name()[KERNEL] != second.weights_by_name()[KERNEL]).all()


def test_resumed_training_continues_the_random_sequence(small_vae_config: dict[str, Any], small_images: Any) -> None:
    """Dropout and sampling go on from the stored generators, so the next step's loss is the same."""
    batch = small_images[:8]
    losses = []
    models = [ConvVae(**small_vae_config, dropout=0.3, kl_warmup_steps=4, seed=seed) for seed in (0, 0)]
    models[0].compile_for_training(1e-3)
    for _ in range(2):
        models[0].train_on_batch(batch, batch)
    models[1].load_weights_by_name(models[0].weights_by_name())
    models[1].compile_for_training(1e-3)
    for model in models:
        losses.append(model.train_on_batch(batch, batch, return_dict=True))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert models[1].weights_by_name()["training/steps"] == 3
