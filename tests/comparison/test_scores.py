"""Scores: equal to scikit-learn's, to known values, and 0 where nothing agrees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.metrics.cluster import expected_mutual_information as peer_expected

from songnet.comparison import element_centric_similarity, score_table
from songnet.comparison.contingency import cross_table
from songnet.comparison.scores import (
    adjusted_mutual_information,
    adjusted_rand_index,
    expected_mutual_information,
    mutual_information,
)
from songnet.errors import ParameterError

labelled = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=1, max_size=60)


def table_of(first, second):
    (rows, left), (columns, right) = (np.unique(labels, return_inverse=True) for labels in (first, second))
    return cross_table(left, right, len(rows), len(columns))


def independent(n, n_groups, rng):
    return rng.integers(0, n_groups, n), rng.integers(0, n_groups, n)


@given(labelled)
def test_scores_equal_those_of_scikit_learn(pairs):
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    scores = score_table(table_of(first, second))
    assert scores.ari == pytest.approx(metrics.adjusted_rand_score(first, second), abs=1e-12)
    assert scores.ami == pytest.approx(metrics.adjusted_mutual_info_score(first, second), abs=1e-9)
    assert scores.nmi == pytest.approx(metrics.normalized_mutual_info_score(first, second), abs=1e-9)
    peers = metrics.homogeneity_completeness_v_measure(first, second)
    assert (scores.homogeneity, scores.completeness, scores.v_measure) == pytest.approx(peers, abs=1e-9)


@pytest.mark.parametrize(("n", "a", "b"), [(5_000, 3, 70), (5_000, 400, 300), (20_000, 2, 2), (3_000, 2_500, 4)])
def test_large_and_lopsided_tables_equal_those_of_scikit_learn(n, a, b, rng):
    first = (a * rng.random(n) ** 3).astype(int)
    second = np.where(rng.random(n) < 0.3, first % b, (b * rng.random(n) ** 2).astype(int))
    table = table_of(first, second)
    assert adjusted_mutual_information(table) == pytest.approx(
        metrics.adjusted_mutual_info_score(first, second), abs=1e-9
    )
    assert adjusted_rand_index(table) == pytest.approx(metrics.adjusted_rand_score(first, second), abs=1e-12)


def test_expected_information_equals_the_mean_over_all_permutations(rng):
    first, second = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    draws = [mutual_information(table_of(first, rng.permutation(second))) for _ in range(20_000)]
    expected = expected_mutual_information(np.array([3, 2, 1]), np.array([2, 4]))
    assert expected == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(20_000))
    assert expected == pytest.approx(peer_expected(table_of(first, second), 6), abs=1e-12)


@given(labelled)
def test_scores_do_not_depend_on_numbers_of_groups_and_chance_corrected_ones_on_the_order(pairs):
    table = table_of(*(np.array(side) for side in zip(*pairs, strict=True)))
    scores, turned = score_table(table), score_table(table.T)
    shuffled = score_table(table[::-1, ::-1])
    assert scores.ami == pytest.approx(turned.ami, abs=1e-9)
    assert scores.ari == pytest.approx(turned.ari, abs=1e-12)
    assert scores.element_centric == pytest.approx(turned.element_centric, abs=1e-12)
    assert (scores.homogeneity, scores.completeness) == pytest.approx((turned.completeness, turned.homogeneity))
    assert (shuffled.ami, shuffled.ari) == pytest.approx((scores.ami, scores.ari), abs=1e-9)
    assert max(scores.ami, scores.ari, scores.element_centric) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("table", "ami", "ari", "nmi"),
    [
        ([[7, 0], [0, 5]], 1, 1, 1),
        ([[9]], 1, 1, 1),
        (np.eye(6, dtype=int), 1, 1, 1),
        ([[3, 4, 5]], 0, 0, 0),
        ([[25, 25], [25, 25]], pytest.approx(-1 / (198 * np.log(2)), abs=2e-4), pytest.approx(-1 / 98), 0),
    ],
)
def test_known_values(table, ami, ari, nmi):
    scores = score_table(np.array(table))
    assert (scores.ami, scores.ari) == (ami, ari)
    assert scores.nmi == pytest.approx(nmi, abs=1e-12)


def test_empty_rows_and_columns_do_not_count():
    table = np.array([[5, 1], [2, 6]])
    padded = np.zeros((4, 5), dtype=int)
    padded[np.ix_([0, 3], [1, 4])] = table
    assert score_table(padded) == score_table(table)


def test_independent_partitions_have_high_nmi_and_no_ami_or_ari(rng):
    """NMI is no evidence: 50,000 tracks in 2,000 groups, twice, with nothing in common."""
    scores = score_table(table_of(*independent(50_000, 2_000, rng)))
    assert scores.nmi == pytest.approx(0.57, abs=0.01)
    assert scores.v_measure == pytest.approx(scores.nmi, abs=1e-9)
    assert scores.ami == pytest.approx(0, abs=0.003)
    assert scores.ari == pytest.approx(0, abs=0.001)


def test_pairs_of_many_tracks_do_not_overflow():
    table = np.array([[150_000_000, 1], [1, 150_000_000]])
    assert adjusted_rand_index(table) == pytest.approx(1, abs=1e-7)


@given(labelled)
def test_element_centric_similarity_equals_its_definition(pairs):
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    alpha = 0.9
    walks = []
    for labels in (first, second):
        together = labels[:, None] == labels
        walks.append(alpha * together / together.sum(axis=1, keepdims=True) + (1 - alpha) * np.eye(len(labels)))
    direct = (1 - np.abs(walks[0] - walks[1]).sum(axis=1) / (2 * alpha)).mean()
    assert element_centric_similarity(table_of(first, second)) == pytest.approx(direct, abs=1e-12)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 0]], "holds no track"),
        ([[3, -1]], "-1 is no count"),
        ([3, 1], "has two dimensions, not 1"),
        (np.zeros((0, 3), dtype=int), "holds no track"),
    ],
)
def test_refuses_what_is_no_table(table, message):
    with pytest.raises(ParameterError, match=message):
        score_table(np.array(table))
