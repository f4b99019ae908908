"""Finding files in awkward trees."""

from __future__ import annotations

import inspect
import os
import socket
import sys
from pathlib import Path

import pytest

from songnet.audio import AUDIO_EXTENSIONS, scan


def touch(path: Path | bytes, content: bytes = b"x") -> bytes:
    path = os.fsencode(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 (paths are bytes)
    with open(path, "wb") as file:
        file.write(content)
    return path


def test_extensions_are_lower_case_with_a_dot() -> None:
    assert {b".mp3", b".flac", b".m4a", b".ogg", b".opus", b".wma", b".wav", b".aiff"} <= AUDIO_EXTENSIONS
    assert all(e == e.lower() and e.startswith(b".") and e.count(b".") == 1 for e in AUDIO_EXTENSIONS)


def test_files_are_sorted_and_described(tmp_path: Path) -> None:
    b = touch(tmp_path / "b.MP3", b"12345")
    a = touch(tmp_path / "deep" / "er" / "a.flac")
    touch(tmp_path / "cover.jpg")
    touch(tmp_path / "._b.mp3")
    touch(tmp_path / "mp3")
    report = scan([tmp_path])
    assert [file.path for file in report.files] == [b, a]
    assert report.files[0].size == 5
    assert report.files[0].mtime_ns == (tmp_path / "b.MP3").stat().st_mtime_ns
    assert report.ignored == 3
    assert report.problems == []
    assert scan([str(tmp_path)]) == scan([os.fsencode(tmp_path)]) == report


def test_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    song = touch(tmp_path / "music" / "a.mp3")
    odd = touch(tmp_path / "music" / "recording.dat")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in scan(["music"]).files] == [song]
    report = scan(["music", tmp_path, "music/a.mp3", odd, "music/../music"])
    assert [file.path for file in report.files] == [song, odd]
    assert report.ignored == 0
    assert scan([]).files == []


def test_missing_roots_and_dangling_links_are_problems(tmp_path: Path) -> None:
    (tmp_path / "lost.mp3").symlink_to(tmp_path / "nowhere")
    song = touch(tmp_path / "a.mp3")
    report = scan([tmp_path, tmp_path / "gone"])
    assert [file.path for file in report.files] == [song]
    assert report.problems == [
        (os.fsencode(tmp_path / "gone"), "does not exist"),
        (os.fsencode(tmp_path / "lost.mp3"), "does not exist"),
    ]


def test_links_are_followed_but_loops_end(tmp_path: Path) -> None:
    song = touch(tmp_path / "music" / "a.mp3")
    (tmp_path / "music" / "loop").symlink_to(tmp_path / "music")
    (tmp_path / "music" / "up").symlink_to(tmp_path)
    (tmp_path / "music" / "self").symlink_to(tmp_path / "music" / "self")
    elsewhere = touch(tmp_path / "other" / "b.mp3")
    (tmp_path / "music" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "music" / "alias.mp3").symlink_to(song.decode())
    report = scan([tmp_path / "music"])
    names = [os.path.relpath(file.path, os.fsencode(tmp_path)) for file in report.files]
    assert names == [b"music/a.mp3", b"music/alias.mp3", b"music/link/b.mp3"]
    assert os.path.realpath(report.files[-1].path) == elsewhere
    assert [path for path, _ in report.problems] == [os.fsencode(tmp_path / "music" / "self")]


def test_names_are_bytes(tmp_path: Path) -> None:
    names = [b"new\nline.mp3", b"\xff\xfe.mp3", "\U0001f3b5.ogg".encode(), b" .mp3", b"a" * 240 + b".mp3"]
    expected = sorted(touch(os.path.join(os.fsencode(tmp_path), name)) for name in names)
    assert [file.path for file in scan([tmp_path]).files] == expected


def test_special_files_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.mp3")
        report = scan([tmp_path, "/dev/null"])
    assert report.files == []
    assert report.ignored == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_forbidden_folders_are_problems(tmp_path: Path) -> None:
    touch(tmp_path / "closed" / "a.mp3")
    song = touch(tmp_path / "b.mp3")
    (tmp_path / "closed").chmod(0)
    try:
        report = scan([tmp_path])
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [file.path for file in report.files] == [song]
    assert report.problems == [(os.fsencode(tmp_path / "closed"), "no permission to read it")]


def test_a_folder_that_fails_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "closed" / "a.mp3")
    closed = os.fsencode(tmp_path / "closed")
    song = touch(tmp_path / "b.mp3")
    scandir = os.scandir

    def forbid(path: bytes) -> object:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbid)
    report = scan([tmp_path])
    assert [file.path for file in report.files] == [song]
    assert report.problems == [(closed, "no permission to read it")]


def test_deep_trees_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    song = touch(os.path.join(os.fsencode(tmp_path), *[b"d"] * 300, b"a.mp3"))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 100)
    try:
        report = scan([tmp_path])
    finally:
        sys.setrecursionlimit(limit)
    assert [file.path for file in report.files] == [song]
