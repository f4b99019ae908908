"""Known active and known collapsed latent spaces."""

from __future__ import annotations

import numpy as np
import pytest

from songnet.errors import ParameterError
from songnet.models.diagnostics import latent_report


def test_collapsed() -> None:
    rng = np.random.default_rng(0)
    report = latent_report(rng.normal(0, 0.01, (500, 16)), rng.uniform(0, 1e-3, (500, 16)))
    assert report.active_units == 0
    assert report.collapsed
    assert report.kl < 0.016


def test_counts_exactly_the_active_units() -> None:
    rng = np.random.default_rng(0)
    means = rng.normal(0, 1, (500, 6)) * [1.0, 0.5, 0.2, 0.05, 0.0, 1.0]
    report = latent_report(means, np.tile([2.0, 1.0, 0.5, 0.0, 0.0, 2.0], (500, 1)))
    assert report.active_units == 4
    assert not report.collapsed
    assert report.kl == pytest.approx(5.5)
    np.testing.assert_allclose(report.kl_per_dim, [2.0, 1.0, 0.5, 0.0, 0.0, 2.0])
    np.testing.assert_allclose(report.variance_of_mean, means.var(axis=0, ddof=1))


def test_a_constant_offset_is_not_activity() -> None:
    """A unit may diverge from the prior and still not depend on the image."""
    report = latent_report(np.full((10, 3), 5.0), np.full((10, 3), 12.5))
    assert report.collapsed
    assert report.kl == pytest.approx(37.5)


@pytest.mark.parametrize(
    ("mean", "kl"),
    [
        (np.zeros((1, 3)), np.zeros((1, 3))),
        (np.zeros((4, 3)), np.zeros((4, 2))),
        (np.zeros(4), np.zeros(4)),
        (np.full((4, 3), np.nan), np.zeros((4, 3))),
    ],
)
def test_bad_input_is_refused(mean: np.ndarray, kl: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="mean and kl_per_dim"):
        latent_report(mean, kl)
