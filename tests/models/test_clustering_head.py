"""Assignments, targets and the joined loss against their formulas, and codes that are drawn to centres."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.models import build_model
from songnet.models.cae import ConvAutoencoder
from songnet.models.clustering_head import (
    ClusteringHead,
    divergence,
    pool_codes,
    soft_assignments,
    target_distribution,
)
from songnet.models.contrastive import ContrastiveEncoder
from songnet.models.conv_vae import ConvVae

from .conftest import mel_like

SMALL_CAE = {"input_shape": (32, 48, 1), "channels": (4, 3), "pools": (4, 2)}
SMALL_CONTRASTIVE = {
    "input_shape": (32, 48, 1),
    "channels": (4, 8),
    "strides": ((2, 2), (2, 2)),
    "features": 8,
    "latent_dim": 6,
    "projection": 4,
    "crop_frames": 32,
}


def test_assignments_of_points_worked_out_by_hand() -> None:
    points, centers = np.array([[0.0, 0.0], [3.0, 0.0]], np.float32), np.array([[0.0, 0.0], [2.0, 0.0]], np.float32)
    # Closeness 1 and 1/5; 1/10 and 1/2.
    expected = [[5 / 6, 1 / 6], [1 / 6, 5 / 6]]
    np.testing.assert_allclose(np.asarray(soft_assignments(points, centers)), expected, rtol=1e-6)


def test_the_target_of_assignments_worked_out_by_hand() -> None:
    q = np.array([[0.8, 0.2], [0.6, 0.4]], np.float32)
    # Shares held: 1.4 and 0.6.
    first = np.array([0.64 / 1.4, 0.04 / 0.6])
    second = np.array([0.36 / 1.4, 0.16 / 0.6])
    expected = np.stack([first / first.sum(), second / second.sum()])
    np.testing.assert_allclose(np.asarray(target_distribution(q)), expected, rtol=1e-5)


def test_divergence_is_its_formula_and_zero_for_equals() -> None:
    p, q = np.array([[0.5, 0.5]], np.float32), np.array([[0.25, 0.75]], np.float32)
    assert float(divergence(p, q)) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3), rel=1e-5)
    assert float(divergence(p, p)) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**31), st.floats(0, 100))
def test_assignments_and_targets_are_distributions(n: int, k: int, d: int, seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    points, centers = (spread * rng.normal(size=(size, d)).astype(np.float32) for size in (n, k))
    q = np.asarray(soft_assignments(points, centers))
    for rows in (q, np.asarray(target_distribution(q))):
        assert np.isfinite(rows).all()
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-4)
    assert float(divergence(np.asarray(target_distribution(q)), q)) >= -1e-4


def test_targets_are_sharper_where_clusters_are_equally_large(rng) -> None:
    q = np.asarray(soft_assignments(rng.normal(size=(50, 3)).astype(np.float32), np.eye(3, dtype=np.float32)))
    balanced = np.concatenate([np.roll(q, shift, axis=1) for shift in range(3)])
    target = np.asarray(target_distribution(balanced))
    assert (target.max(axis=1) >= balanced.max(axis=1) - 1e-6).all()
    assert (target.argmax(axis=1) == balanced.argmax(axis=1)).all()


def test_pooling_is_the_mean_over_time_and_nothing_for_vectors(rng) -> None:
    codes = rng.normal(size=(2, 4, 9, 5)).astype(np.float32)
    np.testing.assert_allclose(
        np.asarray(pool_codes(codes, 1)), codes.mean(axis=2).reshape(2, 20), rtol=1e-5, atol=1e-6
    )
    vectors = rng.normal(size=(3, 7)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(pool_codes(vectors, None)), vectors)


def head_on(model, x: np.ndarray, own_scale: float | None = 1.0, gamma: float = 0.5) -> ClusteringHead:
    model.compile_for_training(1e-3)
    codes = np.asarray(pool_codes(np.asarray(model.encode(x)), model.time_axis))
    scale = 3 / np.maximum(codes.std(axis=0), 1e-3)
    head = ClusteringHead(
        model,
        mean=codes.mean(axis=0),
        projection=np.diag(scale),
        centers=(codes[:3] - codes.mean(axis=0)) * scale,
        gamma=gamma,
        own_scale=own_scale,
    )
    head.compile(optimizer=keras.optimizers.Adam(1e-3))
    return head


def target_of(head: ClusteringHead, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return np.asarray(target_distribution(head(inputs, training=False)))


def test_points_are_pooled_codes_through_the_fixed_map() -> None:
    x = mel_like(8, shape=(32, 48))
    for model in (ConvAutoencoder(**SMALL_CAE), ConvVae(input_shape=(32, 48, 1), channels=(4, 4), latent_dim=5,
                                                         strides=((2, 2), (2, 2)))):  # fmt: skip
        head = head_on(model, x)
        codes = np.asarray(pool_codes(np.asarray(model.encode(x)), model.time_axis))
        expected = (codes - head.mean) @ head.projection
        np.testing.assert_allclose(np.asarray(head.points(x)), expected, rtol=1e-3, atol=1e-3)


def test_the_loss_of_an_autoencoder_is_reconstruction_and_weighted_divergence() -> None:
    x = mel_like(8, shape=(32, 48))
    model = ConvAutoencoder(**SMALL_CAE)
    head = head_on(model, x, own_scale=0.25)
    q = np.asarray(head({"x": x}, training=False))
    target = np.asarray(target_distribution(q))
    logs = head.test_on_batch({"x": x}, target, return_dict=True)
    mse = float(np.mean((np.asarray(model.reconstruct(x)) - x) ** 2))
    assert float(logs["own"]) == pytest.approx(mse, rel=1e-4)
    assert float(logs["divergence"]) == pytest.approx(float(divergence(target, q)), rel=1e-3)
    assert float(logs["loss"]) == pytest.approx(mse / 0.25 + 0.5 * float(divergence(target, q)), rel=1e-4)


@pytest.mark.parametrize("preset", ["cae", "contrastive"])
def test_steps_lower_the_divergence_and_move_encoder_and_centres(preset: str) -> None:
    x = mel_like(24, shape=(32, 48))
    model = ConvAutoencoder(**SMALL_CAE) if preset == "cae" else ContrastiveEncoder(**SMALL_CONTRASTIVE)
    inputs = {"x": x} if preset == "cae" else {"x": x[:12], "y": x[12:]}
    head = head_on(model, x, gamma=5.0)
    target, centers, before = target_of(head, inputs), head.centers.numpy().copy(), model.weights_by_name()
    first = head.test_on_batch(inputs, target, return_dict=True)["divergence"]
    for _ in range(15):
        head.train_on_batch(inputs, target)
    assert head.test_on_batch(inputs, target, return_dict=True)["divergence"] < 0.8 * first
    assert np.abs(head.centers.numpy() - centers).max() > 1e-3
    after = model.weights_by_name()
    for name in ("encoder/encoder_conv_1/kernel", *(["decoder/decoder_output/kernel"] if preset == "cae" else [])):
        assert (after[name] != before[name]).any(), name


def test_without_its_own_loss_only_the_encoder_is_trained() -> None:
    x = mel_like(8, shape=(32, 48))
    model = ConvAutoencoder(**SMALL_CAE)
    head = head_on(model, x, own_scale=None)
    before = model.weights_by_name()
    target = target_of(head, {"x": x})
    logs = head.train_on_batch({"x": x}, target, return_dict=True)
    assert float(logs["loss"]) == pytest.approx(float(logs["divergence"]), rel=1e-6)
    changed = {name.split("/")[0] for name, value in model.weights_by_name().items() if (value != before[name]).any()}
    assert changed == {"encoder"}


def test_a_head_adds_nothing_to_what_is_stored_of_the_model() -> None:
    x = mel_like(4, shape=(96, 216))
    model = build_model("cae-12x15")
    names = set(model.weights_by_name())
    head_on(model, x)
    assert set(model.weights_by_name()) == names
