"""`songnet models` and what stands below it, as a stranger would use them."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from songnet.cli.app import main
from songnet.config import ImageConfig, ReadConfig
from songnet.library import Library
from songnet.spectrogram import ingest
from songnet.training.package import read_package


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    return code, json.loads(out), err


@pytest.fixture
def other_library(music, tmp_path):
    """A second library: one artist's tracks, mel images, no model."""
    with Library(tmp_path / "other", write=True, create=True) as library:
        assert ingest(library, [music / "Squares"], ImageConfig(), ReadConfig(), n_workers=2).read == 4
    return tmp_path / "other"


def test_a_model_moves_and_encodes_without_training(capsys, made_library, other_library, tmp_path):
    path = tmp_path / "it's mine.zip"
    code, out, err = run(capsys, "models", "export", "cae-12x15", path, "--library", made_library)
    assert code == 0, err
    assert out.startswith("cae-12x15: ")
    assert "songnet models import 'it'\"'\"'s mine.zip' --library OTHER" in out
    code, out, err = run(capsys, "models", "import", path, "--name", "moved", "--library", other_library)
    assert code == 0, err
    follow = f"songnet embed --model moved --library {other_library}"
    assert out.splitlines() == [
        "moved imported (cae-12x15, trained on 16 clips of songnet-8)",
        f"4 tracks have images of its recipe; to encode them: {follow}",
    ]
    assert "import: 3/3" in err
    code, content, err = run_json(capsys, *follow.split()[1:], "--quiet")
    assert code == 0, err
    assert (content["model"]["trained_now"], content["model"]["tracks_encoded"]) == (False, 4)
    code, content, _ = run_json(capsys, "similar", "Squares - Piece 0", "--model", "moved", "--library", other_library)
    assert content["neighbours"][0]["title"] == "Piece 0"
    code, content, _ = run_json(capsys, "models", "--library", other_library)
    assert (list(content), content["moved"]["tracks_with_codes"]) == (["moved"], 4)
    assert content["moved"]["imported"]["original_name"] == "cae-12x15"
    assert content["moved"]["imported"]["source"] == read_package(path).manifest["data_sha256"]
    code, out, _ = run(capsys, "models", "--library", other_library)
    assert out.splitlines()[1].rstrip().endswith("imported")
    code, content, _ = run_json(capsys, "models", "--library", made_library)
    assert content["cae-12x15"]["imported"] is None


def test_json_of_export_and_import_and_what_happens_the_second_time(capsys, made_library, other_library, tmp_path):
    path = tmp_path / "m.zip"
    arguments = ("models", "export", "cae-12x15", path, "--library", made_library)
    code, content, _ = run_json(capsys, *arguments)
    assert (code, content["bytes"]) == (0, path.stat().st_size)
    assert content["members"][:3] == ["card.md", "config.json", "history.csv"]
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "is there already: choose another name, or replace it with --force" in err
    assert run_json(capsys, *arguments, "--force")[1] == content
    arrived = []
    for status in ("imported", "unchanged"):
        code, content, _ = run_json(capsys, "models", "import", path, "--library", other_library)
        assert (code, content.pop("status")) == (0, status)
        arrived.append(content)
    assert arrived[0] == arrived[1]
    assert arrived[0]["tracks_with_images"] == 4
    code, out, _ = run(capsys, "models", "import", path, "--library", other_library)
    assert out.splitlines()[0] == "cae-12x15 is in the library already, the same model: unchanged"


def test_a_library_without_its_images_is_told_the_command(capsys, made_library, music, tmp_path):
    path = tmp_path / "m.zip"
    assert run(capsys, "models", "export", "cae-12x15", path, "--library", made_library)[0] == 0
    library = tmp_path / "short"
    with Library(library, write=True, create=True) as opened:
        ingest(opened, [music / "Sines" / "0.flac"], ImageConfig(clips=1), ReadConfig(), n_workers=1)
    code, out, _ = run(capsys, "models", "import", path, "--library", library)
    assert code == 0
    assert "it reads images of songnet-8, and no track here has any (the library's own are songnet-8)" in out
    follow = f"songnet embed FOLDER --model cae-12x15 --library {library}"
    assert follow in out
    # The command, as it is written there, does it.
    code, content, err = run_json(capsys, *follow.replace("FOLDER", str(music / "Sines")).split()[1:])
    assert (code, content["model"]["tracks_encoded"], content["model"]["trained_now"]) == (0, 4, False), err


def test_show_prints_the_card(capsys, library_copy, tmp_path):
    code, out, _ = run(capsys, "models", "show", "cae-12x15", "--library", library_copy)
    assert code == 0
    assert out.startswith("# cae-12x15\n")
    assert "| artists | 3 (0 tracks name none) |" in out
    path = tmp_path / "m.zip"
    assert run(capsys, "models", "export", "cae-12x15", path, "--library", library_copy, "--licence", "CC0")[0] == 0
    assert run(capsys, "models", "import", path, "--name", "guest", "--library", library_copy)[0] == 0
    code, out, _ = run(capsys, "models", "show", "guest", "--library", library_copy)
    assert "from m.zip; it was trained in another library." in out
    assert "Licence of the weights: CC0." in out
    code, content, _ = run_json(capsys, "models", "show", "guest", "--library", library_copy)
    assert (content["name"], content["licence"], content["data"]["tracks"]) == ("guest", "CC0", 12)
    assert content["imported"]["file"] == "m.zip"
    code, _, err = run(capsys, "models", "show", "nosuch", "--library", library_copy)
    assert (code, "the library has no model 'nosuch'; it has: cae-12x15, guest" in err) == (2, True)


def test_refusals_are_one_line_with_the_file_and_their_exit_code(capsys, made_library, library_copy, tmp_path):
    path = tmp_path / "m.zip"
    assert run(capsys, "models", "export", "cae-12x15", path, "--library", made_library)[0] == 0
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    for arguments, expected, message in (
        ((path,), 4, f"error: {path} does not end as a ZIP file does"),
        ((tmp_path / "none.zip",), 2, "is not a file: name one that `songnet models export` wrote"),
        ((path, "--name", "../x"), 4, "does not end as a ZIP file does"),
    ):
        code, out, err = run(capsys, "models", "import", *arguments, "--library", library_copy, "--quiet")
        assert (code, out, err.count("\n")) == (expected, "", 1), err
        assert message in err
    # A flipped byte of the weights, by way of the command.
    flipped = bytearray(content)
    flipped[content.index(b"PK\x01\x02") - 700] ^= 4
    path.write_bytes(flipped)
    code, _, err = run(capsys, "models", "import", path, "--name", "x", "--library", library_copy, "--quiet")
    assert (code, "Bad CRC-32" in err) == (4, True), err
    path.write_bytes(content)
    code, _, err = run(capsys, "models", "import", path, "--name", "../x", "--library", library_copy)
    assert (code, "'../x' is no model name" in err) == (2, True)
    code, _, err = run(capsys, "models", "--json", "show", "cae-12x15", "--library", library_copy)
    assert (code, "--json stands before show: write it after that word" in err) == (2, True)


def test_delete_asks_unless_told(capsys, library_copy):
    command = [sys.executable, "-m", "songnet.cli", "models", "delete", "cae-12x15", "--library", str(library_copy)]
    asked = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "deleting 'cae-12x15' cannot be undone: say so with --yes" in asked.stderr
    code, content, _ = run_json(capsys, "models", "delete", "cae-12x15", "--yes", "--library", library_copy)
    assert (code, content["tracks_with_codes"]) == (0, 12)
    code, out, _ = run(capsys, "models", "--library", library_copy)
    assert "no trained model yet" in out
    code, _, err = run(capsys, "models", "delete", "cae-12x15", "--yes", "--library", library_copy)
    assert (code, "the library has no model 'cae-12x15'; it has: none" in err) == (2, True)


@pytest.mark.skipif(shutil.which("setpriv") is None and os.geteuid() == 0, reason="root may write everywhere")
def test_a_library_that_cannot_be_written_can_be_exported_from(library_copy, tmp_path):
    # SQLite needs its shared-memory file there, or room for it; any reader leaves one.
    with Library(library_copy):
        pass
    assert (library_copy / "songnet.db-shm").exists()
    for path in (library_copy, *library_copy.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # Root keeps its files but not the right to overrule their modes.
    caps = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*caps, sys.executable, "-m", "songnet.cli", "models", "export", "cae-12x15", str(tmp_path / "m.zip")]
    result = subprocess.run([*command, "--library", str(library_copy)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert read_package(tmp_path / "m.zip").manifest["model"]["name"] == "cae-12x15"
    for path in (library_copy, *library_copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
