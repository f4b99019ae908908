import os
import shutil

import numpy as np
import pytest
from synthetic import write_track

from songnet.config import ImageConfig, ReadConfig
from songnet.library import Library, from_arrow, reconcile
from songnet.library.tracks import list_failures, tracks_by_id
from songnet.spectrogram import ingest, preview
from songnet.spectrogram.ingest import MAX_INTERRUPTIONS

READ = ReadConfig()
IMAGES = ImageConfig()


def run(library, *roots, images=IMAGES, n_workers=2, **options):
    return ingest(library, list(roots), images, READ, n_workers=n_workers, **options)


def stored_images(library, name="images-songnet-8"):
    keys = library.arrays.keys(name)
    pixels = from_arrow(library.arrays.take(name, np.asarray(keys["_rowid"]))["values"])
    return list(zip(keys["track_id"].to_pylist(), keys["clip"].to_pylist(), strict=True)), pixels


def test_a_second_run_reads_nothing_and_a_new_recipe_touches_nothing(music, empty_library):
    first = run(empty_library, music)
    assert (first.found, first.read, first.new_tracks, first.failed, first.ignored) == (12, 12, 12, 0, 1)
    keys, pixels = stored_images(empty_library)
    assert len(keys) == 24
    second = run(empty_library, music)
    assert (second.read, second.unchanged) == (0, 12)
    third = run(empty_library, music, images=ImageConfig(recipe="deejai", clips=1))
    assert (third.read, third.new_tracks) == (12, 0)
    assert len(stored_images(empty_library, "images-deejai-1")[0]) == 12
    again_keys, again = stored_images(empty_library)
    assert again_keys == keys
    np.testing.assert_array_equal(again, pixels)


def test_the_number_of_workers_changes_nothing(music, empty_library, tmp_path):
    run(empty_library, music, n_workers=3)
    with Library(tmp_path / "one", write=True, create=True) as other:
        run(other, music, n_workers=1)
        assert stored_images(other)[0] == stored_images(empty_library)[0]
        np.testing.assert_array_equal(stored_images(other)[1], stored_images(empty_library)[1])


def test_moved_copied_and_retagged_files_keep_their_track(empty_library, tmp_path):
    folder = tmp_path / "music"
    path = write_track(folder / "a.flac", "sine", 440, title="One", artist="A")
    write_track(folder / "b.flac", "square", 220, title="Two", artist="B")
    assert run(empty_library, folder).new_tracks == 2
    before = tracks_by_id(empty_library.db)
    path.rename(folder / "renamed.flac")
    shutil.copy(folder / "b.flac", folder / "copy of b.flac")
    write_track(folder / "b.flac", "square", 220, title="Two (remastered tags)", artist="B, and C", album="Best of")
    report = run(empty_library, folder)
    assert (report.read, report.new_tracks, report.moved, report.duplicates, report.missing) == (3, 0, 1, 2, 0)
    after = tracks_by_id(empty_library.db)
    assert set(after) == set(before)
    assert next(track for track in after.values() if track["title"] == "One")["path"].endswith(b"renamed.flac")
    assert {"Two (remastered tags)", "Two"} & {track["title"] for track in after.values()}
    assert len(stored_images(empty_library)[0]) == 4


def test_changed_sound_is_a_new_track(empty_library, tmp_path):
    path = write_track(tmp_path / "m" / "a.wav", "sine", 440)
    run(empty_library, tmp_path / "m")
    write_track(path, "sine", 660)
    os.utime(path, ns=(1, 1))
    assert run(empty_library, tmp_path / "m").new_tracks == 1
    assert sorted(track["missing"] for track in tracks_by_id(empty_library.db).values()) == [False, True]


def test_verify_sees_what_the_clock_hides(empty_library, tmp_path):
    path = write_track(tmp_path / "m" / "a.wav", "sine", 440)
    stat = path.stat()
    run(empty_library, tmp_path / "m")
    write_track(path, "sine", 660)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(empty_library, tmp_path / "m").read == 0
    report = run(empty_library, tmp_path / "m", verify=True)
    assert (report.read, report.new_tracks) == (1, 1)


def test_removed_files_are_marked_and_come_back(empty_library, tmp_path):
    folder = tmp_path / "m"
    for n in range(3):
        write_track(folder / f"{n}.wav", "sine", 200 + 50 * n)
    run(empty_library, folder)
    (folder / "1.wav").rename(tmp_path / "away.wav")
    assert run(empty_library, folder).missing == 1
    assert sum(track["missing"] for track in tracks_by_id(empty_library.db).values()) == 1
    (tmp_path / "away.wav").rename(folder / "1.wav")
    report = run(empty_library, folder)
    assert (report.returned, report.read, report.missing) == (1, 0, 0)


def test_a_vanished_or_emptied_root_purges_nothing(empty_library, tmp_path):
    folder = tmp_path / "disk"
    write_track(folder / "a.wav", "sine", 440)
    run(empty_library, folder)
    shutil.move(folder, tmp_path / "unplugged")
    folder.mkdir()
    report = run(empty_library, folder)
    assert report.missing == 0
    assert any("is a disk missing?" in warning for warning in report.warnings)
    folder.rmdir()
    report = run(empty_library, folder)
    assert report.missing == 0
    assert not any(track["missing"] for track in tracks_by_id(empty_library.db).values())


def test_bad_files_are_listed_once_and_retried_on_request(empty_library, tmp_path):
    folder = tmp_path / "m"
    write_track(folder / "good.wav", "sine", 440)
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.mp3").write_text("a shopping list, not a song\n" * 50)
    (folder / "silence.wav").write_bytes(
        write_track(tmp_path / "s.wav", "sine", 440).read_bytes()[:44] + bytes(200_000)
    )
    report = run(empty_library, folder)
    assert (report.read, report.failed) == (1, 3)
    kinds = {failure.path.rsplit(b"/", 1)[1]: failure.kind for failure in list_failures(empty_library.db)}
    assert kinds == {b"empty.mp3": "empty", b"text.mp3": "not-audio", b"silence.wav": "silent"}
    report = run(empty_library, folder)
    assert (report.read, report.failed, report.known_failures) == (0, 0, 3)
    assert run(empty_library, folder, retry_failed=True).failed == 3
    assert {failure.attempts for failure in list_failures(empty_library.db)} == {2}
    write_track(folder / "empty.mp3", "sine", 550)
    report = run(empty_library, folder)
    assert (report.read, report.known_failures) == (1, 2)
    (folder / "text.mp3").unlink()
    run(empty_library, folder)
    assert [failure.kind for failure in list_failures(empty_library.db)] == ["silent"]


def test_odd_names_are_no_obstacle(empty_library, tmp_path):
    folder = tmp_path / "m"
    path = write_track(folder / "plain.flac", "sine", 440, title="T")
    names = [b"caf\xe9.flac", b"new\nline.flac", "🎵 ünï.flac".encode(), b"\x1b[31mred.flac", b"-rf.flac"]
    for name in names:
        shutil.copy(path, os.path.join(os.fsencode(folder), name))
    report = run(empty_library, folder)
    assert (report.read, report.failed, report.new_tracks, report.duplicates) == (6, 0, 1, 5)
    stored = {row[0].rsplit(b"/", 1)[1] for row in empty_library.db.execute("SELECT path FROM paths")}
    assert stored == {b"plain.flac", *names}


def test_files_under_way_when_the_last_run_died_are_read_last_and_in_the_end_given_up(empty_library, tmp_path):
    folder = tmp_path / "m"
    for n in range(4):
        write_track(folder / f"{n}.wav", "sine", 200 + 50 * n)
    suspect, hopeless = bytes(folder / "0.wav"), bytes(folder / "1.wav")
    with empty_library.db:
        for path, interrupted in ((suspect, 0), (hopeless, MAX_INTERRUPTIONS)):
            empty_library.db.execute("INSERT INTO reading VALUES (?, 1, 1, ?, 1)", (path, interrupted))
    report = run(empty_library, folder)
    assert (report.read, report.failed, report.failed_by_kind) == (3, 1, {"interrupted": 1})
    (failure,) = list_failures(empty_library.db)
    assert (failure.path, failure.kind) == (hopeless, "interrupted")
    assert empty_library.db.execute("SELECT count(*) FROM reading").fetchone()[0] == 0
    assert run(empty_library, folder).known_failures == 1


def test_ctrl_c_is_held_against_no_file(music, empty_library):
    def interrupt(stage, done, total, note=""):
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(empty_library, music, progress=interrupt)
        assert empty_library.db.execute("SELECT count(*) FROM reading").fetchone()[0] == 0
    report = run(empty_library, music)
    assert report.failed == 0
    assert report.read + report.unchanged == 12


def test_a_run_that_dies_between_array_and_ledger_leaves_no_track_twice(music, empty_library, monkeypatch):
    from songnet.library import tracks as ledger

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "upsert_track", fail)
        with pytest.raises(OSError, match="No space"):
            run(empty_library, music)
    assert empty_library.arrays.keys("images-songnet-8").num_rows > 0
    swept = reconcile(empty_library)
    assert swept.orphans > 0
    assert empty_library.arrays.keys("images-songnet-8").num_rows == 0
    assert run(empty_library, music).new_tracks == 12
    assert len(set(stored_images(empty_library)[0])) == 24


def test_preview_tells_and_does_nothing(music, empty_library):
    report, to_read = preview(empty_library, [music], ImageConfig())
    assert (report.found, to_read) == (12, 12)
    assert preview(None, [music], ImageConfig())[1] == 12
    assert empty_library.arrays.names() == []
    assert empty_library.db.execute("SELECT count(*) FROM paths").fetchone()[0] == 0
