"""What is hidden from the masked autoencoder, and that it fills it in."""

import keras
import numpy as np
import pytest

from songnet.errors import ParameterError
from songnet.models import build_model
from songnet.models.masked_cae import MaskedAutoencoder

SMALL = {
    **{"input_shape": (32, 48, 1), "channels": (8, 16), "strides": ((2, 2), (2, 2)), "features": 16, "latent_dim": 8},
    "noise": 0.0,
}


def test_half_of_the_patches_is_hidden_and_the_rest_left_alone(small_images) -> None:
    model = MaskedAutoencoder(**SMALL, hidden=0.5)
    corrupted = np.asarray(model.corrupt(small_images))
    changed = (corrupted != small_images).reshape(128, 4, 8, 6, 8).any(axis=(2, 4))
    assert changed.mean() == pytest.approx(0.5, abs=0.05)
    means = small_images.mean(axis=(1, 2, 3))[:, None, None, None]
    np.testing.assert_allclose(corrupted, np.where(corrupted == small_images, corrupted, means), atol=1e-6)
    # Whole patches, and other ones at every call.
    patches = (np.abs(corrupted - means[..., None].reshape(-1, 1, 1, 1)) < 1e-6).reshape(128, 4, 8, 6, 8)
    np.testing.assert_array_equal(patches.all(axis=(2, 4)) | ~changed, True)
    assert (np.asarray(model.corrupt(small_images)) != corrupted).any()


def test_pooling_decides_whether_the_code_knows_the_order_of_time(small_images) -> None:
    # Away from the padded ends, a shift is another order of the same frames.
    quiet = np.zeros((4, 32, 48, 1), np.float32)
    quiet[:, :, 12:24] = small_images[:4, :, :12]
    shifted = np.roll(quiet, 12, axis=2)
    moved = {}
    for pooling in ("time", "none"):
        model = MaskedAutoencoder(**SMALL, pooling=pooling)
        codes, others = np.asarray(model.encode(quiet)), np.asarray(model.encode(shifted))
        moved[pooling] = np.abs(codes - others).max() / np.abs(codes).max()
    assert moved["time"] < 1e-4
    assert moved["none"] > 0.1


def test_training_lowers_the_error_on_what_was_hidden(small_images) -> None:
    keras.utils.set_random_seed(0)
    model = MaskedAutoencoder(**SMALL)
    model.compile_for_training(3e-3)
    before = model.test_on_batch(small_images, small_images, return_dict=True)["loss"]
    for _ in range(40):
        model.train_on_batch(small_images, small_images)
    assert model.test_on_batch(small_images, small_images, return_dict=True)["loss"] < 0.5 * before


def test_time_pooling_is_an_option_of_the_variational_model_too() -> None:
    model = build_model("vae-conv", {"pooling": "time"})
    assert "encoder/encoder_features/kernel" in model.weights_by_name()
    assert build_model("beta-vae-time").get_config()["pooling"] == "time"


def test_options_are_checked() -> None:
    with pytest.raises(ParameterError, match="pooling must be one of none, time; got 'max'"):
        MaskedAutoencoder(pooling="max")
    with pytest.raises(ParameterError, match="divide 96 x 216, got"):
        MaskedAutoencoder(patch=(7, 8))
