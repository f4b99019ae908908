"""What can be read from vectors: planted answers are found, and nothing is found where nothing is."""

import json

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from songnet.errors import ParameterError
from songnet.evaluation.folds import grouped_folds
from songnet.evaluation.panels.nuisance import nuisance_panel
from songnet.evaluation.panels.nuisance_clusters import explained_by_clusters
from songnet.evaluation.panels.nuisance_probe import logistic_scores, ridge_errors, weighted_auc
from songnet.evaluation.panels.nuisance_readout import read_out
from songnet.evaluation.panels.nuisance_values import Nuisance


def number(values, name="loudness", unit="dBFS"):
    return Nuisance(name, "number", unit, np.asarray(values, dtype=np.float64))


def classes(values, name="codec"):
    column = np.empty(len(values), dtype=object)
    column[:] = list(values)
    return Nuisance(name, "class", "", column)


def artists(n_artists, each):
    return np.repeat(np.arange(n_artists), each)


def test_loudness_planted_in_the_vectors_is_read(rng):
    loudness = rng.normal(-20, 4, 240)
    X = np.column_stack([loudness + rng.normal(0, 0.5, 240), rng.standard_normal((240, 15))])
    found = read_out(X, number(loudness), artists(60, 4))
    # Noise of 0.5 dB on a spread of 4 dB: at most 1 - 0.25 / 16.25 can be predicted.
    assert 0.96 < found.value < 0.99
    assert found.low <= found.value <= found.high
    assert found.low > 0.95
    assert abs(found.chance) < 0.05
    assert found.readable


def test_random_vectors_tell_nothing(rng):
    groups = artists(60, 4)
    found = read_out(rng.standard_normal((240, 30)), number(rng.normal(-20, 4, 240)), groups)
    assert found.low <= 0.02
    assert found.value < 0.05
    assert not found.readable
    codec = read_out(rng.standard_normal((240, 30)), classes(rng.choice(["mp3", "flac", "aac"], 240)), groups)
    assert 0.4 < codec.value < 0.6
    assert codec.low < 0.5
    assert not codec.readable


def test_scores_of_random_vectors_are_at_chance_on_average(rng):
    # Compared across folds, they would fall below 0.5: a fold with more of a class was scored by one with less.
    areas = []
    for seed in range(8):
        folds = grouped_folds(artists(40, 3), seed=seed)
        positive = rng.random((120, 2)) < 0.3
        with threadpool_limits(1):
            scores = logistic_scores(rng.standard_normal((120, 6)), positive, folds)
        once = np.ones((1, 120))
        areas += [weighted_auc(scores[:, c], positive[:, c], once, folds)[0] for c in range(2)]
    assert abs(np.mean(areas) - 0.5) < 3 * np.std(areas) / np.sqrt(len(areas))


def test_more_columns_than_tracks_are_no_obstacle(rng):
    loudness = rng.normal(0, 1, 90)
    X = np.column_stack([loudness * 5] * 100 + [rng.standard_normal((90, 100))])
    assert read_out(X, number(loudness), artists(30, 3)).value > 0.9
    codec = np.where(loudness > 0, "mp3", "flac")
    assert read_out(X, classes(codec), artists(30, 3)).value > 0.95


def test_an_artist_is_not_read_for_the_year_of_the_artist(rng):
    # Vectors that name the artist, and a year for each artist: ungrouped folds look the year up, grouped ones cannot.
    groups = artists(40, 6)
    X = rng.standard_normal((40, 20))[groups] + 0.05 * rng.standard_normal((240, 20))
    year = number(rng.integers(1970, 2020, 40)[groups], "year")
    assert read_out(X, year, groups).value < 0.1
    assert not read_out(X, year, groups).readable
    assert read_out(X, year, np.arange(240)).value > 0.3


def test_classes_are_told_apart_and_rare_ones_left_out(rng):
    codec = np.array(["mp3", "flac", "aac"] * 60 + ["opus"] * 3)
    X = np.column_stack([codec == "mp3", codec == "flac"]) + 0.05 * rng.standard_normal((183, 2))
    found = read_out(X, classes(codec), np.arange(183))
    assert found.measure == "auc"
    # Between mp3 and flac, aac is no end of a line, but of the plane: every class against the rest is separable.
    assert found.value > 0.98
    assert found.classes == ("aac", "flac", "mp3")
    assert found.note == "1 rare classes left out"


def test_what_cannot_be_read_is_told_in_words(rng):
    X, groups = rng.standard_normal((40, 3)), artists(20, 2)

    def note(nuisance, groups=groups):
        found = read_out(X, nuisance, groups)
        assert found.value is None
        assert not found.readable
        return found.note

    assert note(classes(["mp3"] * 40)) == "nothing to read: mp3 for all 40 tracks"
    assert note(number([44_100.0] * 40, unit="Hz")) == "nothing to read: 44100 Hz for all 40 tracks"
    assert note(number([np.nan] * 40)) == "unknown for all tracks"
    assert note(classes([None] * 40)) == "unknown for all tracks"
    assert note(number([0.0] * 37 + [1.0, 2.0, 3.0])) == "nothing to read: only 3 of 40 tracks differ from 0"
    assert note(classes(["mp3"] * 38 + ["aac", "flac"])) == "nothing to read: fewer than two classes have 8 tracks"
    few = artists(4, 10)
    assert note(number(rng.random(40)), few) == "40 tracks in 4 groups are too few: 20 in 8 are needed"


def test_unknown_values_are_left_out_and_nothing_else(rng):
    loudness = rng.normal(0, 1, 100)
    X = loudness[:, None] + 0.1 * rng.standard_normal((100, 1))
    loudness[:30] = np.nan
    found = read_out(X, number(loudness), np.arange(100))
    assert found.n_tracks == 70
    assert found.value > 0.95


def test_folds_never_part_a_group_and_are_about_equal(rng):
    groups = rng.integers(0, 30, 200)
    folds = grouped_folds(groups)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    sizes = np.bincount(folds)
    assert len(sizes) == 5
    assert sizes.max() - sizes.min() <= np.bincount(groups).max()
    assert sorted(grouped_folds(np.array([4, 5, 6])).tolist()) == [0, 1, 2]
    with pytest.raises(ParameterError, match="n_folds is 1; it must be 2 or more"):
        grouped_folds(groups, n_folds=1)


def test_ridge_is_never_much_worse_than_the_mean(rng):
    X, Y = rng.standard_normal((100, 80)), rng.standard_normal((100, 6))
    residual, baseline = ridge_errors(X, Y, np.arange(100) % 5)
    assert (residual.sum(axis=0) < 1.15 * baseline.sum(axis=0)).all()


def test_auc_by_hand_and_within_folds():
    scores = np.array([1.0, 2.0, 11.0, 12.0])
    positive = np.array([False, True, False, True])
    assert weighted_auc(scores, positive, np.ones((1, 4))).tolist() == [0.75]
    assert weighted_auc(scores, positive, np.ones((1, 4)), np.array([0, 0, 1, 1])).tolist() == [1.0]
    # A track that is drawn twice counts twice, one that is not drawn does not.
    twice = np.array([[1.0, 1.0, 2.0, 1.0], [1.0, 0.0, 1.0, 0.0]])
    found = weighted_auc(scores, positive, twice)
    assert found[0] == pytest.approx(4 / 6)
    assert np.isnan(found[1])


def test_clusters_made_of_loudness_are_explained_by_it(rng):
    loudness = rng.normal(0, 1, 200)
    labels = 1 + np.searchsorted(np.quantile(loudness, [0.25, 0.5, 0.75]), loudness)
    found = explained_by_clusters(number(loudness), labels)
    assert found.ami > 0.6  # quarters against fifths
    assert found.eta_squared > 0.8
    assert found.ami_p == found.eta_p == 1 / 1000
    # The expectation under no relation is (k - 1) / (n - 1).
    assert found.eta_chance == pytest.approx(3 / 199, abs=0.003)


def test_clusters_at_random_are_not_explained(rng):
    labels = rng.integers(1, 5, 200)
    found = explained_by_clusters(number(rng.normal(0, 1, 200)), labels)
    assert abs(found.ami) < 0.05
    assert found.ami_p > 0.01
    assert found.eta_p > 0.01
    codec = explained_by_clusters(classes(rng.choice(["mp3", "flac"], 200)), labels)
    assert codec.ami_p > 0.01
    assert codec.eta_squared is None


def test_noise_and_unknown_are_left_out_and_constants_told(rng):
    labels = np.array([1, 1, 2, 2, -1, 1])
    found = explained_by_clusters(number([1, 1, 5, 5, 99, np.nan]), labels, n_permutations=9)
    assert (found.n_tracks, found.eta_squared) == (4, 1.0)
    assert explained_by_clusters(classes(["mp3"] * 6), labels).note == "nothing to explain: one value"
    assert explained_by_clusters(number(range(6)), np.ones(6)).note == "nothing to explain: one cluster"
    assert explained_by_clusters(number([np.nan] * 6), labels).note == "nothing to explain: no known value"


def test_artists_are_no_independent_cases(rng):
    # Ten artists, each with a year and a cluster of its own choosing: over tracks that is a wonder, over artists not.
    groups = artists(10, 20)
    year = number(rng.integers(1980, 2020, 10)[groups])
    labels = rng.integers(1, 4, 10)[groups]
    assert explained_by_clusters(year, labels).ami_p == 1 / 1000
    assert explained_by_clusters(year, labels, groups=groups).ami_p > 0.01


def test_a_value_that_most_tracks_share_is_one_bin(rng):
    silence = np.zeros(100)
    silence[:12] = rng.random(12)
    labels = np.where(silence > 0, 1, 2)
    assert explained_by_clusters(number(silence), labels).ami == pytest.approx(1.0)


def test_panel_puts_baselines_beside_and_is_repeatable(rng):
    loudness = rng.normal(-20, 4, 120)
    vectors = {
        "codes": np.column_stack([loudness, rng.standard_normal((120, 4))]),
        "baseline": rng.standard_normal((120, 5)),
    }
    nuisances = (number(loudness), classes(["mp3"] * 120))
    labels = 1 + (loudness > -20)
    run = {"labels": labels, "n_bootstrap": 200, "seed": 3}
    report = nuisance_panel(vectors, nuisances, artists(30, 4), **run)
    assert report.subject == "codes"
    assert [(each.vectors, each.nuisance) for each in report.readouts] == [
        (name, nuisance) for name in vectors for nuisance in ("loudness", "codec")
    ]
    assert report.of("codes")[0].value > 0.9
    assert report.of("baseline")[0].value < 0.1
    assert report.clusters[0].eta_p == 1 / 1000
    again = nuisance_panel(vectors, nuisances, artists(30, 4), **run)
    text = json.dumps(report.to_json(), allow_nan=False)
    assert text == json.dumps(again.to_json())
    assert json.loads(text)["readouts"][0]["readable"] is True


def test_panel_samples_large_libraries_and_refuses_misfits(rng):
    X = rng.standard_normal((100, 3))
    report = nuisance_panel({"codes": X}, [number(X[:, 0])], np.arange(100), max_tracks=60, n_bootstrap=20)
    assert (report.n_tracks, report.n_left_out, report.readouts[0].n_tracks) == (60, 40, 60)
    with pytest.raises(ParameterError, match="loudness has 99 rows for 100 tracks"):
        nuisance_panel({"codes": X}, [number(range(99))], np.arange(100))
    with pytest.raises(ParameterError, match="vectors of codes must be"):
        nuisance_panel({"codes": X * np.nan}, [], np.arange(100))
    with pytest.raises(ParameterError, match="no vectors"):
        nuisance_panel({}, [], np.arange(100))
