"""`songnet evaluate`: the table, the JSON, the figure, the run, and every refusal."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from songnet.cli.app import main
from songnet.clustering.features import JOINED_WEIGHTS
from songnet.library import Library
from songnet.library.tracks import tracks_by_id

FAST = ("--draws", 100, "--seeds", 2, "--quiet", "--panels", "none")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def with_one_row_a_track(library_copy, tmp_path):
    with Library(library_copy) as library:
        return tmp_path, library_copy, tracks_by_id(library.db)


def measures(content):
    return {entry["key"]: entry for entry in content["measures"]}


def test_codes_and_joined_stand_beside_every_baseline(capsys, with_one_row_a_track):
    tmp_path, library, tracks = with_one_row_a_track
    truth = tmp_path / "truth.csv"
    # Two kinds of every artist: labels that are no artist's.
    truth.write_text("track_id,kind\n" + "".join(f"{track},{number % 2}\n" for number, track in enumerate(tracks)))
    arguments = ("evaluate", "--library", library, "--labels", truth, "--features", "codes", "--features", "joined")
    code, out, err = run(capsys, *arguments, *FAST)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("codes:cae-12x15 ")
    assert "beat" in lines[0]
    assert lines[1].startswith("joined:cae-12x15 ")
    assert "warning: only 3 artists: intervals over so few are too narrow to be trusted" in lines
    assert "12 tracks, 12 with a label (column kind of truth.csv: 2 kinds); whitened space" in out
    of_descriptors, of_codes = JOINED_WEIGHTS
    assert (
        "codes of a track: mean of its clips; whitened space: 16 principal components, shrinkage 0.3; of joined vectors"
        f" so many of each block, descriptors weigh {of_descriptors:g}, codes {of_codes:g}" in lines
    )
    for word in ("5-NN, artist-filtered", "clip-to-track AUC", "mutual proximity: skewness", "strongest rival"):
        assert word in out
    code, out, _ = run(capsys, *arguments, *FAST, "--json", "--jobs", 3)
    content = json.loads(out)
    kinds = {entry["name"]: entry["kind"] for entry in content["systems"]}
    assert kinds == {
        "codes:cae-12x15": "codes", "joined:cae-12x15": "joined", "descriptors": "descriptors",
        "random:cae-12x15": "baseline", "random joined:cae-12x15": "baseline", "MFCC + PCA": "baseline",
        "MFCC standard": "baseline", "bliss-style": "baseline", "loudness": "baseline",
    }  # fmt: skip
    assert {"knn", "knn_artist", "probe_balanced", "ami", "map_artist", "clip_auc", "mp_skew"} <= set(measures(content))
    for entry in measures(content)["clip_auc"]["systems"].values():
        assert 0 <= entry["low"] <= entry["value"] <= entry["high"] <= 1
    assert content["verdict"].splitlines() == lines[:3]
    assert content["settings"]["aggregate"] == "mean"
    assert content["settings"]["joined_weights"] == list(JOINED_WEIGHTS)
    figures = [Path(path) for path in content["figures"]]
    assert [path.name for path in figures] == ["evaluation.png", "evaluation.svg"]
    assert all(path.stat().st_size > 1000 for path in figures)
    with Library(library) as opened:
        rows = opened.db.execute("SELECT status, summary FROM runs WHERE command = 'evaluate'").fetchall()
    assert [row["status"] for row in rows] == ["done", "done"]
    assert json.loads(rows[0]["summary"])["verdict"] == content["verdict"]


def test_without_labels_and_with_foreign_vectors(capsys, with_one_row_a_track):
    tmp_path, library, tracks = with_one_row_a_track
    artists = sorted({track["artist"] for track in tracks.values()})
    known = np.eye(3)[[artists.index(track["artist"]) for track in tracks.values()]]
    noisy = known + 0.01 * np.random.default_rng(0).standard_normal(known.shape)
    np.savez(tmp_path / "known.npz", track_ids=np.array(list(tracks)), vectors=noisy)
    code, out, err = run(
        capsys, "evaluate", "--library", library, "--vectors", tmp_path / "known.npz", "--space", "raw", *FAST,
        "--no-figures", "--json",
    )  # fmt: skip
    assert code == 0, err
    content = json.loads(out)
    assert content["labels"] is None
    found = measures(content)
    assert found["map_artist"]["systems"]["vectors:known"]["value"] == pytest.approx(1.0)
    assert set(found["clip_auc"]["not_told"]) == {"vectors:known"}
    assert "random:contrastive" in found["clip_auc"]["systems"]
    assert content["figures"] == []
    assert content["settings"]["space"] == "raw"
    assert content["settings"]["joined_weights"] is None


def test_a_tag_and_its_control(capsys, with_one_row_a_track):
    _, library, _ = with_one_row_a_track
    arguments = ("evaluate", "--library", library, "--tag", "artist", "--features", "descriptors", "--no-figures")
    code, out, _ = run(capsys, *arguments, *FAST, "--json")
    content = json.loads(out)
    assert code == 0
    assert measures(content)["knn"]["systems"]["descriptors"]["value"] > 0.6
    assert "knn_artist" not in measures(content)
    assert content["labels"] == {"what": "tag artist", "names": ["Noises", "Sines", "Squares"]}
    code, out, _ = run(capsys, *arguments, *FAST, "--control", "shuffled-labels")
    assert code == 0
    assert out.startswith("CONTROL: tag artist, shuffled: ")
    assert "intervals of label measures hold chance" in out.splitlines()[0]


def test_every_refusal_is_one_line(capsys, with_one_row_a_track, tmp_path):
    _, library, tracks = with_one_row_a_track
    one = tmp_path / "one.csv"
    one.write_text("track_id,label\n" + "".join(f"{track},same\n" for track in tracks))
    np.savez(tmp_path / "few.npz", track_ids=np.array(list(tracks)[:4]), vectors=np.ones((4, 2)))
    np.savez(tmp_path / "alien.npz", track_ids=np.array(["zz"]), vectors=np.ones((1, 2)))
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    refusals = [
        (("--model", "nothing"), 2, "the library has no model 'nothing'; it has: cae-12x15"),
        (("--model", "cae-12x15", "--all-models"), 2, "--all-models and --model name models: give one of them"),
        (("--labels", one, "--label-column", "style"), 2, "has no column 'style'"),
        (("--labels", one), 2, "12 of the 12 tracks have a label, of 1 kind: at least two kinds are needed"),
        (("--labels", tmp_path / "none.csv"), 2, "cannot read the labels"),
        (("--tag", "genre"), 2, "no track of this library has a tag genre"),
        (("--tag", "mood"), 2, "--tag is 'mood'; choose one of: genre, artist, album"),
        (("--label-column", "style"), 2, "--label-column names a column of --labels FILE"),
        (("--vectors", tmp_path / "few.npz"), 2, "4 track(s) have all the vectors that were asked for"),
        (("--vectors", tmp_path / "alien.npz"), 2, "1 of the 1 tracks in track_ids are not in this library"),
        (("--vectors", tmp_path / "broken.npz"), 2, "is no readable .npz file"),
        (("--control", "shuffled-labels"), 2, "--control shuffled-labels needs labels"),
        (("--aggregate", "tfidf"), 2, "the library has no tfidf vectors of model 'cae-12x15'"),
        (("--features", "mfcc"), 2, "--features is 'mfcc'"),
        (("--panels", "mood"), 2, "--panels names 'mood'; choose among: nuisance, invariance, collapse, all, none"),
        (("--invariance-tracks", 0), 2, "--invariance-tracks is 0; it must lie between 1 and 10000"),
        (("--k", 0), 2, "--k is 0; it must lie between 1 and 100"),
        (("--mutual-proximity", "local"), 2, "choose one of: gaussian, empirical, none"),
    ]
    for arguments, expected, message in refusals:
        code, out, err = run(capsys, "evaluate", "--library", library, *FAST, *arguments)
        assert (code, out) == (expected, ""), arguments
        assert message in err, err
        assert len(err.strip().splitlines()) == 1


def test_a_library_without_music_says_what_to_do(capsys, tmp_path):
    with Library(tmp_path / "empty", write=True, create=True):
        pass
    code, _, err = run(capsys, "evaluate", "--library", tmp_path / "empty", *FAST)
    assert code == 2
    assert "has no mel images of songnet-8 to make baselines of: run `songnet embed FOLDER` first" in err
    code, _, err = run(capsys, "evaluate", "--library", tmp_path / "empty", "--features", "joined", *FAST)
    assert code == 2
    assert "has no trained model: `songnet embed FOLDER --model contrastive` trains one" in err
    assert "--features descriptors needs none" in err
    code, _, err = run(capsys, "evaluate", "--library", tmp_path / "empty", "--features", "descriptors", *FAST)
    assert code == 2
    assert "has no mel images of songnet-8 to make baselines of" in err


def test_a_library_without_a_model_has_its_descriptors_evaluated(capsys, with_one_row_a_track):
    _, library, _ = with_one_row_a_track
    shutil.rmtree(library / "models" / "cae-12x15")
    code, out, err = run(capsys, "evaluate", "--library", library, "--no-figures", *FAST)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("descriptors ")
    assert lines[1].startswith("warning: the library has no trained model, so its descriptors were evaluated")


def test_panels_are_printed_drawn_and_told_in_json(capsys, with_one_row_a_track):
    _, library, _ = with_one_row_a_track
    arguments = ("evaluate", "--library", library, "--draws", 100, "--seeds", 2, "--quiet")
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    lines = out.splitlines()
    assert any(line.startswith("nuisance: what can be read from the vectors and should not") for line in lines)
    assert "loudness: 12 tracks in 3 groups are too few: 20 in 8 are needed" in lines
    assert "sample rate: nothing to read: 22050 for all 12 tracks" in lines
    table = lines[lines.index("collapse: does the code use its dimensions?") + 2 :]
    assert [row.split()[0] for row in table[:2]] == ["codes:cae-12x15", "random:cae-12x15"]
    assert "24 clips" in table[0]
    code, out, _ = run(capsys, *arguments, "--panels", "invariance", "--invariance-tracks", 1, "--json")
    content = json.loads(out)
    assert code == 0
    assert set(content["panels"]["invariance"]) == {
        "codes:cae-12x15", "random:cae-12x15", "MFCC statistics", "descriptors"
    }  # fmt: skip
    assert content["panels"]["collapse"] is None
    names = {Path(path).stem for path in content["figures"]}
    assert names == {"evaluation", "invariance-clip", "invariance-track"}


def test_figures_stay_with_the_model(capsys, with_one_row_a_track):
    tmp_path, library, tracks = with_one_row_a_track
    arguments = ("evaluate", "--library", library, *FAST, "--no-figures")
    stored = library / "models" / "cae-12x15" / "evaluation.json"
    truth = tmp_path / "truth.csv"
    truth.write_text("track_id,kind\n" + "".join(f"{track},{number % 2}\n" for number, track in enumerate(tracks)))
    # Neither somebody's file, nor a control, nor what has no codes, is the model's own evidence.
    for others in (("--labels", truth), ("--tag", "artist", "--control", "shuffled-labels"), ("--features", "joined")):
        code, out, _ = run(capsys, *arguments, *others, "--json")
        assert (code, json.loads(out)["stored"], stored.exists()) == (0, [], False)
    code, out, _ = run(capsys, *arguments, "--tag", "artist", "--panels", "collapse")
    assert code == 0
    assert out.splitlines()[-1] == f"stored with cae-12x15: songnet models show NAME --library {library}"
    content = json.loads(stored.read_text())
    assert (content["settings"]["aggregate"], content["settings"]["space"]) == ("mean", "whitened")
    figures = {entry["measure"]: entry for entry in content["figures"]}
    assert len(figures) == len(content["figures"]) <= 200
    assert {"5-NN, unfiltered (tag artist)", "clip-to-track AUC", "clip-to-track AUC: MFCC + PCA"} <= set(figures)
    auc = figures["clip-to-track AUC"]
    assert 0 <= auc["low"] <= auc["value"] <= auc["high"] <= 1
    assert figures["hubness: largest hub"]["low"] is None
    code, out, err = run(capsys, "models", "show", "cae-12x15", "--library", library)
    assert code == 0, err
    assert f"{auc['value']:.4g}" in out
    assert "5-NN, unfiltered (tag artist)" in out
    assert list(stored.parent.glob(".*")) == []
