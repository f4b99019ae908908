import shutil

import numpy as np
import pytest

from songnet.clustering import choose_features, load_features
from songnet.config import ClusterConfig, ImageConfig, TrainConfig, VectorConfig
from songnet.embedding import embed_images, load_vectors
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.training import read_card


@pytest.fixture(scope="module")
def with_contrastive(made_library, tmp_path_factory):
    """Twelve tracks with codes of an autoencoder and of a contrastive model."""
    path = shutil.copytree(made_library, tmp_path_factory.mktemp("contrastive") / "library")
    with Library(path, write=True) as library:
        embed_images(
            library,
            model_name="contrastive",
            images=ImageConfig(),
            training=TrainConfig(epochs=1, batch_size=8),
            vectors=VectorConfig(),
            seed=0,
        )
    return path


@pytest.fixture
def library(with_contrastive, tmp_path):
    with Library(shutil.copytree(with_contrastive, tmp_path / "library"), write=True) as opened:
        yield opened


def forget(library, n):
    """Take the contrastive vectors of n tracks away."""
    card = read_card(library.models, "contrastive")
    tracks = load_vectors(library, card, "mean").track_ids[:n]
    library.arrays.delete(f"vectors-{card.key}.mean", set(tracks))


def test_contrastive_codes_are_joined_unasked(library):
    choice = choose_features(library, "auto")
    assert (choice.asked, choice.features, choice.card.name, choice.aggregate) == (
        "auto", "joined", "contrastive", "mean",
    )  # fmt: skip
    assert choice.reason == "the library has codes of contrastive, a contrastive model"
    assert choice.note() == ""
    features = choice.load(library, ClusterConfig())
    assert features.what == "descriptors of songnet-8 joined to mean codes of contrastive"
    assert (features.values.shape, features.widths, features.weights) == ((12, 388), (260, 128), (1.0, 0.6))
    said = choice.to_json()
    assert said["model"] == read_card(library.models, "contrastive").key
    assert (said["features"], said["aggregate"], said["tracks_without_codes"]) == ("joined", "mean", 0)


def test_codes_of_other_families_are_not(library):
    shutil.rmtree(library.models / "contrastive")
    choice = choose_features(library, "auto")
    assert (choice.features, choice.card, choice.with_codes) == ("descriptors", None, False)
    assert (
        choice.note()
        == choice.reason
        == (
            "descriptors alone: the library has no contrastive model with codes (`songnet embed` makes one from 50"
            " tracks on)"
        )
    )
    assert choice.to_json()["model"] is None
    # Asked for, they are.
    named = choose_features(library, "auto", model="cae-12x15")
    assert (named.features, named.note(), named.reason) == ("codes", "", "cae-12x15, a conv-autoencoder, was named")
    joined = choose_features(library, "joined")
    assert (joined.features, joined.card.name, joined.note()) == ("joined", "cae-12x15", "")


def test_a_named_contrastive_model_is_joined_and_a_named_wish_is_heeded(library):
    assert choose_features(library, "auto", model="contrastive").features == "joined"
    assert choose_features(library, "codes", model="contrastive").features == "codes"
    assert choose_features(library, "descriptors", model="contrastive").features == "descriptors"
    assert choose_features(library, "descriptors").reason == ""
    with pytest.raises(InputNotFoundError, match="the library has no model 'other'"):
        choose_features(library, "auto", model="other")
    with pytest.raises(ParameterError, match=r"cluster\.features is 'auto'"):
        load_features(library, ClusterConfig(), images=ImageConfig(), card=None, aggregate="mean")


def test_codes_of_nearly_all_tracks_will_do_and_those_left_out_are_told(library):
    forget(library, 1)
    choice = choose_features(library, "auto")
    assert (choice.features, choice.n_without) == ("joined", 1)
    assert choice.note().startswith("1 tracks have no codes of contrastive and are left out: `songnet embed --model")
    assert len(choice.load(library, ClusterConfig()).track_ids) == 11


def test_codes_of_some_tracks_are_not_joined_unasked(library):
    forget(library, 2)
    choice = choose_features(library, "auto")
    assert choice.features == "descriptors"
    assert choice.note() == (
        "descriptors alone: 10 of 12 tracks have mean codes of contrastive (`songnet embed --model contrastive"
        " --aggregate mean` makes the rest)"
    )
    assert len(choice.load(library, ClusterConfig()).track_ids) == 12
    assert choose_features(library, "joined").n_without == 2


def test_the_choice_repeats(library):
    first, second = (choose_features(library, "auto").load(library, ClusterConfig()) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)
    assert first.track_ids == second.track_ids
