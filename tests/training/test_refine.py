"""Refinement from a trained model to its card: planted kinds, repetition, what is refused, what goes wrong."""

import csv
import shutil

import numpy as np
import pytest
from planted_images import fill_library, planted_images
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from songnet.config import ImageConfig
from songnet.errors import InputNotFoundError, ModelError, ParameterError
from songnet.library import Library
from songnet.models import PRESETS, build_model
from songnet.training import ImageStream, PixelScaling, list_models, load_model, read_card, save_model, split_images
from songnet.training.refine import _degenerate, refine
from songnet.training.refine_config import RefineConfig, Start

# Kinds differ within an artist, so that whoever is held out leaves all three behind.
KINDS = np.arange(24) % 3
CLIPS = 2
QUICK = {"update_every": 3, "max_updates": 3, "batch_size": 12, "learning_rate": 3e-3}
# Architectures small enough for tests, on images of the recipe's size.
SMALL = {
    "cae": ("cae-12x15", {"channels": (8, 4), "pools": (8, 3)}),
    "contrastive": (
        "contrastive",
        {"channels": (4, 8), "strides": ((4, 4), (4, 4)), "features": 16, "latent_dim": 12, "projection": 8},
    ),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A library of three planted kinds; an autoencoder of random weights, and a contrastive encoder after ten steps."""
    images = planted_images(np.repeat(KINDS, CLIPS), seed=0)
    x = PixelScaling(0, 255).apply(images)[..., None]
    path = tmp_path_factory.mktemp("planted") / "library"
    with Library(path, write=True, create=True) as library:
        fill_library(library, images, CLIPS)
        for name, (preset, overrides) in SMALL.items():
            model = build_model(preset, overrides)
            if model.paired:
                # Its random weights do not tell the kinds apart.
                model.compile_for_training(1e-2)
                for _ in range(10):
                    model.train_on_batch(x[::2], x[1::2])
            training = {"validation": 0.1, "seed": 0, "latent": None, "best_loss": 1.0, "n_train": 42}
            training |= {
                "code_shape": list(model.code_shape),
                "parameters": model.count_params(),
                "from_playlists": [1],
            }
            save_model(
                library.models, model, name=name, preset=preset, family=PRESETS[preset].family,
                images=ImageConfig(), scaling=PixelScaling(0, 255), training=training,
            )  # fmt: skip
    return path


@pytest.fixture
def library(planted, tmp_path):
    shutil.copytree(planted, tmp_path / "library")
    with Library(tmp_path / "library", write=True) as opened:
        yield opened


def begin(codes, starts):
    """The eight widest principal axes, and k-means there."""
    centred = codes - codes.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    projection = axes[:8].T / (singular[:8].mean() / np.sqrt(len(codes)))
    centers = KMeans(3, n_init=10, random_state=0).fit(centred @ projection).cluster_centers_
    return Start(codes.mean(axis=0), projection, centers, {"beats_chance": True})


def run(library, model="cae", name="new", start=begin, seed=0, **options):
    config = RefineConfig(**{"n_clusters": 3, **QUICK, **options})
    return refine(library, model=model, name=name, config=config, begin=start, seed=seed)


def split_of(library):
    split = split_images(library, ImageConfig(), 0.1, 0)
    rows = library.arrays.take("images-songnet-8", split.train, ["track_id"])["track_id"].to_pylist()
    return split, KINDS[[int(track[1:]) for track in rows]]


@pytest.mark.parametrize(("model", "keep"), [("cae", True), ("contrastive", True), ("contrastive", False)])
def test_planted_kinds_are_recovered_and_their_silhouette_rises(library, model, keep):
    seen = []

    def remember(codes, starts):
        seen.append(begin(codes, starts))
        np.testing.assert_array_equal(starts, np.arange(0, len(codes), CLIPS))
        return seen[0]

    report = run(library, model, start=remember, gamma=2.0, keep_own_loss=keep)
    before, after = report.result["silhouette_train"]
    assert after > before + 0.01
    _, truth = split_of(library)
    assert sorted(report.result["cluster_sizes"]) == sorted(np.bincount(truth).tolist())
    assert report.result["degenerate"] == []
    # What the stored model makes of all clips, those held out too, asked from outside.
    card, network = load_model(library.models, "new")
    x = card.scaling.apply(planted_images(np.repeat(KINDS, CLIPS), seed=0))[..., None]
    codes = np.asarray(network.encode(x))
    pooled = codes if network.time_axis is None else codes.mean(axis=2).reshape(len(codes), -1)
    points = (pooled - seen[0].mean) @ seen[0].projection
    labels = KMeans(3, n_init=10, random_state=0).fit_predict(points)
    assert adjusted_rand_score(np.repeat(KINDS, CLIPS), labels) > 0.95


def test_the_card_says_what_it_was_made_from_and_keeps_what_the_source_said(library):
    source, network = load_model(library.models, "cae")
    report = run(library)
    card, result = report.card, report.result
    assert (result["model"], result["key"], result["n_clusters"]) == ("cae", source.key, 3)
    assert (result["gamma"], result["keep_own_loss"], result["update_every"]) == (1.0, True, 3)
    assert result["steps"] == 3 * result["updates"]
    assert result["evidence"] == {"beats_chance": True}
    for field in ("family", "preset", "config", "scaling", "images"):
        assert getattr(card, field) == getattr(source, field)
    changed = {"best_loss", "n_tracks", "n_train", "n_validation", "split_by", "refined_from"}
    kept = {key: value for key, value in card.training.items() if key not in changed}
    assert kept == {key: value for key, value in source.training.items() if key not in changed}
    split, _ = split_of(library)
    x = card.scaling.apply(ImageStream(library, ImageConfig()).pixels(split.validation))[..., None]
    for index, model in enumerate((network, load_model(library.models, "new")[1])):
        expected = np.mean((np.asarray(model.reconstruct(x)) - x) ** 2)
        assert result["own_loss_held_out"][index] == pytest.approx(expected, rel=1e-3)
    assert card.training["best_loss"] == result["own_loss_held_out"][1]
    assert read_card(library.models, "cae") == source
    with (library.models / "new" / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["update"]) for row in rows] == list(range(1, result["updates"] + 1))
    assert float(rows[-1]["changed"]) == pytest.approx(result["changed_last"], rel=1e-6)


@pytest.mark.parametrize("model", ["cae", "contrastive"])
def test_the_same_seed_gives_the_same_bytes_and_another_does_not(library, model):
    first, second, other = (run(library, model, name, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1)))
    assert first.card.weights_sha256 == second.card.weights_sha256 != other.card.weights_sha256
    assert first.card.training == second.card.training
    histories = [(library.models / name / "history.csv").read_bytes() for name in ("a", "b")]
    assert histories[0] == histories[1]


class Killed(BaseException):
    """Stands for a kill: nothing catches it on its way."""


def test_a_killed_refinement_leaves_nothing_and_begins_anew_to_the_same_weights(library):
    def kill(stage, done, total, note=""):
        if stage == "refine" and done == 4:
            raise Killed

    before = sorted(path.name for path in library.models.iterdir())
    with pytest.raises(Killed):
        refine(library, model="cae", name="new", config=RefineConfig(3, **QUICK), begin=begin, seed=0, progress=kill)
    assert sorted(path.name for path in library.models.iterdir()) == before
    assert run(library, name="new").card.weights_sha256 == run(library, name="undisturbed").card.weights_sha256


def test_it_ends_when_assignments_stand_still_and_says_when_they_do_not(library):
    still = run(library, name="still", learning_rate=1e-7, max_updates=9)
    assert (still.result["converged"], still.result["updates"], still.result["changed_in_all"]) == (True, 3, 0)
    short = run(library, name="short", max_updates=2)
    assert (short.result["converged"], short.result["updates"]) == (False, 2)


def test_a_centre_that_nobody_is_near_is_reported(library):
    def far(codes, starts):
        start = begin(codes, starts)
        return Start(start.mean, start.projection, start.centers + np.array([[0], [1e3], [1e3]]), start.evidence)

    report = run(library, start=far, max_updates=1)
    assert report.result["degenerate"] == [
        "one cluster holds 100% of the clips",
        "2 of 3 clusters are empty",
    ]
    assert report.result["silhouette_train"][1] is None
    assert _degenerate(np.array([80, 10, 10])) == []
    assert _degenerate(np.array([81, 19])) == ["one cluster holds 81% of the clips"]


def test_what_is_refused_before_any_work(library):
    with pytest.raises(InputNotFoundError, match="no model 'absent'"):
        run(library, model="absent")
    with pytest.raises(ParameterError, match="has a model 'contrastive' already: choose another --name"):
        run(library, name="contrastive")
    with pytest.raises(ModelError, match=r"are too few for 900 clusters: add music"):
        run(library, n_clusters=900)
    run(library, name="once", max_updates=1)
    with pytest.raises(ParameterError, match="'once' is refined already: refine the one it was made from, 'cae'"):
        run(library, model="once", name="twice")
    assert list_models(library.models) == ["cae", "contrastive", "once"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 1}, r"refine\.n_clusters is 1; it must be 2 to 1,000"),
        ({"gamma": 0}, r"refine\.gamma is 0"),
        ({"gamma": float("nan")}, r"refine\.gamma is nan"),
        ({"tol": 0.6}, r"refine\.tol is 0\.6; it must be 0 to 0\.5"),
        ({"batch_size": 1}, r"refine\.batch_size is 1"),
        ({"learning_rate": 2}, r"refine\.learning_rate is 2"),
        ({"max_updates": 0}, r"refine\.max_updates is 0"),
        ({"update_every": 0}, r"refine\.update_every is 0"),
    ],
)
def test_values_outside_their_limits(options, message):
    with pytest.raises(ParameterError, match=message):
        RefineConfig(**{"n_clusters": 3, **options})


def test_a_loss_that_is_no_number_ends_it_with_advice(library):
    def broken(codes, starts):
        start = begin(codes, starts)
        return Start(start.mean, start.projection * np.float32(1e30), start.centers, start.evidence)

    with pytest.raises(ModelError, match=r"the loss became .* at update 1: refine with a smaller --learning-rate"):
        run(library, start=broken)
    assert list_models(library.models) == ["cae", "contrastive"]
