"""The gap statistic and its breaks: known answers and a negative control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.clustering.gap import bend, gap_breaks, gap_statistic, log_inertia


def test_log_inertia_is_that_of_one_centre(rng: np.random.Generator) -> None:
    points = rng.standard_normal((50, 3)).astype(np.float32) + 1000
    wanted = np.log(np.square(points.astype(np.float64) - points.astype(np.float64).mean(axis=0)).sum())
    assert log_inertia(points) == pytest.approx(wanted, rel=1e-6)


def test_the_gap_is_the_difference_of_mean_logarithms() -> None:
    drawn = np.array([[3.0, 2.0], [3.2, 2.4], [2.8, 2.2]])
    gap, s = gap_statistic(np.array([3.0, 1.0]), drawn)
    np.testing.assert_allclose(gap, [0.0, 1.2])
    np.testing.assert_allclose(s, drawn.std(axis=0) * np.sqrt(4 / 3))


def test_a_straight_rise_has_no_bend_and_a_corner_has_its_angle() -> None:
    ks = [1, 2, 3, 4, 5, 6, 7, 8]
    np.testing.assert_allclose(bend(ks, 0.3 * np.array(ks))[1:-1], 0, atol=1e-12)
    bends = bend(ks, np.array([0.0, 1, 2, 3, 4, 4, 4, 4]))
    assert bends[4] == pytest.approx(1.0)
    assert np.nanargmax(bends) == 4
    assert np.isnan(bends[[0, -1]]).all()


def test_uneven_numbers_of_clusters_are_slopes_not_steps() -> None:
    ks = [1, 2, 3, 4, 5, 6, 8, 10]
    np.testing.assert_allclose(bend(ks, 0.3 * np.array(ks))[1:-1], 0, atol=1e-12)


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_line_added_changes_no_bend(slope: float, offset: float) -> None:
    ks = np.array([1, 2, 3, 4, 6, 9])
    values = np.log(np.array([100.0, 60, 35, 33, 31, 28]))
    np.testing.assert_allclose(bend(list(ks), values + slope * ks + offset), bend(list(ks), values), atol=1e-9)


def test_the_break_is_where_clusters_end_and_noise_has_none(rng: np.random.Generator) -> None:
    ks = list(range(1, 13))
    noise = -0.05 * np.arange(12) + 0.005 * rng.standard_normal((100, 12)).cumsum(axis=1)
    steep = np.where(np.arange(12) < 5, -0.3, 0.0).cumsum()
    breaks, threshold = gap_breaks(ks, noise[0] + steep, noise[1:])
    assert ks[int(np.nanargmax(breaks))] == 5
    assert np.nanmax(breaks) > 10 > 4 * threshold


def test_the_threshold_is_what_noise_stays_below_in_95_of_100_draws(rng: np.random.Generator) -> None:
    ks = list(range(1, 13))
    above = 0
    for _ in range(200):
        noise = -0.05 * np.arange(12) + 0.005 * rng.standard_normal((100, 12)).cumsum(axis=1)
        breaks, threshold = gap_breaks(ks, noise[0], noise[1:])
        above += bool(np.nanmax(breaks) > threshold)
    # 5% of 200 are 10; a binomial stays between 2 and 20 in 99.8 of 100 cases.
    assert 2 <= above <= 20
