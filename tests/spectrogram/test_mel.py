import warnings

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.spectrogram import RECIPES, mel_decibels, mel_image, to_decibels, to_pixels
from songnet.spectrogram.mel import hz_to_mel, mel_filterbank, mel_to_hz

DEEJAI = RECIPES["deejai"]


def librosa_decibels(y, recipe):
    mel = librosa.feature.melspectrogram(
        y=y,
        sr=recipe.sr,
        n_fft=recipe.n_fft,
        hop_length=recipe.hop_length,
        n_mels=recipe.n_mels,
        fmin=recipe.fmin,
        fmax=recipe.fmax,
        pad_mode="constant",
    )
    return librosa.power_to_db(mel, ref=1.0, top_db=None)


def signals():
    rng = np.random.default_rng(0)
    t = np.arange(DEEJAI.clip_samples) / DEEJAI.sr
    chirp = librosa.chirp(fmin=40, fmax=10_000, sr=DEEJAI.sr, length=len(t))
    return {
        "noise": 0.3 * rng.standard_normal(len(t)),
        "quiet noise": 1e-4 * rng.standard_normal(len(t)),
        "chirp": 0.8 * chirp,
        "full-scale square": np.sign(np.sin(2 * np.pi * 110 * t)),
        "clicks": (np.arange(len(t)) % 5000 == 0).astype(float),
        "silence": np.zeros(len(t)),
    }


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("name", signals())
def test_images_equal_librosa_within_quantisation(recipe, name):
    y = signals()[name].astype(np.float32)
    image = mel_image(y, recipe)
    assert image.shape == (96, 216)
    assert image.dtype == np.uint8
    expected = np.clip(librosa_decibels(y, recipe), recipe.db_min, recipe.db_max)
    # Half a step of quantisation, and what float32 makes of powers 110 dB below the loudest of the same frame.
    assert np.abs(to_decibels(image, recipe) - expected).max() <= recipe.step_db / 2 + 0.05


def test_full_scale_sound_stays_inside_the_deejai_range():
    for y in signals().values():
        assert mel_decibels(y.astype(np.float32), DEEJAI).max() < DEEJAI.db_max


def test_scaling_is_fixed_not_by_clip():
    y = signals()["noise"].astype(np.float32)
    loud, quiet = mel_image(y, DEEJAI).astype(int), mel_image(y / 10, DEEJAI).astype(int)
    assert np.abs((loud - quiet) * DEEJAI.step_db - 20).max() <= 1.01 * DEEJAI.step_db


@pytest.mark.parametrize(
    ("sr", "n_fft", "n_mels", "fmin", "fmax"), [(22_050, 2048, 96, 0, 11_025), (44_100, 4096, 128, 30, 16_000)]
)
def test_filterbank_equals_librosa(sr, n_fft, n_mels, fmin, fmax):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    np.testing.assert_allclose(mel_filterbank(sr, n_fft, n_mels, fmin, fmax), expected, atol=1e-7)


@given(st.floats(0, 30_000))
def test_the_mel_scale_inverts(frequency):
    assert mel_to_hz(hz_to_mel(np.array([frequency])))[0] == pytest.approx(frequency, rel=1e-9, abs=1e-9)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=50))
def test_quantisation_inverts_exactly(levels):
    pixels = np.array(levels, np.uint8)
    for recipe in RECIPES.values():
        np.testing.assert_array_equal(to_pixels(to_decibels(pixels, recipe), recipe), pixels)


def test_geometry():
    assert DEEJAI.shape == (96, 216)
    assert DEEJAI.clip_samples == 110_250
