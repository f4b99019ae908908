"""`songnet compare-neighbours`: planted and random playlists of a real library, and what it refuses."""

import json

import numpy as np
import pytest

from songnet.cli.app import main
from songnet.library import Library
from songnet.library.tracks import upsert_track

N_TRACKS, N_KINDS = 60, 3
IDS = [f"t{number:02d}" for number in range(N_TRACKS)]


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def library(tmp_path):
    """60 tracks of 20 artists, each artist of one kind; playlists keep to a kind. There is no audio."""
    path = tmp_path / "library"
    with Library(path, write=True, create=True) as made, made.db:
        for number, track in enumerate(IDS):
            values = {"title": f"Song {number}", "artist": f"Artist {number % 21}", "album": f"Album {number // 2}"}
            upsert_track(made.db, {"track_id": track, "source": "image", **values})
    return path


@pytest.fixture
def planted(capsys, library, tmp_path):
    rng = np.random.default_rng(0)
    lines = ["playlist,artist,title"]
    for playlist in range(60):
        for number in rng.choice(np.arange(playlist % N_KINDS, N_TRACKS, N_KINDS), 5, replace=False):
            lines.append(f"P{playlist},Artist {number % 21},Song {number}")
    (tmp_path / "lists.csv").write_text("\n".join(lines) + "\n")
    assert run(capsys, "playlists", "import", tmp_path / "lists.csv", "--library", library, "-q")[0] == 0
    return library


@pytest.fixture
def vectors(tmp_path):
    """Vectors that know the kind; one more track than the library has."""
    rng = np.random.default_rng(1)
    kinds = np.eye(N_KINDS)[np.arange(N_TRACKS + 1) % N_KINDS] + 0.2 * rng.standard_normal((N_TRACKS + 1, N_KINDS))
    np.savez(tmp_path / "mine.npz", track_ids=np.array([*IDS, "elsewhere"]), vectors=kinds)
    return tmp_path / "mine.npz"


def test_planted_playlists_are_foreseen_by_vectors_of_a_file(capsys, planted, vectors):
    arguments = ("compare-neighbours", "--library", planted, "--vectors", vectors, "--draws", 99, "--pairs", "all")
    code, out, err = run(capsys, *arguments, "--json")
    content = json.loads(out)
    assert code == 0
    assert "rank neighbours: 300/300" in err
    assert "exchange sound: 792/792" in err
    assert (content["n_tracks"], content["n_playlists"], content["n_entries"]) == (60, 60, 300)
    assert (content["features"], content["headline"]) == ("vectors of mine.npz", "without same artist")
    leading = content["settings"]["without same artist"]
    assert leading["scores"]["sound"]["auc"]["low"] > 0.8
    assert leading["scores"]["popularity"]["auc"]["value"] == pytest.approx(0.5, abs=0.03)
    assert leading["null_artists"]["p"] == 0.01
    assert "mfcc" not in leading["scores"]
    assert sorted(path.rpartition("/")[2] for path in content["figures"]) == ["neighbours.png", "neighbours.svg"]
    assert (planted / "reports" / "compare-neighbours-mine-all" / "neighbours.png").is_file()
    code, out, err = run(capsys, *arguments, "--no-figures", "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith(content["verdict"] + "\nwarning: no MFCC baseline: ")
    assert "vectors of mine.npz: 60 tracks in 60 playlists, 5 folds, 300 of 300 entries asked for, all pairs" in out
    for setting in content["settings"]:
        assert f"\n{setting}: 300 queries, " in out
    assert "figures" not in out
    code, out, _ = run(capsys, *arguments, "--json", "--quiet", "--no-figures", "--control", "shuffled", "--seed", 3)
    control = json.loads(out)
    assert "do not stand together" in control["verdict"]
    assert (control["control"], control["figures"]) == ("shuffled", [])
    mine = control["settings"]["without same artist"]["scores"]["sound"]["auc"]
    assert mine["low"] < 0.5 < mine["high"]


def test_descriptors_and_codes_of_a_library_with_audio(capsys, library_copy, tmp_path):
    lines = ["playlist,artist,title"]
    with Library(library_copy) as opened:
        rows = opened.db.execute("SELECT artist, title FROM tracks ORDER BY artist, title").fetchall()
    for playlist in range(12):
        for number in range(4):
            artist, title = rows[(playlist % 3 * 4 + number) if playlist < 9 else (playlist + 3 * number) % 12]
            lines.append(f"P{playlist},{artist},{title}")
    (tmp_path / "lists.csv").write_text("\n".join(lines) + "\n")
    assert run(capsys, "playlists", "import", tmp_path / "lists.csv", "--library", library_copy, "-q")[0] == 0
    for flags, what in (
        ((), "descriptors of "),
        (("--features", "joined"), "joined"),
        (("--features", "codes"), "codes"),
    ):
        code, out, _ = run(
            capsys, "compare-neighbours", "--library", library_copy, *flags, "--folds", 3, "--draws", 99, "--json",
            "--quiet", "--no-figures",
        )  # fmt: skip
        content = json.loads(out)
        assert code == 0
        assert what in content["features"]
        assert content["n_tracks"] == 12
        scores = content["settings"]["all artists and albums"]["scores"]
        assert set(scores) == {"sound", "mfcc", "loudness", "popularity", "random", "playlists"}
        assert scores["sound"]["mrr"]["value"] > 0
        assert any(warning.startswith("few playlists: ") for warning in content["warnings"])


def test_settings_come_from_a_file(capsys, planted, vectors, tmp_path):
    (tmp_path / "settings.toml").write_text('[cluster]\nfeatures = "codes"\n')
    code, _, err = run(capsys, "compare-neighbours", "--library", planted, "--config", tmp_path / "settings.toml")
    assert code == 2
    assert "model" in err
    (tmp_path / "settings.toml").write_text("[cluster]\nneighbours = 3\n")
    code, _, err = run(capsys, "compare-neighbours", "--library", planted, "--config", tmp_path / "settings.toml")
    assert code == 2
    assert "unknown key 'neighbours'" in err


def test_refusals_are_one_line(capsys, library, planted, vectors, tmp_path):
    def refused(*flags, at=planted):
        code, out, err = run(capsys, "compare-neighbours", "--library", at, "-q", *flags)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        return err

    assert "has no mel images" in refused()
    assert "--pairs is 'old'; choose one of: new, all, auto" in refused("--pairs", "old")
    assert "--control is 'x'; there is: shuffled" in refused("--control", "x")
    assert "leave --features and --model away" in refused("--vectors", vectors, "--features", "codes")
    assert "cluster.features is 'sound'" in refused("--features", "sound")
    assert "61 folds of 60 playlists; choose 2 to 60" in refused("--vectors", vectors, "--folds", 61)
    assert "cannot read the vectors" in refused("--vectors", tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", track_ids=np.array(["x", "y"]), vectors=np.eye(2))
    assert "no playlist names a track that there are features of" in refused("--vectors", tmp_path / "other.npz")
    np.savez(tmp_path / "few.npz", track_ids=np.array(["t00", "t01"]), vectors=np.eye(2))
    assert "0 playlist(s) hold two or more" in refused("--vectors", tmp_path / "few.npz")
    with Library(tmp_path / "empty", write=True, create=True):
        pass
    assert "has no playlists: songnet playlists import PATH" in refused("--vectors", vectors, at=tmp_path / "empty")
