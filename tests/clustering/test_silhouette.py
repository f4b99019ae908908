"""Silhouettes equal scikit-learn's on the same rows, however the clusters lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.metrics import silhouette_samples, silhouette_score

from songnet.clustering.silhouette import silhouette, squared_silhouette
from songnet.errors import ParameterError


def test_known_answer_on_a_line() -> None:
    X = np.array([[0.0], [1.0], [10.0], [12.0], [40.0]])
    (found,) = silhouette(X, [np.array([0, 0, 1, 1, 2])])
    expected = [1 - 1 / 11, 1 - 1 / 10, 1 - 2 / 9.5, 1 - 2 / 11.5, 0]
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    assert found.mean == pytest.approx(np.mean(expected))
    assert found.low < found.mean < found.high
    assert found.exact
    assert found.rows.tolist() == [0, 1, 2, 3, 4]


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(3, 90),
    d=st.integers(1, 6),
    seed=st.integers(0, 10**6),
    ks=st.lists(st.integers(2, 9), min_size=1, max_size=4),
    spread=st.sampled_from([1e-4, 1.0, 100.0]),
    offset=st.sampled_from([0.0, 1000.0]),
)
def test_values_are_those_of_scikit_learn(
    n: int, d: int, seed: int, ks: list[int], spread: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    X = (offset + 5 * rng.integers(0, 4, (n, d)) + spread * rng.standard_normal((n, d))).astype(np.float32)
    partitions = [rng.integers(0, k, n) * 3 for k in ks]
    for labels, found in zip(partitions, silhouette(X, partitions, n_threads=1), strict=True):
        if not 2 <= len(np.unique(labels)) < n:
            continue
        expected = silhouette_samples(X.astype(np.float64), labels)
        np.testing.assert_allclose(found.values, expected, atol=1e-5)
        assert -1 <= found.low <= found.mean <= found.high
        assert found.mean == pytest.approx(expected.mean(), abs=1e-6)


def test_tight_clusters_far_from_the_origin(rng: np.random.Generator) -> None:
    # In single precision the squares of these numbers have no digit left for distances within a cluster.
    labels = np.repeat([0, 1, 2, 3], 50)
    X = (4096 + 64 * labels[:, None] + rng.integers(0, 4, (200, 3)) * 2**-10).astype(np.float32)
    labels = 2 * labels + np.tile([0, 1], 100)
    (found,) = silhouette(X, [labels])
    expected = silhouette_samples(cdist(X, X), labels, metric="precomputed")
    assert len(np.unique(expected)) > 100
    np.testing.assert_allclose(found.values, expected, atol=1e-5)


def test_a_sample_is_scored_within_itself(rng: np.random.Generator) -> None:
    X = rng.standard_normal((3000, 4)).astype(np.float32)
    partitions = [np.digitize(X[:, 0], np.linspace(-1, 1, k - 1)) for k in (2, 5, 9)]
    found = silhouette(X, partitions, sample_size=700, seed=3)
    for labels, one in zip(partitions, found, strict=True):
        assert not one.exact
        assert len(np.unique(one.rows)) == 700
        assert one.mean == pytest.approx(silhouette_score(X[one.rows], labels[one.rows]), abs=1e-5)
        np.testing.assert_array_equal(one.rows, found[0].rows)
    other = silhouette(X, partitions[:1], sample_size=700, seed=4)[0]
    assert other.rows.tolist() != found[0].rows.tolist()
    (whole,) = silhouette(X, partitions[:1], sample_size=3000)
    assert whole.exact
    assert whole.mean == pytest.approx(silhouette_score(X, partitions[0]), abs=1e-5)


def test_the_interval_covers_the_mean_of_all_rows(rng: np.random.Generator) -> None:
    X = rng.standard_normal((4000, 3)).astype(np.float32)
    labels = (X[:, 0] > 0).astype(int) + 2 * (X[:, 1] > 0)
    truth = silhouette(X, [labels])[0].mean
    found = [silhouette(X, [labels], sample_size=300, seed=seed)[0] for seed in range(60)]
    # 57 of 60 are expected, and fewer than 53 in one of fifty cases.
    assert sum(one.low <= truth <= one.high for one in found) >= 53
    # The width is that of the means' scatter; the deviation of the values alone would miss a third of it.
    error = np.mean([one.high - one.mean for one in found]) / 1.959964
    assert 0.8 < np.std([one.mean for one in found]) / error < 1.2
    naive = np.mean([one.values.std(ddof=1) for one in found]) / np.sqrt(300)
    assert naive < 0.8 * error


def test_the_interval_is_what_leaving_rows_out_gives(rng: np.random.Generator) -> None:
    X = rng.standard_normal((150, 3)).astype(np.float32)
    labels = np.digitize(X[:, 0], [-0.4, 0.5])
    (found,) = silhouette(X, [labels])
    without = [silhouette(np.delete(X, i, axis=0), [np.delete(labels, i)])[0].mean for i in range(150)]
    jackknife = np.sqrt(149 / 150 * np.sum((np.array(without) - np.mean(without)) ** 2))
    assert (found.high - found.mean) / 1.959964 == pytest.approx(jackknife, rel=0.05)


def test_threads_make_no_difference_to_the_last_bit(rng: np.random.Generator) -> None:
    X = rng.standard_normal((2000, 5)).astype(np.float32)
    partitions = [rng.integers(0, k, 2000) for k in (2, 7)]
    first = silhouette(X, partitions, n_threads=1)
    for n_threads in (2, 4):
        for one, other in zip(first, silhouette(X, partitions, n_threads=n_threads), strict=True):
            assert one.values.tobytes() == other.values.tobytes()
            assert (one.mean, one.low, one.high) == (other.mean, other.low, other.high)
        assert squared_silhouette(X, partitions, n_threads=n_threads) == squared_silhouette(X, partitions, n_threads=1)


def test_noise_is_left_out(rng: np.random.Generator) -> None:
    X = rng.standard_normal((200, 3)).astype(np.float32)
    labels = rng.integers(-1, 3, 200)
    (found,) = silhouette(X, [labels])
    clear = labels >= 0
    np.testing.assert_array_equal(found.rows, np.flatnonzero(clear))
    np.testing.assert_allclose(found.values, silhouette_samples(X[clear], labels[clear]), atol=1e-5)
    (squared,) = squared_silhouette(X, [labels])
    expected = silhouette_score(X[clear].astype(np.float64), labels[clear], metric="sqeuclidean")
    assert squared == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("labels", [[0] * 6, [-1] * 6, [-1, 2, 2, 2, -1, 2]])
def test_one_cluster_has_no_silhouette(labels: list[int], rng: np.random.Generator) -> None:
    X = rng.standard_normal((6, 2))
    two = [0, 0, 0, 1, 1, 1]
    none, some = silhouette(X, [np.array(labels), np.array(two)])
    assert (none.mean, none.low, none.high, len(none.values), len(none.rows)) == (None, None, None, 0, 0)
    assert some.mean is not None
    assert squared_silhouette(X, [np.array(labels), np.array(two)])[0] is None
    assert squared_silhouette(X, [np.array(labels)]) == [None]


def test_clusters_of_one_and_equal_rows_are_zero() -> None:
    X = np.array([[0.0, 0], [0, 0], [0, 0], [5, 5]])
    alone, same = silhouette(X, [np.array([0, 1, 2, 3]), np.array([0, 0, 1, 1])])
    assert alone.values.tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(same.values, silhouette_samples(X, [0, 0, 1, 1]), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(4, 80), d=st.integers(1, 5), k=st.integers(2, 6), seed=st.integers(0, 10**6))
def test_squared_silhouettes_are_those_of_all_pairs(n: int, d: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = (30 + rng.standard_normal((n, d)) * 10 ** rng.uniform(-3, 2)).astype(np.float32)
    labels = rng.integers(0, k, n)
    if not 2 <= len(np.unique(labels)) < n:
        return
    expected = silhouette_score(X.astype(np.float64), labels, metric="sqeuclidean")
    assert squared_silhouette(X, [labels], n_threads=1) == [pytest.approx(expected, abs=1e-7)]


@pytest.mark.parametrize(
    ("labels", "settings_", "message"),
    [
        (np.zeros(4, dtype=int), {}, r"^labels have the shape \(4,\); 5 rows need \(5,\)$"),
        (np.zeros(5), {}, r"^labels are of type float64; they must be whole numbers, -1 for noise$"),
        (np.zeros(5, dtype=int), {"sample_size": 1}, "^sample_size is 1; it must be 2 or more$"),
        (np.zeros(5, dtype=int), {"seed": -2}, "^seed is -2; it must be 0 or more$"),
        (np.zeros(5, dtype=int), {"n_threads": 0}, "^n_threads is 0; it must be 1 or more, or None for all cores$"),
    ],
)
def test_bad_input_is_explained(labels: np.ndarray, settings_: dict[str, int], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        silhouette(np.eye(5), [labels, np.array([0, 0, 0, 1, 1])], **settings_)


def test_rows_that_are_not_finite_are_explained() -> None:
    X = np.eye(5)
    X[3, 1] = np.nan
    for score in (silhouette, squared_silhouette):
        with pytest.raises(ParameterError, match=r"^1 of 5 rows of X hold NaN or infinite values, the first is row 3"):
            score(X, [np.array([0, 0, 0, 1, 1])])
