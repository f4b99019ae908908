"""Votes, the recommendation, the verdict: known answers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songnet.clustering.choose import (
    break_vote,
    gap_vote,
    kneedle,
    reach_verdict,
    recommend,
    silhouette_vote,
    stability_vote,
    trust,
)
from songnet.clustering.nulls import NullTest
from songnet.clustering.results import StabilityScore, SweepRow


def row(k: int, silhouette: float | None = 0.3, half_width: float = 0.02, **more: object) -> SweepRow:
    plain = SweepRow(
        n_clusters=k,
        inertia=100.0 / k,
        distortion=1.0 / k,
        silhouette=silhouette,
        silhouette_low=None if silhouette is None else silhouette - half_width,
        silhouette_high=None if silhouette is None else silhouette + half_width,
        silhouette_squared=silhouette,
        bic=None,
        sizes=(5,) * k,
        noise=0,
        converged=True,
    )
    return replace(plain, **more)


def test_the_elbow_is_where_the_curve_bends_most() -> None:
    assert kneedle([2, 3, 4, 5, 6, 7], [100, 70, 40, 38, 36, 34]) == 4


def test_a_straight_line_a_rising_curve_and_two_points_have_no_elbow() -> None:
    assert kneedle([2, 3, 4], [30, 20, 10]) is None
    assert kneedle([2, 3, 4], [10, 20, 30]) is None
    assert kneedle([2, 3], [10, 5]) is None


@given(st.floats(0.1, 1e6), st.floats(-1e6, 1e6))
def test_the_elbow_does_not_depend_on_the_unit(scale: float, offset: float) -> None:
    values = [100, 70, 40, 38, 36, 34]
    assert kneedle([2, 3, 4, 5, 6, 7], [offset + scale * value for value in values]) == 4


def test_uneven_numbers_of_clusters_are_placed_where_they_are() -> None:
    # As list positions the bend would be at 4; on the axis of k it is at 6.
    assert kneedle([2, 3, 4, 6, 20], [100, 85, 70, 40, 30]) == 6


def test_gap_votes_for_the_first_k_that_the_next_does_not_beat() -> None:
    rows = [row(2, gap=0.1, gap_s=0.02), row(3, gap=0.4, gap_s=0.02), row(4, gap=0.41, gap_s=0.02)]
    assert gap_vote(rows) == 3
    assert gap_vote(rows[:2]) is None
    assert gap_vote([row(2), row(3)]) is None


def test_stability_votes_for_the_smallest_k_within_a_standard_error_of_the_best() -> None:
    rows = [
        row(2, stability={"halves": StabilityScore(0.5, 0.05, 20)}),
        row(3, stability={"halves": StabilityScore(0.86, 0.05, 20)}),
        row(4, stability={"halves": StabilityScore(0.9, 0.05, 20)}),
    ]
    assert stability_vote(rows, "halves") == 3
    assert stability_vote(rows, "artists") is None


def test_silhouette_votes_for_the_smaller_one_of_equals() -> None:
    assert silhouette_vote([row(2, 0.1), row(3, 0.4), row(4, 0.4)]) == 3
    assert silhouette_vote([row(2, None)]) is None


def test_the_smallest_k_inside_the_interval_of_the_best_is_recommended() -> None:
    rows = [row(2, 0.2), row(3, 0.385), row(4, 0.39), row(5, 0.40)]
    k, reason = recommend(rows)
    assert k == 3
    assert reason.startswith("the smallest number whose mean silhouette (0.385) lies inside the 95% interval")
    assert recommend([row(2, 0.2), row(3, 0.37), row(4, 0.40)]) == (4, "it has the highest mean silhouette (0.400)")


def test_a_break_of_the_gap_goes_before_silhouettes_that_keep_rising() -> None:
    rows = [
        row(2, 0.1, gap_break=-2.0),
        row(3, 0.2, gap_break=4.8),
        row(4, 0.25, gap_break=1.0),
        row(5, 0.3, gap_break=2.5),
        row(6, 0.4),
    ]
    k, reason = recommend(rows)
    assert k == 3
    assert reason.endswith("(break of the gap: 4.8, noise 0.0; next sharpest at 5: 2.5)")
    assert recommend(rows, 2.6)[1].endswith("(break of the gap: 4.8, noise 2.6)")
    assert break_vote(rows) == 3
    # What noise reaches is no candidate, however sharp its break.
    reached = replace(rows[0], gap_break=9.0, null_observed=0.1, null_high=0.2)
    assert recommend([reached, *rows[1:]])[0] == 3
    # A break that noise often has decides nothing: the silhouettes do.
    assert break_vote(rows, 5.0) is None
    assert recommend(rows, 5.0) == (6, "it has the highest mean silhouette (0.400)")


def test_without_a_break_there_is_no_vote_of_it() -> None:
    assert break_vote([row(2), row(3)]) is None
    assert break_vote([row(2, gap_break=-1.0), row(3)]) is None


def test_a_k_that_noise_reaches_is_not_recommended_while_another_is_above_it() -> None:
    rows = [row(2, 0.39, null_observed=0.39, null_high=0.45), row(3, 0.40, null_observed=0.40, null_high=0.2)]
    assert recommend(rows)[0] == 3
    # When noise reaches all of them there is still an answer to "if there must be clusters".
    assert recommend([replace(each, null_high=0.45) for each in rows])[0] == 2
    assert recommend([row(1, None)]) == (None, "the method finds fewer than two clusters")


def null(p_value: float, model: str = "gaussian") -> NullTest:
    return NullTest(model, 99, 1.0, 3, p_value)


@pytest.mark.parametrize(
    ("gaussian", "shuffled", "explained_by"),
    [(0.01, 0.01, "clusters"), (0.01, 0.4, "columns"), (0.02, 0.01, "noise"), (0.5, 0.5, "noise")],
)
def test_structure_must_beat_every_null_model(gaussian: float, shuffled: float, explained_by: str) -> None:
    tests = [null(gaussian), null(shuffled, "shuffled")]
    verdict = reach_verdict([row(2, 0.1), row(3, 0.4)], tests)
    assert verdict.explained_by == explained_by
    assert verdict.structured is (explained_by == "clusters")
    assert verdict.p_value == max(gaussian, shuffled)
    assert verdict.n_clusters == 3


def test_nothing_tested_is_no_verdict_and_nothing_found_is_noise() -> None:
    untested = reach_verdict([row(2, 0.1), row(3, 0.4)], [])
    assert (untested.structured, untested.explained_by, untested.p_value) == (None, None, None)
    nothing = reach_verdict([row(1, None)], [])
    assert (nothing.structured, nothing.explained_by) == (False, "noise")


def test_the_reason_names_the_rule_that_decided() -> None:
    assert reach_verdict([row(2, 0.1), row(3, 0.4)], []).reason == "it has the highest mean silhouette (0.400)"
    assert reach_verdict([row(2, 0.39), row(3, 0.4)], []).reason.startswith("the smallest number whose mean silhouette")
    assert reach_verdict([row(3, 0.4)], []).reason == "the only number of clusters there is"


def test_trust_judges_by_halves_and_tells_the_rest_beside_it() -> None:
    scores = {"halves": StabilityScore(0.2, 0.01, 20), "artists": StabilityScore(0.8, 0.01, 20)}
    assert trust(row(3, stability=scores)) == (
        "unstable: adjusted Rand index 0.20 between clusterings of halves of the tracks, 0.80 without a fifth of the"
        " artists"
    )
    assert (trust(row(3, stability={"halves": StabilityScore(0.6, 0.0, 9)})) or "").startswith("fairly stable")
    assert (trust(row(3, stability={"seeds": StabilityScore(0.8, 0.0, 9)})) or "").startswith("stable")
    assert trust(row(3)) is None
