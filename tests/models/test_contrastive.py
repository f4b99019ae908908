"""The losses against their formulas, and a small encoder that learns to tell planted tracks apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from songnet.errors import ParameterError
from songnet.models import build_model
from songnet.models.augment import gain
from songnet.models.contrastive import ContrastiveEncoder
from songnet.models.contrastive_losses import found_partners, nt_xent, vicreg

from .conftest import mel_like

SMALL = {
    "input_shape": (32, 48, 1),
    "channels": (8, 16),
    "strides": ((2, 2), (2, 2)),
    "features": 32,
    "latent_dim": 16,
    "projection": 8,
    "crop_frames": 32,
    "augmentation": {"noise_db": 1.0},
}


def reference_nt_xent(first: np.ndarray, second: np.ndarray, temperature: float) -> float:
    views = np.concatenate([first, second]).astype(np.float64)
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    n, losses = len(first), []
    for i, view in enumerate(views):
        logits = views @ view / temperature
        others = np.delete(logits, i)
        losses.append(np.log(np.exp(others).sum()) - logits[(i + n) % (2 * n)])
    return float(np.mean(losses))


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_nt_xent_is_its_formula(rng, temperature: float) -> None:
    first, second = rng.normal(size=(2, 6, 5)).astype(np.float32)
    value = float(nt_xent(first, second, temperature))
    assert value == pytest.approx(reference_nt_xent(first, second, temperature), rel=1e-4)
    # Which view comes first, how long the vectors are and which track is which say nothing.
    order = rng.permutation(6)
    assert float(nt_xent(3 * second[order], first[order], temperature)) == pytest.approx(value, rel=1e-4)


def test_nt_xent_at_its_ends() -> None:
    alike, axes = np.ones((4, 8), np.float32), np.eye(4, 8, dtype=np.float32)
    assert float(nt_xent(alike, alike, 0.1)) == pytest.approx(np.log(7), rel=1e-4)
    assert float(nt_xent(axes, axes, 0.1)) == pytest.approx(np.log(1 + 6 * np.exp(-10)), abs=1e-4)


def test_vicreg_is_its_formula(rng) -> None:
    first, second = rng.normal(size=(2, 7, 3)).astype(np.float32)
    expected = 25 * np.mean((first - second) ** 2)
    for views in (first, second):
        covariance = np.cov(views.T)
        variances = np.diag(covariance)
        expected += 12.5 * np.mean(np.maximum(0, 1 - np.sqrt(variances + 1e-4)))
        expected += (np.sum(covariance**2) - np.sum(variances**2)) / 3
    assert float(vicreg(first, second)) == pytest.approx(expected, rel=1e-4)


def test_found_partners() -> None:
    axes = np.eye(4, dtype=np.float32)
    assert float(found_partners(axes, axes)) == 1
    assert float(found_partners(axes, axes[[1, 0, 2, 3]])) == 0.5


@dataclass(frozen=True)
class Trained:
    """A small encoder trained on 24 planted tracks, and what it never saw."""

    model: ContrastiveEncoder
    first: np.ndarray
    second: np.ndarray
    strangers: np.ndarray
    found_before: float


@pytest.fixture(scope="module")
def trained() -> Trained:
    tracks = mel_like(48, shape=(32, 48))
    first = tracks[:24]
    noise = np.random.default_rng(0).random(first.shape)
    second = np.clip(first + 0.1 * noise, 0, 1).astype(np.float32)
    model = ContrastiveEncoder(**SMALL)
    model.compile_for_training(3e-3, decay_steps=80)
    before = model.test_on_batch(first, second, return_dict=True)["found"]
    for _ in range(60):
        model.train_on_batch(first, second)
    return Trained(model, first, second, tracks[24:], float(before))


def test_training_makes_partners_find_each_other_and_only_partners(trained: Trained) -> None:
    found = trained.model.test_on_batch(trained.first, trained.second, return_dict=True)["found"]
    assert found > trained.found_before + 0.2
    # Partners dealt wrongly share nothing that could have been learnt.
    assert trained.model.test_on_batch(trained.first, trained.strangers, return_dict=True)["found"] < 0.3


def test_training_makes_loudness_matter_less(trained: Trained) -> None:
    # Away from the floor, where softer is darker and nothing else.
    images = 0.25 + 0.6 * trained.strangers
    softer = np.asarray(gain(images, np.full(24, -9.0, np.float32), 90.0))

    def loudness(model: ContrastiveEncoder) -> float:
        """Length of the step from an image to its softer self, in mean distances between images."""
        codes, moved = np.asarray(model.encode(images)), np.asarray(model.encode(softer))
        apart = np.linalg.norm(codes[:, None] - codes[None], axis=2).sum() / (24 * 23)
        return float(np.linalg.norm(moved - codes, axis=1).mean() / apart)

    assert loudness(trained.model) < 0.7 * loudness(ContrastiveEncoder(**SMALL))


def test_the_step_size_falls_to_its_end(trained: Trained) -> None:
    # Three quarters of the way down half a cosine.
    expected = 3e-3 * (1 + np.cos(np.pi * 60 / 80)) / 2
    assert float(trained.model.optimizer.learning_rate) == pytest.approx(expected, rel=1e-3)


def test_evaluation_is_deterministic_and_leaves_the_state_alone(trained: Trained) -> None:
    before = trained.model.weights_by_name()
    values = [trained.model.test_on_batch(trained.first, trained.second, return_dict=True) for _ in range(2)]
    assert values[0] == values[1]
    for name, array in trained.model.weights_by_name().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_the_code_is_pooled_over_time_and_longer_images_can_be_encoded(small_images) -> None:
    model = ContrastiveEncoder(**SMALL)
    longer = np.concatenate([small_images[:4], small_images[:4]], axis=2)
    assert model.code_shape == (16,)
    assert model.time_axis is None
    assert np.asarray(model.encode(longer)).shape == (4, 16)


def test_options_are_checked() -> None:
    with pytest.raises(ParameterError, match="loss must be one of nt-xent, vicreg; got 'mse'"):
        ContrastiveEncoder(loss="mse")
    with pytest.raises(ParameterError, match="temperature must be a finite number of at least"):
        ContrastiveEncoder(temperature=0.0)
    with pytest.raises(ParameterError, match="crop_frames is 217; an image has 216 frames, and a cut no more"):
        ContrastiveEncoder(crop_frames=217)
    with pytest.raises(ParameterError, match="unknown override 'beta' for preset 'contrastive'"):
        build_model("contrastive", {"beta": 1.0})
