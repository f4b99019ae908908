"""Tracks, failures, runs, reconciliation and atomic files."""

import numpy as np
import pytest

from songnet.library import Library, reconcile, recorded_run, to_arrow
from songnet.library import tracks as ledger
from songnet.library.files import write_bytes


def add_track(library, track_id, n_clips=2, image_set="songnet-8", mark=True, write=True):
    with library.db:
        ledger.upsert_track(library.db, {"track_id": track_id, "source": "audio", "title": track_id.upper()})
        if mark:
            library.db.execute("INSERT INTO images VALUES (?, ?, ?)", (image_set, track_id, n_clips))
    if write:
        values = np.full((n_clips, 4), 7, np.uint8)
        rows = to_arrow([track_id] * n_clips, range(n_clips), [0.0] * n_clips, [False] * n_clips, values)
        library.arrays.append(f"images-{image_set}", rows)


def test_reconcile_deletes_orphans_and_takes_back_empty_marks(empty_library):
    add_track(empty_library, "whole")
    add_track(empty_library, "orphan", mark=False)
    add_track(empty_library, "lost", write=False)
    add_track(empty_library, "short", n_clips=1, mark=False)
    with empty_library.db:
        empty_library.db.execute("INSERT INTO images VALUES ('songnet-8', 'short', 2)")
    swept = reconcile(empty_library)
    assert (swept.orphans, swept.lost) == (1, 2)
    assert set(empty_library.arrays.keys("images-songnet-8")["track_id"].to_pylist()) == {"whole"}
    assert [row[0] for row in empty_library.db.execute("SELECT track_id FROM images")] == ["whole"]
    assert reconcile(empty_library) == type(swept)(0, 0)


def test_a_lost_table_is_noticed(empty_library):
    add_track(empty_library, "a")
    empty_library.arrays.drop("images-songnet-8")
    assert reconcile(empty_library).lost == 1


def test_one_track_at_two_paths_and_none(empty_library):
    db = empty_library.db
    with db:
        ledger.upsert_track(db, {"track_id": "t", "source": "audio", "title": "Old"})
        ledger.upsert_path(db, b"/b.mp3", "t", 1, 1)
        ledger.upsert_path(db, b"/a\xff.mp3", "t", 1, 1)
        ledger.upsert_track(db, {"track_id": "t", "source": "audio", "title": "New"})
        ledger.upsert_track(db, {"track_id": "image", "source": "image"})
    tracks = ledger.tracks_by_id(db)
    assert tracks["t"]["title"] == "New"
    assert tracks["t"]["path"] == b"/a\xff.mp3"
    with db:
        assert ledger.mark_missing(db, [b"/a\xff.mp3"]) == 1
        assert ledger.mark_missing(db, [b"/a\xff.mp3"]) == 0
    assert ledger.tracks_by_id(db, ["t"])["t"]["path"] == b"/b.mp3"
    assert not ledger.tracks_by_id(db)["t"]["missing"]
    with db:
        ledger.mark_missing(db, [b"/b.mp3"])
    assert ledger.tracks_by_id(db)["t"]["missing"]
    assert not ledger.tracks_by_id(db)["image"]["missing"]
    with db:
        assert ledger.mark_found(db, [b"/b.mp3"]) == 1
    assert not ledger.tracks_by_id(db)["t"]["missing"]


def test_failures_count_attempts_while_the_file_is_the_same(empty_library):
    db = empty_library.db
    with db:
        for _ in range(2):
            ledger.record_failure(db, b"/x.mp3", 10, 20, "corrupt", "broken")
    (failure,) = ledger.list_failures(db)
    assert (failure.path, failure.kind, failure.reason, failure.attempts) == (b"/x.mp3", "corrupt", "broken", 2)
    with db:
        ledger.record_failure(db, b"/x.mp3", 11, 20, "empty", "nothing")
    assert ledger.list_failures(db)[0].attempts == 1
    with db:
        ledger.upsert_track(db, {"track_id": "t", "source": "audio"})
        ledger.upsert_path(db, b"/x.mp3", "t", 12, 20)
    assert ledger.list_failures(db) == []


def test_runs_tell_how_they_ended(empty_library):
    library = empty_library
    with recorded_run(library, "embed", "1", {"a": 1}, 0) as run:
        run.summary["read"] = 3
        run.partial = True
    with pytest.raises(KeyboardInterrupt), recorded_run(library, "embed", "1", {}, 0):
        raise KeyboardInterrupt
    with pytest.raises(ZeroDivisionError), recorded_run(library, "embed", "1", {}, 0):
        _ = 1 / 0
    with library.db:
        library.db.execute(
            "INSERT INTO runs (command, version, started_at, status, parameters) VALUES ('x', '1', '', 'running', '{}')"
        )
    with recorded_run(library, "embed", "1", {}, 0):
        pass
    rows = library.db.execute("SELECT status, summary FROM runs ORDER BY run_id").fetchall()
    assert [row[0] for row in rows] == ["partial", "interrupted", "failed", "interrupted", "done"]
    assert rows[0][1] == '{"read": 3}'


def test_a_failed_write_leaves_the_old_file_and_no_debris(tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with pytest.raises(TypeError):
        write_bytes(path, "not bytes")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_library_can_be_read_while_it_is_written(empty_library):
    add_track(empty_library, "a")
    with Library(empty_library.path) as reader:
        assert list(ledger.tracks_by_id(reader.db)) == ["a"]
        add_track(empty_library, "b")
        assert list(ledger.tracks_by_id(reader.db)) == ["a", "b"]
        assert reader.arrays.keys("images-songnet-8").num_rows == 4
