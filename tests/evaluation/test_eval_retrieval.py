"""Retrieval and clip-to-track consistency: known answers, equality with the obvious way, chance."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.evaluation.consistency import consistency_scores
from songnet.evaluation.retrieval import chance_average_precision, pessimistic_ranks, retrieval_scores


def obvious_precision(similarities, fellow):
    """Average precision over a ranking in which a stranger stands before an equal fellow."""
    order = sorted(range(len(similarities)), key=lambda index: (-similarities[index], fellow[index]))
    hits, precisions = 0, []
    for rank, index in enumerate(order, start=1):
        if fellow[index]:
            hits += 1
            precisions.append(hits / rank)
    return float(np.mean(precisions))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_ranks_give_the_average_precision_of_the_obvious_way(entries):
    similarities = np.array([value / 4 for value, _ in entries])
    fellow = np.array([flag for _, flag in entries])
    if not fellow.any():
        return
    ranks = pessimistic_ranks(similarities, fellow)
    assert (np.arange(1, len(ranks) + 1) / ranks).mean() == pytest.approx(obvious_precision(similarities, fellow))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(4, 50))
def test_retrieval_equals_the_obvious_way(seed, n):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, 3)).astype(np.float32)
    groups = rng.integers(-1, 5, n)
    found = retrieval_scores(points, groups, 3)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    for query in range(n):
        others = np.delete(np.arange(n), query)
        fellow = (groups[others] == groups[query]) & (groups[query] >= 0)
        if not fellow.any():
            assert np.isnan(found.average_precision[query])
            continue
        similarities = (unit[others] @ unit[query]).astype(np.float64)
        expected = obvious_precision(similarities, fellow)
        assert found.average_precision[query] == pytest.approx(expected, abs=1e-6)
        first = np.argsort(-similarities)[:3]
        assert found.recall[query] == pytest.approx(fellow[first].sum() / min(3, fellow.sum()))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(6, 40))
def test_filtered_retrieval_equals_leaving_the_artist_out(seed, n):
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((n, 3)).astype(np.float32)
    groups, artists = rng.integers(-1, 3, n), rng.integers(-1, 4, n)
    found = retrieval_scores(points, groups, 3, exclude=artists)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    chances = []
    for query in range(n):
        kept = (np.arange(n) != query) & ((artists != artists[query]) | (artists[query] < 0))
        others = np.flatnonzero(kept)
        fellow = (groups[others] == groups[query]) & (groups[query] >= 0)
        if not fellow.any():
            assert np.isnan(found.average_precision[query])
            continue
        similarities = (unit[others] @ unit[query]).astype(np.float64)
        expected = obvious_precision(similarities, fellow)
        assert found.average_precision[query] == pytest.approx(expected, abs=1e-6)
        first = np.argsort(-similarities)[:3]
        assert found.recall[query] == pytest.approx(fellow[first].sum() / min(3, fellow.sum()))
        chances.append(chance_average_precision(np.array([fellow.sum()]), np.array([len(others)]))[0])
    if chances:
        assert found.chance_precision == pytest.approx(np.mean(chances))


def test_knowing_the_artist_earns_nothing_behind_the_filter(rng):
    artists = np.repeat(np.arange(30), 4)
    labels = rng.permutation(np.repeat(np.arange(3), 10))[artists]
    points = (rng.standard_normal((30, 20))[artists] + 0.01 * rng.standard_normal((120, 20))).astype(np.float32)
    plain, filtered = retrieval_scores(points, labels), retrieval_scores(points, labels, exclude=artists)
    assert np.nanmean(plain.average_precision) > plain.chance_precision + 0.05
    assert np.nanmean(filtered.average_precision) == pytest.approx(filtered.chance_precision, abs=0.03)
    assert np.isnan(retrieval_scores(points, artists, exclude=artists).average_precision).all()


def test_chance_is_the_mean_over_all_rankings():
    for n_relevant, n_ranked in ((1, 5), (2, 5), (3, 6), (5, 5)):
        precisions = []
        for places in itertools.combinations(range(1, n_ranked + 1), n_relevant):
            precisions.append(np.mean([hit / place for hit, place in enumerate(places, start=1)]))
        found = chance_average_precision(np.array([n_relevant]), np.array([n_ranked]))[0]
        assert found == pytest.approx(np.mean(precisions))


def test_constant_vectors_earn_nothing():
    points = np.ones((20, 4), dtype=np.float32)
    groups = np.repeat(np.arange(10), 2)
    found = retrieval_scores(points, groups, 10)
    np.testing.assert_allclose(found.average_precision, 1 / 19)
    assert (found.recall == 0).all()
    clips = consistency_scores(points, groups)
    assert (clips.auc == 0.5).all()
    assert (clips.first == 0).all()
    np.testing.assert_allclose(clips.reciprocal_rank, 1 / 19)


def test_random_vectors_lie_at_chance(rng):
    points = rng.standard_normal((600, 20)).astype(np.float32)
    groups = np.repeat(np.arange(60), 10)
    found = retrieval_scores(points, groups, 10)
    assert found.average_precision.mean() == pytest.approx(found.chance_precision, rel=0.1)
    assert found.recall.mean() == pytest.approx(found.chance_recall, rel=0.15)
    clips = consistency_scores(points, groups)
    assert clips.auc.mean() == pytest.approx(0.5, abs=0.02)


def test_planted_tracks_are_known_again():
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((30, 16))
    owners = np.repeat(np.arange(30), 3)
    points = centres[owners] + 0.01 * rng.standard_normal((90, 16))
    clips = consistency_scores(points, owners)
    assert (clips.auc == 1).all()
    assert (clips.reciprocal_rank == 1).all()
    assert (clips.first == 1).all()
    found = retrieval_scores(points, owners, 2)
    np.testing.assert_allclose(found.average_precision, 1.0)
    np.testing.assert_allclose(found.recall, 1.0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_consistency_equals_the_obvious_way(seed):
    rng = np.random.default_rng(seed)
    owners = rng.integers(0, 8, 30)
    points = rng.standard_normal((30, 3)).astype(np.float32)
    found = consistency_scores(points, owners)
    unit = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float64)
    similarities = unit @ unit.T
    for place, query in enumerate(found.rows):
        same = [other for other in range(30) if other != query and owners[other] == owners[query]]
        strangers = [other for other in range(30) if owners[other] != owners[query]]
        wins = [similarities[query, mine] > similarities[query, other] for mine in same for other in strangers]
        assert found.auc[place] == pytest.approx(np.mean(wins))
        best = max(similarities[query, mine] for mine in same)
        rank = 1 + sum(similarities[query, other] > best for other in strangers)
        assert found.reciprocal_rank[place] == pytest.approx(1 / rank)
        assert found.first[place] == (rank == 1)


def test_single_clips_are_refused():
    with pytest.raises(ParameterError, match="needs two clips of a track"):
        consistency_scores(np.eye(4), np.arange(4))
    with pytest.raises(ParameterError, match="clips of other tracks"):
        consistency_scores(np.eye(4), np.zeros(4, dtype=int))


def test_threads_change_nothing(rng):
    points = rng.standard_normal((1200, 8)).astype(np.float32)
    groups = rng.integers(0, 100, 1200)
    one, four = (retrieval_scores(points, groups, 10, n_threads=threads) for threads in (1, 4))
    np.testing.assert_array_equal(one.average_precision, four.average_precision)
    first, second = (consistency_scores(points, groups, n_threads=threads) for threads in (1, 4))
    np.testing.assert_array_equal(first.auc, second.auc)
