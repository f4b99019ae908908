"""k-NN accuracy: known answers, equality with the obvious way, filters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.evaluation.knn import knn_scores, largest, nearest


def obvious_knn(points, labels, k, groups=None):
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    correct = []
    for query in range(len(points)):
        others = [
            (-float(unit[query] @ unit[other]), other)
            for other in range(len(points))
            if other != query and (groups is None or groups[query] < 0 or groups[other] != groups[query])
        ]
        near = [other for _, other in sorted(others)[:k]]
        votes = {}
        for other in near:
            votes[labels[other]] = votes.get(labels[other], 0) + 1
        if not votes:
            correct.append(np.nan)
            continue
        most = max(votes.values())
        answer = next(labels[other] for other in near if votes[labels[other]] == most)
        correct.append(float(answer == labels[query]))
    return np.array(correct)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 60), k=st.integers(1, 8), n_groups=st.integers(1, 9))
def test_equal_to_the_obvious_way(seed, n, k, n_groups):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, 4)).astype(np.float32)
    labels, groups = rng.integers(0, 3, n), rng.integers(-1, n_groups, n)
    plain, filtered = nearest(points, k, [None, groups])
    np.testing.assert_array_equal(knn_scores(plain, labels).correct, obvious_knn(points, labels, k))
    np.testing.assert_array_equal(knn_scores(filtered, labels).correct, obvious_knn(points, labels, k, groups))


def test_a_crowded_artist_is_searched_past(rng):
    # More near tracks of one's own artist than are looked up at first.
    groups = np.repeat(np.arange(3), 80)
    points = 5 * np.eye(3)[groups] + 0.1 * rng.standard_normal((240, 3))
    (near,) = nearest(points, 4, [groups])
    assert (near >= 0).all()
    assert (groups[near] != groups[:, None]).all()
    labels = rng.integers(0, 3, 240)
    np.testing.assert_array_equal(knn_scores(near, labels).correct, obvious_knn(points, labels, 4, groups))


def test_a_tie_of_votes_goes_to_the_nearest():
    neighbours = np.full((5, 4), -1)
    neighbours[0] = [1, 2, 3, 4]
    labels = np.array([0, 1, 0, 0, 1])
    assert knn_scores(neighbours, labels).correct[0] == 0.0
    neighbours[0] = [2, 1, 3, 4]
    assert knn_scores(neighbours, labels).correct[0] == 1.0


def test_equal_similarities_stand_in_the_order_of_rows(rng):
    block = rng.integers(0, 3, (40, 25)).astype(np.float32)
    expected = np.lexsort((np.tile(np.arange(25), (40, 1)), -block), axis=1)[:, :7]
    np.testing.assert_array_equal(largest(block, 7), expected)


def test_nobody_left_is_not_counted():
    points = np.eye(4, dtype=np.float32)
    (near,) = nearest(points, 2, [np.zeros(4, dtype=int)])
    assert (near == -1).all()
    scores = knn_scores(near, np.array([0, 0, 1, 1]))
    assert np.isnan(scores.correct).all()
    assert np.isnan(scores.chance)


def test_more_neighbours_than_rows_are_none():
    (near,) = nearest(np.array([[1.0, 0], [1, 0.1], [0, 1]]), 5)
    assert near.tolist() == [[1, 2, -1, -1, -1], [0, 2, -1, -1, -1], [1, 0, -1, -1, -1]]
    with pytest.raises(ParameterError, match="k is 0; it must be 1 or more"):
        nearest(np.eye(3), 0)


def test_threads_and_order_of_tracks_change_nothing(rng):
    points = rng.standard_normal((1500, 12)).astype(np.float32)
    groups = rng.integers(0, 200, 1500)
    one, three = (nearest(points, 5, [None, groups], n_threads=threads) for threads in (1, 3))
    for first, second in zip(one, three, strict=True):
        np.testing.assert_array_equal(first, second)
    order = rng.permutation(1500)
    moved = nearest(points[order], 5, [groups[order]])[0]
    np.testing.assert_array_equal(order[moved], one[1][order])


def test_chance_is_what_dealt_answers_reach(rng):
    labels = rng.integers(0, 4, 3000)
    near = rng.integers(0, 3000, (3000, 5))
    scores = knn_scores(near, labels)
    assert abs(scores.correct.mean() - scores.chance) < 0.03
    assert 0.2 < scores.chance < 0.3
