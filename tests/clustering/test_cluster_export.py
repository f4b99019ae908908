"""Tables and playlists of a partition: what stands in them, what strangers' text cannot do, what is never deleted."""

import csv
import json
import unicodedata
from pathlib import Path

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from songnet.clustering.export import export_partition
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import load_partition, save_partition
from songnet.library import playlist_folder as module
from songnet.library import tracks as ledger
from songnet.library.playlist_folder import MANIFEST
from songnet.partition import NOISE, Partition

NAMES = {1: "Bright brass", 2: "Low drones"}


def add(library, track_id, path, *, source="audio", missing=False, **tags):
    with library.db:
        ledger.upsert_track(library.db, {"track_id": track_id, "source": source, **tags})
        if path is not None:
            ledger.upsert_path(library.db, path, track_id, 1, 1)
        if missing:
            ledger.mark_missing(library.db, [path])


def stored(library, labelled, name="styles"):
    partition = Partition.from_labels(list(labelled), list(labelled.values()), "kmeans", {"seed": 0})
    save_partition(library, partition, name=name, branch="cluster", run_id=None, summary={})
    return load_partition(library, name, "cluster")


@pytest.fixture
def plain(empty_library):
    """Three tracks in two groups."""
    add(empty_library, "a", b"/music/a.flac", artist="Zoë", title="Dawn", album="One", track_number=2, duration_s=61.6)
    add(empty_library, "b", b"/music/b.flac", artist="Zoë", title="Noon", album="One", track_number=1, duration_s=60.2)
    add(empty_library, "c", b"/music/c.flac", artist="Ása", title="Dusk", album="Two", duration_s=None)
    return empty_library


@pytest.fixture
def awkward(plain):
    """The same, and a track for each reason to leave one out."""
    add(plain, "gone", b"/music/gone.flac", missing=True, title="Gone")
    add(plain, "image", None, source="image", title="Image")
    add(plain, "latin", b"/music/caf\xe9.flac", title="Latin")
    add(plain, "line", b"/music/two\nlines.flac", title="Lines")
    add(plain, "noise", b"/music/noise.flac", title="Noise")
    return stored(
        plain,
        {"a": 1, "b": 1, "c": 2, "gone": 1, "image": 1, "latin": 1, "line": 2, "noise": NOISE, "stranger": 2},
    )


def listing(folder):
    return sorted(entry.name for entry in folder.iterdir())


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_playlists_say_what_to_play_and_in_which_order(plain, tmp_path):
    report = export_partition(plain, *stored(plain, {"a": 1, "b": 1, "c": 2}), tmp_path / "lists", NAMES)
    assert listing(tmp_path / "lists") == [MANIFEST, "01 - Bright brass.m3u8", "02 - Low drones.m3u8"]
    assert (tmp_path / "lists" / "01 - Bright brass.m3u8").read_bytes().decode() == (
        "#EXTM3U\n#PLAYLIST:Bright brass\n#EXTINF:60,Zoë - Noon\n/music/b.flac\n#EXTINF:62,Zoë - Dawn\n/music/a.flac\n"
    )
    assert (tmp_path / "lists" / "02 - Low drones.m3u8").read_text().endswith("#EXTINF:-1,Ása - Dusk\n/music/c.flac\n")
    assert report.files == tuple(
        tmp_path / "lists" / name for name in ("01 - Bright brass.m3u8", "02 - Low drones.m3u8")
    )
    assert (report.tracks, report.left_out, report.removed, report.kept) == (3, {}, (), ())


def test_tracks_that_cannot_be_played_are_left_out_and_counted(awkward, empty_library, tmp_path):
    report = export_partition(empty_library, *awkward, tmp_path / "lists", NAMES)
    assert report.tracks == 3
    assert report.left_out == {
        "control character in path": 1,
        "file missing": 1,
        "in no group": 1,
        "no file": 1,
        "not in the library": 1,
        "path not UTF-8": 1,
    }
    text = "".join(path.read_text() for path in report.files)
    assert [line for line in text.splitlines() if line.startswith("/")] == [
        "/music/b.flac",
        "/music/a.flac",
        "/music/c.flac",
    ]


def test_a_group_of_which_nothing_can_be_played_gets_no_playlist(plain, tmp_path):
    report = export_partition(plain, *stored(plain, {"a": 1, "stranger": 2}), tmp_path / "lists", NAMES)
    assert [path.name for path in report.files] == ["01 - Bright brass.m3u8"]


def test_a_track_without_tags_is_called_by_its_file(plain, tmp_path):
    add(plain, "bare", b"/music/01 Bare.live.mp3", duration_s=5.0)
    report = export_partition(plain, *stored(plain, {"bare": 1}), tmp_path / "lists", {})
    assert [path.name for path in report.files] == ["01.m3u8"]
    assert report.files[0].read_text() == "#EXTM3U\n#EXTINF:5,01 Bare.live\n/music/01 Bare.live.mp3\n"


def test_tags_cannot_add_lines_to_a_playlist(plain, tmp_path):
    title = "x\n/etc/passwd\r\n#EXTINF:1,y\u2028z\x85w\x1b[31m"
    add(plain, "evil", b"/music/e.flac", artist="A\nB", title=title, duration_s=1.0)
    partition = stored(plain, {"evil": 1})
    report = export_partition(plain, *partition, tmp_path / "lists", {1: "n\n/etc/shadow"})
    assert report.files[0].read_text().splitlines() == [
        "#EXTM3U",
        "#PLAYLIST:n /etc/shadow",
        "#EXTINF:1,A B - x /etc/passwd #EXTINF:1,y z w [31m",
        "/music/e.flac",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "07 - ..-..-etc-passwd.m3u8"),
        ("/", "07 - -.m3u8"),
        ("a\\b:c|d", "07 - a-b -c-d.m3u8"),
        ('<"q">?*', "07 - 'q'.m3u8"),
        ("tail. . ", "07 - tail.m3u8"),
        ("\u202egnp.m3u8", "07 - gnp.m3u8.m3u8"),
        ("nul\0tab\tline\n", "07 - nul tab line.m3u8"),
        ("e\u0301", "07 - é.m3u8"),
        ("é" * 80, f"07 - {'é' * 50}.m3u8"),
        ("", "07.m3u8"),
        ("...", "07.m3u8"),
        ("\ud800", "07.m3u8"),
    ],
)
def test_a_name_is_made_safe_for_every_file_system(plain, tmp_path, name, expected):
    report = export_partition(plain, *stored(plain, {"a": 7}), tmp_path / "lists", {7: name})
    assert [path.name for path in report.files] == [expected]
    assert listing(tmp_path / "lists") == [MANIFEST, expected]
    assert listing(tmp_path) == ["empty-library", "lists"]


@settings(deadline=None)
@given(st.text(st.characters(), max_size=300), st.text(st.characters(), max_size=300))
def test_no_name_leaves_the_folder_or_breaks_a_line(name, title):
    file_name = module.playlist_file_name("01", name)
    assert Path("folder", file_name).parent == Path("folder")
    assert not set(file_name) & set('/\\:*?"<>|\0')
    assert len(file_name.encode()) <= 2 + 3 + module.MAX_NAME_BYTES + 5
    assert file_name.startswith("01")
    assert file_name.endswith(".m3u8")
    track = {"path": b"/m.mp3", "title": title, "artist": name, "duration_s": 3.2}
    lines = module.m3u8(name, [track]).decode().splitlines()
    assert len(lines) == (4 if name else 3)
    assert (lines[0], lines[-1]) == ("#EXTM3U", "/m.mp3")
    assert lines[-2].startswith("#EXTINF:3,")
    assert all(unicodedata.category(char) != "Cc" for line in lines for char in line)


def test_equal_names_do_not_collide(plain, tmp_path):
    partition = stored(plain, {"a": 1, "b": 2, "c": 130})
    report = export_partition(plain, *partition, tmp_path / "lists", {1: "Same", 2: "same", 130: "Same"})
    assert [path.name for path in report.files] == ["001 - Same.m3u8", "002 - same.m3u8", "130 - Same.m3u8"]
    assert len(listing(tmp_path / "lists")) == 4


def test_playlists_of_groups_that_vanished_are_removed(plain, tmp_path):
    folder = tmp_path / "lists"
    export_partition(plain, *stored(plain, {"a": 1, "b": 2, "c": 3}), folder, {1: "A", 2: "B", 3: "C"})
    (folder / "mine.m3u8").write_text("#EXTM3U\n")
    (folder / "03 - C.m3u8").write_text("#EXTM3U\n# edited\n")
    report = export_partition(plain, *stored(plain, {"a": 1, "b": 1, "c": 1}), folder, {1: "New name"})
    assert report.removed == (folder / "01 - A.m3u8", folder / "02 - B.m3u8")
    assert report.kept == (folder / "03 - C.m3u8",)
    assert listing(folder) == [MANIFEST, "01 - New name.m3u8", "03 - C.m3u8", "mine.m3u8"]
    assert (folder / "03 - C.m3u8").read_text() == "#EXTM3U\n# edited\n"
    # The edited one is the user's by now, and is not spoken of again.
    again = export_partition(plain, *load_partition(plain, None, "cluster"), folder, {1: "New name"})
    assert (again.removed, again.kept) == ((), ())


def test_the_same_export_twice_writes_the_same_bytes(plain, tmp_path):
    partition = stored(plain, {"a": 1, "b": 1, "c": 2})

    def contents():
        return {entry.name: entry.read_bytes() for entry in (tmp_path / "lists").iterdir()}

    export_partition(plain, *partition, tmp_path / "lists", NAMES)
    before = contents()
    export_partition(plain, *partition, tmp_path / "lists", NAMES)
    assert contents() == before


@pytest.mark.parametrize("content", [b"#EXTM3U\n", b""])
def test_a_file_that_no_export_wrote_is_never_replaced(plain, tmp_path, content):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "02 - Low drones.m3u8").write_bytes(content)
    with pytest.raises(ParameterError, match=r"02 - Low drones\.m3u8 was not written by songnet"):
        export_partition(plain, *stored(plain, {"a": 1, "c": 2}), folder, NAMES)
    # Refused as a whole: nothing was written before.
    assert listing(folder) == ["02 - Low drones.m3u8"]
    assert (folder / "02 - Low drones.m3u8").read_bytes() == content


def test_without_its_list_an_export_knows_its_files_by_what_they_hold(plain, tmp_path):
    partition = stored(plain, {"a": 1})
    (path,) = export_partition(plain, *partition, tmp_path / "lists", NAMES).files
    (tmp_path / "lists" / MANIFEST).unlink()
    assert export_partition(plain, *partition, tmp_path / "lists", NAMES).files == (path,)
    assert listing(tmp_path / "lists") == [MANIFEST, path.name]


def test_a_playlist_that_was_edited_is_not_replaced(plain, tmp_path):
    partition = stored(plain, {"a": 1})
    report = export_partition(plain, *partition, tmp_path / "lists", NAMES)
    report.files[0].write_text("edited")
    with pytest.raises(ParameterError, match="somebody changed it since"):
        export_partition(plain, *partition, tmp_path / "lists", NAMES)
    assert report.files[0].read_text() == "edited"


def test_a_link_is_neither_followed_nor_removed(plain, tmp_path):
    folder = tmp_path / "lists"
    (path,) = export_partition(plain, *stored(plain, {"a": 1}), folder, {1: "A"}).files
    moved = path.rename(tmp_path / "moved.m3u8")
    path.symlink_to(moved)
    with pytest.raises(ParameterError, match="was not written by songnet"):
        export_partition(plain, *stored(plain, {"a": 1}), folder, {1: "A"})
    report = export_partition(plain, *stored(plain, {"a": 1}), folder, {1: "B"})
    assert (report.removed, report.kept, path.is_symlink(), moved.exists()) == ((), (path,), True, True)


@pytest.mark.parametrize("step", range(1, 8))
def test_an_export_that_was_stopped_anywhere_is_mended_by_the_next(plain, tmp_path, monkeypatch, step):
    folder = tmp_path / "lists"
    export_partition(plain, *stored(plain, {"a": 1, "b": 2, "c": 3}), folder, {1: "A", 2: "B", 3: "C"})
    (folder / "mine.m3u8").write_text("mine")
    steps = 0

    def counted(function):
        def stop(*arguments):
            nonlocal steps
            steps += 1
            if steps == step:
                raise KeyboardInterrupt
            return function(*arguments)

        return stop

    second = stored(plain, {"a": 1, "b": 1, "c": 4})
    with monkeypatch.context() as patched:
        patched.setattr(module, "write_bytes", counted(module.write_bytes))
        patched.setattr(module, "write_json", counted(module.write_json))
        patched.setattr(Path, "unlink", counted(Path.unlink))
        if step <= 6:
            with pytest.raises(KeyboardInterrupt):
                export_partition(plain, *second, folder, {1: "A", 4: "D"})
        else:
            export_partition(plain, *second, folder, {1: "A", 4: "D"})
            assert steps == 6
    export_partition(plain, *second, folder, {1: "A", 4: "D"})
    assert listing(folder) == [MANIFEST, "01 - A.m3u8", "04 - D.m3u8", "mine.m3u8"]
    assert (folder / "01 - A.m3u8").read_text().count("#EXTINF") == 2


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"[]",
        b"{}",
        b'{"files": []}',
        b'{"files": {"../music.m3u8": ["x"]}}',
        b'{"files": {"/etc/x.m3u8": ["x"]}}',
        b'{"files": {"song.flac": ["x"]}}',
        b'{"files": {"\\u0000.m3u8": ["x"]}}',
        b'{"files": {"a.m3u8": 1}}',
    ],
)
def test_a_manifest_of_something_else_is_refused(plain, tmp_path, content):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / MANIFEST).write_bytes(content)
    (tmp_path / "music.m3u8").write_text("x")
    with pytest.raises(ParameterError, match="is no list of exported playlists: choose another folder"):
        export_partition(plain, *stored(plain, {"a": 1}), folder, NAMES)
    assert listing(folder) == [MANIFEST]
    assert (tmp_path / "music.m3u8").exists()


def test_the_manifest_tells_what_was_exported(plain, tmp_path):
    partition = stored(plain, {"a": 1})
    export_partition(plain, *partition, tmp_path / "lists", NAMES)
    content = json.loads((tmp_path / "lists" / MANIFEST).read_text())
    assert (content["partition_id"], content["name"], content["branch"]) == (1, "styles", "cluster")
    assert list(content["files"]) == ["01 - Bright brass.m3u8"]


def test_a_csv_table_has_every_track(awkward, empty_library, tmp_path):
    report = export_partition(empty_library, *awkward, tmp_path / "out.csv", NAMES)
    rows = read_csv(tmp_path / "out.csv")
    assert list(rows[0]) == ["track_id", "cluster", "cluster_name", "silhouette", "artist", "title", "album", "path"]
    assert [row["track_id"] for row in rows] == list(awkward[1].track_ids)
    by_id = {row.pop("track_id"): row for row in rows}
    assert by_id["c"] == {
        "cluster": "2",
        "cluster_name": "Low drones",
        "silhouette": "",
        "artist": "Ása",
        "title": "Dusk",
        "album": "Two",
        "path": "/music/c.flac",
    }
    assert (by_id["noise"]["cluster"], by_id["noise"]["cluster_name"]) == ("-1", "")
    assert set(by_id["stranger"].values()) == {"2", "Low drones", ""}
    assert [by_id[track]["path"] for track in ("gone", "image", "latin", "line")] == [
        "",
        "",
        "",
        "/music/two\nlines.flac",
    ]
    assert (report.files, report.tracks, report.left_out) == ((tmp_path / "out.csv",), 9, {})
    assert report.altered == {"path not UTF-8": 1}
    assert listing(tmp_path) == ["empty-library", "out.csv"]


def test_parquet_holds_the_same_and_what_is_known_of_the_partition(awkward, empty_library, tmp_path):
    export_partition(empty_library, *awkward, tmp_path / "out.csv", NAMES)
    export_partition(empty_library, *awkward, tmp_path / "out.PARQUET", NAMES)
    table = pyarrow.parquet.read_table(tmp_path / "out.PARQUET")
    assert str(table.schema.field("cluster").type) == "int32"
    rows = [{key: "" if value is None else str(value) for key, value in row.items()} for row in table.to_pylist()]
    assert rows == read_csv(tmp_path / "out.csv")
    about = json.loads(table.schema.metadata[b"songnet.partition"])
    assert (about["partition_id"], about["method"], about["parameters"]) == (1, "kmeans", {"seed": 0})


def test_text_that_a_spreadsheet_would_run_is_disarmed_in_csv_and_untouched_in_parquet(plain, tmp_path):
    formulas = ["=1+1", "+44", "-M-", "@sum(A1)", "\t=1", "\r=1", "＝1"]
    for index, text in enumerate(formulas):
        add(plain, f"t{index}", f"/m/{index}".encode(), title=text, artist="a=b", album='say "=1", ok')
    partition = stored(plain, {f"t{index}": 1 for index in range(len(formulas))})
    report = export_partition(plain, *partition, tmp_path / "out.csv", {1: "fine"})
    rows = read_csv(tmp_path / "out.csv")
    assert [row["title"] for row in rows] == [f"'{text}" for text in formulas]
    assert {(row["artist"], row["album"]) for row in rows} == {("a=b", 'say "=1", ok')}
    assert report.altered == {"formula": len(formulas)}
    report = export_partition(plain, *partition, tmp_path / "out.parquet", {1: "=fine"})
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table["title"].to_pylist() == formulas
    assert set(table["cluster_name"].to_pylist()) == {"=fine"}
    assert report.altered == {}
    report = export_partition(plain, *partition, tmp_path / "out.csv", {1: "=fine"})
    assert report.altered == {"formula": 2 * len(formulas)}


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "lists"])
def test_a_partition_of_nothing_can_be_exported(plain, tmp_path, name):
    report = export_partition(plain, *stored(plain, {}), tmp_path / name, {})
    assert report.tracks == 0
    assert (tmp_path / name).exists()


def test_where_to_write_must_be_clear(plain, tmp_path):
    partition = stored(plain, {"a": 1})
    with pytest.raises(ParameterError, match=r"ends in '\.txt'; a partition is written as \.csv, as \.parquet, or as"):
        export_partition(plain, *partition, tmp_path / "out.txt", NAMES)
    for name in ("none/out.csv", "none/lists"):
        with pytest.raises(InputNotFoundError, match=r"there is no folder .*none to write (out\.csv|lists) to"):
            export_partition(plain, *partition, tmp_path / name, NAMES)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ParameterError, match="is a file; playlists need a folder"):
        export_partition(plain, *partition, tmp_path / "file", NAMES)
    (tmp_path / "my.lists").mkdir()
    assert export_partition(plain, *partition, tmp_path / "my.lists", NAMES).files[0].parent == tmp_path / "my.lists"
    assert (tmp_path / "file").read_text() == "x"
