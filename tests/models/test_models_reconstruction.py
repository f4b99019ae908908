"""The decoder beside the contrastive loss: its value by hand, what it learns, and that weight 0 has none."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from planted_images import fill_library, planted_images

from songnet.config import ImageConfig, TrainConfig
from songnet.errors import CheckpointError, ParameterError, SongNetError
from songnet.library import Library
from songnet.models import PRESETS, build_model
from songnet.models.aligned import AlignedEncoder
from songnet.models.augment import NOTHING, Augmenter, Ranges
from songnet.models.clustering_head import ClusteringHead
from songnet.models.contrastive import ContrastiveEncoder
from songnet.models.contrastive_losses import nt_xent, vicreg
from songnet.models.reconstruction import spectrum_target
from songnet.training import load_model, train
from songnet.training.admission import admit_model
from songnet.training.portable import export_model, import_model

from .conftest import mel_like

PROBE = Path(__file__).with_name("backend_probe.py")
ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {
    **{"input_shape": (32, 48, 1), "channels": (8, 16), "strides": ((2, 2), (2, 2)), "features": 32},
    **{"latent_dim": 16, "projection": 8, "crop_frames": 32},
    # Few changes, for little to compile.
    "augmentation": {**vars(NOTHING), "gain_down_db": 6.0, "noise_db": 1.0},
}
DECODER = {f"decoder/decoder_{layer}/{kind}" for layer in ("hidden", "output") for kind in ("kernel", "bias")}


@pytest.fixture(scope="module")
def pairs() -> tuple[np.ndarray, np.ndarray]:
    images = mel_like(12, shape=(32, 48))
    return images[:6], np.clip(images[:6] + 0.1 * images[6:], 0, 1).astype(np.float32)


def with_biases(model: ContrastiveEncoder) -> ContrastiveEncoder:
    """Fresh biases are zero, which would hide one that is left out."""
    rng = np.random.default_rng(3)
    weights = model.weights_by_name()
    for name, array in weights.items():
        if name.endswith("bias"):
            weights[name] = rng.normal(0, 0.1, array.shape).astype(np.float32)
    model.load_weights_by_name(weights)
    return model


def error_by_hand(model: ContrastiveEncoder, views: np.ndarray, cuts: np.ndarray) -> float:
    weights = {name: array.astype(np.float64) for name, array in model.weights_by_name().items()}
    codes = np.asarray(model.encode(views), np.float64)
    hidden = codes @ weights["decoder/decoder_hidden/kernel"] + weights["decoder/decoder_hidden/bias"]
    rebuilt = np.maximum(hidden, 0) @ weights["decoder/decoder_output/kernel"] + weights["decoder/decoder_output/bias"]
    frames = (np.asarray(cuts, np.float64)[..., 0] - 0.4) / 0.25
    target = np.concatenate([frames.mean(axis=2), np.sqrt(frames.var(axis=2) + 1e-4)], axis=1)
    return float(np.mean((rebuilt - target) ** 2))


def contrast_by_hand(model: ContrastiveEncoder, views: list[np.ndarray]) -> float:
    first, second = (model.projector(model.encode(view)) for view in views)
    return float(vicreg(first, second) if model.loss_name == "vicreg" else nt_xent(first, second, model.temperature))


@pytest.mark.parametrize(("loss", "training"), [("nt-xent", False), ("vicreg", False), ("nt-xent", True)])
def test_the_loss_is_the_contrast_and_the_weighted_error_of_clean_cuts(pairs, loss: str, training: bool) -> None:
    model, twin = (with_biases(ContrastiveEncoder(**SMALL, loss=loss, reconstruction=0.7)) for _ in range(2))
    if training:
        # A twin's generator draws the same views.
        seen = [[np.asarray(part) for part in twin.augmenter.views_and_cuts(images)] for images in pairs]
        assert all(np.abs(view - cut).max() > 0.03 for view, cut in seen)
    else:
        seen = [[pairs[0][:, :, :32]] * 2, [pairs[1][:, :, -32:]] * 2]
    contrast = contrast_by_hand(twin, [view for view, _ in seen])
    error = np.mean([error_by_hand(twin, view, cut) for view, cut in seen])
    # A changed view as the target would not go unnoticed below.
    assert not training or error != pytest.approx(np.mean([error_by_hand(twin, v, v) for v, _ in seen]), rel=0.005)
    model.compile_for_training(1e-3)
    logs = (model.train_on_batch if training else model.test_on_batch)(*pairs, return_dict=True)
    assert set(logs) == {"loss", "found", "contrastive", "reconstruction"}
    assert logs["contrastive"] == pytest.approx(contrast, rel=1e-3)
    assert logs["reconstruction"] == pytest.approx(error, rel=1e-4)
    assert logs["loss"] == pytest.approx(contrast + 0.7 * error, rel=1e-3)


def test_cuts_are_the_views_without_their_changes_and_views_are_as_they_were(images: np.ndarray) -> None:
    def augmenter(ranges: Ranges) -> Augmenter:
        return Augmenter(ranges, decibels=90.0, frames=128, seeds=keras.random.SeedGenerator(5))

    views, cuts = (np.asarray(part) for part in augmenter(Ranges()).views_and_cuts(images))
    np.testing.assert_array_equal(views, np.asarray(augmenter(Ranges()).views(images)))
    only_cut = augmenter(replace(NOTHING, tempo=Ranges().tempo)).views(images)
    np.testing.assert_array_equal(cuts, np.asarray(only_cut))
    assert np.abs(views - cuts).max() > 0.1


def test_the_target_does_not_depend_on_the_order_of_frames_but_on_their_spread(images: np.ndarray) -> None:
    target = np.asarray(spectrum_target(images))
    assert target.shape == (4, 192)
    np.testing.assert_allclose(np.asarray(spectrum_target(images[:, :, ::-1])), target, atol=1e-5)
    flat = np.broadcast_to(images.mean(axis=2, keepdims=True), images.shape)
    flattened = np.asarray(spectrum_target(flat))
    np.testing.assert_allclose(flattened[:, :96], target[:, :96], atol=1e-4)
    # The root of the smallest variance, 1e-4.
    np.testing.assert_allclose(flattened[:, 96:], 0.01, atol=1e-4)
    assert target[:, 96:].max() > 0.2


def test_a_few_images_are_learnt_better_than_one_answer_could_and_a_stored_model_goes_on(pairs) -> None:
    model = ContrastiveEncoder(**{**SMALL, "augmentation": vars(NOTHING)}, reconstruction=1.0)
    model.compile_for_training(5e-3)
    before = model.test_on_batch(*pairs, return_dict=True)
    decoder = {name: model.weights_by_name()[name] for name in DECODER}
    for _ in range(80):
        model.train_on_batch(*pairs)
    after = model.test_on_batch(*pairs, return_dict=True)
    targets = [np.asarray(spectrum_target(cuts)) for cuts in (pairs[0][:, :, :32], pairs[1][:, :, -32:])]
    one_answer = float(np.concatenate(targets).var(axis=0).mean())
    assert after["reconstruction"] < 0.5 * one_answer < before["reconstruction"]
    assert after["contrastive"] < before["contrastive"]
    assert all((model.weights_by_name()[name] != array).any() for name, array in decoder.items())
    twin = ContrastiveEncoder(**json.loads(json.dumps(model.get_config())))
    twin.load_weights_by_name(model.weights_by_name())
    named = {id(variable) for variable in twin.named_variables().values()}
    assert [weight.path for weight in twin.weights if id(weight) not in named] == []
    twin.compile_for_training(5e-3)
    logs = [trained.train_on_batch(*pairs, return_dict=True) for trained in (model, twin)]
    assert logs[0] == pytest.approx(logs[1], rel=1e-4)


def test_without_weight_nothing_is_there_that_was_not_before() -> None:
    plain, zero = ContrastiveEncoder(**SMALL), ContrastiveEncoder(**SMALL, reconstruction=0.0)
    decoding = ContrastiveEncoder(**SMALL, reconstruction=0.3)
    assert plain.get_config() == zero.get_config()
    assert "reconstruction" not in plain.get_config()
    assert decoding.get_config() == {**plain.get_config(), "reconstruction": 0.3}
    assert list(plain.weights_by_name()) == list(zero.weights_by_name())
    assert {name.partition("/")[0] for name in plain.weights_by_name()} == {"encoder", "projector", "training"}
    assert set(decoding.weights_by_name()) - set(plain.weights_by_name()) == DECODER
    for name, array in plain.weights_by_name().items():
        np.testing.assert_array_equal(decoding.weights_by_name()[name], array, err_msg=name)
    assert build_model("contrastive").count_params() == 167_168
    assert build_model("contrastive", {"reconstruction": 1}).count_params() == 167_168 + 41_280


def test_refinement_keeps_both_terms_and_alignment_starts_from_the_backbone(pairs) -> None:
    model = ContrastiveEncoder(**SMALL, reconstruction=2.0)
    model.compile_for_training(1e-3)
    own = model.test_on_batch(*pairs, return_dict=True)["loss"]
    space = {"mean": np.zeros(16), "projection": np.eye(16), "centers": np.eye(3, 16), "gamma": 0.5}
    images, target = {"x": pairs[0], "y": pairs[1]}, np.full((12, 3), 1 / 3, np.float32)
    head = ClusteringHead(model, **space, own_scale=2.0)
    head.compile(optimizer=keras.optimizers.Adam(1e-3))
    logs = head.test_on_batch(images, target, return_dict=True)
    assert logs["own"] == pytest.approx(own, rel=1e-5)
    assert logs["loss"] == pytest.approx(own / 2 + 0.5 * logs["divergence"], rel=1e-5)
    before = model.weights_by_name()
    head.train_on_batch(images, target)
    assert all((model.weights_by_name()[name] != before[name]).any() for name in DECODER)
    aligned = AlignedEncoder(
        **{key: value for key, value in SMALL.items() if key != "projection"} | {"bottleneck": 16, "latent_dim": 5}
    )
    aligned.start_from(np.full(5, 0.2, np.float32), model.weights_by_name())
    kernel = "encoder/encoder_output/kernel"
    np.testing.assert_array_equal(aligned.weights_by_name()[kernel], model.weights_by_name()[kernel])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, float]]]:
    """A library and a model file of a training with a decoder, and the history of that training."""
    folder = tmp_path_factory.mktemp("decoder")
    with Library(folder / "library", write=True, create=True) as library:
        fill_library(library, planted_images(np.arange(24) % 3, seed=0))
        config = TrainConfig(epochs=2, batch_size=4, latent_dim=16, crop_frames=32, reconstruction=0.5)
        report = train(library, preset="contrastive", name="d", images=ImageConfig(), config=config, seed=5)
        export_model(library, "d", folder / "d.zip", version="0.0-test")
    return folder, report.history


def test_the_history_shows_both_terms(stored) -> None:
    for entry in stored[1]:
        for when in ("", "val_"):
            both = entry[f"{when}contrastive"] + 0.5 * entry[f"{when}reconstruction"]
            assert entry[f"{when}loss"] == pytest.approx(both, rel=1e-5)
    assert "val_reconstruction" in (stored[0] / "library/models/d/history.csv").read_text().splitlines()[0]


def test_a_decoder_travels_with_its_model_and_only_with_its_description(stored, tmp_path: Path) -> None:
    with Library(tmp_path / "other", write=True, create=True) as library:
        import_model(library, stored[0] / "d.zip", name="guest", version="0.0-test")
        card, model = load_model(library.models, "guest")
        content = next((library.models / "guest").glob("*.safetensors")).read_bytes()
    assert card.config["reconstruction"] == 0.5
    assert card.training["overrides"] == {"latent_dim": 16, "crop_frames": 32, "reconstruction": 0.5}
    with Library(stored[0] / "library") as library:
        source = load_model(library.models, "d")[1].weights_by_name()
    for name, array in model.weights_by_name().items():
        np.testing.assert_array_equal(array, source[name], err_msg=name)
    without = {key: value for key, value in card.config.items() if key != "reconstruction"}
    with pytest.raises(CheckpointError, match=r"'decoder/decoder_hidden/bias' has shape .*needs None"):
        admit_model(replace(card, config=without), content, "d.zip", "get it again")


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_evaluates_the_same_and_trains(tmp_path: Path, pairs) -> None:
    model = with_biases(ContrastiveEncoder(**SMALL, reconstruction=0.7))
    before = model.weights_by_name()
    stored = {"family": "contrastive-encoder", "config": json.dumps(model.get_config()), "images": pairs[0]}
    np.savez(tmp_path / "c.in.npz", **stored, **before)
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROBE), str(tmp_path)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]
    with np.load(tmp_path / "c.out.npz") as archive:
        other = dict(archive)
    assert other["backend"] == "jax"
    model.compile_for_training(1e-3)
    evaluated = model.test_on_batch(pairs[0], pairs[0], return_dict=True)
    assert json.loads(str(other["evaluated"])) == pytest.approx(evaluated, rel=1e-3)
    trained = json.loads(str(other["trained"]))
    assert trained["loss"] == pytest.approx(trained["contrastive"] + 0.7 * trained["reconstruction"], rel=1e-5)
    kernels = [name for name in before if name.endswith("kernel")]
    fresh = ContrastiveEncoder(**SMALL, reconstruction=0.7).weights_by_name()
    for name in kernels:
        np.testing.assert_array_equal(other[f"fresh/{name}"], fresh[name], err_msg=name)
    assert all((other[f"after/{name}"] != before[name]).any() for name in kernels)


def test_wrong_weights_and_models_without_the_option_are_refused() -> None:
    with pytest.raises(ParameterError, match="reconstruction must be a finite number of at least 0, got -1"):
        ContrastiveEncoder(reconstruction=-1)
    with pytest.raises(SongNetError, match="reconstruction"):
        TrainConfig(reconstruction=-0.1)
    overrides = TrainConfig(reconstruction=0.0).model_overrides
    assert overrides == {"reconstruction": 0.0}
    assert build_model("contrastive", overrides).get_config() == build_model("contrastive").get_config()
    others = [name for name in PRESETS if not name.startswith("contrastive")]
    assert len(others) > 5
    for name in others:
        with pytest.raises(ParameterError, match=f"unknown override 'reconstruction' for preset '{name}'"):
            build_model(name, overrides)
