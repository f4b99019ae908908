"""`songnet communities` and `songnet compare-communities`: planted playlists, and playlists put together at random."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from songnet.cli.app import main
from songnet.library import Library, load_partition, save_partition
from songnet.library.tracks import upsert_track
from songnet.partition import Partition

N_TRACKS, N_KINDS = 60, 3


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    return code, json.loads(out), err


def kind_of(number):
    return number % N_KINDS


@pytest.fixture
def library(tmp_path):
    """60 tracks of 20 artists, each artist of one kind, with stored clusters that are the kinds."""
    path = tmp_path / "library"
    with Library(path, write=True, create=True) as made:
        ids = [f"t{number:02d}" for number in range(N_TRACKS)]
        with made.db:
            for number, track in enumerate(ids):
                upsert_track(
                    made.db,
                    {
                        "track_id": track,
                        "source": "image",
                        "title": f"Song {number}",
                        "artist": f"Artist {number % 21}",
                        "genre": ["Rock", "Jazz", "House"][kind_of(number)],
                    },
                )
        partition = Partition.from_labels(ids, [1 + kind_of(number) for number in range(N_TRACKS)], "kmeans", {})
        save_partition(made, partition, name="clusters", branch="cluster", run_id=None, summary={"clusters": []})
    return path


def write_playlists(path, *, planted, n_playlists=60, length=8, seed=0):
    rng = np.random.default_rng(seed)
    lines = ["playlist,artist,title"]
    for playlist in range(n_playlists):
        pool = [n for n in range(N_TRACKS) if not planted or kind_of(n) == kind_of(playlist)]
        for number in rng.choice(pool, length, replace=False):
            lines.append(f"P{playlist},Artist {number % 21},Song {number}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_planted_playlists_are_found_and_agree_with_what_is_heard(capsys, library, tmp_path):
    file = write_playlists(tmp_path / "lists.csv", planted=True)
    assert run(capsys, "playlists", "import", file, "--library", library)[0] == 0
    code, out, _ = run(capsys, "communities", "--library", library, "--stats", "--sweep", "--quiet")
    assert code == 0
    assert out.startswith("3 communities of 60 tracks (60 playlists, ")
    assert "together in 2 or more" in out
    assert "AMI between seeds" in out
    with Library(library) as opened:
        stored, partition = load_partition(opened, None, "community")
    assert stored.name == "communities"
    truth = [kind_of(int(track[1:])) for track in partition.track_ids]
    assert adjusted_rand_score(truth, partition.labels) == 1.0
    code, content, _ = run_json(
        capsys, "compare-communities", "--library", library, "--draws", 199, "--rebuilds", 10, "--quiet"
    )
    assert code == 0
    assert content["n_tracks"] == 60
    assert content["scores"]["ami"] == pytest.approx(1.0)
    assert content["null_tracks"]["p"] == pytest.approx(1 / 200)
    assert content["null_artists"]["p"] < 0.05
    assert content["rebuilt"]["low"] > 0.5
    assert content["ceiling"] is not None
    assert content["warnings"] == [content["warnings"][0]]
    assert content["warnings"][0].startswith("few shared tracks")
    drawn = {Path(figure).name for figure in content["figures"] if Path(figure).stat().st_size}
    assert {"confusion-counts.png", "confusion-counts.svg"} <= drawn
    assert len(drawn) == len(content["figures"])
    code, out, _ = run(
        capsys, "compare-communities", "--library", library, "--draws", 99, "--rebuilds", 0, "--no-figures", "-q"
    )
    assert code == 0
    lines = [line.split()[:2] for line in out.splitlines() if line.startswith(("AMI ", "ARI ", "NMI "))]
    assert lines[:3] == [["AMI", "1.000"], ["ARI", "1.000"], ["NMI", "1.000"]]
    code, content, _ = run_json(
        capsys, "compare-communities", "--library", library, "--with-tag", "genre", "--no-figures", "--quiet"
    )
    assert content["scores"]["ari"] == pytest.approx(1.0)


def test_random_playlists_agree_with_nothing(capsys, library, tmp_path):
    file = write_playlists(tmp_path / "lists.csv", planted=False, n_playlists=200)
    assert run(capsys, "playlists", "import", file, "--library", library)[0] == 0
    assert run(capsys, "communities", "--library", library, "--quiet")[0] == 0
    code, content, _ = run_json(
        capsys, "compare-communities", "--library", library, "--draws", 199, "--rebuilds", 0, "--no-figures", "--quiet"
    )
    assert code == 0
    assert abs(content["scores"]["ami"]) < 0.15
    assert content["null_tracks"]["p"] > 0.01


def test_a_requested_number_and_the_same_seed(capsys, library, tmp_path):
    file = write_playlists(tmp_path / "lists.csv", planted=True)
    assert run(capsys, "playlists", "import", file, "--library", library)[0] == 0
    contents = [
        run_json(capsys, "communities", "--library", library, "--communities", 3, "--seed", 5, "--quiet")[1]
        for _ in range(2)
    ]
    assert contents[0]["communities"] == contents[1]["communities"]
    assert [group["size"] for group in contents[0]["communities"]] == [20, 20, 20]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("communities",), "no playlists"),
        (("communities", "--method", "magic"), "unknown community method 'magic'; choose one of: "),
        (("communities", "--top-k", "-1"), "communities.top_k is -1; it must lie between 0 and 10000"),
        (("communities", "--communities", "0"), "--communities is 0; ask for 1 or more, or leave it away"),
        (("communities", "--communities", "-2"), "--communities is -2; ask for 1 or more, or leave it away"),
        (("communities", "--communities", "4", "--resolution", "3"), "--communities searches the resolution: leave"),
        (
            ("communities", "--method", "label-propagation", "--sweep"),
            "--sweep tries resolutions, and label-propagation has none: choose one of: leiden, louvain",
        ),
        (("compare-communities", "--rebuilds", "1"), "--rebuilds is 1; an interval takes 10 or more, 0 leaves it and"),
        (("compare-communities", "--rebuilds", "9"), "--rebuilds is 9; an interval takes 10 or more, 0 leaves it and"),
        (("compare-communities", "--rebuilds", "-1"), "--rebuilds is -1; an interval takes 10 or more"),
        (("compare-communities",), "find communities in playlists first"),
        (("compare-communities", "--with-tag", "mood"), "--with-tag is 'mood'; choose one of: genre, artist, album"),
        (("compare-communities", "--with-tag", "genre", "--communities", "x"), "name one of --communities, --with-tag"),
        (("compare-communities", "--clusters", "none", "--with-tag", "genre"), "none"),
        (("compare-communities", "--with-tag", "album"), "no track of this library has a tag album: choose another"),
    ],
)
def test_wrong_use_is_one_line(capsys, library, arguments, message):
    code, out, err = run(capsys, *arguments, "--library", library, "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_fewer_communities_than_unconnected_parts_cannot_be_met_and_it_is_said_why(capsys, library, tmp_path):
    write_playlists(tmp_path / "lists.csv", planted=True)
    run(capsys, "playlists", "import", tmp_path / "lists.csv", "--library", library, "--quiet")
    wanted = ("communities", "--library", library, "--communities", 2, "--quiet")
    code, out, _ = run(capsys, *wanted)
    assert code == 0
    assert "2 were asked for; 3 is the nearest number that was met" in out
    assert "the graph falls into 3 parts without an edge between them, each a community at least" in out
    found = run_json(capsys, *wanted)[1]["search"]
    assert (found["requested"], found["achieved"], found["n_parts"]) == (2, 3, 3)
    out = run(capsys, *wanted, "--largest-component")[1]
    assert out.startswith("2 communities of 20 tracks")
    assert "asked for" not in out
    assert run_json(capsys, "communities", "--library", library, "--quiet")[1]["search"] is None
