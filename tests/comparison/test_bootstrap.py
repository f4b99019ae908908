"""Intervals and ceilings: as wide as the score really varies, never fooled by copies."""

import numpy as np
import pytest

from songnet.comparison import bootstrap_interval, bootstrap_rebuilt, ceiling
from songnet.comparison.contingency import cross_table
from songnet.comparison.scores import adjusted_mutual_information, adjusted_rand_index
from songnet.errors import ParameterError
from songnet.partition import Partition

IDS = [f"{n:03}" for n in range(300)]


def noisy(labels, keep, n_groups, rng):
    return np.where(rng.random(len(labels)) < keep, labels, rng.integers(0, n_groups, len(labels)))


def ami(first, second, n_groups):
    return adjusted_mutual_information(cross_table(first, second, n_groups, n_groups))


def named(labels):
    return Partition.from_labels(IDS, np.asarray(labels) + 1, "by hand", {})


def test_interval_is_as_wide_as_the_score_varies():
    scores, widths, covered = [], [], []
    intervals = []
    for seed in range(120):
        rng = np.random.default_rng([1, seed])
        first = rng.integers(0, 5, 400)
        second = noisy(first, 0.5, 5, rng)
        scores.append(ami(first, second, 5))
        intervals.append(bootstrap_interval(first, second, n=60, seed=seed))
        widths.append(intervals[-1].high - intervals[-1].low)
    covered = [interval.low <= np.mean(scores) <= interval.high for interval in intervals]
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.std(scores), rel=0.2)
    assert 0.87 <= np.mean(covered) <= 0.99


def test_copies_of_tracks_do_not_make_independent_partitions_agree(rng):
    """Drawing with replacement puts the AMI of these far above 0: a track agrees with its copy."""
    first, second = rng.integers(0, 200, 1_000), rng.integers(0, 200, 1_000)
    interval = bootstrap_interval(first, second, n=60)
    assert interval.low < 0 < interval.high
    assert abs(interval.mean) < 0.02
    drawn = rng.integers(0, 1_000, 1_000)
    assert ami(first[drawn], second[drawn], 200) > 0.1


def test_interval_over_artists_is_wider_when_artists_decide(rng):
    artists = np.repeat(np.arange(60), 10)
    style = rng.integers(0, 4, 60)
    first, second = style[artists], noisy(style, 0.6, 4, rng)[artists]
    over_tracks = bootstrap_interval(first, second, n=100)
    over_artists = bootstrap_interval(first, second, blocks=artists, n=100)
    assert (over_tracks.over, over_artists.over) == ("tracks", "artists")
    assert over_artists.high - over_artists.low > 2 * (over_tracks.high - over_tracks.low)
    observed = ami(first, second, 4)
    assert over_artists.low < observed < over_artists.high


def test_tracks_of_unknown_artist_are_drawn_alone(rng):
    first = rng.integers(0, 4, 200)
    second = noisy(first, 0.5, 4, rng)
    alone = bootstrap_interval(first, second, blocks=np.full(200, -1), n=40, seed=3)
    tracks = bootstrap_interval(first, second, n=40, seed=3)
    assert alone.values.tobytes() == tracks.values.tobytes()


def test_equal_partitions_have_no_interval_around_one_and_other_scores_may_be_asked_for(rng):
    labels = rng.integers(0, 4, 100)
    interval = bootstrap_interval(labels, labels, adjusted_rand_index, n=20, level=0.8)
    assert (interval.low, interval.high, interval.level, len(interval.values)) == (1.0, 1.0, 0.8, 20)


def test_rebuilt_partitions_are_scored_with_their_seeds(rng):
    labels = rng.integers(0, 4, 300)
    seeds = []

    def rebuild(seed):
        seeds.append(seed)
        return named(noisy(labels, 0.8, 4, np.random.default_rng(seed)))

    told = []
    interval = bootstrap_rebuilt(
        rebuild, named(labels), n=5, seed=10, progress=lambda stage, done, total, note="": told.append((done, total))
    )
    assert seeds == [10, 11, 12, 13, 14]
    assert told[-1] == (5, 5)
    expected = [ami(labels, noisy(labels, 0.8, 4, np.random.default_rng(seed)), 4) for seed in range(10, 15)]
    assert interval.values.tolist() == pytest.approx(expected)
    assert min(expected) <= interval.low < interval.high <= max(expected)
    assert interval.over == "rebuilt"


def test_the_largest_seed_is_followed_by_the_smallest(rng):
    labels = rng.integers(0, 4, 300)
    seeds = []

    def rebuild(seed):
        seeds.append(seed)
        return named(labels)

    bootstrap_rebuilt(rebuild, named(labels), n=4, seed=2**31 - 2)
    assert seeds == [2**31 - 2, 2**31 - 1, 0, 1]


def test_ceiling_is_the_mean_of_pairs(rng):
    labels = rng.integers(0, 4, 300)
    other = noisy(labels, 0.7, 4, rng)
    found = ceiling([(named(labels), named(labels)), (named(labels), named(other))])
    assert found.mean == pytest.approx((1 + ami(labels, other, 4)) / 2)
    with pytest.raises(ParameterError, match="at least one pair"):
        ceiling([])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n is 1; an interval needs at least 2 repetitions"),
        ({"level": 1.0}, "level is 1; it must be between 0 and 1"),
        ({"blocks": np.repeat([0, 1], 10)}, "2 artists are too few for an interval: at least 8 are needed"),
        ({"blocks": np.zeros(3)}, "labels and blocks do not speak of the same tracks"),
    ],
)
def test_refuses_what_cannot_be_resampled(options, message):
    with pytest.raises(ParameterError, match=message):
        bootstrap_interval(np.arange(20) % 2, np.arange(20) % 3, **options)
