import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from synthetic import write_track

from songnet.cli.app import app, main
from songnet.cli.output import clean
from songnet.library import Library


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    return code, json.loads(out), err


def test_embed_then_similar_as_a_stranger_would(capsys, music, tmp_path):
    library = tmp_path / "lib"
    code, out, err = run(capsys, "embed", music, "--library", library, "--model", "cae-12x15", "--epochs", 1)
    assert code == 0, err
    assert "12 audio files: 12 read, 0 unchanged" in out
    assert "12 tracks encoded now; the library holds 12 with codes of cae-12x15" in out
    assert "read files: 12/12" in err
    code, content, err = run_json(capsys, "embed", music, "--library", library, "--model", "cae-12x15", "--quiet")
    assert (code, err) == (0, "")
    assert (content["files"]["read"], content["files"]["unchanged"]) == (0, 12)
    assert (content["model"]["trained_now"], content["model"]["tracks_encoded"]) == (False, 0)
    assert content["library"]["with_codes"] == 12
    code, content, _ = run_json(capsys, "similar", music / "Sines" / "0.flac", "--library", library, "-n", 3)
    assert content["in_library"]
    assert content["neighbours"][0]["title"] == "Piece 0"
    code, out, _ = run(capsys, "similar", "Sines - Piece 0", "--library", library)
    assert code == 0
    assert re.search(r"1 +\+1\.000 +Sines +Piece 0 +Album 0", out)
    code, content, _ = run_json(capsys, "models", "--library", library)
    assert content["cae-12x15"]["tracks_with_codes"] == 12


def test_train_writes_a_model_with_its_curves(capsys, library_copy):
    arguments = ("train", "--model", "vae-conv", "--name", "mine", "--epochs", 2, "--batch-size", 8, "--beta", 0.5)
    code, content, _ = run_json(capsys, *arguments, "--library", library_copy)
    assert code == 0
    assert content["config"]["beta"] == 0.5
    assert len(content["history"]) == 2
    assert (library_copy / "models" / "mine" / "history.png").read_bytes()[:4] == b"\x89PNG"
    code, out, _ = run(capsys, *arguments, "--library", library_copy)
    assert "units active" in out


def test_bad_files_give_exit_code_3_and_are_listed(capsys, tmp_path):
    folder, library = tmp_path / "m", tmp_path / "lib"
    write_track(folder / "good.wav", "sine", 440)
    (folder / "list.mp3").write_text("milk, bread " * 100)
    code, out, _ = run(capsys, "embed", folder, "--library", library, "--no-model")
    assert code == 3
    assert "1 failed (1 not-audio)" in out
    assert f"songnet failures --library {library}" in out
    code, content, _ = run_json(capsys, "failures", "--library", library)
    assert (code, content["count"], content["by_kind"]) == (0, 1, {"not-audio": 1})
    assert content["failures"][0]["path"].endswith("list.mp3")
    code, out, _ = run(capsys, "failures", "--library", library)
    assert "list.mp3" in out
    assert "1 files could not be read (1 not-audio)" in out
    code, out, _ = run(capsys, "embed", folder, "--library", library, "--no-model")
    assert (code, "1 failed before (--retry-failed reads them again)" in out) == (0, True)
    assert run(capsys, "embed", folder, "--library", library, "--no-model", "--retry-failed")[0] == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["similar", "x", "--library", "{tmp}/none"], 2, "error: there is no library at {tmp}/none: make one with"),
        (["embed", "{tmp}/nowhere", "--library", "{tmp}/lib"], 2, "error: there is no file or folder {tmp}/nowhere"),
        (
            ["embed", "{tmp}", "--library", "{tmp}/lib", "--recipe", "deejay"],
            2,
            "unknown recipe 'deejay'; choose one of: deejai, songnet",
        ),
        (["embed", "{tmp}", "--library", "{tmp}/lib", "--aggregate", "max"], 2, "unknown aggregation 'max'"),
        (
            ["embed", "{tmp}", "--library", "{tmp}/lib", "--clips", "0"],
            2,
            "images.clips is 0; it must lie between 1 and 1000",
        ),
        (["embed", "{tmp}", "--library", "{tmp}/lib", "--model", "gpt"], 2, "'gpt' is neither a trained model"),
        (["train", "--model", "cae-12x15", "--library", "{tmp}/none"], 2, "there is no library"),
        (["export", "--library", "{tmp}/none"], 2, "nothing to export"),
        (["import-spectrograms", "{tmp}/nowhere", "--library", "{tmp}/lib"], 2, "is not a folder"),
        (["embed", "--library", "{tmp}/none"], 2, "there is no library at {tmp}/none yet: name a music folder"),
        (["similar"], 2, "Missing argument"),
        (["embed", "--no-such-flag", "x"], 2, "No such option"),
        (["sing"], 2, "No such command 'sing'"),
    ],
)
def test_wrong_use_is_answered_in_a_line(capsys, tmp_path, arguments, code, message):
    arguments = [argument.format(tmp=tmp_path) for argument in arguments]
    given, out, err = run(capsys, *arguments)
    assert given == code
    assert message.format(tmp=tmp_path) in err
    assert "Traceback" not in err
    assert out == ""
    # Nothing was made that a corrected command would have to live with.
    assert not (tmp_path / "lib").exists()


def test_an_empty_folder_is_no_error_but_is_said(capsys, tmp_path):
    (tmp_path / "m").mkdir()
    code, out, _ = run(capsys, "embed", tmp_path / "m", "--library", tmp_path / "lib")
    assert code == 0
    assert "0 audio files" in out
    assert "no model was used" in out


def test_a_dry_run_writes_nothing(capsys, music, tmp_path):
    code, content, _ = run_json(capsys, "embed", music, "--library", tmp_path / "lib", "--dry-run")
    assert (code, content["to_read"], content["image_set"]) == (0, 12, "songnet-8")
    assert not (tmp_path / "lib").exists()


def test_a_locked_library_gives_exit_code_5(capsys, music, library_copy):
    with Library(library_copy, write=True):
        code, _, err = run(capsys, "embed", music, "--library", library_copy)
        assert code == 5
        assert f"is being written by process {os.getpid()}" in err
        assert run(capsys, "similar", "Sines - Piece 0", "--library", library_copy)[0] == 0


def test_a_damaged_model_gives_exit_code_4(capsys, library_copy):
    (weights,) = (library_copy / "models" / "cae-12x15").glob("weights-*")
    weights.write_bytes(weights.read_bytes()[:-1])
    outside = write_track(library_copy.parent / "x.wav", "sine", 440)
    code, _, err = run(capsys, "similar", outside, "--model", "cae-12x15", "--library", library_copy)
    assert code == 4
    assert "damaged or was altered" in err
    # The vectors are still good: a question about a track inside needs no model.
    assert run(capsys, "similar", "Sines - Piece 0", "--library", library_copy)[0] == 0


def test_debug_shows_a_traceback_wherever_it_stands(capsys, tmp_path):
    for arguments in (["--debug", "similar", "x"], ["similar", "x", "--debug"]):
        code, _, err = run(capsys, *arguments, "--library", tmp_path / "none")
        assert (code, "Traceback" in err) == (2, True)


def test_nothing_that_a_file_or_tag_says_reaches_the_terminal_raw(capsys, tmp_path):
    folder = tmp_path / "m"
    evil = "\x1b]0;owned\x07\u202efdp"
    write_track(folder / "a.flac", "sine", 440, title=evil, artist="A\nB")
    write_track(folder / "b.flac", "square", 440)
    (folder / "\x1b[31mred.mp3").write_text("no music " * 100)
    library = tmp_path / "lib"
    outputs = [run(capsys, "embed", folder, "--library", library, "--model", "cae-12x15", "--epochs", 1)]
    outputs += [
        run(capsys, "failures", "--library", library),
        run(capsys, "similar", folder / "a.flac", "--library", library),
    ]
    for _, out, err in outputs:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out + err)
    assert "\\x1b[31mred.mp3" in outputs[1][1]
    assert clean("smile 🙂 café") == "smile 🙂 café"


def test_exports_can_be_read_back(capsys, made_library, tmp_path):
    import numpy as np
    import pyarrow.csv
    import pyarrow.parquet

    for name in ("v.npz", "v.parquet", "v.csv"):
        code, content, err = run_json(capsys, "export", "--vectors", tmp_path / name, "--library", made_library)
        assert (code, content["vectors"]["tracks"]) == (0, 12), err
    arrays = np.load(tmp_path / "v.npz", allow_pickle=False)
    parquet = pyarrow.parquet.read_table(tmp_path / "v.parquet")
    csv = pyarrow.csv.read_csv(tmp_path / "v.csv")
    np.testing.assert_array_equal(np.array(parquet["vector"].to_pylist(), np.float32), arrays["vectors"])
    assert parquet["track_id"].to_pylist() == csv["track_id"].to_pylist() == list(arrays["track_ids"])
    assert set(parquet["artist"].to_pylist()) == {"Sines", "Squares", "Noises"}
    code, _, err = run(capsys, "export", "--vectors", tmp_path / "v.doc", "--library", made_library)
    assert (code, "written as .parquet, .npz or .csv" in err) == (2, True)
    code, content, _ = run_json(capsys, "export", "--spectrograms", tmp_path / "png", "--library", made_library)
    assert content["spectrograms"]["files"] == 24
    code, content, _ = run_json(
        capsys,
        *("import-spectrograms", tmp_path / "png", "--recipe", "songnet", "--clips", 2, "--library", tmp_path / "new"),
    )
    assert (code, content["imported"], content["tracks"]) == (0, 24, 12)


def test_imported_spectrograms_can_be_trained_on_and_asked_about(capsys, made_library, tmp_path):
    library = tmp_path / "imported"
    run(capsys, "export", "--spectrograms", tmp_path / "png", "--library", made_library)
    for picture in (tmp_path / "png").glob("*.clip0.png"):
        picture.rename(picture.with_name(picture.name.replace(".clip0", "")))
    code, content, _ = run_json(capsys, "import-spectrograms", tmp_path / "png", "--library", library)
    assert (code, content["imported"], content["beyond"], content["image_set"]) == (0, 12, 12, "deejai-1")
    # What its own output says next works as it stands: the new library knows its image set.
    assert run(capsys, "train", "--model", "cae-12x15", "--epochs", 1, "--library", library)[0] == 0
    code, out, _ = run(capsys, "embed", "--library", library)
    assert (code, "12 tracks encoded now" in out, "audio files" in out) == (0, True, False)
    track = sorted(path.stem for path in (tmp_path / "png").glob("*.png") if ".clip" not in path.name)[0]
    code, content, _ = run_json(capsys, "similar", track, "--library", library)
    assert content["neighbours"][0]["track_id"] == track
    code, _, err = run(capsys, "train", "--model", "cae-12x15", "--clips", 8, "--library", library)
    assert (code, "(there are: deejai-1)" in err) == (1, True)


def test_damage_is_named_and_told_from_a_full_disk(capsys, library_copy):
    (table,) = (library_copy / "tables").glob("vectors-*")
    for path in (table / "data").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    code, _, err = run(capsys, "similar", "Sines - Piece 0", "--model", "cae-12x15", "--library", library_copy)
    assert (code, f"the table {table} is damaged: delete that folder" in err) == (4, True), err
    shutil.rmtree(table)
    assert run(capsys, "embed", "--library", library_copy)[0] == 0
    assert run(capsys, "similar", "Sines - Piece 0", "--model", "cae-12x15", "--library", library_copy)[0] == 0
    database = library_copy / "songnet.db"
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    database.write_bytes(content)
    code, _, err = run(capsys, "similar", "Sines - Piece 0", "--library", library_copy)
    assert (code, "restore it from a backup" in err) == (4, True), err
    database.unlink()
    for command in (["models"], ["embed", library_copy.parent]):
        code, _, err = run(capsys, *command, "--library", library_copy)
        assert (code, "but no songnet.db" in err) == (4, True), err


def test_a_title_beyond_the_terminals_letters_is_shown_as_escapes(library_copy):
    with Library(library_copy, write=True) as library, library.db:
        library.db.execute("UPDATE tracks SET title = 'Ænima ♫' WHERE title = 'Piece 0'")
    command = [sys.executable, "-m", "songnet.cli", "similar", "Sines - Piece 1", "--library", library_copy]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "\\xc6nima \\u266b" in result.stdout


def test_ctrl_c_keeps_what_was_done_and_the_next_run_ends_it(music, tmp_path, capsys):
    many = tmp_path / "many"
    for n in range(40):
        write_track(many / f"{n}.flac", "sine", 200 + 5 * n, seconds=6)
    command = [
        sys.executable,
        "-m",
        "songnet.cli",
        "embed",
        many,
        "--library",
        tmp_path / "lib",
        "--model",
        "cae-12x15",
    ]
    command += ["--epochs", "500"]
    # A test run in the background has SIGINT ignored, and its children inherit that; a terminal's programs do not.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed,  # noqa: PLW1509
    ) as process:
        assert process.stderr is not None
        # As a terminal does it: the signal goes to the whole group, once training is under way.
        deadline = time.monotonic() + 120
        for line in process.stderr:
            if line.startswith("train:") or time.monotonic() > deadline:
                break
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "interrupted: what was done is kept" in rest
    assert "Traceback" not in rest
    with Library(tmp_path / "lib") as library:
        assert library.db.execute("SELECT status FROM runs").fetchone()[0] == "interrupted"
    code, content, _ = run_json(capsys, *command[3:-1], 1)
    assert (code, content["files"]["unchanged"], content["library"]["with_codes"]) == (0, 40, 40)


def test_a_reader_that_leaves_is_no_error(made_library):
    command = f"{sys.executable} -m songnet.cli models --presets --json | true; echo ${{PIPESTATUS[0]}}"
    bash = shutil.which("bash")
    assert bash is not None
    result = subprocess.run([bash, "-c", command], capture_output=True, text=True, check=False)
    assert result.stdout.splitlines()[-1] == "0", result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [None, *(info.name for info in app.registered_commands)])
def test_every_help_page_has_an_example_and_fits(capsys, command):
    code, out, _ = run(capsys, *([command] if command else []), "--help")
    assert code == 0
    assert "Example: songnet" in out or command is None
    assert "--help" in out


def test_documented_commands_exist(capsys):
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    names = {info.name for info in (*app.registered_commands, *app.registered_groups)}
    texts = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    for path in texts:
        for name in re.findall(r"^(?:\$ )?songnet ([a-z-]+)", path.read_text(), flags=re.MULTILINE):
            assert name in names, f"{path.name} speaks of `songnet {name}`"
