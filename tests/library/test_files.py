"""Files are written whole, in place of files only."""

import os
import stat

import pytest

from songnet.errors import ParameterError
from songnet.library.files import write_bytes


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "a.bin"
    for content in (b"one", b"another"):
        write_bytes(path, content)
        assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_pipe_or_folder_keeps_its_place(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ParameterError, match=f"{name} is there and no regular file"):
            write_bytes(tmp_path / name, b"x")
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


def test_a_link_stays_a_link_to_what_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "real.csv").write_bytes(b"old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "disk" / "real.csv")
    write_bytes(tmp_path / "link.csv", b"new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "disk" / "real.csv").read_bytes() == b"new"
    assert os.listdir(tmp_path / "disk") == ["real.csv"]
