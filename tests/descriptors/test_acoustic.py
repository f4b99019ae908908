import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.descriptors import (
    ACOUSTIC_UNITS,
    acoustic_descriptors,
    clip_acoustics,
    estimate_tempo,
    onset_autocorrelation,
    percussive_mask,
)
from songnet.descriptors.acoustic import band_edges, band_energies
from songnet.descriptors.percussive import median_filter, median_network
from songnet.spectrogram import get_recipe, mel_decibels, mel_image, to_decibels

RECIPE = get_recipe("songnet")
FRAME_RATE = RECIPE.sr / RECIPE.hop_length
T = np.arange(RECIPE.clip_samples) / RECIPE.sr


def image(y):
    """A clip as the library would give it: quantised."""
    return to_decibels(mel_image(np.asarray(y, dtype=np.float32), RECIPE), RECIPE)


def describe(*clips):
    found = acoustic_descriptors(np.stack([image(y) for y in clips]), np.array([0]), RECIPE)
    return {name: float(values[0]) for name, values in found.items()}


def clicks(bpm, offset_s=0.1):
    rng = np.random.default_rng(0)
    y = 0.001 * rng.standard_normal(len(T))
    for start in np.arange(offset_s, T[-1] - 0.03, 60 / bpm):
        at = round(start * RECIPE.sr)
        y[at : at + 400] += 0.7 * rng.standard_normal(400) * np.exp(-np.arange(400) / 80)
    return y


@pytest.mark.parametrize("frequency", [110.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_a_tone_is_as_bright_as_its_frequency(frequency):
    found = describe(0.3 * np.sin(2 * np.pi * frequency * T))
    edges = band_edges(RECIPE)
    width = np.diff(edges)[np.searchsorted(edges, frequency) - 1]
    assert abs(found["brightness_hz"] - frequency) < width
    assert found["bass_share"] == pytest.approx(float(frequency < 250), abs=0.02)
    assert found["percussiveness"] < 0.05


def test_levels_are_those_of_the_signal():
    sine = 0.1 * np.sin(2 * np.pi * 440 * T)
    noise = 0.05 * np.random.default_rng(0).standard_normal(len(T))
    assert describe(sine)["loudness_db"] == pytest.approx(-20 - 3.01, abs=0.4)
    assert describe(noise)["loudness_db"] == pytest.approx(20 * np.log10(0.05), abs=0.4)
    energies = band_energies(mel_decibels(sine.astype(np.float32), RECIPE)[None], RECIPE)
    np.testing.assert_allclose(energies[0].sum(axis=0)[5:-5], 0.005, rtol=0.05)


def test_ten_decibels_louder_is_ten_decibels_louder_and_nothing_else():
    noise = 0.02 * np.random.default_rng(1).standard_normal(len(T)) * (1 + 0.5 * np.sin(2 * np.pi * 2 * T))
    soft, loud = describe(noise), describe(noise * 10**0.5)
    assert loud["loudness_db"] - soft["loudness_db"] == pytest.approx(10, abs=0.05)
    for name in set(ACOUSTIC_UNITS) - {"loudness_db"}:
        assert loud[name] == pytest.approx(soft[name], rel=0.02, abs=0.02), name


def test_dynamics_is_the_range_of_the_frames_levels():
    tone = np.sin(2 * np.pi * 440 * T)
    assert describe(0.3 * tone)["dynamics_db"] < 1
    assert describe(np.where(T < 2.5, 0.3, 0.03) * tone)["dynamics_db"] == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("bpm", [64, 90, 120, 150, 174])
def test_a_click_train_has_its_tempo(bpm):
    found = describe(clicks(bpm), clicks(bpm, 0.23), clicks(bpm, 0.31))
    assert found["tempo_bpm"] == pytest.approx(bpm, rel=0.015)
    assert found["pulse_clarity"] > 0.6


def test_clicks_are_struck_a_tone_is_held_and_noise_is_neither():
    click, tone = describe(clicks(120)), describe(0.3 * np.sin(2 * np.pi * 440 * T))
    noise = describe(0.1 * np.random.default_rng(0).standard_normal(len(T)))
    assert tone["percussiveness"] < 0.05
    assert 0.45 < noise["percussiveness"] < 0.55
    assert click["percussiveness"] > 0.9


def test_what_has_no_pulse_has_no_tempo():
    rng = np.random.default_rng(0)
    swell = 0.3 * np.sin(2 * np.pi * 440 * T) * np.sin(np.pi * T / 5)
    for clips in ([swell], [0.1 * rng.standard_normal(len(T)) for _ in range(3)], [np.zeros(len(T))]):
        found = describe(*clips)
        assert np.isnan(found["tempo_bpm"])
        assert found["pulse_clarity"] == 0
    # Negative control: noise rarely has one, clip by clip.
    strength = rng.standard_normal((500, 215))
    autocorrelation = onset_autocorrelation(strength, np.arange(500))
    tempo, _ = estimate_tempo(autocorrelation, np.ones(500), FRAME_RATE)
    assert np.isfinite(tempo).mean() < 0.03


def test_silence_is_finite_but_for_its_tempo():
    found = describe(np.zeros(len(T)))
    assert np.isnan(found.pop("tempo_bpm"))
    assert found.pop("loudness_db") == pytest.approx(-68.6, abs=0.1)
    assert found == dict.fromkeys(found, 0.0)
    # Without quantisation the level lies below what black stands for.
    unquantised = clip_acoustics(np.full((1, 96, 216), -100.0), RECIPE)
    assert unquantised["brightness_hz"].tolist() == [0.0]


def test_clips_of_a_track_are_averaged_and_tracks_kept_apart():
    tones = [image(a * np.sin(2 * np.pi * f * T)) for a, f in ((0.1, 300), (0.1, 900), (0.2, 3000))]
    single = [acoustic_descriptors(db[None], np.array([0]), RECIPE) for db in tones]
    both = acoustic_descriptors(np.stack(tones), np.array([0, 2]), RECIPE)
    for name in ("loudness_db", "brightness_hz", "percussiveness", "bass_share", "dynamics_db"):
        first, second, third = (float(found[name][0]) for found in single)
        np.testing.assert_allclose(both[name], [(first + second) / 2, third], rtol=1e-6)
        assert both[name].dtype == np.float32
    assert list(both) == list(ACOUSTIC_UNITS)


def test_too_few_frames_for_any_tempo_give_none():
    tempo, clarity = estimate_tempo(onset_autocorrelation(np.eye(2, 15), np.array([0, 1])), np.ones(2), FRAME_RATE)
    assert np.isnan(tempo).all()
    assert clarity.tolist() == [0.0, 0.0]


@given(st.integers(1, 17))
@settings(max_examples=17, deadline=None)
def test_the_network_finds_the_median(half):
    n = 2 * half - 1
    values = np.random.default_rng(n).integers(0, 6, (n, 300))
    lanes = values.copy()
    for low, high in median_network(n):
        lanes[low], lanes[high] = np.minimum(lanes[low], lanes[high]), np.maximum(lanes[low], lanes[high])
    np.testing.assert_array_equal(lanes[n // 2], np.median(values, axis=0))


@pytest.mark.parametrize(("axis", "size"), [(1, (1, 17, 1)), (2, (1, 1, 17))])
def test_the_median_filter_is_scipys(axis, size, rng):
    pixels = rng.integers(0, 256, (2, 30, 40), dtype=np.uint8)
    np.testing.assert_array_equal(
        median_filter(pixels, axis), scipy.ndimage.median_filter(pixels, size=size, mode="mirror")
    )


def test_the_mask_is_wieners_of_the_two_medians(rng):
    db = to_decibels(rng.integers(0, 256, (1, 96, 216), dtype=np.uint8), RECIPE)
    struck, held = (
        10 ** (scipy.ndimage.median_filter(db, size=s, mode="mirror") / 10) for s in ((1, 17, 1), (1, 1, 17))
    )
    np.testing.assert_allclose(percussive_mask(db, RECIPE), struck / (struck + held), atol=1e-4)
