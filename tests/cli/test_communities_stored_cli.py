"""`songnet communities list, show, export, graph, vectors`, `--graph track2vec` and `--graph-file`."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from songnet.cli.app import main
from songnet.library import Library
from songnet.library.tracks import upsert_path, upsert_track

N_TRACKS, N_KINDS = 36, 3


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json", "--quiet")
    assert (code, err) == (0, "")
    return json.loads(out)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A library with half of 36 tracks of three kinds; playlists of all of them; communities in two ways."""
    folder = tmp_path_factory.mktemp("stored")
    path = folder / "library"
    with Library(path, write=True, create=True) as opened, opened.db:
        for number in range(0, N_TRACKS, 2):
            track = {"track_id": f"t{number:02d}", "source": "audio", "title": f"Song {number}"}
            upsert_track(opened.db, {**track, "artist": f"Artist {number % N_KINDS}", "album": "Album"})
            upsert_path(opened.db, f"/music/{number}.flac".encode(), track["track_id"], 1, 1)
    rng = np.random.default_rng(0)
    lines = ["playlist,artist,title"]
    for playlist in range(60):
        pool = np.arange(playlist % N_KINDS, N_TRACKS, N_KINDS)
        lines += [f"P{playlist},Artist {n % N_KINDS},Song {n}" for n in rng.choice(pool, 6, replace=False)]
    (folder / "lists.csv").write_text("\n".join(lines) + "\n")
    library = ["--library", str(path), "--quiet"]
    assert main(["playlists", "import", str(folder / "lists.csv"), *library]) == 0
    assert main(["communities", *library]) == 0
    assert main(["communities", "--graph", "track2vec", "--top-k", "8", "--name", "vectors", *library]) == 0
    return path


@pytest.fixture
def copied(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "library"))


def test_list_is_newest_first(capsys, made):
    code, out, err = run(capsys, "communities", "list", "--library", made)
    assert (code, err) == (0, "")
    header, *rows = out.splitlines()
    assert header.split() == ["name", "stored", "at", "tracks", "communities", "method", "graph", "modularity"]
    assert [row.split()[:2] for row in rows] == [["2", "vectors"], ["1", "communities"]]
    assert [row.split()[3:7] for row in rows] == [
        ["36", "3", "leiden", "track2vec"],
        ["36", "3", "leiden", "cooccurrence"],
    ]
    listed = run_json(capsys, "communities", "list", "--library", made)["partitions"]
    assert [(entry["id"], entry["name"], entry["n_communities"]) for entry in listed] == [
        (2, "vectors", 3),
        (1, "communities", 3),
    ]
    assert listed[0]["parameters"]["graph"] == "track2vec"
    assert rows[0].split()[-1] == f"{listed[0]['modularity']:.3f}"


def test_show_tells_the_communities_and_the_tracks_of_one(capsys, made):
    code, out, _ = run(capsys, "communities", "show", "--library", made)
    assert code == 0
    assert out.startswith("partition 2 (vectors), ")
    assert ": 3 communities of 36 tracks, leiden on track2vec, modularity 0." in out
    assert [line.split()[:3] for line in out.splitlines()[3:6]] == [[f"{n}", "12", "(33%)"] for n in (1, 2, 3)]
    content = run_json(capsys, "communities", "show", 2, "-p", "communities", "--library", made)
    assert (content["id"], content["community"], len(content["tracks"])) == (1, 2, 12)
    (artist,) = {track["artist"] for track in content["tracks"]}
    assert [track["central"] for track in content["tracks"]] == [*range(1, 11), None, None]
    titles = [track["title"] for track in content["tracks"][10:]]
    assert titles == sorted(titles)
    known = {track["track_id"]: track["path"] for track in content["tracks"] if track["path"]}
    assert known == {f"t{n:02d}": f"/music/{n}.flac" for n in range(0, N_TRACKS, 2) if f"Artist {n % 3}" == artist}
    summary = run_json(capsys, "communities", "show", "-p", 1, "--library", made)
    central = [entry["track_id"] for entry in summary["communities"][1]["central"]]
    assert [track["track_id"] for track in content["tracks"][:10]] == central
    code, out, _ = run(capsys, "communities", "show", 2, "-p", 1, "--library", made)
    lines = out.splitlines()
    assert lines[0].rstrip() == "community 2: 12 tracks"
    assert lines[1].split() == ["most", "connected", "artist", "title", "album", "path"]
    assert lines[2].split()[:3] == ["1", *artist.split()]


def test_export_has_the_tracks_that_only_playlists_know(capsys, made, tmp_path):
    path = tmp_path / "c.csv"
    code, out, _ = run(capsys, "communities", "export", path, "-p", 1, "--library", made)
    assert (code, out) == (0, f"partition 1 (communities): 36 tracks in 1 files, {path}\n")
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["track_id", "community", "community_name", "artist", "title", "album", "path"]
    assert {(row["artist"], row["title"]) for row in rows} == {(f"Artist {n % 3}", f"Song {n}") for n in range(36)}
    assert all(row["community_name"] == row["artist"] for row in rows)
    assert len({(row["artist"], row["community"]) for row in rows}) == 3
    assert sum(row["track_id"].startswith("song:artist ") and not row["path"] for row in rows) == 18
    assert {row["path"] for row in rows if row["track_id"] == "t04"} == {"/music/4.flac"}
    run(capsys, "communities", "export", tmp_path / "c.parquet", "-p", 1, "--library", made)
    table = pyarrow.parquet.read_table(tmp_path / "c.parquet")
    assert table.column("title").to_pylist() == [row["title"] for row in rows]
    assert json.loads(table.schema.metadata[b"songnet.partition"])["method"] == "leiden"


def test_playlists_have_the_librarys_tracks(capsys, made, tmp_path):
    report = run_json(capsys, "communities", "export", tmp_path / "lists", "-p", 1, "--library", made)
    assert (report["tracks"], report["left_out"]) == (18, {"not in the library": 18})
    names = sorted(file.rsplit("/", 1)[1] for file in report["files"])
    assert [name[:12] for name in names] == ["01 - Artist ", "02 - Artist ", "03 - Artist "]
    played = [
        line
        for name in names
        for line in (tmp_path / "lists" / name).read_text().splitlines()
        if line.startswith("/music/")
    ]
    assert sorted(played) == sorted(f"/music/{n}.flac" for n in range(0, N_TRACKS, 2))
    again = run_json(capsys, "communities", "export", tmp_path / "lists", "--library", made)
    assert again["kept"] == []


def test_a_graph_goes_out_and_comes_back(capsys, copied, tmp_path):
    path = tmp_path / "g.graphml"
    content = run_json(capsys, "communities", "graph", path, "--top-k", 4, "--library", copied)
    assert (content["file"], content["n_tracks"]) == (str(path), 36)
    assert content["steps"][-1]["n_pairs"] == content["n_edges"]
    assert "Artist 1 - Song 1" in path.read_text()
    code, out, _ = run(
        capsys, "communities", "--graph-file", path, "--name", "back", "--library", copied, "--stats", "--quiet"
    )
    assert code == 0
    assert out.startswith(f"3 communities of 36 tracks ({content['n_edges']} edges), modularity 0.")
    assert "read from g.graphml" in out
    back = run_json(capsys, "communities", "show", "-p", "back", "--library", copied)
    assert back["parameters"]["graph_file"] == str(path)
    assert [group["artists"][0]["tracks"] for group in back["communities"]] == [12, 12, 12]
    code, out, _ = run(capsys, "communities", "graph", tmp_path / "v.csv", "--graph", "track2vec", "--library", copied)
    assert out.endswith(f"edges: {tmp_path / 'v.csv'}\n")
    assert (tmp_path / "v.csv").read_text().startswith("source,target,weight\n")


def test_vectors_are_written(capsys, made, tmp_path):
    path = tmp_path / "v.npz"
    content = run_json(
        capsys, "communities", "vectors", path, "--dimensions", 8, "--epochs", 5, "--cbow", "--library", made
    )
    assert (content["n_tracks"], content["dimensions"], content["n_playlists"]) == (36, 8, 60)
    assert (content["settings"]["epochs"], content["settings"]["skip_gram"]) == (5, False)
    with np.load(path) as read:
        assert read["vectors"].shape == (36, 8)
        assert read["track_ids"][-1] == "t34"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "9"), "partition 2 has no community 9; it has: 1, 2, 3"),
        (("show", "alone"), "partition 2 has no community alone; it has: 1, 2, 3"),
        (("show", "rock"), "'rock' is no community: name a number, or alone"),
        (("show", "--partition", "none"), "no community partition 'none'; choose one of: 2 (vectors), 1 (communities)"),
        (("export", "x.txt"), "x.txt ends in '.txt'; a partition is written as .csv, as .parquet, or as playlists"),
        (("export", "."), "name a file or a folder to write to; . is not taken"),
        (("graph", "x.txt"), "x.txt ends in '.txt'; a graph is written as .csv, .gexf, .graphml"),
        (("graph", "x.csv", "--min-support", "999"), "no two tracks stand together often enough"),
        (("graph", "x.csv", "--skip-gram"), "--skip-gram has no use here, it belongs to --graph track2vec: leave it"),
        (("vectors", "x.npy"), "x.npy ends in '.npy'; Track2Vec's vectors are written as .npz"),
        (("vectors", "x.npz", "--min-support", "99"), "no two tracks that stand in 99 playlists or more stand in one"),
        (("--graph", "w2v"), "communities.graph is 'w2v'; choose one of: cooccurrence, track2vec"),
        (("--graph", "track2vec", "--weighting", "pmi"), "--weighting has no use here, Track2Vec counts no pairs"),
        (("--graph", "track2vec", "--top-k", "0"), "a graph of Track2Vec keeps 1 to 10,000 edges a track"),
        (("--graph-file", "no.csv"), "there is no file no.csv"),
        (("--graph-file", "no.txt"), "'no.txt' is no name for a graph: end it in .csv, .gexf, .graphml"),
        (("--graph-file", "no.csv", "--graph", "track2vec"), "--graph has no use here, --graph-file has its graph alr"),
        (("--method", "leiden", "list"), "--method stands before list: write it after that word"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(capsys, made, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SONGNET_LIBRARY", str(made))
    code, out, err = run(capsys, "communities", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_settings_of_playlists_in_a_file_do_not_stop_a_graph_file(capsys, copied, tmp_path):
    (tmp_path / "s.toml").write_text('[communities]\ngraph = "track2vec"\nmin_support = 3\nk_core = 1\n')
    (tmp_path / "g.csv").write_text("source,target\na,b\nb,c\nx,y\n")
    arguments = ("--config", tmp_path / "s.toml", "--graph-file", tmp_path / "g.csv", "--name", "toml")
    content = run_json(capsys, "communities", *arguments, "--library", copied)
    assert [group["size"] for group in content["communities"]] == [3, 2]
    assert [step["step"] for step in content["graph"]["steps"]] == ["read from g.csv", "1-core"]


def test_a_library_without_playlists_or_communities(capsys, tmp_path):
    with Library(tmp_path / "empty", write=True, create=True):
        pass
    where = ("--library", tmp_path / "empty")
    code, out, err = run(capsys, "communities", "list", *where)
    assert (code, out) == (0, f"no communities were found yet: songnet communities --library {tmp_path / 'empty'}\n")
    assert run_json(capsys, "communities", "list", *where) == {"partitions": []}
    for arguments in (("show",), ("export", tmp_path / "c.csv")):
        code, _, err = run(capsys, "communities", *arguments, *where)
        assert code == 2
        assert err.startswith("error: the library has no community partition: ")
    for arguments in ((), ("graph", tmp_path / "g.csv"), ("vectors", tmp_path / "v.npz"), ("--graph", "track2vec")):
        code, _, err = run(capsys, "communities", *arguments, *where, "--quiet")
        assert code == 2
        assert "has no playlists: songnet playlists import PATH" in err
    code, _, err = run(capsys, "communities", "list", "--library", tmp_path / "none")
    assert code == 2
    assert err.startswith(f"error: there is no library at {tmp_path / 'none'}: ")
    assert [entry.name for entry in tmp_path.iterdir()] == ["empty"]
