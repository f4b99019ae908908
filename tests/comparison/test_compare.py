"""The whole comparison: the sentence says what is so, and nothing else."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from songnet.comparison import bootstrap_interval, compare, contingency, score_table
from songnet.errors import ParameterError
from songnet.partition import Partition

N = 600
IDS = [f"{n:04}" for n in range(N)]
ARTISTS = np.repeat(np.arange(120), 5)


def named(labels, method="kmeans"):
    return Partition.from_labels(IDS[: len(labels)], np.asarray(labels) + 1, method, {})


def artist_names(numbers=ARTISTS):
    return {track: f"Artist {number}" for track, number in zip(IDS, numbers, strict=True)}


def noisy(labels, keep, n_groups, rng):
    return np.where(rng.random(len(labels)) < keep, labels, rng.integers(0, n_groups, len(labels)))


@pytest.fixture
def musical(rng):
    style = rng.integers(0, 4, 120)[ARTISTS]
    return named(noisy(style, 0.8, 4, rng)), named(noisy(style, 0.8, 4, rng), "louvain")


def test_agreement_of_music_is_found(musical):
    report = compare(*musical, artists=artist_names(), n_draws=199)
    assert report.verdict.startswith("The 4 groups of kmeans and the 4 groups of louvain moderately agree (AMI 0.")
    assert "more than chance (p = 0.005) and more than tracks of the same artist explain (p = 0.005)" in report.verdict
    assert report.warnings == ()
    assert report.scores == score_table(contingency(*musical).table)
    assert report.interval.over == "artists"
    assert report.interval.low < report.scores.ami < report.interval.high
    assert report.interval.low > report.artists_null.draws.max()
    assert report.matched_share == pytest.approx(np.trace(report.contingency.table) / N)


def test_random_partitions_do_not_agree(rng):
    report = compare(named(rng.integers(0, 4, N)), named(rng.integers(0, 6, N)), n_draws=199)
    assert "agree no more than chance (AMI " in report.verdict
    assert report.tracks_null.p_value > 0.01
    assert report.artists_null is None
    assert report.interval.low < 0 < report.interval.high


def test_artists_alone_are_no_agreement_of_music(rng):
    first, second = (named(rng.integers(0, 4, 120)[ARTISTS]) for _ in range(2))
    report = compare(first, second, artists=artist_names(), n_draws=199)
    assert "more than chance (p = 0.005) but no more than tracks of the same artist explain (p = " in report.verdict
    without = compare(first, second, n_draws=199)
    assert "whether tracks of the same artist explain it was not tested" in without.verdict


def test_the_same_artist_may_be_written_in_many_ways(musical):
    names = artist_names()
    other = {track: name.upper() + " " if int(track) % 2 else name for track, name in names.items()}
    one, same = (compare(*musical, artists=artists, n_draws=20) for artists in (names, other))
    assert one.artists_null.draws.tolist() == same.artists_null.draws.tolist()


def test_a_partition_of_one_large_class_is_called_degenerate(rng):
    """What was published in 2020: labels of which 98 % were one community."""
    second = np.where(np.arange(N) < 0.98 * N, 0, 1 + np.arange(N) % 3)
    report = compare(named(rng.integers(0, 4, N)), named(second, "louvain"), n_draws=99)
    assert report.verdict.startswith("DEGENERATE: group 1 of louvain holds 98% of the tracks")
    assert report.warnings[0].startswith("DEGENERATE")
    one = compare(named(np.zeros(N, dtype=int)), named(np.zeros(N, dtype=int)), n_draws=99)
    assert len([warning for warning in one.warnings if warning.startswith("DEGENERATE")]) == 2
    assert "agree no more than chance" in one.verdict


def test_balanced_partitions_are_not_called_degenerate(rng):
    labels = np.where(np.arange(N) < 0.8 * N, 0, 1)
    assert not any("DEGENERATE" in warning for warning in compare(named(labels), named(labels), n_draws=99).warnings)


def test_warnings_name_what_is_doubtful(rng):
    first = Partition.from_labels(IDS[:60], rng.integers(1, 20, 60), "kmeans", {})
    second = Partition.from_labels(IDS, np.where(np.arange(N) % 4, rng.integers(1, 20, N), -1), "louvain", {})
    report = compare(first, second, artists={IDS[1]: "Björk", IDS[2]: None, IDS[3]: " "}, n_draws=19)
    begin = [warning.split(":")[0] for warning in report.warnings]
    assert begin == [
        "few shared tracks",
        "most of louvain is not compared",
        "much noise",
        "many groups",
        "few draws",
        "unknown artists",
    ]
    assert all(words in report.verdict for words in begin)
    assert "15 shared tracks are noise" in report.warnings[2]


def test_artists_that_cannot_change_places_are_told(rng):
    artists = np.repeat(np.arange(3), [100, 200, 300])
    report = compare(named(np.arange(N) % 3), named(np.arange(N) % 5), artists=artist_names(artists), n_draws=99)
    assert any(warning.startswith("artists hardly movable: 100% of the tracks") for warning in report.warnings)
    assert report.interval.over == "tracks"


def test_ceiling_and_rebuilt_partitions(rng):
    style = rng.integers(0, 4, N)
    calls = []

    def rebuild(seed):
        calls.append(seed)
        return named(noisy(style, 0.8, 4, np.random.default_rng([1, seed])), "louvain")

    def reseed(seed):
        return named(noisy(style, 0.95, 4, np.random.default_rng([2, seed])), "louvain")

    first, second = named(noisy(style, 0.7, 4, rng)), reseed(99)
    report = compare(first, second, n_draws=99, n_rebuilt=4, seed=5, rebuild=rebuild)
    assert sorted(calls) == [5, 6, 7, 8]
    assert (report.rebuilt.over, len(report.rebuilt.values), len(report.ceiling.values)) == ("rebuilt", 4, 2)
    assert report.rebuilt.high < report.scores.ami
    assert report.share_of_ceiling == pytest.approx(report.scores.ami / report.ceiling.mean)
    assert f"{report.share_of_ceiling:.0%} of the ceiling (AMI {report.ceiling.mean:.3f})" in report.verdict
    seeded = compare(first, second, n_draws=99, reseed=reseed)
    assert len(seeded.ceiling.values) == 10
    assert seeded.ceiling.mean > report.ceiling.mean
    assert seeded.rebuilt is None


def test_seeds_after_the_largest_begin_at_zero(rng):
    calls = []

    def again(seed):
        calls.append(seed)
        return named(noisy(np.arange(N) % 4, 0.9, 4, np.random.default_rng(seed)))

    last = 2**31 - 1
    compare(again(1), again(2), n_draws=9, n_bootstrap=2, seed=last, n_rebuilt=3, rebuild=again, reseed=again)
    assert calls[2:] == [last, 0, 1, last, 0, 1, 2, 3]
    del calls[:]
    report = compare(again(1), again(2), n_draws=9, n_bootstrap=2, seed=last, n_rebuilt=4, rebuild=again)
    assert calls[2:] == [last, 0, 1, 2]
    assert len(report.ceiling.values) == 2


def test_what_the_caller_doubts_stands_in_the_verdict(musical):
    report = compare(*musical, n_draws=99, n_bootstrap=20, doubts=["old playlists: find them again"])
    assert report.warnings == ("old playlists: find them again",)
    assert report.verdict.endswith("; beware: old playlists.")
    assert report.to_json()["warnings"] == ["old playlists: find them again"]


def test_json_is_plain_and_complete(musical):
    report = compare(*musical, artists=artist_names(), n_draws=99, n_bootstrap=20)
    read = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert read["verdict"] == report.verdict
    assert np.array(read["table"]).tolist() == report.contingency.table.tolist()
    assert read["scores"]["ami"] == report.scores.ami
    assert list(read["scores"])[:2] == ["ami", "ari"]
    assert read["null_artists"]["p"] == report.artists_null.p_value
    assert read["interval"]["n"] == 20
    assert (read["ceiling"], read["rebuilt"], read["share_of_ceiling"]) == (None, None, None)
    assert read["settings"] == {
        "n_draws": 99, "n_bootstrap": 20, "n_rebuilt": 0, "seed": 0, "noise": "drop", "unknown_artists": 0.0,
    }  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 7])
def test_a_handful_of_tracks_has_no_interval(n):
    report = compare(named(np.arange(n)), named(np.arange(n) // 2), n_draws=99)
    assert report.interval is None
    assert any(warning.startswith("few shared tracks") for warning in report.warnings)
    json.dumps(report.to_json(), allow_nan=False)


def test_interval_is_that_of_bootstrap_interval(musical):
    first, second = musical
    report = compare(first, second, n_draws=9, n_bootstrap=30, seed=3)
    assert (
        report.interval.values.tolist() == bootstrap_interval(first.labels, second.labels, n=30, seed=3).values.tolist()
    )


def test_refuses_partitions_without_a_shared_track(musical):
    with pytest.raises(ParameterError, match="share no track"):
        compare(musical[0], Partition.from_labels(["zzz"], [1], "louvain", {}))


def test_other_hash_seeds_give_the_same_report(musical):
    program = (
        "import json, numpy as np\n"
        "from songnet.comparison import compare\n"
        "from songnet.partition import Partition\n"
        "ids = [f'{n:03}' for n in range(200)]\n"
        "first = Partition.from_labels(ids, np.arange(200) % 3 + 1, 'a', {})\n"
        "second = Partition.from_labels(ids, np.arange(200) % 7 + 1, 'b', {})\n"
        "artists = {track: f'artist {int(track) // 6}' for track in ids}\n"
        "print(json.dumps(compare(first, second, artists=artists, n_draws=50, n_bootstrap=20).to_json()))\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads},
        ).stdout
        for seed, threads in (("1", "1"), ("2", "2"))
    ]
    assert said[0] == said[1]
    assert json.loads(said[0])["n_tracks"] == 200
