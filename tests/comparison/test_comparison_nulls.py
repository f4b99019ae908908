"""Null models: p uniform where nothing agrees, small where something does, and artists no evidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from songnet.comparison import artist_null, permutation_null
from songnet.comparison.contingency import cross_table
from songnet.comparison.nulls import MIN_ARTISTS, SIMILAR, artist_strata, deal
from songnet.comparison.scores import adjusted_mutual_information
from songnet.errors import ParameterError


def artists_only(rng, n_artists=150, purity=1.0):
    """Labels that depend on the artist, drawn apart for both partitions; artists of all sizes."""
    artists = np.repeat(np.arange(n_artists), rng.geometric(0.15, n_artists).clip(2, 40))
    labels = []
    for n_groups in (5, 6):
        own = rng.integers(0, n_groups, n_artists)[artists]
        labels.append(np.where(rng.random(len(artists)) < purity, own, rng.integers(0, n_groups, len(artists))))
    return artists, *labels


def uniform(p_values, n_draws):
    """Whether p-values, moved off their grid by half a step, look uniform."""
    return stats.kstest(np.array(p_values) - 0.5 / (n_draws + 1), "uniform").pvalue > 0.01


def test_p_is_uniform_over_seeds_where_nothing_agrees():
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng([7, seed])
        p_values.append(permutation_null(rng.integers(0, 5, 80), rng.integers(0, 7, 80), n_draws=99, seed=seed).p_value)
    assert uniform(p_values, 99)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.1


@pytest.mark.parametrize("purity", [1.0, 0.7])
def test_agreement_through_artists_passes_the_plain_test_and_not_the_one_of_artists(purity):
    plain, blocks = [], []
    for seed in range(120):
        artists, first, second = artists_only(np.random.default_rng([11, seed]), purity=purity)
        blocks.append(artist_null(first, second, artists, n_draws=99, seed=seed).p_value)
        if seed < 20:
            plain.append(permutation_null(first, second, n_draws=99, seed=seed).p_value)
    assert np.mean(np.array(plain) <= 0.01) >= 0.9
    # Binomial: of 120 at most 13 at 5 % in all but 1 case of 500, at most 5 at 1 %.
    assert np.sum(np.array(blocks) <= 0.05) <= 13
    assert np.sum(np.array(blocks) <= 0.01) <= 5
    assert uniform(blocks, 99)


def test_one_large_case_of_agreement_through_artists_alone():
    artists, first, second = artists_only(np.random.default_rng(3), n_artists=400)
    plain, blocks = permutation_null(first, second), artist_null(first, second, artists)
    assert plain.p_value == 0.001
    assert plain.z > 10
    assert blocks.p_value > 0.05
    assert abs(blocks.z) < 3


def test_both_tests_find_agreement_of_music():
    """Artists of one style share cluster and community: that is more than artists."""
    rng = np.random.default_rng(0)
    artists = np.repeat(np.arange(120), 5)
    style = rng.integers(0, 4, 120)[artists]
    first, second = (np.where(rng.random(600) < 0.7, style, rng.integers(0, 4, 600)) for _ in range(2))
    for test in (permutation_null(first, second), artist_null(first, second, artists)):
        assert test.p_value == 0.001
        assert test.z > 5
        assert test.observed == pytest.approx(adjusted_mutual_information(cross_table(first, second, 4, 4)))


def test_artists_test_finds_agreement_within_artists():
    rng = np.random.default_rng(1)
    artists = np.repeat(np.arange(40), 10)
    first = rng.integers(0, 3, 400)
    second = np.where(rng.random(400) < 0.5, first, rng.integers(0, 3, 400))
    assert artist_null(first, second, artists, n_draws=199).p_value == 0.005


def test_draws_are_scores_of_dealt_labels():
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 4, 90), rng.integers(0, 60, 90)
    test = permutation_null(first, second, n_draws=3, seed=8)
    again = np.random.default_rng([8, 0])
    codes = np.unique(second, return_inverse=True)[1]
    for draw in test.draws:
        dealt = deal(codes, [np.arange(90)[:, None]], again)
        expected = adjusted_mutual_information(cross_table(first, dealt, 4, 60))
        assert draw == pytest.approx(expected, abs=1e-12)


def test_same_seed_same_draws():
    artists, first, second = artists_only(np.random.default_rng(2), n_artists=40)
    one, same, other = (artist_null(first, second, artists, n_draws=20, seed=seed) for seed in (4, 4, 5))
    assert one.draws.tobytes() == same.draws.tobytes()
    assert one.draws.tobytes() != other.draws.tobytes()


@given(st.lists(st.integers(-1, 12), min_size=1, max_size=120), st.integers(0, 9))
def test_dealing_keeps_what_is_held_fixed(numbers, seed):
    artists = np.array(numbers)
    rng = np.random.default_rng(seed)
    strata = artist_strata(artists, rng)
    rows = np.concatenate([lines.ravel() for lines in strata])
    assert len(set(rows.tolist())) == len(rows)
    for lines in strata:
        assert all(len(set(artists[line])) == 1 for line in lines)
        sizes = [np.sum(artists == artists[line[0]]) for line in lines if artists[line[0]] >= 0]
        assert max(sizes, default=1) <= SIMILAR * min(sizes, default=1)
    assert set(np.flatnonzero(artists == -1)) <= set(rows.tolist())
    labels = rng.integers(0, 5, len(artists))
    dealt = deal(labels, strata, rng)
    assert np.bincount(dealt, minlength=5).tolist() == np.bincount(labels, minlength=5).tolist()
    for lines in strata:
        before = sorted(tuple(sorted(labels[line])) for line in lines)
        assert sorted(tuple(sorted(dealt[line])) for line in lines) == before


def test_common_sizes_change_places_among_themselves_and_lose_no_track():
    artists = np.concatenate([np.repeat(np.arange(MIN_ARTISTS), 4), np.repeat(100 + np.arange(MIN_ARTISTS), 5)])
    strata = artist_strata(artists, np.random.default_rng(0))
    assert [lines.shape for lines in strata] == [(MIN_ARTISTS, 4), (MIN_ARTISTS, 5)]


def test_rare_sizes_lose_tracks_and_lonely_artists_stay():
    artists = np.repeat([0, 1, 2], [8, 10, 30])
    first, second = np.arange(48) % 3, np.arange(48) % 4
    test = artist_null(first, second, artists, n_draws=9)
    assert (test.n_tracks, test.n_left_out, test.n_fixed) == (46, 2, 30)


def test_labels_that_cannot_change_are_no_evidence():
    test = artist_null(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), n_draws=99)
    assert test.p_value > 0.05
    alone = permutation_null(np.zeros(5, dtype=int), np.arange(5), n_draws=99)
    assert (alone.p_value, alone.z, alone.observed) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("first", "second", "n_draws", "message"),
    [
        ([0, 1], [0], 9, "2 and 1 labels do not speak of the same tracks"),
        ([], [], 9, "there is no track to compare"),
        ([0, 1], [0, 1], 0, "n_draws is 0; a null model needs at least 1 draw"),
    ],
)
def test_refuses_what_cannot_be_tested(first, second, n_draws, message):
    with pytest.raises(ParameterError, match=message):
        permutation_null(np.array(first, dtype=int), np.array(second, dtype=int), n_draws=n_draws)


def test_refuses_artists_of_other_tracks():
    with pytest.raises(ParameterError, match="1 artists and 2 tracks do not match"):
        artist_null(np.array([0, 1]), np.array([0, 1]), np.array([0]))
