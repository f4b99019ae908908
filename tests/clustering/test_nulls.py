"""Null models: they keep what they must keep, lose what they must lose, and their p-values are honest."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from songnet.clustering.nulls import NullSource, null_test
from songnet.clustering.space import Space, check_features
from songnet.errors import ParameterError

RAW = Space(0, 0.0)
WHITENED = Space(4, 0.3)


def planted(rng: np.random.Generator) -> np.ndarray:
    centres = 6 * rng.standard_normal((3, 8))
    return np.repeat(centres, 40, axis=0) + rng.standard_normal((120, 8)) * np.linspace(0.5, 2, 8)


@pytest.mark.parametrize("shape", [(120, 8), (20, 50)])
def test_gaussian_draws_spread_exactly_as_the_data(shape: tuple[int, int], rng: np.random.Generator) -> None:
    features = rng.standard_normal(shape) * np.linspace(0.5, 3, shape[1]) + 7
    draw = NullSource(RAW, features).draw("gaussian", 3)
    # Up to a rotation and a shift, which change no distance: the principal variances are the same.
    wanted = np.linalg.svd(features - features.mean(axis=0), compute_uv=False)
    found = np.linalg.svd(draw - draw.mean(axis=0), compute_uv=False)
    rank = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(found[:rank], wanted[:rank], rtol=1e-4)


def test_wide_features_keep_their_distances(rng: np.random.Generator) -> None:
    features = rng.standard_normal((15, 400)) + 3
    points = RAW.points(features)
    assert points.shape == (15, 15)
    np.testing.assert_allclose(pdist(points), pdist(features), rtol=1e-5)


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
    assert strong is not None
    assert (strong.p_value, strong.at, strong.draws) == (0.01, 4, 99)
    together = np.append(drawn[:, 2], 0.5)
    assert strong.statistic == pytest.approx((0.5 - together.mean()) / together.std(ddof=1))
    weak = null_test("gaussian", [2, 3, 4], np.array([0.0, 0.0, 0.0]), drawn)
    assert weak is not None
    assert weak.p_value == 1.0


def test_p_values_of_noise_are_uniform_however_many_k_are_tried() -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(400):
        values = rng.normal(size=(100, 19))
        found = null_test("gaussian", list(range(2, 21)), values[0], values[1:])
        assert found is not None
        p_values.append(found.p_value)
    # 5% of 400 is 20; a binomial stays between 10 and 32 in 99 of 100 cases.
    assert 10 <= sum(p <= 0.05 for p in p_values) <= 32
    assert 0.45 < np.mean(p_values) < 0.55


def test_draws_that_could_not_be_clustered_are_left_out() -> None:
    drawn = np.random.default_rng(0).normal(0.2, 0.01, (99, 2))
    drawn[:, 1] = np.nan
    drawn[5, 0] = np.nan
    found = null_test("gaussian", [2, 3], np.array([0.5, 0.9]), drawn)
    assert found is not None
    assert (found.at, found.p_value) == (2, 0.01)
    assert null_test("gaussian", [2, 3], np.array([np.nan, np.nan]), drawn) is None


def test_a_k_that_few_draws_could_be_clustered_with_proves_nothing() -> None:
    drawn = np.random.default_rng(0).normal(0.2, 0.01, (99, 2))
    drawn[:97, 1] = np.nan
    found = null_test("gaussian", [2, 3], np.array([0.2, 0.9]), drawn)
    assert found is not None
    assert found.at == 2
    assert found.p_value > 0.1


def test_a_k_whose_draws_never_vary_divides_by_nothing() -> None:
    found = null_test("gaussian", [2], np.array([0.1]), np.full((99, 1), 0.1))
    assert found is not None
    assert found.p_value == 1.0


def test_features_that_cannot_be_clustered_are_refused_in_words() -> None:
    with pytest.raises(ParameterError, match=r"2 track\(s\) with codes cannot be clustered: 3 or more are needed"):
        check_features(np.ones((2, 3)), "codes")
    with pytest.raises(ParameterError, match="the codes of all 5 tracks are identical"):
        check_features(np.ones((5, 3)), "codes")
    broken = np.random.default_rng(0).standard_normal((5, 3))
    broken[[1, 3], 0] = np.nan
    with pytest.raises(ParameterError, match=r"the codes of 2 of 5 tracks hold values that are not finite.*track 1"):
        check_features(broken, "codes")
