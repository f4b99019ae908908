"""Which clips meet, and a contrastive training from its pairs to its card, killed and not."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.config import ImageConfig, TrainConfig
from songnet.errors import ModelError
from songnet.library import Library
from songnet.training import ImageStream, PixelScaling, list_models, load_model, split_images, train
from songnet.training import fit as module
from songnet.training.feeds import pair_feed
from songnet.training.pairs import draw_pairs, group_by_track, pair_batches, steps_an_epoch

CONFIG = TrainConfig(epochs=3, batch_size=4)


@st.composite
def draws(draw):
    counts = np.array(draw(st.lists(st.integers(1, 9), min_size=1, max_size=30)))
    return counts, draw(st.integers(1, len(counts))), draw(st.integers(1, 12)), draw(st.integers(0, 2**32))


@given(draws())
def test_pairs_are_two_clips_of_one_track_and_no_track_meets_itself(drawn):
    counts, batch_size, n_steps, seed = drawn
    pairs = draw_pairs(counts, batch_size, n_steps, np.random.default_rng(seed))
    assert pairs.shape == (n_steps, 2, batch_size)
    track_of = np.repeat(np.arange(len(counts)), counts)
    tracks = track_of[pairs]
    np.testing.assert_array_equal(tracks[:, 0], tracks[:, 1])
    assert all(len(set(step)) == batch_size for step in tracks[:, 0].tolist())
    differ = pairs[:, 0] != pairs[:, 1]
    np.testing.assert_array_equal(differ, counts[tracks[:, 0]] > 1)
    np.testing.assert_array_equal(pairs, draw_pairs(counts, batch_size, n_steps, np.random.default_rng(seed)))


def test_all_tracks_and_all_their_clips_come_about_equally_often(rng):
    counts = np.array([1, 2, 8, 4])
    pairs = draw_pairs(counts, 2, 8000, rng)
    seen = np.bincount(pairs.reshape(-1), minlength=15)
    per_track = np.add.reduceat(seen, [0, 1, 3, 11])
    np.testing.assert_array_equal(per_track, 8000)
    np.testing.assert_allclose(seen / np.repeat(8000 / counts, counts), 1, atol=0.12)


def test_an_epoch_has_as_many_cuts_as_there_are_clips():
    assert steps_an_epoch(8000, 64) * 2 * 64 == pytest.approx(8000, abs=64)
    assert steps_an_epoch(3, 64) == 1


@pytest.fixture
def library(library_copy):
    with Library(library_copy, write=True) as opened:
        yield opened


def run(library, name="c", config=CONFIG, **options):
    return train(library, preset="contrastive", name=name, images=ImageConfig(), config=config, seed=5, **options)


def weights_of(library, name):
    return load_model(library.models, name)[1].weights_by_name()


def test_batches_hold_the_images_of_the_pairs(library):
    split = split_images(library, ImageConfig(), 0.1, 5)
    rows = group_by_track(library, ImageConfig(), split.train)
    assert sorted(rows.row_ids) == sorted(split.train)
    stored = library.arrays.take("images-songnet-8", rows.row_ids, ["track_id"])["track_id"].to_pylist()
    assert [stored[start] for start in rows.starts] == list(dict.fromkeys(stored))
    stream, scaling = ImageStream(library, ImageConfig()), PixelScaling(0, 255)
    pairs = draw_pairs(rows.counts, 3, 4, np.random.default_rng(1))
    batches = list(pair_batches(stream, rows, pairs, scaling))
    for (first, second), (a, b) in zip(batches, pairs, strict=True):
        np.testing.assert_array_equal(first[..., 0], stream.pixels(rows.row_ids[a]).astype(np.float32) / 255)
        np.testing.assert_array_equal(second[..., 0], stream.pixels(rows.row_ids[b]).astype(np.float32) / 255)
    late = list(pair_batches(stream, rows, pairs, scaling, skip=3))
    assert len(late) == 1
    np.testing.assert_array_equal(late[0][0], batches[3][0])


def test_a_row_may_be_asked_for_twice(library):
    split = split_images(library, ImageConfig(), 0.1, 5)
    stream = ImageStream(library, ImageConfig())
    rows = split.train[[3, 0, 3]]
    np.testing.assert_array_equal(stream.pixels(rows), stream.pixels(split.train)[[3, 0, 3]])


def test_one_track_beside_the_held_out_ones_is_too_little(library):
    split = split_images(library, ImageConfig(), 0.1, 5)
    lonely = group_by_track(library, ImageConfig(), split.train)
    lonely = type(split)(lonely.row_ids[: lonely.counts[0]], split.validation, "artist", 2)
    with pytest.raises(ModelError, match="at least 2 tracks beside those held out"):
        pair_feed(library, ImageConfig(), lonely, PixelScaling(0, 255), 4, 0)


class Killed(BaseException):
    """Stands for a kill: nothing catches it on its way."""


def test_a_killed_training_ends_in_the_weights_of_the_undisturbed_one(library, monkeypatch):
    config = TrainConfig(epochs=3, batch_size=4, dropout=0.2)
    undisturbed = run(library, name="undisturbed", config=config)
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)
    n_steps = steps_an_epoch(undisturbed.card.training["n_train"], 4)
    kill_at = n_steps + 1

    def kill(stage, done, total, note=""):
        if stage == "train" and done == kill_at:
            raise Killed

    with pytest.raises(Killed):
        run(library, config=config, progress=kill)
    assert "c" not in list_models(library.models)
    seen = []
    report = run(library, config=config, progress=lambda stage, done, total, note="": seen.append(done))
    assert report.resumed
    assert seen[0] == kill_at
    first, second = weights_of(library, "undisturbed"), weights_of(library, "c")
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)


def test_the_last_weights_are_kept_and_the_scale_is_that_of_the_images(library):
    report = run(library)
    training, card = report.card.training, report.card
    assert (training["epochs_run"], training["best_epoch"], training["patience"]) == (3, 2, None)
    assert training["best_loss"] == report.history[-1]["val_loss"]
    assert {"loss", "found", "val_loss", "val_found"} <= report.history[0].keys()
    assert card.config["decibels"] == pytest.approx((card.scaling.high - card.scaling.low) * 90 / 255)
    assert training["code_shape"] == [128]
    json.dumps(training)
    patient = run(library, name="p", config=TrainConfig(epochs=2, batch_size=4, patience=1))
    losses = [entry["val_loss"] for entry in patient.history]
    assert patient.card.training["best_loss"] == min(losses)
