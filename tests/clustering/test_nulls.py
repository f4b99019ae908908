"""Null models: they keep what they must keep, lose what they must lose, and their p-values are honest."""

import numpy as np
import pytest

from songnet.clustering.nulls import NullSource, null_test
from songnet.clustering.space import Space, check_features
from songnet.errors import ParameterError

RAW = Space(0, 0.0)
WHITENED = Space(4, 0.3)


def planted(rng: np.random.Generator) -> np.ndarray:
    centres = 6 * rng.standard_normal((3, 8))
    return np.repeat(centres, 40, axis=0) + rng.standard_normal((120, 8)) * np.linspace(0.5, 2, 8)


def test_gaussian_draws_have_exactly_the_covariance_of_the_data(rng: np.random.Generator) -> None:
    features = planted(rng)
    draw = NullSource(RAW, features).draw("gaussian", 3)
    np.testing.assert_allclose(np.cov(draw, rowvar=False), np.cov(features, rowvar=False), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(draw.mean(axis=0), features.mean(axis=0), atol=1e-4)


def test_gaussian_draws_have_the_covariance_also_with_more_columns_than_rows(rng: np.random.Generator) -> None:
    features = rng.standard_normal((20, 50))
    draw = NullSource(RAW, features).draw("gaussian", 0)
    np.testing.assert_allclose(np.cov(draw, rowvar=False), np.cov(features, rowvar=False), atol=1e-4)


def test_shuffled_draws_keep_every_column_and_lose_what_columns_share(rng: np.random.Generator) -> None:
    features = planted(rng).astype(np.float32)
    draw = NullSource(RAW, features).draw("shuffled", 3)
    np.testing.assert_array_equal(np.sort(draw, axis=0), np.sort(features, axis=0))
    between = np.abs(np.corrcoef(draw, rowvar=False) - np.eye(8)).max()
    assert between < 0.35 < np.abs(np.corrcoef(features, rowvar=False) - np.eye(8)).max()


@pytest.mark.parametrize("model", ["gaussian", "shuffled"])
def test_draws_go_the_way_of_the_data(model: str, rng: np.random.Generator) -> None:
    features = planted(rng)
    draw = NullSource(WHITENED, features).draw(model, 0)
    assert draw.shape == WHITENED.points(features).shape == (120, 4)
    np.testing.assert_allclose(np.linalg.norm(draw, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("model", ["gaussian", "shuffled"])
def test_a_seed_is_a_draw(model: str, rng: np.random.Generator) -> None:
    source = NullSource(WHITENED, planted(rng))
    np.testing.assert_array_equal(source.draw(model, 5), source.draw(model, 5))
    assert not np.array_equal(source.draw(model, 5), source.draw(model, 6))


def test_the_p_value_counts_the_data_among_the_draws() -> None:
    drawn = np.random.default_rng(0).normal(0.2, 0.01, (99, 3))
    strong = null_test("gaussian", [2, 3, 4], np.array([0.2, 0.2, 0.5]), drawn)
    assert (strong.p_value, strong.at, strong.draws) == (0.01, 4, 99)
    assert strong.statistic == pytest.approx((0.5 - drawn[:, 2].mean()) / drawn[:, 2].std(ddof=1))
    assert null_test("gaussian", [2, 3, 4], np.array([0.0, 0.0, 0.0]), drawn).p_value == 1.0


def test_p_values_of_noise_are_uniform_however_many_k_are_tried() -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(400):
        values = rng.normal(size=(100, 19))
        p_values.append(null_test("gaussian", list(range(2, 21)), values[0], values[1:]).p_value)
    # 5% of 400 is 20; a binomial stays between 10 and 32 in 99 of 100 cases.
    assert 10 <= sum(p <= 0.05 for p in p_values) <= 32
    assert 0.45 < np.mean(p_values) < 0.55


def test_draws_that_could_not_be_clustered_are_left_out() -> None:
    drawn = np.random.default_rng(0).normal(0.2, 0.01, (99, 2))
    drawn[:, 1] = np.nan
    drawn[5, 0] = np.nan
    found = null_test("gaussian", [2, 3], np.array([0.5, 0.9]), drawn)
    assert (found.at, found.p_value) == (2, 0.01)
    assert null_test("gaussian", [2, 3], np.array([np.nan, np.nan]), drawn).p_value == 1.0


def test_a_k_whose_draws_never_vary_divides_by_nothing() -> None:
    assert null_test("gaussian", [2], np.array([0.1]), np.full((99, 1), 0.1)).p_value == 1.0


def test_features_that_cannot_be_clustered_are_refused_in_words() -> None:
    with pytest.raises(ParameterError, match="2 tracks cannot be clustered: at least 3 with codes"):
        check_features(np.ones((2, 3)), "codes")
    with pytest.raises(ParameterError, match="the codes of all 5 tracks are identical"):
        check_features(np.ones((5, 3)), "codes")
    broken = np.random.default_rng(0).standard_normal((5, 3))
    broken[[1, 3], 0] = np.nan
    with pytest.raises(ParameterError, match=r"the codes of 2 of 5 tracks hold values that are not finite.*track 1"):
        check_features(broken, "codes")
