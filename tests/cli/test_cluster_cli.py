"""`songnet cluster` and what stands below it, as a stranger would use them."""

import csv
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from synthetic import STYLES, write_track

from songnet.cli.app import main
from songnet.cli.cluster import name_of_folder
from songnet.config import ImageConfig, ReadConfig
from songnet.library import Library
from songnet.library.partitions import load_partition
from songnet.spectrogram import ingest

FAST = ("--k", "2..5", "--resamples", 3, "--n-init", 2)
ROOMY = ("--no-figures", "--quiet")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    return code, json.loads(out), err


@pytest.fixture(scope="module")
def kinds_library(tmp_path_factory):
    """45 short tracks of three kinds, six artists of whom each plays one kind; mel images and no model."""
    root = tmp_path_factory.mktemp("kinds")
    for n in range(45):
        artist, kind = list(STYLES.items())[n % 3]
        write_track(
            root / "music" / f"{artist}-{n:02d}.wav", kind, 200.0 * 2 ** (n / 30), seed=n, seconds=6.0,
            title=f"Piece {n}", artist=f"{artist} {n % 2}", genre=artist, date=str(1980 + n),
        )  # fmt: skip
    with Library(root / "library", write=True, create=True) as library:
        assert ingest(library, [root / "music"], ImageConfig(clips=1), ReadConfig(), n_workers=2).failed == 0
        library_settings = library.path / "songnet.toml"
        library_settings.write_text(library_settings.read_text().replace("clips = 8", "clips = 1"))
    return root / "library"


@pytest.fixture
def kinds(kinds_library, tmp_path):
    return Path(shutil.copytree(kinds_library, tmp_path / "library"))


def test_composed_kinds_are_found_named_stored_and_drawn(capsys, kinds, tmp_path):
    truth = tmp_path / "truth.csv"
    files = [(f"{artist}-{n:02d}.wav", artist) for n in range(45) for artist in [list(STYLES)[n % 3]]]
    truth.write_text("file,class\n" + "".join(f"{file},{kind}\n" for file, kind in files))
    arguments = ("cluster", "--library", kinds, *FAST, "--labels", truth, "--colour-by", "label")
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    assert out.splitlines()[0] == "45 tracks, descriptors of songnet-1, kmeans"
    assert out.splitlines()[1].startswith("3 clusters (more clustered than noise: p = 0.01 against Gaussian data")
    assert "stored as partition 1 (clusters)" in out
    assert "null models: 198/198" in err
    for kind in STYLES:
        assert f"genre {kind} (15 of 15, 3.0x)" in out
    code, content, _ = run_json(capsys, *arguments)
    assert (content["verdict"]["structured"], content["verdict"]["n_clusters"]) == (True, 3)
    assert [row["k"] for row in content["sweep"]] == [2, 3, 4, 5]
    keys = {"inertia", "distortion", "silhouette", "gap", "bic", "stability", "null_silhouette", "sizes"}
    assert keys <= set(content["sweep"][0])
    assert {entry["what"]: round(entry["ari"], 6) for entry in content["against_labels"]}[
        "kmeans on descriptors of songnet-1"
    ] == 1.0
    assert content["partition"] == {"id": 2, "name": "clusters", "numbered_like": 1}
    drawn = [Path(path) for path in content["figures"]]
    assert {path.stem for path in drawn} == {
        "criteria", "k-table", "maps", "maps-by-label", "pca-3d", *(f"silhouettes-k0{k}" for k in (2, 3, 4, 5))
    }  # fmt: skip
    assert all(path.stat().st_size > 1000 for path in drawn)


def test_the_same_seed_gives_the_same_labels_and_numbers_whatever_the_threads(capsys, kinds):
    contents = [
        run_json(capsys, "cluster", "--library", kinds, *FAST, *ROOMY, "--name", name, "--jobs", jobs)[1]
        for name, jobs in (("one", 1), ("three", 3))
    ]
    assert contents[0]["sweep"] == contents[1]["sweep"]
    with Library(kinds) as library:
        one, three = (load_partition(library, name, "cluster")[1] for name in ("one", "three"))
    np.testing.assert_array_equal(one.labels, three.labels)
    assert one.track_ids == three.track_ids


def test_cluster_3_stays_cluster_3(capsys, kinds):
    arguments = ("cluster", "--library", kinds, *ROOMY, "--nulls", 0, "--resamples", 0)
    assert run(capsys, *arguments, "--k", 3)[0] == 0
    assert run(capsys, *arguments, "--k", 4, "--seed", 5)[0] == 0
    with Library(kinds) as library:
        before, after = (load_partition(library, str(number), "cluster")[1] for number in (1, 2))
    assert after.groups == [1, 2, 3, 4]
    table = np.zeros((5, 5), dtype=int)
    np.add.at(table, (before.labels, after.labels), 1)
    # Every old cluster lives on under its number in the one that has most of its tracks, or in its larger part.
    assert all(table[old, old] >= table[old].max() / 2 for old in (1, 2, 3))


def test_a_control_has_no_structure_and_stores_nothing(capsys, kinds):
    for model in ("shuffled", "gaussian"):
        code, out, _ = run(capsys, "cluster", "--library", kinds, *FAST, *ROOMY, "--control", model)
        assert code == 0
        assert out.splitlines()[1].startswith("NO STRUCTURE: no more clustered than noise (p = ")
        assert f"a control ({model}): nothing was stored" in out
    assert run_json(capsys, "cluster", "list", "--library", kinds)[1] == {"partitions": []}


def test_list_show_and_export(capsys, kinds, tmp_path):
    assert "nothing was clustered yet" in run(capsys, "cluster", "list", "--library", kinds)[1]
    code, _, err = run(capsys, "cluster", "show", "--library", kinds)
    assert (code, err.startswith("error: ")) == (2, True)
    assert "run `songnet cluster` first" in err
    arguments = ("--k", 3, "--nulls", 0, "--resamples", 0, "--name", "mine")
    assert run(capsys, "cluster", "--library", kinds, *arguments, *ROOMY)[0] == 0
    code, out, _ = run(capsys, "cluster", "list", "--library", kinds)
    assert "mine" in out
    assert "not tested" in out
    code, out, _ = run(capsys, "cluster", "show", "--library", kinds)
    assert "partition 1 (mine)" in out
    code, content, _ = run_json(capsys, "cluster", "show", 2, "--library", kinds)
    assert (code, content["cluster"], len(content["tracks"])) == (0, 2, 15)
    assert len({track["genre"] for track in content["tracks"]}) == 1
    silhouettes = [track["silhouette"] for track in content["tracks"]]
    assert silhouettes == sorted(silhouettes, reverse=True)
    assert 0 < silhouettes[0] <= 1
    code, _, err = run(capsys, "cluster", "show", 9, "--library", kinds)
    assert (code, err) == (2, "error: partition 1 has no cluster 9; it has: 1, 2, 3\n")
    code, out, _ = run(capsys, "cluster", "export", tmp_path / "songs.csv", "--library", kinds)
    assert "45 tracks in 1 files" in out
    with (tmp_path / "songs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted({row["cluster"] for row in rows}) == ["1", "2", "3"]
    written = sorted((float(row["silhouette"]) for row in rows if row["cluster"] == "2"), reverse=True)
    assert written == pytest.approx(silhouettes, abs=1e-4)
    assert run(capsys, "cluster", "export", tmp_path / "songs.parquet", "--library", kinds, "-p", "mine")[0] == 0
    assert pyarrow.parquet.read_table(tmp_path / "songs.parquet").num_rows == 45
    code, content, _ = run_json(capsys, "cluster", "export", tmp_path / "lists", "--library", kinds)
    assert (len(content["files"]), content["tracks"], content["left_out"]) == (3, 45, {})
    lines = Path(content["files"][0]).read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    assert sum(Path(line).is_file() for line in lines) == 15


def test_noise_can_be_shown_and_small_libraries_take_density(capsys, kinds):
    code, content, _ = run_json(
        capsys, "cluster", "--library", kinds, "--method", "hdbscan", "--resamples", 2, "--nulls", 0, *ROOMY
    )
    assert code == 0
    n_noise = content["sweep"][0]["noise"]
    assert 0 < n_noise < 45
    code, content, _ = run_json(capsys, "cluster", "show", "noise", "--library", kinds)
    assert (code, content["cluster"], len(content["tracks"])) == (0, -1, n_noise)
    code, _, err = run(capsys, "cluster", "show", "first", "--library", kinds)
    assert (code, err) == (2, "error: 'first' is no cluster: name a number, or noise\n")


def test_a_narrow_terminal_gets_fewer_columns_and_whole_numbers(capsys, kinds, monkeypatch):
    monkeypatch.setattr("songnet.cli.cluster_output.terminal_width", lambda: 80)
    _, out, _ = run(capsys, "cluster", "--library", kinds, *FAST, *ROOMY)
    (header,) = [line for line in out.splitlines() if line.split()[:2] == ["k", "silhouette"]]
    assert header.split() == ["k", "silhouette", "of", "noise", "gap", "break", "BIC", "halves", "seeds", "artists"]
    assert len(header.rstrip()) <= 80
    assert "±" not in out.split("silhouette: mean")[0].split(header)[1]


def test_names_that_would_share_a_folder_do_not():
    names = ["hd b", "hd_b", "hd/b", "a" * 80, "a" * 81, "\U0001d400" * 80, "../../x"]
    folders = [name_of_folder(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(len(folder.encode()) < 100 and "/" not in folder for folder in folders)
    assert name_of_folder("clusters") == "cluster-clusters"


def test_codes_joined_and_the_layout_of_2020(capsys, library_copy):
    arguments = ("cluster", "--library", library_copy, "--nulls", 0, "--resamples", 0, *ROOMY)
    code, content, err = run_json(capsys, *arguments, "--model", "cae-12x15", "--k", "2..3")
    assert (code, err) == (0, "")
    assert content["features"] == "mean codes of cae-12x15"
    code, content, _ = run_json(capsys, *arguments, "--features", "joined", "--k", "2..3")
    assert content["features"] == "descriptors of songnet-8 joined to mean codes of cae-12x15"
    code, content, _ = run_json(capsys, *arguments, "--layout", "deejai")
    assert content["features"] == "flattened first-clip codes of cae-12x15"
    assert [row["k"] for row in content["sweep"]] == [2, 3, 4, 5, 6, 8, 10]
    assert content["settings"]["n_components"] == 0
    code, _, err = run(capsys, *arguments, "--layout", "deejai", "--features", "joined")
    assert (code, err) == (2, "error: --layout deejai lays out codes: leave --features joined away\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--k", "1..4"), "cluster.k is 1; it must lie between 2 and 1000"),
        (("--k", "many"), "k is 'many'; write it as 2..20, as 2,3,4,10 or as 6"),
        (("--k", "9..3"), "k is '9..3'; the range 9..3 runs backwards"),
        (("--k", "60"), "60 clusters cannot be made of 45 different tracks: ask for fewer with --k, or add music"),
        (("--method", "dbscan"), "unknown clustering method 'dbscan'; choose one of: gmm-diag, "),
        (("--features", "mood"), "cluster.features is 'mood'; choose one of: auto, descriptors, codes, joined"),
        (("--features", "codes"), "has no trained model yet: run `songnet embed FOLDER` first"),
        (("--nulls", "5"), "cluster.nulls (0 for no null test) is 5; it must lie between 99 and 9999"),
        (("--layout", "spiral"), "--layout is 'spiral'; there is: deejai"),
        (("--control", "noise"), "--control is 'noise'; choose one of: gaussian, shuffled"),
        (("--projections", "pca,magic"), "unknown projection 'magic'; choose one of: pca, tsne, umap"),
        (("--colour-by", "mood"), "--colour-by is 'mood'; choose one of: artist, album, genre, year, label"),
        (("--colour-by", "label"), "--colour-by label needs --labels FILE"),
        (("--labels", "/nowhere.csv"), "cannot read the labels /nowhere.csv: No such file or directory"),
        (("--label-column", "style"), "--label-column names a column of --labels FILE: give that too"),
        (("--name", "12"), "'12' cannot name a partition"),
        (("--seed", "3", "list"), "--seed stands before list: write it after that word"),
    ],
)
def test_wrong_use_is_one_line(capsys, kinds_library, arguments, message):
    where = () if "list" in arguments else ("--library", kinds_library)
    code, out, err = run(capsys, "cluster", *where, *arguments)
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if not line.startswith("descriptors: ")]
    assert line.startswith("error: ")
    assert message in line


def test_libraries_with_nothing_to_cluster(capsys, tmp_path, empty_library):
    code, _, err = run(capsys, "cluster", "--library", tmp_path / "nowhere")
    assert (code, "there is no library at" in err) == (2, True)
    empty_library.close()
    code, _, err = run(capsys, "cluster", "--library", empty_library.path, *ROOMY)
    assert (code, "has no mel images of songnet-8 to describe: run `songnet embed FOLDER` first" in err) == (2, True)
    for n_tracks in (1, 2):
        write_track(tmp_path / "few" / f"{n_tracks}.wav", "sine", 200.0 * n_tracks, seconds=6.0)
        with Library(tmp_path / "few-library", write=True, create=True) as library:
            ingest(library, [tmp_path / "few"], ImageConfig(), ReadConfig(), n_workers=1)
        code, _, err = run(capsys, "cluster", "--library", tmp_path / "few-library", *ROOMY)
        assert code == 2
        assert f"{n_tracks} track(s) with descriptors of songnet-8 cannot be clustered: 3 or more are needed" in err


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="no signals")
def test_an_interrupted_command_keeps_what_it_has_and_goes_on(capsys, kinds):
    arguments = ["--library", str(kinds), "--k", "2..5", "--n-init", "2", "--nulls", "400", "--resamples", "0"]
    command = [sys.executable, "-m", "songnet.cli", "cluster", *arguments, "--no-figures"]
    # A test run in the background has SIGINT ignored, and its children inherit that; a terminal's programs do not.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed,  # noqa: PLW1509  no threads are running here
    )
    deadline = time.monotonic() + 60
    kept = 0
    while kept < 20 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
        with Library(kinds) as library:
            if library.db.execute("SELECT 1 FROM sqlite_master WHERE name = 'sweep_parts'").fetchone():
                (kept,) = library.db.execute("SELECT count(*) FROM sweep_parts").fetchone()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted: 4 numbers of clusters were finished and are kept" in out
    assert err.rstrip().endswith("the same command goes on from there")
    with Library(kinds) as library:
        parts = dict(library.db.execute("SELECT part, value FROM sweep_parts").fetchall())
        status = library.db.execute("SELECT status FROM runs ORDER BY run_id DESC LIMIT 1").fetchone()[0]
    assert len(parts) >= 20
    assert status == "interrupted"
    code, content, _ = run_json(capsys, "cluster", *arguments, *ROOMY)
    assert (code, content["verdict"]["n_clusters"]) == (0, 3)
    with Library(kinds) as library:
        after = dict(library.db.execute("SELECT part, value FROM sweep_parts").fetchall())
    assert parts.items() <= after.items()
    assert len(after) == 4 + 2 * 400
