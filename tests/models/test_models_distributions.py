"""Closed forms, TensorFlow Probability, and sampling agree."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from songnet.models import closed_form, distributions

SETTINGS = settings(max_examples=20, deadline=None)


def _numpy(tensor: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


def _normal_case(seed: int, batch: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Values, means, scales and lower-triangular scales, float32."""
    rng = np.random.default_rng(seed)
    value, mean = rng.normal(size=(2, batch, size))
    scale = rng.uniform(0.3, 2.0, (batch, size))
    tril = np.tril(rng.normal(size=(batch, size, size)), -1) * 0.3 + np.stack([np.diag(row) for row in scale])
    return tuple(array.astype(np.float32) for array in (value, mean, scale, tril))  # type: ignore[return-value]


cases = st.builds(_normal_case, st.integers(0, 2**16), st.integers(1, 5), st.integers(1, 6))


@SETTINGS
@given(cases)
def test_normals_agree_with_tensorflow_probability(case: tuple[np.ndarray, ...]) -> None:
    value, mean, scale, tril = case
    for name, arguments in {
        "normal_log_prob": (value, mean, scale),
        "normal_kl": (mean, scale),
        "mvn_tril_log_prob": (value, mean, tril),
        "mvn_tril_kl": (mean, tril),
    }.items():
        ours = _numpy(getattr(closed_form, name)(*arguments))
        theirs = _numpy(getattr(distributions, name)(*arguments))
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5, err_msg=name)


@SETTINGS
@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(-30, 30, width=32)), min_size=1, max_size=20))
def test_bernoulli_agrees_at_grey_values(pairs: list[tuple[float, float]]) -> None:
    value, logits = np.array(pairs, dtype=np.float32).T
    ours = _numpy(closed_form.bernoulli_log_prob(value, logits))
    np.testing.assert_allclose(ours, _numpy(distributions.bernoulli_log_prob(value, logits)), rtol=1e-5, atol=1e-5)
    probability = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = value * np.log(probability) + (1 - value) * np.log1p(-probability)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def test_bernoulli_does_not_truncate_grey_values() -> None:
    dark, light = _numpy(distributions.bernoulli_log_prob(np.float32([0.1, 0.9]), np.float32([2.0, 2.0])))
    assert light - dark == pytest.approx(0.8 * 2.0, rel=1e-5)


def test_known_answers() -> None:
    value, mean, scale, tril = _normal_case(3, 4, 5)
    np.testing.assert_allclose(
        _numpy(closed_form.normal_log_prob(value, mean, scale)), stats.norm.logpdf(value, mean, scale), rtol=1e-5
    )
    expected = [
        stats.multivariate_normal.logpdf(v, m, factor.astype(np.float64) @ factor.T.astype(np.float64))
        for v, m, factor in zip(value, mean, tril, strict=True)
    ]
    np.testing.assert_allclose(_numpy(closed_form.mvn_tril_log_prob(value, mean, tril)), expected, rtol=1e-4)
    # KL(N(mu, s^2) || N(0, 1)) at mu = 1, s = 1 is 1/2; at mu = 0, s = 1 it is 0.
    kl = _numpy(closed_form.normal_kl(np.float32([1.0, 0.0]), np.float32([1.0, 1.0])))
    np.testing.assert_allclose(kl, [0.5, 0.0], atol=1e-7)


@SETTINGS
@given(cases)
def test_attribution_by_the_chain_rule(case: tuple[np.ndarray, ...]) -> None:
    """Terms are non-negative, sum to the total, and are at least the marginals' divergences."""
    _, mean, scale, tril = case
    terms = _numpy(closed_form.mvn_tril_kl_per_dimension(mean, tril))
    np.testing.assert_allclose(terms.sum(-1), _numpy(distributions.mvn_tril_kl(mean, tril)), rtol=1e-4, atol=1e-4)
    marginal = _numpy(closed_form.normal_kl(mean, np.sqrt(np.square(tril).sum(-1))))
    assert (terms >= marginal - 1e-5).all()
    assert (marginal >= -1e-5).all()
    diagonal = np.stack([np.diag(row) for row in scale])
    independent = _numpy(closed_form.mvn_tril_kl_per_dimension(mean, diagonal))
    np.testing.assert_allclose(independent, _numpy(closed_form.normal_kl(mean, scale)), rtol=1e-4, atol=1e-5)


def test_sampled_divergence_agrees_with_the_closed_form() -> None:
    draws, size = 20_000, 4
    _, mean, _, tril = _normal_case(11, 1, size)
    means, factors = np.repeat(mean, draws, 0), np.repeat(tril, draws, 0)
    sample = distributions.mvn_tril_sample(means, factors, keras.random.SeedGenerator(5))
    log_ratio = _numpy(distributions.mvn_tril_log_prob(sample, means, factors)) - stats.norm.logpdf(_numpy(sample)).sum(
        -1
    )
    error = log_ratio.std() / np.sqrt(draws)
    assert abs(log_ratio.mean() - _numpy(closed_form.mvn_tril_kl(mean, tril))[0]) < 4 * error
    covariance = np.cov(_numpy(sample).T)
    np.testing.assert_allclose(covariance, tril[0] @ tril[0].T, atol=0.15)


def test_diagonal_samples_have_the_asked_moments() -> None:
    mean, scale = np.full((20_000, 1), 2.0, np.float32), np.full((20_000, 1), 0.5, np.float32)
    sample = _numpy(distributions.normal_sample(mean, scale, keras.random.SeedGenerator(1)))
    assert sample.mean() == pytest.approx(2.0, abs=4 * 0.5 / np.sqrt(20_000))
    assert sample.std() == pytest.approx(0.5, rel=0.03)
