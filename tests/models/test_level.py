"""Images relative to their own level: what playing louder or softer changes, and what it does not."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.models import PRESETS, build_model
from songnet.models.aligned import AlignedEncoder
from songnet.models.contrastive import ContrastiveEncoder
from songnet.models.level import ABOVE_DB, BELOW_DB, RelativeLevel

DECIBELS = 90.0
SMALL: dict[str, Any] = {
    "input_shape": (32, 48, 1), "channels": (8, 16), "strides": ((2, 2), (2, 2)), "features": 16, "latent_dim": 8,
    "crop_frames": 32, "decibels": DECIBELS,
}  # fmt: skip


def loud_images(n: int = 3) -> np.ndarray:
    """Values between 40% and 70% of the scale: 36 to 63 dB above its floor."""
    return np.random.default_rng(0).uniform(0.4, 0.7, (n, 32, 48, 1)).astype(np.float32)


def relative(images: np.ndarray) -> np.ndarray:
    return np.asarray(RelativeLevel(DECIBELS, name="level")(images))


def test_the_level_is_the_mean_power_and_lies_at_one_value() -> None:
    image = np.full((1, 32, 48, 1), 0.1, np.float32)
    image[:, :, ::2] = 0.5
    # Half of the frames at 45 dB above the floor, half at 9: 3.01 dB below 45.
    level = 10 * np.log10((10**4.5 + 10**0.9) / 2)
    found = relative(image)
    assert found[0, 0, 0, 0] == pytest.approx((45 - level + BELOW_DB) / (BELOW_DB + ABOVE_DB), abs=1e-5)
    assert found[0, 0, 1, 0] == pytest.approx((9 - level + BELOW_DB) / (BELOW_DB + ABOVE_DB), abs=1e-5)


@given(st.floats(-30, 20))
def test_gain_changes_nothing_within_the_scale(gain_db: float) -> None:
    images = loud_images()
    np.testing.assert_allclose(relative(images + np.float32(gain_db / DECIBELS)), relative(images), atol=2e-5)


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_result_lies_in_range_whatever_the_image(low: float, high: float) -> None:
    images = np.random.default_rng(1).uniform(min(low, high), max(low, high), (2, 32, 48, 1)).astype(np.float32)
    images[0] = low
    found = relative(images)
    assert np.isfinite(found).all()
    assert (found.min(), found.max()) >= (0, 0)
    assert found.max() <= 1
    # An even image is even, at the level itself.
    np.testing.assert_allclose(found[0], BELOW_DB / (BELOW_DB + ABOVE_DB), atol=1e-5)


@pytest.mark.parametrize("family", [ContrastiveEncoder, AlignedEncoder])
def test_codes_of_a_relative_encoder_do_not_know_the_gain(family: Any) -> None:
    images = loud_images()
    softer = images - np.float32(12 / DECIBELS)
    codes = {}
    for level in ("relative", "absolute"):
        model = family(**SMALL, level=level)
        codes[level] = [np.asarray(model.encode(x)) for x in (images, softer)]
        assert model.get_config().get("level", "absolute") == level
        assert not any("level" in name for name in model.weights_by_name())
    np.testing.assert_allclose(codes["relative"][0], codes["relative"][1], atol=1e-4)
    assert np.abs(codes["absolute"][0] - codes["absolute"][1]).max() > 1e-2


def test_powers_do_not_overflow_in_16_bits() -> None:
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = ContrastiveEncoder(**SMALL, level="relative")
        codes = np.asarray(model.encode(np.ones((2, 32, 48, 1), np.float32)), np.float32)
    finally:
        keras.config.set_dtype_policy(policy)
    assert np.isfinite(codes).all()


def test_presets_are_relative_and_models_stored_before_there_was_a_choice_stay_as_they_were() -> None:
    for name, preset in PRESETS.items():
        if preset.family in ("contrastive-encoder", "aligned-encoder"):
            assert build_model(name).get_config()["level"] == "relative"
    config = ContrastiveEncoder(**SMALL).get_config()
    assert "level" not in config
    assert ContrastiveEncoder(**config).level == "absolute"
    with pytest.raises(ParameterError, match="level must be one of absolute, relative; got 'loud'"):
        ContrastiveEncoder(**SMALL, level="loud")
