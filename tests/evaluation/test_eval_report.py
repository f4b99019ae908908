"""A whole evaluation of planted vectors: verdicts, filters, controls, what does not change anything."""

from pathlib import Path

import numpy as np
import pytest

from songnet.config import ImageConfig
from songnet.errors import ParameterError
from songnet.evaluation.clips import Parts
from songnet.evaluation.evaluate import measure
from songnet.evaluation.gather import Gathered
from songnet.evaluation.labels import make_labels, shuffled
from songnet.evaluation.points import points_of
from songnet.evaluation.settings import Asked, EvaluationConfig
from songnet.evaluation.systems import System
from songnet.evaluation.verdict import compare_systems, verdict_of

N, N_ARTISTS, N_STYLES = 240, 48, 4
IDS = [f"track-{number:03d}" for number in range(N)]
ARTIST = np.arange(N) // (N // N_ARTISTS)
STYLE = ARTIST % N_STYLES
CONFIG = EvaluationConfig(n_draws=200, n_seeds=3, n_components=12)
LABELS = make_labels(IDS, {track: f"style {STYLE[n]}" for n, track in enumerate(IDS)}, "column style")


def tracks():
    tag = {"album_artist": None, "genre": None}
    return {
        track: {**tag, "artist": f"artist {ARTIST[n]}", "album": f"album {n % 2}"} for n, track in enumerate(IDS)
    }  # fmt: skip


def system(name, vectors, kind="baseline", clip_noise=0.05, **others):
    rng = np.random.default_rng(9)
    owners = np.repeat(np.array(IDS, dtype=object), 2)
    clips = np.repeat(vectors, 2, axis=0) + clip_noise * rng.standard_normal((2 * N, vectors.shape[1]))
    parts = Parts(owners, np.tile([0, 1], N), clips.astype(np.float32))
    return System(name, kind, IDS, vectors.astype(np.float32), parts, **others)


def planted(rng, by, n_groups, noise):
    return rng.standard_normal((n_groups, 12))[by] + noise * rng.standard_normal((N, 12))


def run(systems, labels=LABELS, config=CONFIG, **others):
    asked = others.pop("asked", Asked())
    gathered = Gathered(systems, IDS, None, [], [], ImageConfig(), systems[0], [])
    return measure(gathered, labels, tracks(), asked, config, **others)


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(4)
    return run(
        [
            system("codes:style", planted(rng, STYLE, N_STYLES, 0.05), kind="codes"),
            system("codes:artist", planted(rng, ARTIST, N_ARTISTS, 0.02), kind="codes"),
            system("codes:noise", rng.standard_normal((N, 12)), kind="codes"),
            system("random:style", rng.standard_normal((N, 12)), clip_noise=5.0),
            system("loudness", rng.standard_normal((N, 1)), clip_noise=5.0),
        ]
    )


def test_planted_labels_are_found_whatever_the_filter(report):
    row = report.table["codes:style"]
    for key in ("knn", "knn_artist", "knn_album", "probe_balanced", "ami", "nmi", "ari", "map_label", "recall_label"):
        assert row[key].value == pytest.approx(1.0), key
    assert row["clip_auc"].value > 0.75


def test_vectors_that_know_the_artist_alone_fail_the_filter(report):
    row = report.table["codes:artist"]
    assert row["knn"].value > 0.95
    assert row["map_artist"].value > 0.95
    assert row["map_label_artist"].value < row["map_label"].value
    assert row["knn_artist"].value < 0.4
    assert row["knn_artist"].low < 0.25 + 0.1
    assert row["clip_auc"].value > 0.95


def test_random_vectors_lie_at_chance(report):
    row = report.table["codes:noise"]
    for key in ("knn", "knn_artist", "probe_balanced", "ami", "ari", "map_artist", "map_album"):
        assert row[key].low <= row[key].chance <= row[key].high, key


def test_the_verdict_says_who_is_best(report):
    first, second, third = report.verdict.splitlines()
    assert first == (
        "codes:style beats every baseline on all 7 questions (5-NN, artist-filtered; linear probe, balanced; k-means"
        " AMI; mAP, same label, artist-filtered; mAP, same artist; mAP, same album; clip-to-track AUC)"
    )
    assert second.startswith("codes:artist does NOT beat every baseline: better than all of them on 4 of 7 questions")
    assert "mAP, same artist" in second.partition("(")[2].partition(")")[0]
    assert "5-NN, artist-filtered" not in second.partition("(")[2].partition(")")[0]
    assert third.startswith("codes:noise does NOT beat every baseline")
    assert "random:style" in third or "loudness" in third
    assert report.measures[:3] == ["knn_artist", "knn_album", "knn"]


def test_a_random_encoder_never_wins_silently():
    rng = np.random.default_rng(4)
    found = run(
        [
            system("codes:weak", planted(rng, STYLE, N_STYLES, 2.0), kind="codes"),
            system("random:weak", planted(rng, STYLE, N_STYLES, 0.05)),
        ]
    )
    assert "better than all of them on 1 of 7 questions (clip-to-track AUC)" in found.verdict
    assert "best instead: random:weak (5-NN, artist-filtered" in found.verdict


def test_equal_systems_are_too_close_to_tell():
    vectors = planted(np.random.default_rng(4), STYLE, N_STYLES, 1.0)
    found = run([system("codes:same", vectors, kind="codes"), system("random:same", vectors)])
    assert "on 0 of 7 questions; too close to tell from random:same" in found.verdict
    assert {entry.difference.value for entry in found.differences} == {0.0}


def test_shuffled_labels_lie_at_chance():
    rng = np.random.default_rng(4)
    asked = Asked(tag="genre", control="shuffled-labels")
    found = run(
        [system("codes:style", planted(rng, STYLE, N_STYLES, 0.05), kind="codes")], shuffled(LABELS, 0), asked=asked
    )
    assert found.verdict.startswith(
        "CONTROL: column style, shuffled: 11 of 11 intervals of label measures hold chance\n"
    )
    for key in ("knn", "knn_artist", "knn_album", "probe_balanced", "ami", "ari", "map_label", "map_label_artist"):
        entry = found.table["codes:style"][key]
        assert entry.low <= entry.chance <= entry.high, key


def test_threads_change_nothing(report):
    rng = np.random.default_rng(4)
    systems = [system("codes:style", planted(rng, STYLE, N_STYLES, 1.0), kind="codes")]
    assert run(systems, n_threads=1).to_json() == run(systems, n_threads=3).to_json()


def test_without_labels_there_are_clips_tags_and_hubs():
    vectors = planted(np.random.default_rng(4), STYLE, N_STYLES, 1.0)
    found = run([system("codes:a", vectors, kind="codes"), system("b", vectors)], None)
    assert "knn" not in found.table["codes:a"]
    assert {"map_artist", "map_album", "clip_auc", "hub_skew", "mp_skew"} <= set(found.table["codes:a"])
    content = found.to_json()
    assert content["labels"] is None
    assert {entry["key"] for entry in content["measures"]} == set(found.measures)
    assert content["settings"]["intervals_over"] == "artists"


def test_what_cannot_be_told_is_told_so():
    vectors = planted(np.random.default_rng(4), STYLE, N_STYLES, 1.0)
    bare = System("vectors:bare", "vectors", IDS, vectors.astype(np.float32))
    flat = System("loudness", "baseline", IDS, np.ones((N, 1), dtype=np.float32))
    found = run([bare, flat])
    assert found.untold["vectors:bare"]["clip_auc"].startswith("there are no vectors of single clips")
    assert found.warnings == ("a baseline is missing: the vectors of loudness of all 240 tracks are identical: there is"
                              " nothing to cluster",)  # fmt: skip
    assert found.verdict == "vectors:bare: no measure could be compared with a baseline"
    with pytest.raises(ParameterError, match=r"vectors of codes:flat of all 240 tracks are identical"):
        run([System("codes:flat", "codes", IDS, np.ones((N, 2), dtype=np.float32))])


def test_an_artist_tag_is_not_filtered_by_artist():
    labels = make_labels(IDS, {track: f"artist {ARTIST[n]}" for n, track in enumerate(IDS)}, "tag artist", "artist")
    vectors = planted(np.random.default_rng(4), ARTIST, N_ARTISTS, 0.05)
    row = run([system("codes:a", vectors, kind="codes"), system("b", vectors)], labels).table["codes:a"]
    assert "knn_artist" not in row
    assert row["knn"].value > 0.95
    assert row["map_label"].value > 0.95
    assert "map_artist" not in row


def test_joined_codes_must_beat_the_descriptors_too():
    vectors = planted(np.random.default_rng(4), STYLE, N_STYLES, 1.0)
    systems = [
        system("joined:a", vectors, kind="joined"),
        system("codes:a", vectors, kind="codes"),
        system("descriptors", vectors, kind="descriptors"),
        system("random joined:a", vectors, rival_of="joined"),
    ]
    table = run(systems).table
    rivals = {(entry.system, entry.rival) for entry in compare_systems(systems, table)}
    assert rivals == {("joined:a", "descriptors"), ("joined:a", "random joined:a")}
    assert verdict_of("codes:a", [], {}) == "codes:a: no measure could be compared with a baseline"


def test_one_number_is_laid_on_half_a_circle(rng):
    values = rng.standard_normal((50, 1))
    points = points_of(values, "whitened").astype(np.float64)
    similarities = points @ points.T
    gaps = np.abs(values - values.T)
    np.testing.assert_array_equal(np.argsort(-similarities[7]), np.argsort(gaps[7]))
    with pytest.raises(ParameterError, match="choose one of: whitened, standard, raw"):
        points_of(values, "cosine")


def test_settings_refuse_what_contradicts_itself():
    with pytest.raises(ParameterError, match="--control shuffled-labels needs labels"):
        Asked(control="shuffled-labels")
    with pytest.raises(ParameterError, match="--labels and --tag both name labels"):
        Asked(labels=Path("a.csv"), tag="genre")
    with pytest.raises(ParameterError, match=r"--features is 'mfcc'; choose one of: descriptors, codes, joined"):
        Asked(features=("mfcc",))
    with pytest.raises(ParameterError, match=r"--k is 0; it must lie between 1 and 100"):
        EvaluationConfig(k=0)
    with pytest.raises(ParameterError, match="--space is 'flat'; choose one of: whitened, standard, raw"):
        EvaluationConfig(space="flat")
