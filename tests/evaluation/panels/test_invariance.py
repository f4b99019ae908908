"""Real files, changed and encoded again: what stays itself and what does not."""

import json
import os

import numpy as np
import pytest

from songnet.audio import cut_clips, decodable_samples, open_audio
from songnet.clustering.against import N_MFCC_STATISTICS
from songnet.config import ImageConfig
from songnet.errors import InputNotFoundError, ParameterError
from songnet.evaluation.panels.changes import Change, changed_clip, mp3_round_trip
from songnet.evaluation.panels.invariance import measure_invariance
from songnet.evaluation.panels.invariance_encoders import codes_encoder, descriptor_encoder
from songnet.evaluation.panels.invariance_neighbours import Reference, nearest_own
from songnet.evaluation.panels.invariance_results import wilson_interval
from songnet.library import Library, table_name
from songnet.spectrogram import get_recipe, mel_image
from songnet.training import load_model

RECIPE = get_recipe("songnet")
IMAGES = ImageConfig()


def loudness_only(pixels):
    """Reads the level and nothing else, laid on a curve so that every level has a direction of its own."""
    level = pixels.reshape(len(pixels), -1).mean(axis=1, dtype=np.float64) / 255
    return np.column_stack([np.cos(3 * level), np.sin(3 * level)])


def without_level(pixels):
    """The mean spectrum, its own mean subtracted."""
    spectrum = pixels.mean(axis=2, dtype=np.float64)
    return spectrum - spectrum.mean(axis=1, keepdims=True)


def constant(pixels):
    return np.ones((len(pixels), 4))


@pytest.fixture(scope="module")
def reports(made_library):
    changes = (
        Change("none"), Change("gain", -12.0), Change("mp3", 128.0), Change("resample", 16_000.0),
        Change("offset", 0.0), Change("offset", 1.0),
    )  # fmt: skip
    with Library(made_library) as library:
        card, model = load_model(library.models, "cae-12x15")
        encoders = {
            "loudness": loudness_only,
            "spectrum": without_level,
            "constant": constant,
            "codes": codes_encoder(card, model),
            "descriptors": descriptor_encoder(RECIPE),
            "mfcc": descriptor_encoder(RECIPE, N_MFCC_STATISTICS),
        }
        return measure_invariance(library, IMAGES, encoders, changes=changes, n_workers=2)


def of(report, change):
    return next(each for each in report.results if each.change == change)


@pytest.mark.parametrize("encoder", ["loudness", "spectrum", "codes", "descriptors", "mfcc"])
def test_no_change_finds_itself_exactly(reports, encoder):
    report = reports[encoder]
    assert (report.n_sampled, report.n_measured, report.skipped) == (12, 12, {})
    assert (report.n_reference_tracks, report.n_reference_clips) == (12, 24)
    # An offset of nothing reads the file anew, at the place that the clip is said to come from.
    for change in ("no change", "offset 0 s"):
        found = of(report, change)
        assert (found.n_tracks, found.n_clips) == (12, 24)
        assert (found.clip_top1, found.same_track, found.track_top1) == (1.0, 1.0, 1.0)
        assert found.own_cosine == pytest.approx(1.0)
        assert found.clip_high == 1.0
        assert found.clip_low == pytest.approx(1 / (1 + 1.959964**2 / 12))


def test_an_encoder_of_loudness_loses_itself_when_played_softer(reports):
    loud, spectrum = of(reports["loudness"], "gain -12 dB"), of(reports["spectrum"], "gain -12 dB")
    assert loud.track_top1 < 0.3
    assert loud.clip_top1 < 0.3
    assert spectrum.clip_top1 > loud.clip_top1 + 0.3
    assert spectrum.track_top1 > 0.9
    assert spectrum.own_cosine > loud.own_cosine


def test_a_code_that_never_changes_does_not_win(reports):
    for found in reports["constant"].results:
        assert found.clip_top1 == pytest.approx(1 / 24)
        assert found.track_top1 == pytest.approx(1 / 12)


def test_descriptors_outlast_coding_and_reports_are_json(reports):
    assert of(reports["descriptors"], "mp3 128 kbit/s").track_top1 > 0.9
    for report in reports.values():
        for found in report.results:
            assert found.clip_top1 <= found.same_track + 1e-12
            assert found.clip_low <= found.clip_top1 <= found.clip_high
    told = json.loads(json.dumps(reports["codes"].to_json(), allow_nan=False))
    assert [entry["change"] for entry in told["results"]][1:3] == ["gain -12 dB", "mp3 128 kbit/s"]
    assert told["results"][1]["unit"] == "dB"


def test_missing_and_damaged_files_are_counted(library_copy, music, tmp_path):
    broken, shorter = tmp_path / "broken.wav", tmp_path / "shorter.wav"
    broken.write_bytes(b"RIFF" + bytes(100))
    with Library(library_copy, write=True) as library:
        paths = [row[0] for row in library.db.execute("SELECT path FROM paths ORDER BY path LIMIT 3")]
        content = (music / "Sines" / "2.wav").read_bytes()
        shorter.write_bytes(content[: len(content) // 2])
        with library.db:
            for path, now in zip(paths, (b"/nowhere/at/all.wav", bytes(broken), bytes(shorter)), strict=True):
                library.db.execute("UPDATE paths SET path = ? WHERE path = ?", (now, path))
        report = measure_invariance(library, IMAGES, {"spectrum": without_level}, changes=[Change("none")])["spectrum"]
        assert (report.n_sampled, report.n_measured) == (12, 9)
        assert report.skipped["unreadable"] == 1
        assert sum(report.skipped.values()) == 3
        assert report.skipped["changed"] == 1
        with library.db:
            library.db.execute("UPDATE paths SET missing_since = '2026-01-01'")
        with pytest.raises(InputNotFoundError, match="no track with images of songnet-8 has its file"):
            measure_invariance(library, IMAGES, {"spectrum": without_level})


def test_nothing_is_written_beside_the_music(music, reports):
    names = sorted(os.path.relpath(os.path.join(at, name), music) for at, _, found in os.walk(music) for name in found)
    assert names == sorted([f"{a}/{n}.{('flac', 'ogg', 'wav')[n % 3]}" for a in ("Sines", "Squares", "Noises")
                            for n in range(4)] + ["cover.jpg"])  # fmt: skip


def test_encoders_that_answer_nonsense_are_refused(made_library):
    with Library(made_library) as library:
        for encode in (lambda pixels: np.ones(len(pixels)), lambda pixels: np.full((len(pixels), 2), np.nan)):
            with pytest.raises(ParameterError, match="encoder odd must answer 24 images"):
                measure_invariance(library, IMAGES, {"odd": encode}, changes=[Change("none")])
        with pytest.raises(ParameterError, match="needs an encoder, a change"):
            measure_invariance(library, IMAGES, {})


def test_tracks_too_short_for_an_offset_are_not_compared(made_library):
    with Library(made_library) as library:
        changes = [Change("offset", 1.0), Change("offset", 30.0)]
        encoders = {"descriptors": descriptor_encoder(RECIPE)}
        report = measure_invariance(library, IMAGES, encoders, changes=changes, n_tracks=3)["descriptors"]
        assert [(found.change, found.n_tracks) for found in report.results] == [("offset 1 s", 3)]
        report = measure_invariance(library, IMAGES, encoders, changes=changes[1:], n_tracks=3)["descriptors"]
        assert (report.n_measured, report.results) == (3, ())


def test_without_an_mp3_encoder_the_rest_is_measured(made_library, monkeypatch):
    monkeypatch.setattr("songnet.evaluation.panels.invariance.has_mp3_encoder", lambda: False)
    with Library(made_library) as library:
        changes = [Change("gain", -6.0), Change("mp3", 128.0)]
        report = measure_invariance(library, IMAGES, {"x": without_level}, changes=changes, n_tracks=2)["x"]
        assert [found.change for found in report.results] == ["gain -6 dB"]
        assert report.not_measured == ("mp3 128 kbit/s",)
        with pytest.raises(ParameterError, match="no MP3 encoder"):
            measure_invariance(library, IMAGES, {"x": without_level}, changes=changes[1:])


def test_the_sample_is_drawn_by_seed(made_library):
    with Library(made_library) as library:
        keys = library.arrays.keys(table_name("images", IMAGES.key))
        assert keys.num_rows == 24
        run = {"changes": [Change("offset", 0.5)], "n_tracks": 4}
        first, again, other = (
            measure_invariance(library, IMAGES, {"x": loudness_only}, seed=seed, **run)["x"].to_json()
            for seed in (1, 1, 2)
        )
    assert first == again
    assert first != other
    assert (first["n_measured"], first["n_reference_tracks"]) == (4, 12)


@pytest.mark.parametrize("sr", [44_100, 22_050, 48_000])
def test_mp3_is_lossy_aligned_and_worse_at_lower_rates(rng, sr):
    t = np.arange(2 * sr) / sr
    y = sum(0.1 * np.sin(2 * np.pi * f * t) for f in (220, 555, 3000, 7000)) * (1 + np.sin(2 * np.pi * 3 * t)) / 2
    y = (y + 0.02 * rng.standard_normal(len(t))).astype(np.float32)
    errors = []
    for kbps in (32, 64, 160):
        z = mp3_round_trip(y, sr, kbps)
        assert z.shape == y.shape
        assert z.dtype == np.float32
        errors.append(float(np.sqrt(np.mean((z - y) ** 2) / np.mean(y**2))))
        spectrum = np.fft.rfft(z, 2 * len(y)) * np.conj(np.fft.rfft(y, 2 * len(y)))
        assert np.argmax(np.fft.irfft(spectrum)) == 0
    assert errors[0] > errors[1] > errors[2] > 0.001
    assert errors[0] < 0.5


def test_changes_do_to_the_image_what_they_say(music):
    path = bytes(music / "Noises" / "0.flac")
    with open_audio(path) as reader:
        n = decodable_samples(reader, path)
        clip = cut_clips(reader, n, sr=RECIPE.sr, clip_samples=RECIPE.clip_samples, n_clips=8)[0]

        def image(kind, amount=0.0):
            return mel_image(changed_clip(reader, n, clip, Change(kind, amount), RECIPE), RECIPE).astype(int)

        same = image("none")
        assert (image("none") == mel_image(clip.y, RECIPE)).all()
        lit = (same > 60) & (same < 250)
        step = np.median((image("gain", -12.0) - same)[lit])
        assert step * RECIPE.step_db == pytest.approx(-12.0, abs=0.4)
        assert (image("mp3", 64.0) != same).mean() > 0.1
        assert (image("mp3", 64.0)[lit] - same[lit]).std() > (image("mp3", 320.0)[lit] - same[lit]).std()
        # Above 8 kHz nothing is left after 16 kHz; below, all is.
        narrow = image("resample", 16_000.0)
        assert np.abs(narrow[:70] - same[:70]).mean() < 2
        assert narrow[90:, 5:-5].max() < same[90:, 5:-5].min()
        # A second is 43.07 frames.
        shifted = image("offset", 1.0)
        assert np.abs(shifted[:, 5:150] - same[:, 48:193]).mean() < np.abs(shifted[:, 5:150] - same[:, 5:150]).mean()
        # Eleven seconds hold no clip six seconds away in either direction from the middle.
        assert changed_clip(reader, n, clip, Change("offset", 30.0), RECIPE) is None


def test_changes_refuse_what_they_cannot_do():
    for kind, amount, words in (
        ("speed", 1.0, "unknown change 'speed'"), ("mp3", 100.0, "mp3 has no 100 kbit/s"),
        ("resample", 10.0, "resample takes"), ("gain", float("nan"), "must be finite"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=words):
            Change(kind, amount)


def test_copies_of_a_clip_may_be_found_in_its_place(rng):
    vectors = rng.standard_normal((6, 3))
    vectors[4] = vectors[0]
    tracks = np.array(["a", "a", "b", "b", "c", "c"])
    apart = Reference.fit(vectors, tracks)
    assert nearest_own(apart, vectors[:2], np.array([0, 1]), 0, 2).clip_top1 == 0.75
    copies = Reference.fit(vectors, tracks, [b"0", b"1", b"2", b"3", b"0", b"5"])
    assert nearest_own(copies, vectors[:2], np.array([0, 1]), 0, 2).clip_top1 == 1.0


def test_points_of_a_space_are_compared_as_they_lie_there():
    # A small column stays small, and a change in it too; standardised, it weighs as much as the other.
    points = np.array([[1.0, 0.02], [1.0, -0.02], [-1.0, 0.02], [-1.0, -0.02]])
    changed = np.array([[1.0, -0.001]])
    tracks = np.array(list("abcd"))
    standard, placed = (Reference.fit(points, tracks, standardise=each) for each in (True, False))
    assert placed.standard(changed).tolist() == changed.tolist()
    near = nearest_own(placed, changed, np.array([1]), 1, 1)
    assert near.clip_top1 == 1.0
    assert near.own_cosine == pytest.approx(np.cos(np.arctan(0.02) - np.arctan(0.001)))
    assert nearest_own(standard, changed, np.array([1]), 1, 1).own_cosine < 0.8


def test_wilson_by_hand():
    # Newcombe (1998), Statistics in Medicine 17: 81 of 263 is 0.2553 to 0.3662.
    assert wilson_interval(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
