import shutil

import numpy as np
import pytest
from synthetic import STYLES, write_track

from songnet.config import ImageConfig, ReadConfig
from songnet.descriptors import ACOUSTIC_UNITS, describe_images, load_descriptors, update_descriptors
from songnet.descriptors import store as store_module
from songnet.library import Library, from_arrow, reconcile
from songnet.library.tracks import tracks_by_id
from songnet.spectrogram import get_recipe, ingest

IMAGES = ImageConfig()
TABLE = "descriptors-songnet-8.v1"


@pytest.fixture
def library(library_copy):
    with Library(library_copy, write=True) as opened:
        opened.arrays.drop(TABLE)  # `songnet embed` has made them
        yield opened


def assert_same(found, wanted):
    assert found.track_ids == wanted.track_ids
    np.testing.assert_array_equal(found.timbre, wanted.timbre)
    assert list(found.acoustic) == list(wanted.acoustic)
    for name, values in wanted.acoustic.items():
        np.testing.assert_array_equal(found.acoustic[name], values)


def images_of(library, track_id, images=IMAGES):
    table = f"images-{images.key}"
    keys = library.arrays.keys(table)
    rows = np.asarray(keys["_rowid"])[np.array(keys["track_id"].to_pylist()) == track_id]
    return from_arrow(library.arrays.take(table, rows)["values"]).reshape(-1, *get_recipe(images.recipe).shape)


def test_descriptors_are_those_of_the_images_and_tell_the_kinds_of_sound(library):
    told = []
    assert update_descriptors(library, IMAGES, progress=lambda *report: told.append(report[:3])) == 12
    assert told == [("descriptors", 12, 12)]
    found = load_descriptors(library, IMAGES)
    assert found.track_ids == sorted(found.track_ids)
    assert (found.timbre.shape, found.timbre.dtype) == ((12, 260), np.float32)
    assert list(found.acoustic) == list(ACOUSTIC_UNITS)
    for row, track_id in enumerate(found.track_ids[:3]):
        pixels = images_of(library, track_id)
        timbre, acoustic = describe_images(pixels, np.array([0]), get_recipe(IMAGES.recipe))
        np.testing.assert_array_equal(found.timbre[row], timbre[0])
        for name in ACOUSTIC_UNITS:
            np.testing.assert_array_equal(found.acoustic[name][row], acoustic[name][0])
    tracks = tracks_by_id(library.db)
    artists = np.array([tracks[track_id]["artist"] for track_id in found.track_ids])
    assert set(artists) == set(STYLES)
    # A sine's spectrum ends where a square wave's goes on, and is held where noise flickers.
    mean = {name: {a: values[artists == a].mean() for a in STYLES} for name, values in found.acoustic.items()}
    assert mean["brightness_hz"]["Sines"] < mean["brightness_hz"]["Squares"] < mean["brightness_hz"]["Noises"]
    assert mean["percussiveness"]["Sines"] < 0.1
    assert mean["percussiveness"]["Noises"] > 0.3
    # Nearest neighbours by timbre play the same kind of sound.
    z = (found.timbre - found.timbre.mean(0)) / (found.timbre.std(0) + 1e-6)
    distance = ((z[:, None] - z) ** 2).sum(-1) + 1e9 * np.eye(12)
    assert (artists[distance.argmin(1)] == artists).mean() >= 10 / 12


def test_only_what_is_new_is_described_and_the_result_is_that_of_one_go(library, tmp_path):
    update_descriptors(library, IMAGES)
    before = load_descriptors(library, IMAGES)
    assert update_descriptors(library, IMAGES) == 0
    assert_same(load_descriptors(library, IMAGES), before)
    write_track(tmp_path / "more" / "new.flac", "square", 333)
    ingest(library, [tmp_path / "more"], IMAGES, ReadConfig(), n_workers=1)
    assert_same(load_descriptors(library, IMAGES), before)
    assert update_descriptors(library, IMAGES) == 1
    grown = load_descriptors(library, IMAGES)
    assert len(grown.track_ids) == 13
    library.arrays.drop(TABLE)
    assert load_descriptors(library, IMAGES).timbre.shape == (0, 260)
    assert update_descriptors(library, IMAGES) == 13
    assert_same(load_descriptors(library, IMAGES), grown)


def test_a_run_that_dies_keeps_its_batches_and_the_next_one_ends_the_same(library, monkeypatch):
    update_descriptors(library, IMAGES)
    whole = load_descriptors(library, IMAGES)
    library.arrays.drop(TABLE)
    # Batches of a track or two, killed after the third.
    monkeypatch.setattr(store_module, "READ_IMAGES", 4)

    def die(stage, done, total, note=""):
        if done >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_descriptors(library, IMAGES, progress=die)
    kept = load_descriptors(library, IMAGES)
    assert 5 <= len(kept.track_ids) < 12
    reconcile(library)
    assert_same(load_descriptors(library, IMAGES), kept)
    assert update_descriptors(library, IMAGES) == 12 - len(kept.track_ids)
    assert_same(load_descriptors(library, IMAGES), whole)


def test_a_track_without_images_loses_its_descriptors(library):
    update_descriptors(library, IMAGES)
    before = load_descriptors(library, IMAGES)
    gone, rest = before.track_ids[4], before.track_ids[:4] + before.track_ids[5:]
    with library.db:
        library.db.execute("DELETE FROM images WHERE track_id = ?", (gone,))
    assert load_descriptors(library, IMAGES).track_ids == rest
    assert library.arrays.keys(TABLE)["track_id"].to_pylist() == before.track_ids
    assert update_descriptors(library, IMAGES) == 0
    assert library.arrays.keys(TABLE)["track_id"].to_pylist() == rest


def test_images_made_anew_do_not_keep_old_descriptors(library, music):
    update_descriptors(library, IMAGES)
    before = load_descriptors(library, IMAGES)
    # The track's images are lost: reconciliation takes their mark back, and with it what was derived from them.
    lost = before.track_ids[2]
    library.arrays.delete("images-songnet-8", [lost])
    assert reconcile(library).lost == 1
    assert library.arrays.keys(TABLE)["track_id"].to_pylist() == [t for t in before.track_ids if t != lost]
    ingest(library, [music], IMAGES, ReadConfig(), n_workers=1)
    assert update_descriptors(library, IMAGES) == 1
    assert_same(load_descriptors(library, IMAGES), before)


def test_another_number_of_clips_is_noticed_without_reconciling(library):
    update_descriptors(library, IMAGES)
    before = load_descriptors(library, IMAGES)
    changed = before.track_ids[0]
    keys = library.arrays.keys("images-songnet-8")
    first = np.array(keys["track_id"].to_pylist()) == changed
    rows = library.arrays.take(
        "images-songnet-8",
        np.asarray(keys["_rowid"])[first][:1],
        ["track_id", "clip", "start_s", "padded", "values"],
    ).drop_columns("_rowid")
    library.arrays.delete("images-songnet-8", [changed])
    library.arrays.append("images-songnet-8", rows)
    with library.db:
        library.db.execute("UPDATE images SET n_clips = 1 WHERE track_id = ?", (changed,))
    assert changed not in load_descriptors(library, IMAGES).track_ids
    assert update_descriptors(library, IMAGES) == 1
    after = load_descriptors(library, IMAGES)
    assert after.track_ids == before.track_ids
    assert (after.timbre[0] != before.timbre[0]).any()
    np.testing.assert_array_equal(after.timbre[1:], before.timbre[1:])


def test_image_sets_never_mix(library, music):
    other = ImageConfig(recipe="deejai", clips=1)
    lookalike = ImageConfig(clips=80)
    ingest(library, [music / "Sines"], other, ReadConfig(), n_workers=1)
    update_descriptors(library, IMAGES)
    before = load_descriptors(library, IMAGES)
    assert update_descriptors(library, other) == 4
    found = load_descriptors(library, other)
    assert len(found.track_ids) == 4
    rows = [before.track_ids.index(track_id) for track_id in found.track_ids]
    assert (found.timbre != before.timbre[rows]).any(axis=1).all()
    # Another recipe's grey levels stand for other decibels: what is heard is the same.
    np.testing.assert_allclose(found.acoustic["loudness_db"], before.acoustic["loudness_db"][rows], atol=0.5)
    assert update_descriptors(library, lookalike) == 0
    assert load_descriptors(library, lookalike).track_ids == []
    reconcile(library)
    assert_same(load_descriptors(library, IMAGES), before)
    assert_same(load_descriptors(library, other), found)


def test_tables_of_other_versions_are_dropped_and_those_of_other_sets_kept(library, monkeypatch):
    update_descriptors(library, IMAGES)
    old = library.path / "tables" / f"{TABLE}.lance"
    shutil.copytree(old, library.path / "tables" / "descriptors-deejai-1.v1.lance")
    monkeypatch.setattr(store_module, "VERSION", 2)
    assert load_descriptors(library, IMAGES).track_ids == []
    assert update_descriptors(library, IMAGES) == 12
    names = [name for name in library.arrays.names() if name.startswith("descriptors-")]
    assert names == ["descriptors-deejai-1.v1", "descriptors-songnet-8.v2"]
    # Nobody has images of that set: reconciling empties it.
    reconcile(library)
    assert library.arrays.keys("descriptors-deejai-1.v1").num_rows == 0
    assert len(load_descriptors(library, IMAGES).track_ids) == 12


def test_a_track_without_pulse_comes_back_without_tempo(library):
    update_descriptors(library, IMAGES)
    tempo = load_descriptors(library, IMAGES).acoustic["tempo_bpm"]
    timbre, acoustic = describe_images(np.zeros((1, 96, 216), np.uint8), np.array([0]), get_recipe("songnet"))
    assert np.isnan(acoustic["tempo_bpm"][0])
    assert np.isfinite(timbre).all()
    # Steady noise has none; nothing is stored as a tempo of zero.
    assert np.isnan(tempo).any()
    assert not (tempo == 0).any()


def test_an_empty_library_has_none(empty_library):
    assert update_descriptors(empty_library, IMAGES) == 0
    empty = load_descriptors(empty_library, IMAGES)
    assert (empty.track_ids, empty.timbre.shape, empty.acoustic["tempo_bpm"].shape) == ([], (0, 260), (0,))
