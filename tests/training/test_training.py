import csv
import json
import shutil

import numpy as np
import pytest

from songnet.config import ImageConfig, TrainConfig
from songnet.errors import CheckpointError, InputNotFoundError, ModelError, ParameterError
from songnet.library import Library
from songnet.training import ImageStream, list_models, load_model, read_card, split_images, train
from songnet.training import fit as module

CONFIG = TrainConfig(epochs=3, batch_size=4)


def run(library, name="m", config=CONFIG, preset="cae-12x15", **options):
    return train(library, preset=preset, name=name, images=ImageConfig(), config=config, seed=5, **options)


def weights_of(library, name="m"):
    return load_model(library.models, name)[1].weights_by_name()


def assert_equal_weights(first, second):
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)


@pytest.fixture
def library(library_copy):
    with Library(library_copy, write=True) as opened:
        yield opened


def test_training_lowers_the_loss_and_leaves_its_history(library):
    report = run(library, config=TrainConfig(epochs=6, batch_size=4, learning_rate=2e-3))
    # The artist held out sounds like neither of the others: only the training loss must fall.
    assert report.history[-1]["loss"] < 0.8 * report.history[0]["loss"]
    losses = [entry["val_loss"] for entry in report.history]
    assert report.card.training["best_loss"] == min(losses)
    with (library.models / "m" / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["epoch"]) for row in rows] == list(range(6))
    assert [float(row["val_loss"]) for row in rows] == losses
    training = report.card.training
    assert training["split_by"] == "artist"
    assert training["n_train"] + training["n_validation"] == 24
    assert (training["parameters"], training["code_shape"]) == (28_268, [4, 9, 5])


def test_the_same_seed_gives_the_same_weights_and_another_does_not(library):
    run(library, name="one")
    run(library, name="two")
    assert_equal_weights(weights_of(library, "one"), weights_of(library, "two"))
    assert read_card(library.models, "one").weights_sha256 == read_card(library.models, "two").weights_sha256
    train(library, preset="cae-12x15", name="three", images=ImageConfig(), config=CONFIG, seed=6)
    assert read_card(library.models, "three").weights_sha256 != read_card(library.models, "one").weights_sha256


def test_losses_are_means_over_all_images_not_those_of_the_last_batch(library):
    # With one step no larger than rounding, the model is the same at every batch.
    report = run(library, config=TrainConfig(epochs=1, batch_size=4, learning_rate=1e-7))
    card, model = load_model(library.models, "m")
    split = split_images(library, ImageConfig(), CONFIG.validation, 5)
    stream = ImageStream(library, ImageConfig())
    for rows, loss in ((split.validation, "val_loss"), (split.train, "loss")):
        x = card.scaling.apply(stream.pixels(rows))[..., None]
        expected = np.mean((np.asarray(model.reconstruct(x)) - x) ** 2)
        assert report.history[0][loss] == pytest.approx(expected, rel=1e-3)
        assert len(rows) > 4


class Killed(BaseException):
    """Stands for a kill: nothing catches it on its way."""


@pytest.mark.parametrize(("preset", "kill_at"), [("cae-12x15", 4), ("cae-12x15", 7), ("vae-conv", 8)])
def test_a_killed_training_goes_on_and_ends_where_the_undisturbed_one_did(library, monkeypatch, preset, kill_at):
    config = TrainConfig(epochs=3, batch_size=4, dropout=0.2)
    run(library, name="undisturbed", preset=preset, config=config)
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)

    def kill(stage, done, total, note=""):
        if stage == "train" and done == kill_at:
            raise Killed

    with pytest.raises(Killed):
        run(library, preset=preset, config=config, progress=kill)
    assert "m" not in list_models(library.models)
    seen = []
    report = run(library, preset=preset, config=config, progress=lambda stage, done, total, note="": seen.append(done))
    assert report.resumed
    assert seen[0] == kill_at
    assert_equal_weights(weights_of(library, "undisturbed"), weights_of(library))
    assert not (library.models / ".m.training").exists()


def test_fresh_and_other_parameters_begin_anew(library, monkeypatch):
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)

    def kill(stage, done, total, note=""):
        if done == 3:
            raise Killed

    for options in ({"fresh": True}, {"config": TrainConfig(epochs=2, batch_size=4, learning_rate=0.01)}):
        with pytest.raises(Killed):
            run(library, progress=kill)
        assert not run(library, **options).resumed


def test_a_damaged_state_is_not_continued(library, monkeypatch):
    monkeypatch.setattr(module, "SAVE_EVERY_S", 0.0)

    def kill(stage, done, total, note=""):
        if done == 3:
            raise Killed

    with pytest.raises(Killed):
        run(library, progress=kill)
    state = library.models / ".m.training" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    assert not run(library).resumed


def test_early_stopping_keeps_the_best(library):
    # A step this large makes the loss rise again at once.
    report = run(library, config=TrainConfig(epochs=40, batch_size=4, learning_rate=0.05, patience=2))
    training = report.card.training
    assert training["epochs_run"] < 40
    assert training["epochs_run"] - 1 - training["best_epoch"] == 2


def test_a_loss_that_is_no_number_is_an_error(library):
    with pytest.raises(ModelError, match="smaller --learning-rate"):
        run(library, preset="vae-conv", config=TrainConfig(epochs=30, batch_size=4, learning_rate=1.0, patience=30))
    assert "m" not in list_models(library.models)


def test_options_of_other_families_are_refused(library):
    with pytest.raises(ParameterError, match="'beta'"):
        run(library, config=TrainConfig(epochs=1, beta=2.0))
    with pytest.raises(ParameterError, match="is no model name"):
        run(library, name="../escape")
    with pytest.raises(ParameterError, match="unknown preset"):
        run(library, preset="cae-1x1")


def test_variational_models_report_their_latent_space(library):
    report = run(library, preset="vae-conv", config=TrainConfig(epochs=2, batch_size=8))
    latent = report.card.training["latent"]
    assert len(latent["kl_per_dim_nats"]) == report.card.training["code_shape"][0]
    assert latent["kl_nats"] == pytest.approx(sum(latent["kl_per_dim_nats"]), rel=1e-5)
    assert 0 <= latent["active_units"] <= report.card.training["code_shape"][0]


def test_damaged_altered_and_mismatched_models_are_refused(library, tmp_path):
    card = read_card(library.models, "cae-12x15")
    weights = f"weights-{card.weights_sha256[:10]}.safetensors"

    def damaged(name, change):
        folder = tmp_path / name
        shutil.copytree(library.models / "cae-12x15", folder / "cae-12x15")
        change(folder / "cae-12x15")
        return folder

    def flip(folder):
        content = bytearray((folder / weights).read_bytes())
        content[-5] ^= 1
        (folder / weights).write_bytes(content)

    def edit(folder):
        config = json.loads((folder / "config.json").read_text())
        config["config"]["channels"] = [48, 24, 12, 6]
        (folder / "config.json").write_text(json.dumps(config))

    cases = {
        "flipped": (flip, "damaged or was altered"),
        "truncated": (lambda folder: (folder / weights).write_bytes((folder / weights).read_bytes()[:500]), "damaged"),
        "missing": (lambda folder: (folder / weights).unlink(), "is missing"),
        "edited": (edit, "altered after training"),
        "half": (lambda folder: (folder / "config.json").write_text('{"format": 1,'), "is damaged"),
        "list": (lambda folder: (folder / "config.json").write_text("[]"), "is damaged"),
    }
    for name, (change, message) in cases.items():
        with pytest.raises(CheckpointError, match=message):
            load_model(damaged(name, change), "cae-12x15")
    with pytest.raises(InputNotFoundError, match="it has: cae-12x15"):
        load_model(library.models, "other")


def test_weights_of_another_architecture_are_refused_even_with_a_right_hash(library, tmp_path):
    from songnet.models import build_model
    from songnet.training import save_model

    card = read_card(library.models, "cae-12x15")

    class Pretender:
        def weights_by_name(self):
            return build_model("cae-12x15").weights_by_name()

        def get_config(self):
            return build_model("cae-48x81").get_config()

    save_model(
        tmp_path,
        Pretender(),
        name="pretender",
        preset="cae-48x81",
        family="conv-autoencoder",
        images=card.images,
        scaling=card.scaling,
        training=card.training,
    )
    with pytest.raises(CheckpointError, match="do not fit"):
        load_model(tmp_path, "pretender")
