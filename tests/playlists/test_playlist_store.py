"""Playlists in the library: each file once, whole or not at all, counted right, and laid out for a graph."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.library.tracks import upsert_path, upsert_track
from songnet.playlists.sources import mpd
from songnet.playlists.store import import_paths
from songnet.playlists.stored import (
    list_playlists,
    list_unmatched,
    load_memberships,
    match_library,
    playlist_stats,
)

SAMPLES = Path(__file__).parents[2] / "playlists"


def slice_of(*playlists):
    """JSON of playlists given as lists of track numbers."""
    return json.dumps({
        "playlists": [
            {"name": f"p{pid}", "pid": pid, "tracks": [
                {"pos": place, "track_name": f"T{n}", "artist_name": f"A{n}", "track_uri": f"demo:track:{n:03d}"}
                for place, n in enumerate(tracks)
            ]}
            for pid, tracks in enumerate(playlists)
        ]
    })  # fmt: skip


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def content(library):
    """Everything stored of playlists, numbers aside."""
    return sorted(
        tuple(row)
        for row in library.db.execute(
            "SELECT f.path, p.number, p.name, e.position, i.track_key, i.title, i.path, e.added_at FROM entries e JOIN"
            " playlists p USING (playlist_id) JOIN playlist_files f USING (file_id) JOIN playlist_items i USING"
            " (item_id)"
        )
    )


def counts(report):
    return (report.n_files, report.n_unchanged, report.n_playlists, report.n_entries, report.n_tracks, report.n_skipped)


@pytest.mark.realdata
def test_the_published_slice_is_counted_exactly(empty_library, shared_data):
    path = shared_data / "playlists" / "mpd.slice.0-249.json"
    assert counts(import_paths(empty_library, [path])) == (1, 0, 250, 24_387, 19_171, 0)
    assert counts(import_paths(empty_library, [path])) == (0, 1, 0, 0, 0, 0)
    stats = playlist_stats(empty_library)
    assert (stats.n_playlists, stats.n_entries, stats.n_tracks) == (250, 24_387, 19_171)
    memberships = load_memberships(empty_library)
    assert (len(memberships.playlist_ids), len(memberships.track_of), len(memberships.track_ids)) == (
        250,
        24_387,
        19_171,
    )


def test_reading_the_same_again_adds_nothing(empty_library, tmp_path):
    folder = Path(shutil.copytree(SAMPLES, tmp_path / "lists"))
    first = import_paths(empty_library, [folder])
    assert counts(first) == (10, 0, 18, 256, 68, 0)
    stored = content(empty_library)
    assert len(stored) == 256
    assert counts(import_paths(empty_library, [folder, folder / "sample.m3u"])) == (0, 10, 0, 0, 0, 0)
    # The same content under another name is the same file, unless paths in it begin where it lies.
    shutil.copy(folder / "playlists.csv", folder / "again.csv")
    assert counts(import_paths(empty_library, [folder])) == (0, 11, 0, 0, 0, 0)
    assert content(empty_library) == stored


def test_files_with_relative_paths_belong_to_their_folder(empty_library, tmp_path):
    one = write(tmp_path / "one" / "list.m3u", "01.mp3\n")
    two = write(tmp_path / "two" / "list.m3u", "01.mp3\n")
    assert counts(import_paths(empty_library, [one, two])) == (2, 0, 2, 2, 2, 0)
    assert [row[4] for row in content(empty_library)] == [f"path:{tmp_path}/one/01.mp3", f"path:{tmp_path}/two/01.mp3"]
    # One that was moved is not a third.
    two.parent.rename(tmp_path / "three")
    assert counts(import_paths(empty_library, [tmp_path])) == (1, 1, 1, 1, 1, 0)
    assert [row[4] for row in content(empty_library)] == [
        f"path:{tmp_path}/one/01.mp3",
        f"path:{tmp_path}/three/01.mp3",
    ]
    assert empty_library.db.execute("SELECT count(*) FROM playlist_items").fetchone()[0] == 2


def test_a_changed_file_replaces_what_it_held_unless_it_broke_off(empty_library, tmp_path):
    path = write(tmp_path / "m.json", slice_of([1, 2], [3]))
    import_paths(empty_library, [path])
    path.write_text(slice_of([1, 4], [5], [6]))
    assert counts(import_paths(empty_library, [path])) == (1, 0, 3, 4, 4, 0)
    stored = content(empty_library)
    assert [row[5] for row in stored] == ["T1", "T4", "T5", "T6"]
    # T2 and T3 are named by nobody any more.
    assert empty_library.db.execute("SELECT count(*) FROM playlist_items").fetchone()[0] == 4
    path.write_text(slice_of([7], [8])[:-30])
    report = import_paths(empty_library, [path])
    assert counts(report) == (0, 0, 0, 0, 0, 1)
    assert report.skipped[0].whole
    assert report.skipped[0].reason.endswith("get the file again; what it held before stays")
    assert content(empty_library) == stored


def test_what_is_broken_is_told_and_the_rest_is_kept(empty_library, tmp_path):
    cut = write(tmp_path / "a.json", slice_of([1], [2], [3])[:-30])
    odd = write(tmp_path / "b.json", slice_of([4]).replace('"playlists": [', '"playlists": [{"pid": 9}, '))
    bomb = write(tmp_path / "c.xspf", '<!DOCTYPE x [<!ENTITY a "b">]><playlist><trackList/></playlist>')
    write(tmp_path / "d.json", '{"nothing": 1}')
    write(tmp_path / "notes.txt", "not a playlist")
    table = write(tmp_path / "listens.csv", "path,title,artist,listens\na.mp3,T,A,3\n")
    (tmp_path / "loop").symlink_to(tmp_path)
    report = import_paths(empty_library, [tmp_path])
    assert counts(report) == (2, 0, 3, 3, 3, 3)
    assert [(part.file, part.whole) for part in report.skipped] == [
        (str(cut), False), (str(odd), False), (str(bomb), True),
    ]  # fmt: skip
    assert "cut off within playlist 3; the 2 before it were read" in report.skipped[0].reason
    assert report.skipped[1].reason == f"{odd}, playlist 1: has no list of tracks"
    assert playlist_stats(empty_library).n_skipped == 2
    # Any table of tracks is a playlist only where it is named; named, a file that is none is a mistake. What is known
    # to be broken is told again.
    report = import_paths(empty_library, [tmp_path, table, tmp_path / "notes.txt"])
    assert counts(report) == (1, 2, 1, 1, 1, 4)
    assert [part.reason.partition(": ")[2][:29] for part in report.skipped[1:2]] == ["1 parts were left out when it"]
    assert "notes.txt is no playlist of a known format" in report.skipped[-1].reason
    with pytest.raises(InputNotFoundError, match=r"gone\.csv does not exist: name playlist files or folders"):
        import_paths(empty_library, [tmp_path, tmp_path / "gone.csv"])
    with pytest.raises(ParameterError, match="unknown playlist format 'x'"):
        import_paths(empty_library, [tmp_path], source="x")


def test_an_import_that_is_stopped_keeps_whole_files_and_goes_on(empty_library, tmp_path, monkeypatch):
    for name in "abc":
        write(tmp_path / f"{name}.json", slice_of([1, 2], [ord(name)]))
    real = mpd.stream_objects

    def stopped(path, prefix):
        for number, playlist in enumerate(real(path, prefix)):
            if path.name == "b.json" and number == 1:
                raise KeyboardInterrupt
            yield playlist

    with monkeypatch.context() as patched:
        patched.setattr(mpd, "stream_objects", stopped)
        with pytest.raises(KeyboardInterrupt):
            import_paths(empty_library, [tmp_path])
    assert [row.name for row in list_playlists(empty_library)] == ["p0", "p1"]
    assert empty_library.db.execute("SELECT count(*) FROM playlist_files").fetchone()[0] == 1
    assert counts(import_paths(empty_library, [tmp_path])) == (2, 1, 4, 6, 4, 0)
    stats = playlist_stats(empty_library)
    assert (stats.n_files, stats.n_playlists, stats.n_entries, stats.n_tracks) == (3, 6, 9, 5)


def add_track(library, key, number, path):
    values = {"track_id": key, "source": "audio", "title": f"T{number}", "artist": f"A{number}"}
    with library.db:
        upsert_track(library.db, values)
        upsert_path(library.db, os.fsencode(path), key, 1, 1)


def test_memberships_are_in_order_with_repetitions_and_matches(empty_library, tmp_path):
    write(tmp_path / "m.json", slice_of([5, 1, 5], [], [1, 2]))
    write(tmp_path / "n.m3u", "#EXTM3U\n#EXTINF:1,A5 - T5\nmusic/x.mp3\n")
    import_paths(empty_library, [tmp_path])
    memberships = load_memberships(empty_library)
    assert memberships.track_ids == ("demo:track:001", "demo:track:002", "demo:track:005", "song:a5 // t5")
    assert memberships.playlist_of.tolist() == [0, 0, 0, 2, 2, 3]
    assert memberships.track_of.tolist() == [2, 0, 2, 0, 1, 3]
    assert memberships.playlist_ids.dtype == memberships.track_of.dtype == np.int64
    assert len(memberships.playlist_ids) == 4
    stats = playlist_stats(empty_library)
    assert (stats.n_duplicates, stats.n_unmatched, stats.n_library_tracks) == (1, 6, 0)
    # Both ways of naming track 5 turn out to be one track of the library.
    add_track(empty_library, "five", 5, tmp_path / "music" / "x.mp3")
    assert match_library(empty_library) == {"name": 1, "path": 1, "not found": 2}
    memberships = load_memberships(empty_library)
    assert memberships.track_ids == ("demo:track:001", "demo:track:002", "five")
    assert memberships.track_of.tolist() == [2, 0, 2, 0, 1, 2]
    stats = playlist_stats(empty_library)
    assert (stats.matched["name"], stats.matched["path"], stats.n_unmatched) == (2, 1, 3)
    assert (stats.n_tracks, stats.n_library_tracks) == (3, 1)
    assert [(row.track_key, row.n_entries, row.reason) for row in list_unmatched(empty_library)] == [
        ("demo:track:001", 2, "not found"),
        ("demo:track:002", 1, "not found"),
    ]
    # A second copy makes the name ambiguous; the path still decides, and speaks for its own key only.
    add_track(empty_library, "copy", 5, tmp_path / "other.mp3")
    assert match_library(empty_library) == {"ambiguous": 1, "path": 1, "not found": 2}
    assert [row.reason for row in list_unmatched(empty_library)] == ["not found", "ambiguous", "not found"]
    assert load_memberships(empty_library).track_ids == ("demo:track:001", "demo:track:002", "demo:track:005", "five")


def test_likely_matches_stay_until_exact_matching_is_asked_for(empty_library, tmp_path):
    import_paths(empty_library, [write(tmp_path / "m.csv", "artist,title\nThe Wanderers,Long Rode Home\n")])
    with empty_library.db:
        upsert_track(
            empty_library.db,
            {"track_id": "w", "source": "audio", "title": "Long Road Home", "artist": "The Wanderers"},
        )
    assert match_library(empty_library) == {"not found": 1}
    assert match_library(empty_library, fuzzy=80.0) == {"fuzzy": 1}
    row = empty_library.db.execute("SELECT track_id, method, confidence FROM playlist_items").fetchone()
    assert tuple(row) == ("w", "fuzzy", pytest.approx(0.8 * 26 / 28, abs=1e-3))
    assert match_library(empty_library) == {"fuzzy": 1}
    assert match_library(empty_library, keep_fuzzy=False) == {"not found": 1}


def test_a_library_without_playlists(empty_library):
    assert playlist_stats(empty_library).n_entries == 0
    assert list_playlists(empty_library) == []
    for query in (load_memberships, list_unmatched):
        with pytest.raises(InputNotFoundError, match=r"has no playlists: songnet playlists import PATH"):
            query(empty_library)
    assert match_library(empty_library) == {}


def test_a_reader_of_an_older_library_finds_no_playlists(tmp_path):
    with Library(tmp_path / "old", write=True, create=True) as library:
        for table in ("entries", "playlist_items", "playlists", "playlist_files"):
            library.db.execute(f"DROP TABLE {table}")
        library.db.execute("PRAGMA user_version = 2")
    with Library(tmp_path / "old") as library:
        assert list_playlists(library) == []
        assert playlist_stats(library).n_playlists == 0
        with pytest.raises(InputNotFoundError, match="has no playlists"):
            load_memberships(library)


def test_text_that_a_database_cannot_keep(empty_library, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9") / "m.m3u"
    write(path, "a.mp3\n")
    lone = write(
        tmp_path / "m.json", slice_of([1, 2]).replace('"T1"', '"\\ud800T\\u0000"').replace('"T2"', '" \\u0000"')
    )
    assert counts(import_paths(empty_library, [path, lone])) == (2, 0, 2, 3, 3, 0)
    assert {row[4]: row[5] for row in content(empty_library)} == {
        "demo:track:001": "?T", "demo:track:002": None, f"path:{tmp_path}/caf\\udce9/a.mp3": None,
    }  # fmt: skip
    # The folder itself is kept as the bytes that it is.
    assert (
        b"caf\xe9" in empty_library.db.execute("SELECT folder FROM playlist_items WHERE path = 'a.mp3'").fetchone()[0]
    )
