import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import synthesise

from songnet.descriptors import MODULATION_EDGES_HZ, TIMBRE_SIZE, timbre_descriptor
from songnet.descriptors.timbre import STANDARD_FRAME_RATE
from songnet.errors import ParameterError
from songnet.spectrogram import get_recipe, mel_decibels

RECIPE = get_recipe("songnet")
MEANS, DEVIATIONS, DIFFERENCES, MODULATION = slice(0, 20), slice(20, 40), slice(40, 60), slice(60, 260)


def clips(n=2, kind="noise"):
    return np.stack([mel_decibels(synthesise(kind, 220.0 + 40 * i, 5.0, seed=i), RECIPE) for i in range(n)])


def modulated(frequency, n_frames=216, depth=10.0, frame_rate=STANDARD_FRAME_RATE):
    """Bands whose level swings at one frequency, high and low bands against each other: the second coefficient."""
    swing = np.sin(2 * np.pi * frequency * np.arange(n_frames) / frame_rate)
    return (depth * np.cos(np.pi * (np.arange(96) + 0.5) / 96)[:, None] * swing)[None]


def test_the_definition_written_out_for_one_clip():
    (db,) = clips(1).astype(np.float64)
    basis = np.cos(np.pi / 96 * (np.arange(96) + 0.5) * np.arange(20)[:, None]) * np.sqrt(2 / 96)
    basis[0] /= np.sqrt(2)
    cepstra = basis @ db
    spectrum = np.abs(np.fft.rfft(cepstra - cepstra.mean(1, keepdims=True), axis=1))
    # Bins of a 216-frame clip, 0.2 Hz apart.
    edges = [1, 2, 3, 4, 6, 10, 16, 26, 42, 67, 107]
    bands = [spectrum[:, low:high].mean(1) for low, high in pairwise(edges)]
    found = timbre_descriptor(db[None])
    assert found.shape == (1, TIMBRE_SIZE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, MEANS], cepstra.mean(1), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(found[0, DEVIATIONS], cepstra.std(1), rtol=1e-4)
    np.testing.assert_allclose(found[0, DIFFERENCES], np.diff(cepstra, axis=1).std(1), rtol=1e-4)
    np.testing.assert_allclose(found[0, MODULATION], np.log1p(np.stack(bands, 1)).ravel(), rtol=1e-4)


@pytest.mark.parametrize(("frequency", "band"), [(0.2, 0), (0.4, 1), (1.4, 4), (4.0, 6), (10.0, 8), (20.0, 9)])
@pytest.mark.parametrize("n_frames", [216, 500])
def test_a_modulation_stands_in_the_band_of_its_frequency(frequency, band, n_frames):
    assert MODULATION_EDGES_HZ[band] < frequency < MODULATION_EDGES_HZ[band + 1]
    bands = timbre_descriptor(modulated(frequency, n_frames))[0, MODULATION].reshape(20, 10)
    assert bands[1].argmax() == band
    # Only the second coefficient moves.
    assert np.abs(np.delete(bands, 1, axis=0)).max() < 1e-3 < bands[1, band]


def test_louder_moves_the_first_mean_and_nothing_else():
    db = clips()
    soft, loud = timbre_descriptor(db), timbre_descriptor(db + 10)
    np.testing.assert_allclose(loud[:, 0] - soft[:, 0], 10 * np.sqrt(96), rtol=1e-4)
    np.testing.assert_allclose(loud[:, 1:], soft[:, 1:], atol=2e-3)


def test_turned_round_in_time_only_the_order_is_lost():
    db = clips()
    np.testing.assert_allclose(timbre_descriptor(db[:, :, ::-1]), timbre_descriptor(db), atol=5e-3)


def beating(rate, seconds=8.0):
    """Noise that is switched on and off at a rate."""
    t = np.arange(int(seconds * RECIPE.sr)) / RECIPE.sr
    y = 0.02 * np.random.default_rng(0).standard_normal(len(t))
    return (y * (1 + 0.9 * np.sign(np.sin(2 * np.pi * rate * t)))).astype(np.float32)


def test_where_a_clip_begins_hardly_matters_and_its_rhythm_does():
    starts = np.arange(4) * 12_000

    def track(rate, offset):
        y = beating(rate)
        return np.stack([mel_decibels(y[start : start + RECIPE.clip_samples], RECIPE) for start in starts + offset])

    here, later, other = track(1.4, 0), track(1.4, 9_000), track(4.0, 0)
    a, b, c = (timbre_descriptor(db)[:, MODULATION].mean(axis=0) for db in (here, later, other))
    assert np.linalg.norm(a - b) < np.linalg.norm(a - c) / 2
    # Turned round on itself, the magnitudes of the spectrum do not change at all.
    rolled = timbre_descriptor(np.roll(here, 50, axis=2))[:, MODULATION]
    np.testing.assert_allclose(rolled.mean(axis=0), a, atol=2e-3)


@given(level=st.floats(-100, 60), n_frames=st.integers(16, 300), n_mels=st.integers(20, 128))
@settings(max_examples=25, deadline=None)
def test_constant_images_are_finite_and_do_not_move(level, n_frames, n_mels):
    found = timbre_descriptor(np.full((2, n_mels, n_frames), level, dtype=np.float32))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[:, 0], level * np.sqrt(n_mels), rtol=1e-4, atol=1e-3)
    assert np.abs(found[:, DEVIATIONS]).max() < 1e-2


def test_short_images_and_slow_frames_leave_the_unseen_bands_empty():
    slow = timbre_descriptor(modulated(1.4, 64, frame_rate=10.0), frame_rate=10.0)[0, MODULATION].reshape(20, 10)
    assert slow[1].argmax() == 4
    assert (slow[:, 7:] == 0).sum() >= 40  # above 5 Hz, half the frame rate
    short = timbre_descriptor(modulated(10.0, 16))
    assert np.isfinite(short).all()
    assert short[0, MODULATION].reshape(20, 10)[1].argmax() == 8


def test_a_clip_does_not_depend_on_its_company():
    db = clips(5)
    together = timbre_descriptor(db)
    for i in range(5):
        np.testing.assert_array_equal(timbre_descriptor(db[i : i + 1])[0], together[i])


def test_threads_change_no_bit():
    script = (
        "import numpy as np, zlib\n"
        "from songnet.descriptors import describe_images\n"
        "from songnet.spectrogram import get_recipe\n"
        "pixels = np.random.default_rng(0).integers(0, 256, (9, 96, 216), dtype=np.uint8)\n"
        "timbre, acoustic = describe_images(pixels, np.array([0, 4]), get_recipe('songnet'))\n"
        "print(zlib.crc32(timbre.tobytes()), [zlib.crc32(v.tobytes()) for v in acoustic.values()])"
    )
    outputs = set()
    for threads in ("1", "2"):
        environment = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        run = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1


@pytest.mark.parametrize("shape", [(96, 216), (1, 19, 216), (1, 96, 15)])
def test_images_too_small_are_refused(shape):
    with pytest.raises(ParameterError, match=r"have no timbre: .*at least 20 bands, at least 16 frames"):
        timbre_descriptor(np.zeros(shape))
    with pytest.raises(ParameterError, match="frame_rate is 0; it must be above 0"):
        timbre_descriptor(np.zeros((1, 96, 216)), frame_rate=0)
