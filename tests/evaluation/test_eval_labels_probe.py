"""Probe, clusters and intervals: known answers, controls at chance, coverage."""

import numpy as np
import pytest
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    balanced_accuracy_score,
    normalized_mutual_info_score,
)

from songnet.errors import ParameterError
from songnet.evaluation.clusters import agreement, cluster_labels, cluster_scores
from songnet.evaluation.folds import grouped_folds
from songnet.evaluation.intervals import (
    Estimate,
    difference,
    estimate,
    estimate_mean,
    estimate_search,
    make_resampling,
)
from songnet.evaluation.knn import knn_scores, nearest
from songnet.evaluation.labels import independent_groups, make_labels, number_albums, number_groups, shuffled
from songnet.evaluation.probe import balanced, class_columns, probe_scores
from songnet.evaluation.retrieval import retrieval_scores


def test_folds_hold_groups_whole_and_spread_labels(rng):
    labels = np.repeat(np.arange(4), 30)
    groups = labels * 10 + np.tile(np.repeat(np.arange(6), 5), 4)
    folds = grouped_folds(groups, labels, seed=1)
    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1
    table = np.zeros((5, 4), dtype=int)
    np.add.at(table, (folds, labels), 1)
    assert (table > 0).all()
    assert not np.array_equal(folds, grouped_folds(groups, labels, seed=2))
    with pytest.raises(ParameterError, match="all labelled tracks are one group"):
        grouped_folds(np.zeros(120, dtype=int), labels)


def test_a_probe_reads_what_is_there_and_nothing_else(rng):
    labels = rng.permutation(np.repeat(np.arange(3), 60))
    groups = np.arange(180) // 2
    planted = np.eye(3)[labels] @ rng.standard_normal((3, 8)) + 0.05 * rng.standard_normal((180, 8))
    assert probe_scores(planted, labels, groups).correct.mean() == 1.0
    noise = probe_scores(rng.standard_normal((180, 8)), labels, groups)
    assert noise.correct.mean() == pytest.approx(1 / 3, abs=0.1)
    assert noise.majority == pytest.approx(1 / 3)


def test_knowing_the_artist_is_not_knowing_the_label(rng):
    artists = np.repeat(np.arange(40), 5)
    labels = rng.permutation(np.repeat([0, 1], 20))[artists]
    vectors = rng.standard_normal((40, 60))[artists] + 0.01 * rng.standard_normal((200, 60))
    assert probe_scores(vectors, labels, np.arange(200)).correct.mean() > 0.95
    assert probe_scores(vectors, labels, artists).correct.mean() < 0.7


def test_a_label_of_one_group_is_counted_as_unseen(rng):
    labels = np.array([0] * 20 + [1] * 20 + [2] * 4)
    groups = np.concatenate([np.arange(40) // 4, np.full(4, 99)])
    scores = probe_scores(rng.standard_normal((44, 3)), labels, groups)
    assert scores.n_unseen == 4
    assert (scores.correct[-4:] == 0).all()


def test_balanced_accuracy_is_that_of_scikit_learn(rng):
    labels, told = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    columns = class_columns((labels == told).astype(float), labels)
    assert balanced(columns.sum(axis=0, keepdims=True))[0] == pytest.approx(balanced_accuracy_score(labels, told))


def test_agreement_is_that_of_scikit_learn(rng):
    for n_rows, n_columns in ((3, 4), (5, 2), (1, 3), (2, 2)):
        first, second = rng.integers(0, n_rows, 80), rng.integers(0, n_columns, 80)
        table = np.zeros((n_rows + 1, n_columns), dtype=int)
        np.add.at(table, (first, second), 1)
        found = agreement(table)
        assert found["nmi"] == pytest.approx(normalized_mutual_info_score(first, second), abs=1e-9)
        assert found["ami"] == pytest.approx(adjusted_mutual_info_score(first, second), abs=1e-9)
        assert found["ari"] == pytest.approx(adjusted_rand_score(first, second), abs=1e-9)


def test_planted_clusters_are_found_and_shuffled_labels_are_not():
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(5), 40)
    points = 4 * rng.standard_normal((5, 6))[labels] + 0.1 * rng.standard_normal((200, 6))
    draws = make_resampling(np.arange(200) // 4, n_draws=200, seed=0, over="artists")
    clusterings = cluster_labels(points, 5, [0, 1, 2])
    rows = np.arange(200)
    perfect = cluster_scores(clusterings, labels, draws, rows)
    assert perfect["ari"].value == pytest.approx(1.0)
    assert perfect["ami"].low == pytest.approx(1.0)
    chance = cluster_scores(clusterings, rng.permutation(labels), draws, rows)
    for name in ("ami", "ari"):
        assert chance[name].low < 0 < chance[name].high
        assert chance[name].chance == 0.0


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    inside = 0
    for repetition in range(200):
        artists = np.repeat(np.arange(40), 5)
        scores = 0.5 + rng.standard_normal(40)[artists] + 0.3 * rng.standard_normal(200)
        found = estimate_mean(scores, make_resampling(artists, n_draws=200, seed=repetition), np.arange(200))
        inside += found.low < 0.5 < found.high
    # Percentile intervals over 40 groups are a little narrow, and 200 draws make them ragged.
    assert 174 <= inside <= 198


def test_groups_widen_the_interval_as_they_must(rng):
    artists = np.repeat(np.arange(20), 10)
    scores = rng.standard_normal(20)[artists]
    grouped = estimate_mean(scores, make_resampling(artists, seed=0), np.arange(200))
    alone = estimate_mean(scores, make_resampling(np.arange(200), seed=0), np.arange(200))
    assert (grouped.high - grouped.low) > 2 * (alone.high - alone.low)


def test_paired_differences_are_narrower_than_single_intervals(rng):
    hard = rng.standard_normal(300)
    draws = make_resampling(np.arange(300), seed=0)
    first, second = (estimate_mean(hard + shift, draws, np.arange(300)) for shift in (0.05, 0.0))
    paired = difference(first, second)
    assert paired.value == pytest.approx(0.05)
    assert paired.low == pytest.approx(0.05)
    assert first.low < second.high
    assert difference(Estimate(1.0, None, 3), second) is None


def test_nan_is_left_out_and_sums_work(rng):
    draws = make_resampling(np.arange(10), n_draws=100, seed=0)
    found = estimate_mean(np.array([1.0] * 5 + [np.nan] * 5), draws, np.arange(10))
    assert (found.value, found.n) == (1.0, 5)
    columns = np.column_stack([np.arange(10), np.ones(10)])
    assert estimate(columns, lambda sums: sums[:, 0] / sums[:, 1], draws, np.arange(10)).value == 4.5
    with pytest.raises(ParameterError, match="0 tracks and 1000 draws"):
        make_resampling(np.array([], dtype=int))


def test_groups_fall_back_from_artists_to_albums_to_tracks():
    unknown = np.full(4, -1)
    assert independent_groups(np.array([0, 0, 1, -1]), unknown)[0].tolist() == [0, 0, 1, 5]
    assert independent_groups(np.zeros(4, dtype=int), np.array([0, 0, 1, 1]))[1] == "albums"
    assert independent_groups(unknown, unknown)[1] == "tracks"
    assert independent_groups(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3]), coarsest="albums")[1] == "albums"


def test_names_become_groups():
    assert number_groups(["Sigur Rós", "sigur ros ", None, ""]).tolist() == [0, 0, -1, -1]
    album = {"album": "Hits", "album_artist": None}
    tracks = [{**album, "artist": "A"}, {**album, "artist": "B"}, {**album, "artist": "a"}, {**album, "artist": None}]
    assert number_albums([*tracks, {"album": None, "album_artist": None, "artist": "A"}]).tolist() == [0, 1, 0, 2, -1]


def test_labels_refuse_what_tells_nothing_apart():
    with pytest.raises(ParameterError, match="2 of the 3 tracks have a label, of 1 kind: at least two"):
        make_labels(["a", "b", "c"], {"a": "x", "b": "x"}, "column style")
    with pytest.raises(ParameterError, match=r"no two tracks share a label \(2 kinds\)"):
        make_labels(["a", "b"], {"a": "x", "b": "y"}, "column style")
    labels = make_labels(["a", "b", "c", "d"], {"a": "x", "b": "y", "d": "x"}, "column style")
    assert labels.numbers.tolist() == [0, 1, -1, 0]
    dealt = shuffled(labels, 3)
    assert sorted(dealt.numbers.tolist()) == [-1, 0, 0, 1]
    assert dealt.numbers[2] == -1


def test_intervals_of_search_hold_chance_when_labels_know_nothing():
    rng = np.random.default_rng(1)
    artists, styles, rows = np.repeat(np.arange(24), 5), np.repeat(np.arange(6), 20), np.arange(120)
    inside = {"knn": 0, "map": 0, "queries alone": 0}
    for repetition in range(100):
        points = rng.standard_normal((24, 16))[artists] + rng.standard_normal((120, 16))
        labels = rng.permutation(styles)
        draws = make_resampling(artists, n_draws=200, seed=repetition)
        knn, found = knn_scores(nearest(points, 5)[0], labels), retrieval_scores(points, labels)
        expected = found.chance_precision
        for name, entry in (
            ("knn", estimate_search(knn.correct, knn.as_answer, draws, rows, chance=knn.chance)),
            ("queries alone", estimate_mean(knn.correct, draws, rows, chance=knn.chance)),
            ("map", estimate_search(found.average_precision, found.precision_as_answer, draws, rows, chance=expected)),
        ):
            inside[name] += entry.low <= entry.chance <= entry.high
    assert inside["knn"] >= 86
    assert inside["map"] >= 90
    assert inside["queries alone"] < inside["knn"]


def test_a_perfect_search_has_no_spread():
    labels = np.repeat(np.arange(5), 8)
    points = np.eye(5)[labels] + 0.01 * np.random.default_rng(0).standard_normal((40, 5))
    draws = make_resampling(np.arange(40), n_draws=100, seed=0)
    knn = knn_scores(nearest(points, 5)[0], labels)
    found = estimate_search(knn.correct, knn.as_answer, draws, np.arange(40))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
