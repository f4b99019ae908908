"""Codes of known rank."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.errors import ParameterError
from songnet.evaluation.panels.collapse import collapse_panel, effective_rank


def planted(n, d, rank, rng):
    """Rows with exactly `rank` equal singular values after centring."""
    left = np.linalg.qr(np.column_stack([np.ones(n), rng.standard_normal((n, rank))]))[0][:, 1:]
    return left @ np.linalg.qr(rng.standard_normal((d, rank)))[0].T


@pytest.mark.parametrize("rank", [2, 5, 17])
def test_effective_rank_of_a_planted_rank(rng, rank):
    X = planted(100, 40, rank, rng)
    report = collapse_panel(X + 7.0)
    assert report.effective_rank == pytest.approx(rank)
    assert report.participation_ratio == pytest.approx(rank)
    assert report.first_share == pytest.approx(1 / rank)
    assert effective_rank(X) == pytest.approx(rank)


@given(rank=st.integers(1, 8), extra=st.integers(0, 8), seed=st.integers(0, 99), scale=st.floats(1e-6, 1e6))
@settings(max_examples=40, deadline=None)
def test_scale_and_place_do_not_matter(rank, extra, seed, scale):
    X = planted(30, rank + extra, rank, np.random.default_rng(seed))
    assert collapse_panel(scale * X).effective_rank == pytest.approx(rank)


def test_entropy_by_hand():
    # Singular values 3 and 1: shares 3/4 and 1/4.
    expected = np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert effective_rank(np.diag([3.0, 1.0])) == pytest.approx(expected)


def test_codes_that_are_the_same_have_collapsed():
    report = collapse_panel(np.full((50, 8), 0.1))
    assert (report.active_units, report.effective_rank, report.uniformity) == (0, 0.0, 0.0)
    assert report.collapsed
    assert report.reason == "no dimension is active: the code does not depend on the sound"


def test_codes_on_a_line_have_collapsed_however_many_dimensions(rng):
    line = rng.standard_normal((200, 1)) @ rng.standard_normal((1, 32))
    report = collapse_panel(line)
    assert report.active_units > 20
    assert report.collapsed
    assert report.reason == "effective rank 1.00 is below 2: the code lies on a line"
    # Noise of 15% adds 2% of the variance, but its many small axes lift the rank.
    noise = 0.15 * line.std(axis=0) * rng.standard_normal((200, 32))
    nearly = collapse_panel(line + noise)
    assert nearly.standard_rank > 2
    assert nearly.collapsed
    assert "of the variance, 95% or more is a line" in nearly.reason


def test_spread_codes_have_not_and_units_play_no_part(rng):
    X = rng.standard_normal((300, 16))
    report = collapse_panel(X * np.geomspace(1, 50, 16))
    assert not report.collapsed
    assert report.active_units == 16
    assert report.standard_rank > 15
    assert report.effective_rank < 12
    assert "collapsed below 2" in report.reason


def test_active_units_of_posteriors_and_of_plain_codes(rng):
    X = rng.standard_normal((400, 4)) * np.array([1.0, 0.2, 0.05, 0.001])
    # Variances 1, 0.04, 0.0025 and 0.000001 against 0.01; deviations against 1% of the largest.
    assert collapse_panel(X, posterior=True).active_units == 2
    assert collapse_panel(X).active_units == 3
    assert collapse_panel(X, posterior=True).active_rule == "variance > 0.01"


def test_a_posterior_that_is_the_prior_has_collapsed(rng):
    X = rng.standard_normal((50, 3))
    report = collapse_panel(X, kl_per_dim=[0.001, 0.0, 0.002])
    assert report.collapsed
    assert report.silent_units == 3
    assert report.reason == "no dimension has 0.01 nats: the posterior is the prior"
    healthy = collapse_panel(X, kl_per_dim=[0.001, 1.5, 2.0])
    assert (healthy.silent_units, healthy.collapsed, healthy.kl_per_dim) == (1, False, (0.001, 1.5, 2.0))


def test_alignment_is_the_mean_squared_distance_within_tracks(rng):
    X, tracks = rng.standard_normal((40, 6)), np.repeat(np.arange(10), 4)
    found = collapse_panel(X, groups=tracks).alignment
    standard = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1)
    unit = standard / np.linalg.norm(standard, axis=1, keepdims=True)
    pairs = [
        np.mean([((unit[i] - unit[j]) ** 2).sum() for i in rows for j in rows if i != j])
        for rows in tracks.argsort().reshape(10, 4)
    ]
    assert found == pytest.approx(np.mean(pairs))
    same = collapse_panel(np.repeat(X[:10], 4, axis=0), groups=tracks)
    assert same.alignment == pytest.approx(0.0, abs=1e-12)
    assert collapse_panel(X).alignment is None
    assert collapse_panel(X, groups=np.arange(40)).alignment is None


def test_uniformity_is_lower_where_codes_spread(rng):
    spread = rng.standard_normal((200, 10))
    heap = np.vstack([spread[:20], np.tile(spread[0], (180, 1)) + 0.01 * rng.standard_normal((180, 10))])
    assert collapse_panel(spread).uniformity < -2.5
    assert collapse_panel(heap).uniformity > collapse_panel(spread).uniformity + 1


def test_report_is_json_and_bad_codes_are_refused(rng):
    report = collapse_panel(rng.standard_normal((20, 3)), kl_per_dim=[1.0, 1.0, 1.0])
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["kl_per_dim"] == [1.0, 1.0, 1.0]
    for bad in (np.zeros((1, 3)), np.zeros(3), np.zeros((3, 0)), np.full((3, 3), np.nan)):
        with pytest.raises(ParameterError, match="codes must be"):
            collapse_panel(bad)
    with pytest.raises(ParameterError, match="2 groups for 3 rows"):
        collapse_panel(np.eye(3), groups=np.zeros(2))
    with pytest.raises(ParameterError, match="kl_per_dim"):
        collapse_panel(np.eye(3), kl_per_dim=[np.nan])
