import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from songnet.clustering import Features, control_features, sweep
from songnet.clustering.nulls import NullSource
from songnet.clustering.space import Space
from songnet.config import ClusterConfig
from songnet.embedding import fit_whitening
from songnet.errors import ParameterError

JOINED = Space(4, 0.3, (6, 5), (1.0, 0.7))


@pytest.fixture
def two_kinds(rng):
    """Sixty tracks: six columns, and five of another kind and a thousand times as loud."""
    return np.hstack([rng.standard_normal((60, 6)), 1000 * rng.standard_normal((60, 5))])


def test_each_block_is_whitened_alone_and_weighted(two_kinds):
    first = fit_whitening(two_kinds[:, :6], n_components=4, shrinkage=0.3).apply(two_kinds[:, :6]).astype(float)
    second = fit_whitening(two_kinds[:, 6:], n_components=4, shrinkage=0.3).apply(two_kinds[:, 6:]).astype(float)
    points = JOINED.points(two_kinds)
    assert points.shape == (60, 8)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points, np.hstack([first, 0.7 * second]) / np.sqrt(1.49), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
    # The cosine of two tracks is the mean of the blocks' cosines, weighted by the squares of the weights.
    cosines = (first @ first.T + 0.49 * (second @ second.T)) / 1.49
    np.testing.assert_allclose(points @ points.T, cosines, atol=1e-6)


def test_one_block_is_no_block(two_kinds):
    plain = Space(4, 0.3).points(two_kinds)
    np.testing.assert_array_equal(Space(4, 0.3, (11,), (2.0,)).points(two_kinds), plain)
    np.testing.assert_array_equal(plain, fit_whitening(two_kinds, n_components=4, shrinkage=0.3).apply(two_kinds))
    assert plain.shape != JOINED.points(two_kinds).shape


@given(st.integers(3, 12), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_few_tracks_and_narrow_blocks_are_filled_up(n, left, right, seed):
    features = np.random.default_rng(seed).standard_normal((n, left + right))
    space = Space(8, 0.3, (left, right), (1.0, 0.7))
    points = space.points(features)
    assert points.shape == (n, 16)
    assert np.isfinite(points).all()
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)
    # A track that comes later goes the same way.
    np.testing.assert_allclose(space.fit(features).apply(features[1:2]), points[1:2], atol=1e-5)


def test_what_is_no_block_is_refused(two_kinds):
    with pytest.raises(ParameterError, match=r"blocks of \(6, 5\) columns have weights \(1.0,\)"):
        Space(4, 0.3, (6, 5), (1.0,))
    with pytest.raises(ParameterError, match=r"weights of blocks are \(1.0, 0.0\); each must be above 0"):
        Space(4, 0.3, (6, 5), (1.0, 0.0))
    with pytest.raises(ParameterError, match=r"features of 11 columns are no blocks of \(6, 4\) columns"):
        Space(4, 0.3, (6, 4), (1.0, 0.7)).points(two_kinds)
    with pytest.raises(ParameterError, match=r"features of 11 columns are no blocks of \(6, 4\) columns"):
        Features([f"{n:02d}" for n in range(60)], two_kinds, "x", (6, 4), (1.0, 0.7))
    with pytest.raises(ParameterError, match="n_components must be 1 or more"):
        Space(0, 0.3).fit(two_kinds)


def test_features_keep_their_blocks(two_kinds):
    features = Features([f"{n:02d}" for n in range(60)], two_kinds.astype(np.float32), "x", (6, 5), (1.0, 0.7))
    some = features.take([1, 5, 7])
    assert (some.track_ids, some.widths, some.weights) == (["01", "05", "07"], (6, 5), (1.0, 0.7))
    np.testing.assert_array_equal(some.values, features.values[[1, 5, 7]])
    for model in ("shuffled", "gaussian"):
        control = control_features(features, model, 0)
        assert (control.widths, control.weights) == ((6, 5), (1.0, 0.7))
    assert features.space(ClusterConfig(n_components=4)) == JOINED


def test_gaussian_draws_have_the_covariance_of_the_blocks(two_kinds, monkeypatch):
    two_kinds[:, 7] = two_kinds[:, 0] * 500 + two_kinds[:, 7] / 2
    drawn = []
    monkeypatch.setattr(Space, "finish", lambda self, linear: drawn.append(linear) or linear)
    NullSource(JOINED, two_kinds).draw("gaussian", 3)
    linear = JOINED.linear(two_kinds)
    np.testing.assert_allclose(np.cov(drawn[0].T), np.cov(linear.T), atol=1e-8)
    # What a rotated draw would have, which is right for one block only.
    assert np.abs(np.cov(linear.T) - np.diag(np.diag(np.cov(linear.T)))).max() > 0.05


def test_clusters_of_both_blocks_are_found_and_noise_is_not(rng):
    truth = np.arange(60) % 3
    noise = rng.standard_normal((60, 11))
    planted = noise.copy()
    for first in (0, 6):
        planted[:, first : first + 3] += 5 * np.eye(3)[truth]
    config = ClusterConfig(k="2..4", n_components=4, resamples=0, n_init=2)
    found = sweep(planted, config, space=JOINED)
    assert (found.verdict.structured, found.verdict.n_clusters) == (True, 3)
    assert adjusted_rand_score(truth, found.labels[3]) > 0.95
    assert sweep(noise, config, space=JOINED).verdict.structured is False
