"""Hubness and mutual proximity: geometry's own hubs, and what mends them."""

import numpy as np
import pytest
from scipy.stats import skew

from songnet.errors import ParameterError
from songnet.evaluation.hubness import k_occurrence, mutual_neighbours, powers, similarity_moments, skewness
from songnet.evaluation.knn import nearest, unit_rows


def skew_of(neighbours):
    return float(skewness(powers(k_occurrence(neighbours)).sum(axis=0, keepdims=True))[0])


def test_skewness_is_that_of_scipy(rng):
    x = rng.integers(0, 30, 500)
    assert skewness(powers(x).sum(axis=0, keepdims=True))[0] == pytest.approx(skew(x))
    assert skewness(powers(np.full(9, 5)).sum(axis=0, keepdims=True)).tolist() == [0.0]


def test_every_neighbour_is_counted_once(rng):
    (near,) = nearest(rng.standard_normal((200, 5)), 7)
    counts = k_occurrence(near)
    assert counts.sum() == 7 * 200
    assert counts[13] == (near == 13).sum()


@pytest.mark.parametrize("variant", ["gaussian", "empirical"])
def test_mutual_proximity_reduces_the_hubs_of_many_dimensions(variant):
    rng = np.random.default_rng(3)
    # Off the origin: cosines of data around a common part have hubs, as raw codes do.
    points = rng.standard_normal((400, 60)) + 0.4
    before = skew_of(nearest(points, 5)[0])
    after = skew_of(mutual_neighbours(points, 5, variant=variant))
    assert before > 1.0
    assert after < 0.6 * before
    flat = skew_of(nearest(rng.standard_normal((400, 3)), 5)[0])
    assert abs(flat) < 0.5


def test_moments_are_those_of_the_similarities(rng):
    unit = unit_rows(rng.standard_normal((50, 7)))
    similarities = (unit.astype(np.float64) @ unit.T.astype(np.float64))[~np.eye(50, dtype=bool)].reshape(50, 49)
    mean, deviation = similarity_moments(unit)
    np.testing.assert_allclose(mean, similarities.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(deviation, similarities.std(axis=1), atol=1e-9)


def test_empirical_is_the_count_of_the_paper(rng):
    points = rng.standard_normal((25, 4))
    unit = unit_rows(points)
    similarities = unit @ unit.T
    expected = []
    for x in range(25):
        proximity = np.full(25, -1.0)
        for y in np.delete(np.arange(25), x):
            level = similarities[x, y]
            others = [j for j in range(25) if j not in (x, y)]
            farther = [similarities[x, j] < level and similarities[y, j] < level for j in others]
            proximity[y] = sum(farther) / 25 + 1e-6 * level
        expected.append(np.argsort(-proximity, kind="stable")[:3])
    np.testing.assert_array_equal(mutual_neighbours(points, 3, variant="empirical"), expected)


def test_planted_neighbours_stay(rng):
    centres = 5 * rng.standard_normal((20, 10))
    points = centres[np.repeat(np.arange(20), 6)] + 0.01 * rng.standard_normal((120, 10))
    near = mutual_neighbours(points, 5)
    assert (near // 6 == (np.arange(120) // 6)[:, None]).all()


def test_threads_change_nothing_and_limits_are_told(rng):
    points = rng.standard_normal((900, 6))
    one, three = (mutual_neighbours(points, 5, n_threads=threads) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)
    with pytest.raises(ParameterError, match="choose one of: gaussian, empirical, none"):
        mutual_neighbours(points, 5, variant="gamma")
    with pytest.raises(ParameterError, match=r"1,501 tracks would take n\^3 steps"):
        mutual_neighbours(np.ones((1501, 2)), 5, variant="empirical")
    with pytest.raises(ParameterError, match="needs 3 tracks or more, not 2"):
        mutual_neighbours(points[:2], 1)
