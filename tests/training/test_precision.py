"""Layers in 16 bits: what comes out, what is stored, and what a resumed training goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from songnet.config import ImageConfig, TrainConfig
from songnet.library import Library
from songnet.models import MODELS
from songnet.models.contrastive_losses import nt_xent, vicreg
from songnet.models.vae import IMAGE_SHAPE
from songnet.training import load_model, train
from songnet.training.devices import Devices, computing_on
from songnet.training.state import TrainingState, load_state, save_state

SMALL = {"input_shape": (16, 24, 1), "channels": (8, 8), "strides": ((2, 2), (2, 2)), "latent_dim": 8}
FAMILIES = {
    "conv-autoencoder": {"input_shape": (16, 24, 1), "channels": (8, 4), "pools": (2, 2)},
    "masked-autoencoder": {**SMALL, "features": 16},
    "conv-vae": SMALL,
    "contrastive-encoder": {**SMALL, "features": 16, "projection": 8, "crop_frames": 24, "dropout": 0.1},
}


def on_cpu(precision: str) -> Devices:
    return Devices(keras.backend.backend(), ("one",), precision)


def built(family: str, **options: Any) -> Any:
    model = MODELS[family](**{**FAMILIES[family], **options})
    model.compile_for_training(3e-3, 200)
    model.optimizer.build(model.trainable_variables)
    return model


def pairs() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.random((4, 16, 24, 1), dtype=np.float32)
    return x, np.clip(x + 0.1 * rng.random(x.shape, dtype=np.float32), 0, 1)


@pytest.mark.parametrize("family", FAMILIES)
def test_in_bfloat16_layers_compute_low_and_the_rest_stays_high(family: str) -> None:
    x, y = pairs()
    with computing_on(on_cpu("mixed_bfloat16")):
        model = built(family)
        losses = [float(model.train_on_batch(x, y, return_dict=True)["loss"]) for _ in range(12)]
    layers = {layer.name: layer for part in model.parts() for layer in part.layers}
    assert layers["encoder_conv_1"].compute_dtype == "bfloat16"
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert {layer.compute_dtype for name, layer in layers.items() if name.endswith("_output")} <= {"float32"}
    images = model(x)
    for output in images.values() if isinstance(images, dict) else [images]:
        assert keras.backend.standardize_dtype(output.dtype) == "float32"
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    # The same weights in float32 say nearly the same.
    whole = MODELS[family](**FAMILIES[family])
    whole.load_weights_by_name(model.weights_by_name())
    low, high = np.asarray(model.encode(x), np.float32), np.asarray(whole.encode(x))
    assert high.dtype == np.float32
    assert 0 < np.abs(low - high).max() < 0.05 * max(1.0, np.abs(high).max())


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_an_aligned_encoder_predicts_directions_of_length_1_in_16_bits(precision: str) -> None:
    x, _ = pairs()
    targets = np.eye(8, dtype=np.float32)[:4]
    with computing_on(on_cpu(precision)):
        options = {**SMALL, "features": 16, "bottleneck": 8, "crop_frames": 24}
        model = MODELS["aligned-encoder"](**options)
        model.compile_for_training(3e-3, 200)
        losses = [float(model.train_on_batch(x, targets, return_dict=True)["loss"]) for _ in range(30)]
        np.testing.assert_allclose(np.linalg.norm(np.asarray(model.encode(x)), axis=1), 1, atol=1e-5)
    assert np.mean(losses[-5:]) < 0.8 * losses[0]


def test_the_bernoulli_vae_computes_its_likelihood_in_whole_precision() -> None:
    x = np.random.default_rng(0).random((2, *IMAGE_SHAPE), dtype=np.float32)
    with computing_on(on_cpu("mixed_float16")):
        model = MODELS["reference-vae"](head="bernoulli")
        assert {keras.backend.standardize_dtype(output.dtype) for output in model(x).values()} == {"float32"}
        model.compile_for_training(1e-3)
        loss = float(model.train_on_batch(x, x, return_dict=True)["loss"])
    # 20,736 pixels that are each about as likely as not.
    assert loss == pytest.approx(np.prod(IMAGE_SHAPE) * np.log(2), rel=0.1)


@pytest.mark.parametrize("size", [1e-7, 1e-3, 1.0, 6e4])
def test_losses_of_half_precision_vectors_are_those_of_whole_ones(size: float) -> None:
    rng = np.random.default_rng(1)
    first, second = (rng.uniform(-size, size, (6, 5)).astype(np.float16) for _ in range(2))
    for loss, options in ((nt_xent, (0.1,)), (vicreg, ())):
        half = loss(first, second, *options)
        whole = loss(first.astype(np.float32), second.astype(np.float32), *options)
        assert keras.backend.standardize_dtype(half.dtype) == "float32"
        assert np.isfinite(float(half))
        assert float(half) == float(whole)


def test_float16_scales_its_losses_and_skips_what_overflows() -> None:
    x, y = pairs()
    with computing_on(on_cpu("mixed_float16")):
        model = built("contrastive-encoder")
        assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
        model.optimizer.dynamic_scale.assign(2.0**80)
        before = model.weights_by_name()
        model.train_on_batch(x, y)
        after = model.weights_by_name()
    assert float(model.optimizer.dynamic_scale.numpy()) == 2.0**79
    name = "encoder/encoder_conv_1/kernel"
    np.testing.assert_array_equal(after[name], before[name])


def test_a_killed_float16_training_goes_on_with_its_scale_and_ends_in_the_same_bits(tmp_path: Path) -> None:
    x, y = pairs()
    with computing_on(on_cpu("mixed_float16")):
        model = built("contrastive-encoder")
        # So large that the first steps overflow: the scale that is restored is not the one to begin with.
        model.optimizer.dynamic_scale.assign(2.0**30)
        for _ in range(14):
            model.train_on_batch(x, y)
        save_state(tmp_path / "state", TrainingState("f"), model, {})
        scale = float(model.optimizer.dynamic_scale.numpy())
        for _ in range(3):
            model.train_on_batch(x, y)
        resumed = built("contrastive-encoder")
        assert load_state(tmp_path / "state", "f", resumed) is not None
        assert float(resumed.optimizer.dynamic_scale.numpy()) == scale < 2.0**30
        for _ in range(3):
            resumed.train_on_batch(x, y)
    for name, value in model.weights_by_name().items():
        np.testing.assert_array_equal(resumed.weights_by_name()[name], value, err_msg=name)


def test_a_precision_holds_for_a_training_alone(library_copy: Path) -> None:
    with Library(library_copy, write=True) as library:
        config = TrainConfig(epochs=1, batch_size=4, precision="mixed_bfloat16")
        report = train(library, preset="cae-12x15", name="low", images=ImageConfig(), config=config, seed=5)
        assert keras.config.dtype_policy().name == "float32"
        assert (report.card.training["precision"], report.card.training["devices"]) == ("mixed_bfloat16", 1)
        _, model = load_model(library.models, "low")
        assert {layer.compute_dtype for layer in model.encoder.layers} == {"float32"}
        assert np.isfinite(report.card.training["best_loss"])


def test_a_precision_is_given_back_after_an_error() -> None:
    def fail() -> None:
        with computing_on(on_cpu("mixed_float16")):
            raise RuntimeError(keras.config.dtype_policy().name)

    with pytest.raises(RuntimeError, match="mixed_float16"):
        fail()
    assert keras.config.dtype_policy().name == "float32"
