"""Loudness, bandwidth and silence by known sounds; bit rate, year and codec by what a library knows."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from songnet.config import ImageConfig
from songnet.errors import ParameterError
from songnet.evaluation.panels.nuisance_values import Nuisance, image_nuisances, is_lossless, library_nuisances
from songnet.library import Library
from songnet.spectrogram import get_recipe, mel_image

RECIPE = get_recipe("songnet")


def images(*sounds):
    return np.stack([mel_image(y.astype(np.float32), RECIPE) for y in sounds])


def tone(gain_db=0.0, frequency=440.0):
    t = np.arange(RECIPE.clip_samples) / RECIPE.sr
    return 10 ** (gain_db / 20) * np.sin(2 * np.pi * frequency * t)


def test_loudness_of_a_sine_follows_its_gain():
    found = image_nuisances(images(tone(0), tone(-20)), np.array([0, 1]), RECIPE)
    assert found["loudness"] == pytest.approx([-3.01, -23.01], abs=0.5)
    both = image_nuisances(images(tone(0), tone(-20)), np.array([0]), RECIPE)
    # The mean of powers, not of decibels: half of it.
    assert both["loudness"] == pytest.approx([-3.01 - 2.97], abs=0.5)


@pytest.mark.parametrize("cutoff", [2000.0, 5000.0])
def test_bandwidth_is_where_a_steep_filter_cuts(rng, cutoff):
    noise = 0.2 * rng.standard_normal(RECIPE.clip_samples)
    steep = butter(24, cutoff, fs=RECIPE.sr, output="sos")
    found = image_nuisances(images(noise, sosfilt(steep, noise)), np.array([0, 1]), RECIPE)["bandwidth"]
    assert found[0] > 10_000
    # -60 dB of a 24th-order filter lies a third above its corner.
    assert cutoff < found[1] < 1.4 * cutoff


def test_silence_is_the_share_of_silent_frames():
    half = tone(-6)
    half[len(half) // 2 :] = 0
    found = image_nuisances(images(tone(-6), half, 0 * half), np.array([0, 1, 2]), RECIPE)["silence"]
    assert found == pytest.approx([0.0, 0.5, 1.0], abs=0.02)


def test_what_a_library_knows(library_copy):
    with Library(library_copy, write=True) as library:
        ids = [row[0] for row in library.db.execute("SELECT track_id FROM tracks ORDER BY track_id")]
        with library.db:
            library.db.execute("UPDATE tracks SET date = '1999-05-01' WHERE track_id = ?", (ids[0],))
        found = {each.name: each for each in library_nuisances(library, ids, ImageConfig())}
        rows = library.db.execute(
            "SELECT codec, duration_s, size FROM tracks JOIN paths USING (track_id) ORDER BY track_id"
        ).fetchall()
    assert list(found) == ["loudness", "bandwidth", "silence", "bit_rate", "year", "codec", "channels", "sample_rate"]
    assert found["codec"].values.tolist() == [row[0] for row in rows]
    assert found["year"].values[0] == 1999
    assert not found["year"].known[1:].any()
    assert set(found["sample_rate"].values) == {"22050"}
    assert found["loudness"].known.all()
    assert (found["loudness"].values < 0).all()
    lossy = np.array([row[0] == "vorbis" for row in rows])
    assert lossy.sum() == 3
    assert (found["bit_rate"].known == lossy).all()
    rates = [row[2] * 8 / 1000 / row[1] for row in rows if row[0] == "vorbis"]
    assert 2 ** found["bit_rate"].values[lossy] == pytest.approx(rates)


def test_other_image_sets_are_unknown_and_other_libraries_refused(made_library):
    with Library(made_library) as library:
        ids = sorted(row[0] for row in library.db.execute("SELECT track_id FROM tracks"))
        found = {each.name: each for each in library_nuisances(library, ids[:3], ImageConfig(clips=3))}
        assert not found["loudness"].known.any()
        assert found["codec"].known.all()
        with pytest.raises(ParameterError, match="the library has no track 'zz'"):
            library_nuisances(library, ["zz"], ImageConfig())
        with pytest.raises(ParameterError, match="sorted track ids"):
            library_nuisances(library, ids[::-1], ImageConfig())


def test_kinds_and_codecs():
    assert [is_lossless(codec) for codec in ("flac", "pcm_16", "alac", "mp3", "aac")] == [True] * 3 + [False] * 2
    with pytest.raises(ParameterError, match="'colour' is no kind of nuisance"):
        Nuisance("x", "colour", "", np.zeros(1))
