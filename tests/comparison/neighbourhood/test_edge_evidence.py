"""Intervals over playlists and null models: wide where they must be, and uniform under the null."""

import numpy as np
import pytest

from songnet.comparison.neighbourhood.degree_matching import MatchedPairs
from songnet.comparison.neighbourhood.evidence import estimate, resample_playlists, vector_null
from songnet.comparison.neighbourhood.predictors import unit_rows
from songnet.errors import ParameterError


def pairs_of(track, positive, negative):
    n = len(track)
    return MatchedPairs(np.arange(n), np.asarray(track), np.asarray(positive), np.asarray(negative), np.ones(n))


def test_means_and_intervals_over_playlists(rng):
    values = rng.random((2, 400))
    means, resampled = resample_playlists(values, np.arange(400), n_resamples=500, seed=1)
    assert means == pytest.approx(values.mean(axis=1))
    assert resampled.mean(axis=1) == pytest.approx(means, abs=0.003)
    assert resampled.std(axis=1) == pytest.approx(values.std(axis=1) / 20, rel=0.15)
    found = estimate(means[0], resampled[0])
    assert (found.low, found.high) == tuple(np.quantile(resampled[0], [0.025, 0.975]))
    assert found.low < found.value < found.high


def test_queries_of_one_playlist_are_one_witness(rng):
    """40 playlists of 25 queries with one answer each: as sure as 40 answers, not as 1,000."""
    answers = rng.random(40)
    values = np.repeat(answers, 25)[None]
    _, whole = resample_playlists(values, np.repeat(np.arange(40), 25), n_resamples=600)
    _, single = resample_playlists(values, np.arange(1000), n_resamples=600)
    assert whole.std() == pytest.approx(answers.std() / np.sqrt(40), rel=0.15)
    assert single.std() < whole.std() / 4


def test_longer_playlists_weigh_more_and_nan_counts_nothing():
    values = np.array([[1.0, 1.0, 0.0, np.nan], [np.nan] * 4])
    means, resampled = resample_playlists(values, np.array([0, 0, 1, 2]), n_resamples=300)
    assert means[0] == pytest.approx(2 / 3)
    assert np.isnan(means[1])
    assert estimate(means[1], resampled[1]) is None
    # In some draws only the playlist without a value came up.
    assert np.isnan(resampled[0]).any()
    assert estimate(means[0], resampled[0]).low == 0
    with pytest.raises(ParameterError, match="n_resamples is 1"):
        resample_playlists(values, np.array([0, 0, 1, 2]), n_resamples=1)


def test_differences_are_paired(rng):
    """Two predictors that differ by a constant differ by it in every draw."""
    values = rng.random(200)
    _, resampled = resample_playlists(np.stack([values + 0.1, values]), np.arange(200) // 4, n_resamples=50)
    assert resampled[0] - resampled[1] == pytest.approx(np.full(50, 0.1))


def test_null_finds_what_is_planted(rng):
    group = np.arange(60) % 3
    unit = unit_rows(np.eye(3)[group] + 0.2 * rng.standard_normal((60, 3)))
    track = rng.integers(0, 60, 300)
    pairs = pairs_of(track, (track + 3) % 60, (track + 1) % 60)
    found = vector_null(unit, pairs, None, n_draws=99)
    assert found.kind == "tracks"
    assert found.observed > 0.95
    assert found.draws.mean() == pytest.approx(0.5, abs=0.03)
    assert found.p_value == 0.01
    assert found.z > 5


@pytest.mark.parametrize("by_artist", [False, True])
def test_p_is_uniform_when_there_is_nothing(by_artist):
    """Vectors that know the artist alone, artists that stand together at random: no more than 5% at p <= .05."""
    p_values = []
    artists = np.repeat(np.arange(30), 4)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        unit = unit_rows((rng.standard_normal((30, 4)) if by_artist else rng.standard_normal((120, 4)))[
            artists if by_artist else np.arange(120)
        ])  # fmt: skip
        track, positive, negative = rng.integers(0, 30, (3, 40))
        place = rng.integers(0, 4, (3, 40))
        pairs = pairs_of(4 * track + place[0], 4 * positive + place[1], 4 * negative + place[2])
        p_values.append(vector_null(unit, pairs, artists if by_artist else None, n_draws=39, seed=seed).p_value)
    assert np.mean(np.array(p_values) <= 0.05) < 0.13
    assert 0.4 < np.mean(p_values) < 0.6


def test_large_libraries_take_another_way_to_the_same_numbers(rng, monkeypatch):
    unit = unit_rows(rng.standard_normal((50, 5)))
    pairs = pairs_of(*rng.integers(0, 50, (3, 200)))
    usual = vector_null(unit, pairs, None, n_draws=20, seed=3)
    monkeypatch.setattr("songnet.comparison.neighbourhood.evidence.MAX_TABLE", 10)
    assert vector_null(unit, pairs, None, n_draws=20, seed=3).draws == pytest.approx(usual.draws)


def test_artists_of_a_size_of_their_own_stay(rng):
    artists = np.array([0] * 2 + [1] * 2 + [2] * 20 + [-1] * 6)
    found = vector_null(unit_rows(rng.standard_normal((30, 3))), pairs_of([0], [5], [7]), artists, n_draws=5)
    assert (found.kind, found.n_tracks, found.n_fixed) == ("artists", 30, 20)


def test_refusals():
    with pytest.raises(ParameterError, match="no pair is there to test"):
        vector_null(np.eye(3, dtype=np.float32), pairs_of([], [], []), None)
    with pytest.raises(ParameterError, match="n_draws is 0"):
        vector_null(np.eye(3, dtype=np.float32), pairs_of([0], [1], [2]), None, n_draws=0)
