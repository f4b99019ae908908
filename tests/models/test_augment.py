"""Known answers for every change of an image, and the bounds of all of them together."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from songnet.errors import ParameterError
from songnet.models import augment
from songnet.models.augment import NOTHING, Augmenter, Ranges, ranges_from
from songnet.spectrogram import get_recipe
from songnet.spectrogram.mel import mel_image

RECIPE = get_recipe("songnet")
DECIBELS = RECIPE.db_max - RECIPE.db_min


def rendered(y: np.ndarray) -> np.ndarray:
    """Mel images of clips as models see them, (1, 96, 216, 1)."""
    return mel_image(y.astype(np.float32), RECIPE)[None, :, :, None].astype(np.float32) / 255


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Five seconds of a chord that swells, in noise."""
    t = np.arange(RECIPE.clip_samples) / RECIPE.sr
    chord = sum(np.sin(2 * np.pi * f * t) / n for n, f in enumerate((220, 554, 1318, 4000), start=1))
    noise = np.random.default_rng(0).standard_normal(len(t))
    return 0.05 * chord * (1 + np.sin(2 * np.pi * 2 * t)) + 0.004 * noise


def same(first: object, second: object, **tolerance: float) -> None:
    np.testing.assert_allclose(np.asarray(first), np.asarray(second), **{"atol": 1e-6, **tolerance})


def augmenter(ranges: Ranges, frames: int = 216, seed: int = 3) -> Augmenter:
    return Augmenter(ranges, decibels=DECIBELS, frames=frames, seeds=keras.random.SeedGenerator(seed))


@pytest.mark.parametrize("db", [6.0, -12.0])
def test_gain_is_what_rendering_the_audio_louder_gives(audio: np.ndarray, db: float) -> None:
    before, after = rendered(audio), rendered(audio * 10 ** (db / 20))
    changed = np.asarray(augment.gain(before, np.array([db], np.float32), DECIBELS))
    inside = (before > 0) & (after > 0) & (before < 1) & (after < 1)
    assert inside.mean() > 0.9
    # One grey level, since both were rounded.
    assert np.abs(changed - after)[inside].max() * 255 <= 1 + 1e-3
    assert np.abs(before - after)[inside].min() * 255 > 15


def test_gain_leaves_the_floor_and_never_exceeds_the_ceiling() -> None:
    x = np.array([0.0, 0.01, 0.5, 0.99], np.float32).reshape(1, 2, 2, 1)
    same(augment.gain(x, np.array([9.0], np.float32), 90.0), np.reshape([0.0, 0.11, 0.6, 1.0], (1, 2, 2, 1)))
    same(augment.gain(x, np.array([-9.0], np.float32), 90.0), np.reshape([0.0, 0.0, 0.4, 0.89], (1, 2, 2, 1)))


def test_mixing_adds_powers() -> None:
    rng = np.random.default_rng(1)
    x, other = rng.uniform(0.2, 0.8, (2, 3, 4, 5, 1)).astype(np.float32)
    below = np.array([0.0, 6.0, 20.0], np.float32)
    power = 10 ** (9 * x) + 10 ** (9 * other - below[:, None, None, None] / 10)
    same(augment.mix(x, other, below, 90.0), np.log10(power) / 9, atol=1e-5)
    # An image with itself is 3.01 dB louder; silence with silence is silence.
    same(augment.mix(x, x, np.zeros(3, np.float32), 90.0), x + 10 * np.log10(2) / 90, atol=1e-5)
    same(augment.mix(0 * x, 0 * x, below, 90.0), 0 * x)


def test_resampling_reads_between_the_places() -> None:
    ramp = np.arange(6, dtype=np.float32).reshape(1, 1, 6, 1) * np.ones((2, 3, 1, 1), np.float32)
    places = np.array([[0.0, 1.5, 5.0], [4.25, -3.0, 9.0]], np.float32)
    expected = np.array([[0.0, 1.5, 5.0], [4.25, 0.0, 5.0]])
    same(np.asarray(augment.resample(ramp, places, axis=2))[:, 1, :, 0], expected)
    turned = ramp.transpose(0, 2, 1, 3)
    same(np.asarray(augment.resample(turned, places, axis=1))[:, :, 1, 0], expected)


def test_cuts_begin_where_they_should_and_fit() -> None:
    start, step = np.array([0.0, 1.0, 0.5, 0.0], np.float32), np.array([1.0, 1.0, 1.0, 9.0], np.float32)
    places = np.asarray(augment.crop_positions(10, 4, start, step))
    same(places, [[0, 1, 2, 3], [6, 7, 8, 9], [3, 4, 5, 6], [0, 3, 6, 9]])


def test_band_limits_and_masks_touch_nothing_else(images: np.ndarray) -> None:
    low, high = np.array([0, 2, 0, 5], np.float32), np.array([96, 96, 90, 80], np.float32)
    limited = np.asarray(augment.band_limit(images, low, high))
    for image, result, first, last in zip(images, limited, low.astype(int), high.astype(int), strict=True):
        same(result[first:last], image[first:last])
        assert not result[:first].any()
        assert not result[last:].any()
    masked = np.asarray(augment.mask(images, 10 * np.ones(4, np.float32), 3 * np.ones(4, np.float32), axis=2))
    same(masked[:, :, 10:13], np.broadcast_to(images.mean(axis=(1, 2, 3), keepdims=True), (4, 96, 3, 1)))
    same(np.delete(masked, range(10, 13), axis=2), np.delete(images, range(10, 13), axis=2))


def test_without_ranges_a_view_is_the_image(images: np.ndarray) -> None:
    same(augmenter(NOTHING).views(images), images, atol=1e-5)


def test_views_depend_on_the_seed_and_differ_between_images_and_calls(images: np.ndarray) -> None:
    alike = np.repeat(images[:1], 4, axis=0)
    first = augmenter(Ranges(), frames=128)
    views = np.asarray(first.views(alike))
    assert views.shape == (4, 96, 128, 1)
    np.testing.assert_array_equal(views, np.asarray(augmenter(Ranges(), frames=128).views(alike)))
    others = [views[1], np.asarray(first.views(alike))[0], np.asarray(augmenter(Ranges(), 128, seed=4).views(alike))[0]]
    assert all(np.abs(views[0] - other).max() > 0.05 for other in others)


def test_every_range_changes_something(images: np.ndarray) -> None:
    plain = np.asarray(augmenter(NOTHING).views(images))
    needs = {"mixing": {"mixing": 1.0}, "low_pass": {"low_pass": 0.5, "band_limit": 1.0}}
    needs |= {"high_pass": {"high_pass": 0.5, "band_limit": 1.0}}
    alone = {"gain_down_db", "gain_up_db", "tempo", "pitch_bands", "frequency_mask", "time_mask", "noise_db"}
    for name in (*alone, *needs):
        ranges = ranges_from({**vars(NOTHING), **needs.get(name, {name: vars(Ranges())[name]})})
        # A tempo can only be faster where the image is read whole: cut it.
        frames = 128 if name == "tempo" else 216
        reference = np.asarray(augmenter(NOTHING, frames).views(images)) if frames == 128 else plain
        assert np.abs(np.asarray(augmenter(ranges, frames).views(images)) - reference).max() > 0.01, name


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 5))
def test_views_stay_in_range(seed: int, n: int) -> None:
    x = np.random.default_rng(seed).random((n, 24, 40, 1)).astype(np.float32)
    views = ops.convert_to_numpy(augmenter(Ranges(), frames=20, seed=seed).views(x))
    assert views.shape == (n, 24, 20, 1)
    assert np.isfinite(views).all()
    assert views.min() >= 0
    assert views.max() <= 1


def test_wrong_ranges_are_refused() -> None:
    with pytest.raises(ParameterError, match="unknown augmentation 'volume'; allowed: gain_down_db"):
        ranges_from({"volume": 3.0})
    with pytest.raises(ParameterError, match="low_pass must be a finite number of at least 0 and below 1"):
        ranges_from({"low_pass": 1.5})
    with pytest.raises(ParameterError, match="mixing_low_db is 30; it must not exceed mixing_high_db, 24"):
        ranges_from({"mixing_low_db": 30.0})
