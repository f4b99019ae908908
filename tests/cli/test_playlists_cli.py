"""`songnet playlists` as a stranger would use it: without any audio, with some, and with broken files."""

import csv
import io
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from songnet.cli.app import main
from songnet.demo.artists import invent_artists
from songnet.demo.tracks import plan_tracks
from songnet.library import Library
from songnet.library.tracks import upsert_path, upsert_track

SAMPLES = Path(__file__).parents[2] / "playlists"


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    return code, json.loads(out), err


def test_playlists_without_any_audio(capsys, tmp_path):
    library = tmp_path / "lists"
    code, out, err = run(capsys, "playlists", "import", SAMPLES, "--library", library)
    assert (code, "read playlists: 10/10" in err) == (0, True)
    assert out.splitlines() == [
        "10 files read: 18 playlists, 256 entries, 68 tracks; 0 files there already",
        "in the library: 18 playlists, 256 entries of 68 tracks; 0 entries matched, 0 ambiguous, 256 not found",
        f"next: songnet playlists stats --library {library}",
    ]
    code, content, _ = run_json(capsys, "playlists", "import", SAMPLES / "sample.pls", "--library", library)
    assert (code, content["n_files"], content["n_unchanged"], content["skipped"]) == (0, 0, 1, [])
    assert content["library"]["n_entries"] == 256
    code, content, _ = run_json(capsys, "playlists", "list", "--library", library)
    assert [entry["name"] for entry in content["playlists"]][:3] == ["second kitchen", "my pigeon", "my satellite"]
    assert content["playlists"][0]["file"] == str(SAMPLES / "Library.xml")
    code, out, _ = run(capsys, "playlists", "list", "--limit", 2, "--library", library)
    assert out.splitlines()[-1] == "16 more: --limit 0 shows all"
    code, out, _ = run(capsys, "playlists", "stats", "--library", library)
    assert out.splitlines()[:3] == [
        "18 playlists of 10 files, 256 entries",
        "68 tracks, 0 of them in the library",
        "0 entries repeat a track of their playlist; 0 parts could not be read",
    ]
    assert out.splitlines()[-1].split() == ["not", "found", "256", "100.0%"]
    code, content, _ = run_json(capsys, "playlists", "unmatched", "--library", library)
    assert (code, content["count"], sum(row["n_entries"] for row in content["unmatched"])) == (0, 68, 256)
    code, out, _ = run(capsys, "playlists", "unmatched", "--csv", "--library", library)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["track_key"] for row in rows] == [row["track_key"] for row in content["unmatched"]]
    code, out, _ = run(capsys, "playlists", "unmatched", "--limit", 3, "--library", library)
    assert (len(out.splitlines()), out.splitlines()[-1]) == (5, "68 tracks have no match, 3 shown")
    runs = sqlite3.connect(library / "songnet.db").execute("SELECT command, status, summary FROM runs").fetchall()
    assert [(command, status) for command, status, _ in runs] == [("playlists import", "done")] * 2
    assert json.loads(runs[0][2])["n_entries"] == 256


@pytest.fixture
def composed_library(tmp_path):
    """The tracks of the samples' composition, as `songnet embed` would have stored them, and the samples beside."""
    lists = Path(shutil.copytree(SAMPLES, tmp_path / "demo" / "playlists" / "formats"))
    with Library(tmp_path / "library", write=True, create=True) as library, library.db:
        for track in plan_tracks(48, 0, invent_artists(0)):
            upsert_track(library.db, {
                "track_id": f"t{track.index:02d}", "source": "audio", "title": track.title, "artist": track.artist,
                "album": track.album, "duration_s": track.duration_s, "isrc": track.isrc,
            })  # fmt: skip
            path = os.fsencode(tmp_path / "demo" / track.path)
            upsert_path(library.db, path, f"t{track.index:02d}", 1, 1)
    return tmp_path / "library", lists


def test_every_sample_is_matched_to_the_composition(capsys, composed_library):
    library, lists = composed_library
    code, content, _ = run_json(capsys, "playlists", "import", lists, "--library", library)
    stats = content["library"]
    assert (code, stats["n_unmatched"], stats["n_ambiguous"]) == (0, 0, 0)
    assert (stats["n_tracks"], stats["n_library_tracks"]) == (32, 32)
    assert sum(stats["matched"].values()) == 256
    # The relative paths of three formats lead to the files; what Latin-1 could not write, the name finds.
    assert stats["matched"]["path"] >= 48
    assert stats["matched"]["isrc"] == 16
    assert stats["matched"]["path-suffix"] >= 40
    code, content, _ = run_json(capsys, "playlists", "unmatched", "--library", library)
    assert (code, content) == (0, {"count": 0, "unmatched": []})


def test_matching_follows_the_library(capsys, tmp_path):
    library, lists = tmp_path / "library", tmp_path / "l.csv"
    lists.write_text("artist,title\nNina,Home Again\nNina,Hom Agian\n=1+1,\x1b[31mred\n")
    assert run(capsys, "playlists", "import", lists, "--library", library)[0] == 0
    with Library(library, write=True) as opened, opened.db:
        upsert_track(opened.db, {"track_id": "t", "source": "audio", "title": "Home again", "artist": "NINA"})
    code, content, _ = run_json(capsys, "playlists", "match", "--library", library)
    assert (code, content["matched"]["name"], content["n_unmatched"]) == (0, 1, 2)
    arguments = ("playlists", "match", "--fuzzy", "--threshold", 70, "--library", library)
    code, content, _ = run_json(capsys, *arguments)
    assert (content["matched"]["fuzzy"], content["n_unmatched"]) == (1, 1)
    # Another import keeps what likeness found.
    code, content, _ = run_json(capsys, "playlists", "import", lists, "--library", library)
    assert content["library"]["matched"]["fuzzy"] == 1
    code, out, _ = run(capsys, "playlists", "unmatched", "--csv", "--library", library)
    assert "\x1b" not in out
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["artist"], row["title"]) == ("'=1+1", "\\x1b[31mred")


def test_broken_files_are_told_and_counted(capsys, tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    text = (SAMPLES / "mpd.slice.0-2.json").read_text()
    (folder / "cut.json").write_text(text[: text.index('"pid": 2')])
    (folder / "bomb.xspf").write_text('<!DOCTYPE x [<!ENTITY a "b">]><playlist><trackList/></playlist>')
    library = tmp_path / "library"
    code, out, err = run(capsys, "playlists", "import", folder, "--library", library)
    assert code == 3
    assert out.splitlines()[0].startswith("1 files read: 2 playlists, 32 entries")
    assert out.splitlines()[1] == "2 files or parts of files were skipped"
    assert f"skipped: {folder / 'bomb.xspf'}: defines entities or includes other files" in err
    assert "the file is cut off within playlist 3; the 2 before it were read: get the file again" in err
    code, content, _ = run_json(capsys, "playlists", "import", folder, "--library", library)
    assert (code, content["n_skipped"], [part["whole"] for part in content["skipped"]]) == (3, 2, [True, False])
    runs = sqlite3.connect(library / "songnet.db").execute("SELECT status FROM runs").fetchall()
    assert runs == [("partial",)] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "gone.csv"), "gone.csv does not exist: name playlist files or folders of them"),
        (("import", SAMPLES, "--format", "mp3"), "unknown playlist format 'mp3'; choose one of: csv, exportify"),
        (("import", SAMPLES, "--threshold", "90"), "--threshold says how like things must be for --fuzzy: add --fuzzy"),
        (("import", SAMPLES, "--fuzzy", "--threshold", "9"), "threshold is 9; it must lie between 50 and 100"),
        (("stats",), "there is no library at"),
        (("match",), "there is no library at"),
    ],
)
def test_wrong_use_is_explained_and_makes_no_library(capsys, tmp_path, arguments, message):
    code, out, err = run(capsys, "playlists", *arguments, "--library", tmp_path / "library")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert not (tmp_path / "library").exists()


def test_a_library_without_playlists_says_how_to_get_some(capsys, empty_library):
    library = empty_library.path
    code, out, _ = run(capsys, "playlists", "list", "--library", library)
    assert (code, out) == (0, f"no playlists yet: songnet playlists import PATH --library {library}\n")
    code, out, _ = run(capsys, "playlists", "stats", "--library", library)
    assert (code, out.splitlines()[0]) == (0, "0 playlists of 0 files, 0 entries")
    code, _, err = run(capsys, "playlists", "unmatched", "--library", library)
    assert (code, "has no playlists: songnet playlists import" in err) == (2, True)
    code, _, err = run(capsys, "playlists", "unmatched", "--csv", "--json", "--library", library)
    assert (code, "--csv and --json exclude each other" in err) == (2, True)
    assert run(capsys, "playlists")[0] in (0, 2)
