"""The variational objective: schedule, floor, evaluation, and whether the code carries anything."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from songnet.errors import ModelError
from songnet.models.conv_vae import ConvVae
from songnet.models.diagnostics import LatentReport, latent_report
from songnet.models.vae import ReferenceVae


def _train(model: ConvVae, images: np.ndarray, steps: int, learning_rate: float = 3e-3) -> LatentReport:
    model.compile_for_training(learning_rate)
    for step in range(steps):
        batch = images[(step * 16) % len(images) :][:16]
        model.train_on_batch(batch, batch)
    return latent_report(*(np.asarray(part) for part in model.posterior(images)))


def test_kl_weight_rises_from_zero_to_beta(small_vae_config: dict[str, Any], small_images: np.ndarray) -> None:
    model = ConvVae(**small_vae_config, beta=2.0, kl_warmup_steps=4)
    model.compile_for_training(1e-3)
    batch = small_images[:4]
    weights = []
    for _ in range(6):
        weights.append(float(model.kl_weight()))
        logs = model.train_on_batch(batch, batch, return_dict=True)
        # The steps really use the weight they announce.
        assert logs["loss"] - logs["reconstruction"] == pytest.approx(weights[-1] * logs["kl"], rel=1e-3, abs=0.01)
    assert weights == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.0])


def test_without_warm_up_the_weight_is_beta(small_vae_config: dict[str, Any]) -> None:
    assert float(ConvVae(**small_vae_config, beta=0.25).kl_weight()) == 0.25


def test_free_bits_floor_each_dimension_on_the_batch_mean(small_vae_config: dict[str, Any]) -> None:
    model = ConvVae(**small_vae_config, beta=2.0, free_bits=0.5)
    kl = np.zeros((2, 8), np.float32)
    assert float(model.training_penalty(kl)) == pytest.approx(2.0 * 8 * 0.5)
    kl[:, 0] = [0.0, 4.0]  # mean 2 counts in full
    kl[:, 1] = [0.0, 0.9]  # mean 0.45 is floored
    assert float(model.training_penalty(kl)) == pytest.approx(2.0 * (2.0 + 7 * 0.5))


def test_free_bits_keep_dimensions_from_being_penalised(
    small_vae_config: dict[str, Any], small_images: np.ndarray
) -> None:
    """Under a crushing beta, the floor alone decides how much the code may carry."""
    crushed = _train(ConvVae(**small_vae_config, beta=300.0), small_images, 80)
    floored = _train(ConvVae(**small_vae_config, beta=300.0, free_bits=0.5), small_images, 80)
    assert crushed.collapsed
    assert crushed.kl < 0.5
    assert not floored.collapsed
    assert floored.kl > crushed.kl + 1


def test_the_convolutional_vae_learns(small_vae_config: dict[str, Any], small_images: np.ndarray) -> None:
    model = ConvVae(**small_vae_config, seed=1)
    report = _train(model, small_images, 100)
    assert report.active_units >= 3
    assert report.kl > 3
    error = np.mean(np.square(np.asarray(model.reconstruct(small_images)) - small_images))
    # The mean image is what a collapsed decoder can do at best.
    assert error < 0.7 * np.mean(np.square(small_images.mean(0) - small_images))
    # The calibrated variance is the squared error of sampled reconstructions, so at least the one at the mean.
    assert error < float(model.pixel_variance.value) < 3 * error


def test_evaluation_is_deterministic_and_leaves_no_trace(
    small_vae_config: dict[str, Any], small_images: np.ndarray
) -> None:
    model = ConvVae(**small_vae_config, dropout=0.5, beta=3.0, free_bits=1.0, kl_warmup_steps=100)
    model.compile_for_training(1e-3)
    batch = small_images[:8]
    model.train_on_batch(batch, batch)
    before = model.weights_by_name()
    logs = [model.test_on_batch(batch, batch, return_dict=True) for _ in range(2)]
    assert logs[0] == logs[1]
    # Neither warm-up nor floor counts in evaluation.
    assert logs[0]["loss"] == pytest.approx(logs[0]["reconstruction"] + 3.0 * logs[0]["kl"], rel=1e-5)
    assert all(np.array_equal(array, before[name]) for name, array in model.weights_by_name().items())
    # Means over batches are means over images: the batch size does not matter.
    whole = model.evaluate(batch, batch, batch_size=8, verbose=0, return_dict=True)
    parts = model.evaluate(batch, batch, batch_size=2, verbose=0, return_dict=True)
    assert whole == pytest.approx(parts, rel=1e-4)


def test_first_pixel_variance_is_the_first_batch_error(
    small_vae_config: dict[str, Any], small_images: np.ndarray
) -> None:
    model = ConvVae(**small_vae_config, beta=0.0)
    model.compile_for_training(1e-3)
    pixels = 32 * 48
    logs = model.train_on_batch(small_images[:8], small_images[:8], return_dict=True)
    variance = float(model.pixel_variance.value)
    # At the optimal variance the likelihood is D/2 (log(2 pi variance) + 1).
    assert logs["reconstruction"] == pytest.approx(pixels / 2 * (math.log(2 * math.pi * variance) + 1), rel=1e-4)


def test_silence_does_not_break_the_likelihood(small_vae_config: dict[str, Any]) -> None:
    model = ConvVae(**small_vae_config)
    model.compile_for_training(1e-3)
    silence = np.zeros((2, 32, 48, 1), np.float32)
    logs = [model.train_on_batch(silence, silence, return_dict=True) for _ in range(3)]
    assert all(np.isfinite(value) for log in logs for value in log.values())


def test_posterior_sums_to_the_logged_divergence(images: np.ndarray) -> None:
    model = ReferenceVae(seed=3)
    model.compile_for_training(1e-3)
    posterior = model.posterior(images)
    logged = model.test_on_batch(images, images, return_dict=True)["kl"]
    assert np.asarray(posterior.kl_per_dim).shape == (4, 16)
    assert np.asarray(posterior.kl_per_dim).sum(-1).mean() == pytest.approx(logged, rel=1e-4)
    np.testing.assert_array_equal(np.asarray(posterior.mean), np.asarray(model.encode(images)))


def test_reference_scale_is_lower_triangular_with_positive_diagonal() -> None:
    model = ReferenceVae()
    encoded = np.random.default_rng(0).normal(size=(3, 152)).astype(np.float32)
    mean, scale = (np.asarray(part) for part in model.split(encoded))
    np.testing.assert_array_equal(mean, encoded[:, :16])
    np.testing.assert_array_equal(scale, np.tril(scale))
    assert (np.diagonal(scale, axis1=1, axis2=2) > 0).all()
    # Every number is used once, row by row.
    below = np.tril_indices(16, -1)
    np.testing.assert_array_equal(scale[:, 1, 0], encoded[:, 17])
    assert len(np.unique(scale[0][below])) == 120


def test_reference_bernoulli_head_cannot_go_below_one_half(images: np.ndarray) -> None:
    assert np.asarray(ReferenceVae(head="bernoulli").reconstruct(images)).min() >= 0.5


def test_sample_weights_are_refused(small_vae_config: dict[str, Any], small_images: np.ndarray) -> None:
    model = ConvVae(**small_vae_config)
    model.compile_for_training(1e-3)
    with pytest.raises(ModelError, match="sample_weight"):
        model.train_on_batch(small_images[:2], small_images[:2], sample_weight=np.ones(2, np.float32))
