"""The encoder that predicts directions: its loss, its start, and what its codes depend on."""

import numpy as np
import pytest

from songnet.errors import CheckpointError, ParameterError
from songnet.models import build_model
from songnet.models.augment import NOTHING

SMALL = {"channels": (4, 4, 4, 4), "features": 8, "bottleneck": 6, "latent_dim": 5}


@pytest.fixture(scope="module")
def small_images():
    return np.random.default_rng(0).random((6, 96, 216, 1), dtype=np.float32)


def test_the_loss_is_one_less_the_cosine(small_images):
    model = build_model("aligned", SMALL, seed=1)
    model.compile_for_training(1e-3)
    targets = np.eye(5, dtype=np.float32)[[0, 1, 2, 3, 4, 0]]
    codes = np.asarray(model.encode(small_images))
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, rtol=1e-5)
    found = model.test_on_batch(small_images, targets, return_dict=True)
    assert found["loss"] == pytest.approx(1 - (codes * targets).sum(axis=1).mean(), abs=1e-5)


def test_it_learns_directions_that_images_show():
    overrides = {**SMALL, "latent_dim": 2, "dropout": 0.0, "augmentation": vars(NOTHING), "crop_frames": 216}
    model = build_model("aligned", overrides, seed=1)
    images = np.full((8, 96, 216, 1), 0.2, dtype=np.float32)
    images[::2, :48] = images[1::2, 48:] = 0.9
    targets = np.tile(np.eye(2, dtype=np.float32), (4, 1))
    model.compile_for_training(1e-2)
    for _ in range(60):
        model.train_on_batch(images, targets)
    assert model.test_on_batch(images, targets, return_dict=True)["loss"] < 0.02
    np.testing.assert_allclose(np.asarray(model.encode(images)), targets, atol=0.2)


def test_a_start_is_the_constant_and_another_models_backbone():
    other = build_model(
        "contrastive", {**{key: SMALL[key] for key in ("channels", "features")}, "latent_dim": 6}, seed=9
    )
    model = build_model("aligned", SMALL, seed=1)
    before, taken = model.weights_by_name(), other.weights_by_name()
    constant = np.array([0, 0.6, 0, 0.8, 0], dtype=np.float32)
    model.start_from(constant, taken)
    after = model.weights_by_name()
    np.testing.assert_array_equal(after["head/head_output/bias"], constant)
    np.testing.assert_array_equal(after["head/head_output/kernel"], before["head/head_output/kernel"])
    np.testing.assert_array_equal(after["training/augmentation_seed"], before["training/augmentation_seed"])
    learned = [name for name in after if name.startswith("encoder/") and "dropout" not in name]
    assert len(learned) == 12
    for name in learned:
        np.testing.assert_array_equal(after[name], taken[name])
    model.start_from(constant, {})
    np.testing.assert_array_equal(model.weights_by_name()[learned[0]], taken[learned[0]])


def test_a_backbone_that_does_not_fit_is_refused():
    model = build_model("aligned", SMALL, seed=1)
    constant = np.zeros(5, dtype=np.float32)
    narrow = build_model("contrastive", {"channels": (4, 4, 4, 4), "features": 7, "latent_dim": 6}, seed=9)
    with pytest.raises(CheckpointError, match=r"weight encoder/encoder_features/\w+ has shape"):
        model.start_from(constant, narrow.weights_by_name())
    taken = build_model("contrastive", {"channels": (4, 4, 4), "strides": [[2, 2]] * 3, "features": 8}, seed=9)
    with pytest.raises(CheckpointError, match="missing encoder/encoder_conv_4/bias"):
        model.start_from(constant, taken.weights_by_name())


def test_options_that_cannot_be_are_refused():
    with pytest.raises(ParameterError, match="bottleneck must be a whole number of at least 1, got 0"):
        build_model("aligned", {"bottleneck": 0})
