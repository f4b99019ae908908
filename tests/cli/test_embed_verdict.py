"""The line that `songnet embed` ends with: when it is told, when not, and that it never stands in the way."""

import json
import shutil

import pytest

from songnet.cli.app import main
from songnet.errors import LibraryError
from songnet.library import Library


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def without_codes(library_copy):
    """A library whose model has yet to encode its tracks."""
    with Library(library_copy, write=True) as library, library.db:
        library.db.execute("DELETE FROM codes")
    return library_copy


def test_embed_ends_with_what_its_codes_are_worth(capsys, without_codes):
    embed = ("embed", "--library", without_codes, "--model", "cae-12x15")
    code, out, err = run(capsys, *embed)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[-2].startswith("cae-12x15 ")
    told = "clip-to-track AUC ", "the same encoder untrained ", "MFCC statistics ", "12 tracks, two clips each)"
    for words in told:
        assert words in lines[-2]
    assert lines[-1].startswith("ask it: songnet similar")
    assert "random encoder: 24/24" in err
    with Library(without_codes) as library:
        query = "SELECT summary FROM runs WHERE command = 'embed' ORDER BY rowid"
        summary = library.db.execute(query).fetchall()[-1]["summary"]
    assert json.loads(summary)["verdict"] == lines[-2]
    # Nothing was encoded: there is nothing to judge anew.
    code, out, err = run(capsys, *embed, "--json")
    assert (code, json.loads(out)["verdict"]) == (0, None)
    assert "random encoder" not in err


def test_it_can_be_left_out(capsys, without_codes):
    code, out, err = run(capsys, "embed", "--library", without_codes, "--no-verdict", "--json")
    assert (code, json.loads(out)["verdict"]) == (0, None)
    assert "random encoder" not in err


def test_few_tracks_are_too_few_and_no_failure(capsys, music, tmp_path):
    few = shutil.copytree(music / "Sines", tmp_path / "few")
    embed = ("embed", few, "--library", tmp_path / "lib", "--model", "cae-12x15", "--epochs", 1)
    code, out, err = run(capsys, *embed, "--quiet", "--json")
    assert code == 0, err
    expected = "what its codes are worth cannot be told from fewer than 10 tracks with a whole clip"
    assert json.loads(out)["verdict"] == f"cae-12x15: {expected}"


def test_what_cannot_be_told_stops_nothing(capsys, without_codes, monkeypatch):
    def fail(*_, **__):
        raise LibraryError("the disk went away: mount it")

    monkeypatch.setattr("songnet.evaluation.one_line_verdict", fail)
    code, out, err = run(capsys, "embed", "--library", without_codes, "--quiet", "--json")
    assert code == 0, err
    content = json.loads(out)
    assert content["verdict"] == "cae-12x15: what its codes are worth cannot be told (the disk went away: mount it)"
    assert content["library"]["with_codes"] == 12
