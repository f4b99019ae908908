"""An encoder learns where playlists put a track: planted and random playlists, kills, and what is refused."""

import json
import shutil

import numpy as np
import pytest
from planted_playlists import IMAGES, QUICK, import_playlists, make_library, playlist_csv

from songnet.alignment import AlignConfig, align, held_out_playlists, learned_from_playlists
from songnet.comparison.neighbourhood import compare_neighbours
from songnet.comparison.neighbourhood.predictors import unit_rows
from songnet.comparison.neighbourhood.representation import Representation
from songnet.config import CommunityConfig, TrainConfig
from songnet.errors import InputNotFoundError, ModelError, ParameterError
from songnet.library import Library
from songnet.models import build_model
from songnet.playlists.folds import split_sides
from songnet.playlists.store import import_paths
from songnet.playlists.stored import load_memberships
from songnet.training import ImageStream, PixelScaling, list_models, load_model, save_model, train
from songnet.training import fit as module
from songnet.training.refine import check_refinable


def run_align(library, name="aligned", **options):
    settings = {
        "images": IMAGES, "config": AlignConfig(), "training": QUICK, "seed": 0,
        "playlists": CommunityConfig(graph="track2vec", dimensions=16),
    }  # fmt: skip
    return align(library, name=name, **{**settings, **options})


def track_vectors(library, model, scaling):
    """Mean code of the clips of each track."""
    keys = library.arrays.keys(f"images-{IMAGES.key}")
    rows = np.asarray(keys["_rowid"])
    codes = np.concatenate(
        [np.asarray(model.encode(x)) for x in ImageStream(library, IMAGES).batches(rows, 32, scaling)]
    )
    tracks = keys["track_id"].to_pylist()
    ids = sorted(set(tracks))
    means = [codes[[row for row, track in enumerate(tracks) if track == wanted]].mean(axis=0) for wanted in ids]
    return Representation(tuple(ids), unit_rows(np.array(means) - np.mean(means, axis=0)), "codes")


def test_sound_that_decides_playlists_is_foreseen_for_artists_never_met(aligned):
    _, report = aligned
    said = report.training.card.training["playlists"]
    assert said["better"]
    assert said["validation_cosine"] > said["constant_cosine"] + 0.2
    assert min(said["gain_low"], said["gain_over_exchanged_low"]) > 0.2
    assert report.verdict.startswith("sound foresees where playlists put ")
    assert said["n_held_out_tracks"] == 2 * said["n_held_out_artists"]
    assert said["gain"] == pytest.approx(said["validation_cosine"] - said["constant_cosine"])


def test_the_card_says_what_was_learned_from(aligned):
    path, report = aligned
    card = report.training.card
    said = learned_from_playlists(card)
    with Library(path) as library:
        sides = split_sides(library, 0.5, 0)
        held_out = held_out_playlists(library, card)
    assert (said["share"], said["seed"], said["digest"]) == (0.5, 0, sides.training_digest)
    assert (said["n_playlists"], said["n_held_out_playlists"]) == (len(sides.training), len(sides.held_out))
    assert said["n_playlists"] + said["n_held_out_playlists"] == 120
    assert said["n_tracks"] == 48
    assert said["track2vec"]["dimensions"] == 16
    assert card.training["code_shape"] == [16]
    np.testing.assert_array_equal(held_out.playlist_ids, sides.held_out)
    assert held_out.model == card.key
    json.dumps(card.training)


def test_aligned_codes_foresee_held_out_playlists_better_than_untrained_ones(aligned):
    path, report = aligned
    card, model = load_model(path / "models", "aligned")
    untrained = build_model("aligned", {"latent_dim": 16, "level": "absolute"}, seed=3)
    with Library(path) as library:
        held_out = held_out_playlists(library, report.training.card)
        memberships = load_memberships(library)
        found = {}
        for name, which in (("aligned", model), ("untrained", untrained)):
            sound = track_vectors(library, which, card.scaling)
            asked = compare_neighbours(
                memberships, sound, pairs="all", n_draws=99, n_resamples=200, asked=held_out.playlist_ids
            )
            found[name] = asked.setting("all artists and albums").scores["sound"]["auc"]
            assert asked.facts["n_playlists_never_asked"] == 120 - len(held_out.playlist_ids)
            assert asked.facts["n_entries"] == 6 * len(held_out.playlist_ids)
    # Playlists of six leave ten tracks of their kind out, which sound cannot tell from those that are in.
    assert found["aligned"].low > 0.8
    assert found["aligned"].low > found["untrained"].high


def test_an_aligned_model_is_not_refined_since_where_it_learned_would_be_forgotten(aligned):
    path, report = aligned
    with (
        Library(path, write=True) as library,
        pytest.raises(ParameterError, match=r"learned from playlists \(`songnet align`\), and refining does not keep"),
    ):
        check_refinable(library, report.training.card.name, "refined")


def test_playlists_at_random_teach_nothing_and_the_first_line_says_so(planted, tmp_path):
    path = make_library(tmp_path / "library")
    import_playlists(path, playlist_csv(tmp_path / "lists.csv", planted=False))
    with Library(path, write=True) as library:
        report = run_align(library)
    said = report.training.card.training["playlists"]
    assert not said["better"]
    assert abs(said["gain_over_exchanged"]) < 0.05
    assert said["validation_cosine"] < said["constant_cosine"] + 0.05
    assert report.verdict.startswith("NO BETTER THAN A CONSTANT: sound does not foresee where playlists put ")


class Killed(BaseException):
    """Stands for a kill: nothing catches it on its way."""


def test_a_killed_alignment_ends_in_the_weights_of_the_undisturbed_one(planted, aligned, tmp_path, monkeypatch):
    path = shutil.copytree(planted, tmp_path / "library")
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)

    def kill(stage, done, total, note=""):
        if stage == "train" and done == 6:
            raise Killed

    with Library(path, write=True) as library:
        with pytest.raises(Killed):
            run_align(library, progress=kill)
        assert list_models(library.models) == []
        report = run_align(library)
    assert report.training.resumed
    # The card is hashed with the weights.
    assert report.training.card == aligned[1].training.card


def test_it_starts_from_a_contrastive_backbone(planted, tmp_path):
    path = shutil.copytree(planted, tmp_path / "library")
    began = build_model("contrastive", {"latent_dim": 24, "activation": "elu"}, seed=1)
    card = {"code_shape": [24], "parameters": 0, "n_train": 1, "best_loss": 0.0, "latent": None}
    with Library(path, write=True) as library:
        save_model(
            library.models, began, name="start", preset="contrastive", family="contrastive-encoder", images=IMAGES,
            scaling=PixelScaling(0, 255), training=card,
        )  # fmt: skip
        still = TrainConfig(epochs=1, batch_size=16, validation=0.25, learning_rate=1e-7)
        run_align(library, config=AlignConfig(start="start"), training=still)
        stored, model = load_model(library.models, "aligned")
        assert (stored.config["bottleneck"], stored.config["activation"]) == (24, "elu")
        assert stored.training["playlists"]["started_from"] == "start"
        ended, first = model.weights_by_name(), began.weights_by_name()
        for name in (name for name in first if name.startswith("encoder/")):
            np.testing.assert_allclose(ended[name], first[name], atol=1e-5, err_msg=name)
        with pytest.raises(ParameterError, match="'aligned' is of family aligned-encoder; an alignment starts from"):
            run_align(library, "other", config=AlignConfig(start="aligned"))
        with pytest.raises(InputNotFoundError, match="no model 'none'"):
            run_align(library, "other", config=AlignConfig(start="none"))


def test_what_cannot_be_aligned_is_refused(planted, tmp_path):
    path = shutil.copytree(planted, tmp_path / "library")
    with Library(path, write=True) as library:
        with pytest.raises(ModelError, match="learns from playlists: train it with `songnet align --name mine`"):
            train(library, preset="aligned", name="mine", images=IMAGES, config=QUICK, seed=0)
        with pytest.raises(ParameterError, match="set --dimensions instead"):
            run_align(library, training=TrainConfig(latent_dim=8))
        with library.db:
            library.db.execute("DELETE FROM entries WHERE playlist_id > 2")
            library.db.execute("DELETE FROM playlists WHERE playlist_id > 2")
        with pytest.raises(InputNotFoundError, match=r"leaves \d playlist\(s\) to be (held out|learned from)"):
            run_align(library, config=AlignConfig(share=0.95))
    with pytest.raises(ParameterError, match=r"share is 1; it must lie between 0.05 and 0.95"):
        AlignConfig(share=1)


def test_playlists_of_tracks_without_images_teach_nothing(empty_library, tmp_path):
    import_paths(empty_library, [playlist_csv(tmp_path / "lists.csv")])
    with pytest.raises(InputNotFoundError, match="no track in the playlists that are learned from has mel images of"):
        run_align(empty_library)
