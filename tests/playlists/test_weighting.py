"""Weightings against their formulas."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.playlists.cooccurrence import count_pairs
from songnet.playlists.weighting import DEFAULT_WEIGHTING, WEIGHTINGS, weigh_pairs

# 3 playlists hold both, of lengths that give a Newman sum of 0.75; 4 and 9 hold one each, of 48.
PAIR = ([3], [0.75], [4], [9], 48)


@pytest.mark.parametrize(
    ("weighting", "shrink", "expected"),
    [
        ("raw", 0, 3.0),
        ("newman", 0, 0.75),
        ("cosine", 0, 0.5),
        ("cosine", 6, 0.25),
        ("newman-cosine", 0, 0.125),
        ("newman-cosine", 4, 0.075),
        ("jaccard", 0, 0.3),
        ("pmi", 0, 2.0),
    ],
)
def test_known_pair(weighting, shrink, expected):
    assert weigh_pairs(*PAIR, weighting=weighting, shrink=shrink)[0] == pytest.approx(expected, rel=1e-15)


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 500), st.floats(0, 100))
def test_weights_are_symmetric_bounded_and_grow_with_the_count(count, more_a, more_b, others, shrink):
    a, b = count + more_a, count + more_b
    n = a + b - count + others
    for weighting in WEIGHTINGS:
        first = weigh_pairs([count], [count / 3], [a], [b], n, weighting=weighting, shrink=shrink)[0]
        second = weigh_pairs([count], [count / 3], [b], [a], n, weighting=weighting, shrink=shrink)[0]
        assert first == second >= 0
        if weighting in ("cosine", "jaccard"):
            assert first <= 1 + 1e-12
        if more_a and more_b:
            more = weigh_pairs([count + 1], [(count + 1) / 3], [a], [b], n, weighting=weighting, shrink=shrink)[0]
            assert more > first or (weighting == "pmi" and more == first == 0)


def test_pmi_of_independent_tracks_is_nothing_and_less_than_chance_is_cut():
    assert weigh_pairs([2, 1], [1, 1], [10, 10], [20, 20], 100, weighting="pmi").tolist() == [0, 0]
    assert weigh_pairs([10], [1], [10], [10], 100, weighting="pmi")[0] == pytest.approx(math.log2(10))


def test_pairs_at_chance_are_no_edges_under_pmi():
    playlists = np.repeat(np.arange(4), 2)
    tracks = np.array([0, 1, 0, 2, 3, 1, 3, 2])
    pairs = count_pairs(playlists, tracks, 4, min_pair_support=1)
    assert pairs.counts.nnz == 8
    assert pairs.weigh("pmi").nnz == 0
    assert pairs.weigh("raw").nnz == 8


def test_the_default_counts_long_playlists_and_popular_tracks_for_less():
    assert DEFAULT_WEIGHTING == "newman-cosine"
    short, long = weigh_pairs([1, 1], [1.0, 0.01], [5, 5], [5, 5], 100)
    rare, popular = weigh_pairs([5, 5], [1, 1], [5, 500], [5, 500], 1000)
    assert short == pytest.approx(100 * long)
    assert rare > 10 * popular


def test_shrinkage_makes_rare_pairs_less_sure():
    rare, frequent = weigh_pairs([2, 200], [1, 1], [2, 200], [2, 200], 1000, weighting="cosine", shrink=10)
    assert (rare, frequent) == (pytest.approx(2 / 12), pytest.approx(200 / 210))
    alike = weigh_pairs([2, 200], [1, 1], [2, 200], [2, 200], 1000, weighting="cosine", shrink=0)
    assert alike.tolist() == [1.0, 1.0]


def test_wrong_settings_are_explained():
    with pytest.raises(ParameterError, match="unknown weighting 'lift'; choose one of: cosine, jaccard"):
        weigh_pairs(*PAIR, weighting="lift")
    with pytest.raises(ParameterError, match="shrink is nan; it must be 0 or more, in playlists"):
        weigh_pairs(*PAIR, shrink=float("nan"))
