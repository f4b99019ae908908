"""`songnet communities` and `compare-communities`: changed playlists, the largest seed, flags at odds, interrupts."""

import json

import numpy as np
import pytest

from songnet.cli.app import main
from songnet.cli.communities_options import community_settings
from songnet.cli.comparison_output import _community_words
from songnet.errors import ParameterError
from songnet.library import Library, load_partition, save_partition
from songnet.library.tracks import upsert_track
from songnet.partition import Partition

N_TRACKS, N_KINDS = 30, 3
CHANGED = "the playlists changed since these communities were found"


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json", "--quiet")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def library(tmp_path, capsys):
    """30 tracks of three kinds, clusters that are the kinds, 24 playlists of a kind each, communities of these."""
    path = tmp_path / "library"
    ids = [f"t{number:02d}" for number in range(N_TRACKS)]
    with Library(path, write=True, create=True) as made:
        with made.db:
            for number, track in enumerate(ids):
                upsert_track(made.db, {"track_id": track, "source": "image", "title": f"Song {number}", "artist": "A"})
        partition = Partition.from_labels(ids, [1 + number % N_KINDS for number in range(N_TRACKS)], "kmeans", {})
        save_partition(made, partition, name="clusters", branch="cluster", run_id=None, summary={"clusters": []})
    rng = np.random.default_rng(0)
    lines = ["playlist,artist,title"]
    for playlist in range(24):
        pool = np.arange(playlist % N_KINDS, N_TRACKS, N_KINDS)
        lines += [f"P{playlist},A,Song {number}" for number in rng.choice(pool, 6, replace=False)]
    (tmp_path / "lists.csv").write_text("\n".join(lines) + "\n")
    assert run(capsys, "playlists", "import", tmp_path / "lists.csv", "--library", path)[0] == 0
    assert run(capsys, "communities", "--library", path, "--quiet")[0] == 0
    return path


def compare(capsys, library, *arguments):
    options = ("--draws", 99, "--no-figures", *arguments)
    return run_json(capsys, "compare-communities", "--library", library, *options)


def import_more(capsys, library, n_playlists=1):
    more = library.parent / "more.csv"
    rows = "".join(f"more {n},A,Song {track}\n" for n in range(n_playlists) for track in range(6))
    more.write_text("playlist,artist,title\n" + rows)
    assert run(capsys, "playlists", "import", more, "--library", library)[0] == 0


@pytest.mark.parametrize("digest", [True, False])
def test_communities_are_not_found_anew_in_other_playlists(capsys, library, digest):
    if not digest:
        # As partitions were stored before digests.
        with Library(library, write=True) as opened, opened.db:
            (text,) = opened.db.execute("SELECT summary FROM partitions WHERE branch = 'community'").fetchone()
            summary = json.loads(text)
            assert len(summary["graph"].pop("memberships")) == 64
            opened.db.execute("UPDATE partitions SET summary = ? WHERE branch = 'community'", (json.dumps(summary),))
    before = compare(capsys, library, "--rebuilds", 10)
    assert (before["rebuilt"]["n"], before["ceiling"]["n"]) == (10, 10)
    assert CHANGED not in before["verdict"]
    import_more(capsys, library)
    after = compare(capsys, library, "--rebuilds", 10)
    assert (after["rebuilt"], after["ceiling"], after["share_of_ceiling"]) == (None, None, None)
    assert after["warnings"][-1] == f"{CHANGED}: find them again"
    assert CHANGED in after["verdict"]
    assert "rebuilt" not in after["verdict"]
    assert after["scores"] == before["scores"]
    # Who asks for no rebuilt communities is not warned of them.
    assert CHANGED not in compare(capsys, library, "--rebuilds", 0)["verdict"]
    run_json(capsys, "communities", "--library", library)
    again = compare(capsys, library, "--rebuilds", 10)
    assert again["ceiling"] is not None
    assert CHANGED not in again["verdict"]


def test_playlists_that_are_gone_are_changed_playlists(capsys, library):
    with Library(library, write=True) as opened, opened.db:
        opened.db.execute("DELETE FROM entries")
        opened.db.execute("DELETE FROM playlists")
    content = compare(capsys, library, "--rebuilds", 10)
    assert content["rebuilt"] is None
    assert content["warnings"][-1].startswith(CHANGED)


def test_the_largest_seed_is_as_good_as_any(capsys, library):
    last = 2**31 - 1
    content = run_json(capsys, "communities", "--library", library, "--sweep", "--seed", last)
    assert [row["seed_ami"] is not None for row in content["sweep"]] == [True] * len(content["sweep"])
    found = compare(capsys, library, "--rebuilds", 10, "--seed", last)
    assert (found["rebuilt"]["n"], found["ceiling"]["n"]) == (10, 10)


def test_a_flag_stands_above_the_other_key_of_the_file_and_two_keys_are_refused(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text("[communities]\nresolution = 3.0\n")
    settings = community_settings(file, {"n_communities": 4, "resolution": None})
    assert (settings.n_communities, settings.resolution) == (4, 1.0)
    file.write_text("[communities]\nn_communities = 4\n")
    settings = community_settings(file, {"n_communities": None, "resolution": 3.0})
    assert (settings.n_communities, settings.resolution) == (0, 3.0)
    file.write_text("[communities]\nn_communities = 4\nresolution = 3.0\n")
    with pytest.raises(ParameterError, match=r"s\.toml: n_communities searches the resolution: leave one of the two"):
        community_settings(file, {})


def test_the_command_of_a_page_is_one_that_is_taken():
    words, notes = _community_words({"n_communities": 4, "resolution": 3.0, "top_k": 10})
    assert (words, notes) == (["--top-k", "10", "--communities", "4"], [])
    assert _community_words({"resolution": 3.0})[0] == ["--resolution", "3.0"]


def test_vectors_to_a_folder_are_refused_before_the_first_epoch(capsys, library, tmp_path):
    (tmp_path / "v.npz").mkdir()
    code, out, err = run(capsys, "communities", "vectors", tmp_path / "v.npz", "--library", library)
    assert (code, out) == (2, "")
    assert err == f"error: {tmp_path / 'v.npz'} is a folder; name a file to write the vectors to\n"


@pytest.mark.parametrize(
    ("command", "function", "said"),
    [
        (("communities",), "songnet.playlists.pipeline.find_communities", "the same command begins anew"),
        (("compare-communities",), "songnet.comparison.compare", "the same command begins anew"),
        (("playlists", "match"), "songnet.playlists.stored.match_library", "the same command begins anew"),
        (
            ("playlists", "import", "{lists}"),
            "songnet.playlists.store.import_paths",
            "what was done is kept, the same command goes on from there",
        ),
    ],
)
def test_an_interrupt_promises_what_is_true(capsys, library, monkeypatch, command, function, said):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(function, interrupt)
    words = [word.replace("{lists}", str(library.parent / "lists.csv")) for word in command]
    code, out, err = run(capsys, *words, "--library", library, "--quiet")
    assert (code, out, err) == (130, "", f"interrupted: {said}\n")
    with Library(library) as opened:
        assert load_partition(opened, None, "community")[0].partition_id == 2


def test_a_folder_without_playlists_is_told_and_makes_no_library(capsys, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no playlist")
    (empty / "table.csv").write_text("a,b\n1,2\n")
    command = ("playlists", "import", empty, "--library", tmp_path / "library")
    message = f"error: there is no playlist file in {empty}: name playlist files or folders of them\n"
    assert run(capsys, *command) == (2, "", message)
    other = tmp_path / "other"
    other.mkdir()
    code, _, err = run(capsys, *command, other)
    assert (code, "there is no playlist file in these folders" in err) == (2, True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["empty", "other"]
    (other / "one.m3u8").write_text("#EXTM3U\n/music/a.mp3\n")
    assert run(capsys, *command, other)[0] == 0
