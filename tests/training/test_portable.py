"""Models that travel: what arrives is the model that left, or nothing."""

import json
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from songnet.config import ImageConfig, ReadConfig, TrainConfig
from songnet.embedding import encode_library
from songnet.errors import CheckpointError, InputNotFoundError, ParameterError
from songnet.library import Library, from_arrow, reconcile, table_name
from songnet.spectrogram import ingest
from songnet.training import list_models, load_model, read_card, train
from songnet.training.data_card import describe_data
from songnet.training.description import describe_model, read_origin
from songnet.training.package import digest_json, read_package
from songnet.training.portable import export_model, import_model
from songnet.training.removal import delete_model

NAME = "cae-12x15"
VERSION = "0.0-test"


@pytest.fixture(scope="module")
def exported(made_library, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "model.zip"
    with Library(made_library) as library:
        export_model(library, NAME, path, version=VERSION)
    return path


@pytest.fixture(scope="module")
def package(exported):
    return read_package(exported)


def codes_of(library, card):
    keys = library.arrays.keys(table_name("codes", card.key))
    rows = library.arrays.take(
        table_name("codes", card.key), np.asarray(keys["_rowid"]), ["track_id", "clip", "values"]
    )
    values = from_arrow(rows["values"])
    names = zip(rows["track_id"].to_pylist(), rows["clip"].to_pylist(), strict=True)
    return {name: value.tobytes() for name, value in zip(names, values, strict=True)}


def test_a_model_moved_to_another_library_gives_the_same_codes_byte_for_byte(made_library, music, exported, tmp_path):
    with Library(made_library) as library:
        card = read_card(library.models, NAME)
        there = codes_of(library, card)
    with Library(tmp_path / "second", write=True, create=True) as second:
        # Other company in the batch, in another library: five of the twelve tracks.
        files = [*sorted((music / "Sines").iterdir()), music / "Noises" / "1.ogg"]
        assert ingest(second, files, ImageConfig(), ReadConfig(), n_workers=2).read == 5
        report = import_model(second, exported, name="guest", version=VERSION)
        assert (report.unchanged, report.original_name, report.tracks_with_images) == (False, NAME, 5)
        guest, model = load_model(second.models, "guest")
        assert guest.weights_sha256 == card.weights_sha256
        assert (guest.config, guest.scaling, guest.training) == (card.config, card.scaling, card.training)
        assert encode_library(second, guest, model).tracks == 5
        here = codes_of(second, guest)
    assert len({track for track, _ in here}) == 5
    assert here.items() <= there.items()
    assert len(set(here.values())) == len(here)


def test_the_same_model_gives_the_same_bytes_and_export_only_reads(made_library, exported, tmp_path):
    def state():
        files = [path for path in made_library.rglob("*") if path.is_file() and not path.name.startswith("songnet.db-")]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    before = state()
    with Library(made_library) as library:
        report = export_model(library, NAME, tmp_path / "again.zip", version=VERSION)
    assert state() == before
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()
    assert report.members == ["card.md", "config.json", "history.csv", "manifest.json", report.members[-1]]
    with zipfile.ZipFile(exported) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == report.members
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_nothing_in_the_file_names_the_music(made_library, package):
    text = b"\n".join(package.members.values()) + json.dumps(package.manifest).encode()
    for word in ("Sines", "Squares", "Noises", "Piece", "Album", str(made_library), str(made_library.parent), "flac"):
        assert word.encode() not in text
    card = package.members["card.md"].decode()
    data = package.manifest["data"]
    assert (data["tracks"], data["artists"], data["clips"]) == (12, 3, 24)
    assert data["duration_s"] == {"total": 132.0, "median": 11.0, "shortest": 11.0, "longest": 11.0}
    for line in (
        "# cae-12x15",
        "| parameters | 28,268 |",
        "| code | 4 x 9 x 5 |",
        "| artists | 3 (0 tracks name none) |",
        "| epochs | 2 |",
        "None is stored with the model.",
        "    songnet models import cae-12x15.zip --library ~/songs",
    ):
        assert line in card.splitlines()
    assert package.manifest["figures"]["epochs"] == 2
    assert package.manifest["figures"]["clips_per_s"] > 0


def test_only_genres_that_several_tracks_share_and_nobody_is_called_are_told(library_copy):
    with Library(library_copy, write=True) as library:
        tracks = [row[0] for row in library.db.execute("SELECT track_id FROM tracks ORDER BY track_id")]
        genres = ["Rock"] * 5 + ["sines"] * 5 + ["for Anna"] * 1
        with library.db:
            library.db.executemany("UPDATE tracks SET genre = ? WHERE track_id = ?", zip(genres, tracks, strict=False))
        data = describe_data(library, read_card(library.models, NAME))
    assert data["genres"] == {"Rock": 5}
    assert data["tracks_without_genre"] == 1


def test_importing_it_again_changes_nothing_and_another_model_is_not_overwritten(library_copy, exported, tmp_path):
    with Library(library_copy, write=True) as library:
        # It is the library's own model: the same config and weights.
        assert import_model(library, exported, version=VERSION).unchanged
        assert read_origin(library, read_card(library.models, NAME)) is None
        first = import_model(library, exported, name="mine", version=VERSION)
        files = {path.name: path.read_bytes() for path in (library.models / "mine").iterdir()}
        assert import_model(library, exported, name="mine", version="other").unchanged
        assert {path.name: path.read_bytes() for path in (library.models / "mine").iterdir()} == files
        origin = read_origin(library, first.card)
        assert (origin["original_name"], origin["file"]) == (NAME, "model.zip")
        assert first.source == digest_json(origin["manifest"]["data"])
        config = TrainConfig(epochs=1, batch_size=8)
        train(library, preset="cae-12x15", name="small", images=ImageConfig(), config=config, seed=3)
        with pytest.raises(ParameterError, match="another model 'small' already: import this one with --name NEW"):
            import_model(library, exported, name="small", version=VERSION)
        # Passed on a second time: still the description of where it was trained, not of this library.
        with library.db:
            library.db.execute("UPDATE tracks SET duration_s = 1")
        export_model(library, "mine", tmp_path / "onward.zip", version=VERSION)
        onward = read_package(tmp_path / "onward.zip").manifest
        assert onward["data"] == read_package(exported).manifest["data"]
        assert onward["model"]["name"] == "mine"
        # Trained anew under that name, it is imported no longer.
        train(library, preset="cae-12x15", name="mine", images=ImageConfig(), config=config, seed=3)
        assert read_origin(library, read_card(library.models, "mine")) is None


def test_evaluation_and_licence_travel(library_copy, tmp_path, empty_library):
    with Library(library_copy) as library:
        card = read_card(library.models, NAME)
        figures = [{"measure": "5-NN accuracy", "value": 0.5, "low": 0.4, "high": 0.625, "path": "/secret"}]
        stored = {"weights_sha256": card.weights_sha256, "figures": figures}
        (library.models / NAME / "evaluation.json").write_text(json.dumps(stored))
        path = tmp_path / "judged.zip"
        export_model(library, NAME, path, version=VERSION, licence="CC BY 4.0")
        for licence in ("", "two\nlines", "x" * 201):
            with pytest.raises(ParameterError, match="the licence must be one line of 1 to 200 printable"):
                export_model(library, NAME, tmp_path / "no.zip", version=VERSION, licence=licence)
        (library.models / NAME / "evaluation.json").write_text(json.dumps({**stored, "figures": [{}]}))
        with pytest.raises(CheckpointError, match=r"evaluation\.json is damaged"):
            export_model(library, NAME, tmp_path / "no.zip", version=VERSION)
    text = read_package(path).members["card.md"].decode()
    assert "| 5-NN accuracy | 0.5 | 0.4 to 0.625 |" in text
    assert "Licence of the weights: CC BY 4.0." in text
    assert b"/secret" not in path.read_bytes()
    arrived = import_model(empty_library, path, version=VERSION)
    assert arrived.tracks_with_images == 0
    described = describe_model(empty_library, arrived.card, version=VERSION)
    assert (described["licence"], described["evaluation"][0]["value"]) == ("CC BY 4.0", 0.5)


def test_export_refuses_what_it_should(library_copy, tmp_path):
    with Library(library_copy) as library:
        path = tmp_path / "m.zip"
        with pytest.raises(InputNotFoundError, match="no model 'nosuch'; it has: cae-12x15"):
            export_model(library, "nosuch", path, version=VERSION)
        with pytest.raises(ParameterError, match=r"ends in '\.tar'; a model is written as \.zip"):
            export_model(library, NAME, tmp_path / "m.tar", version=VERSION)
        with pytest.raises(InputNotFoundError, match="there is no folder"):
            export_model(library, NAME, tmp_path / "no" / "m.zip", version=VERSION)
        path.write_text("mine")
        with pytest.raises(ParameterError, match="is there already: choose another name, or replace it with --force"):
            export_model(library, NAME, path, version=VERSION)
        assert path.read_text() == "mine"
        export_model(library, NAME, path, version=VERSION, force=True)
        assert read_package(path).manifest["model"]["name"] == NAME
        (weights,) = (library.models / NAME).glob("weights-*")
        weights.write_bytes(weights.read_bytes()[:-1])
        with pytest.raises(CheckpointError, match="missing, damaged or was altered"):
            export_model(library, NAME, path, version=VERSION, force=True)
    assert list(tmp_path.glob(".*.tmp")) == []


def test_delete_takes_codes_and_vectors_and_leaves_images(library_copy, exported):
    with Library(library_copy, write=True) as library:
        import_model(library, exported, name="cae", version=VERSION)
        (library.models / NAME / "config.json").write_text("damaged")
        assert delete_model(library, NAME).tracks == 12
        assert list_models(library.models) == ["cae"]
        assert [name for name in library.arrays.names() if name.startswith(("codes", "vectors"))] == []
        assert library.db.execute("SELECT count(*) FROM images").fetchone()[0] == 12
        swept = reconcile(library)
        assert (swept.orphans, swept.lost) == (0, 0)
        with pytest.raises(InputNotFoundError, match="no model 'cae-12x15'; it has: cae"):
            delete_model(library, NAME)


KILLED = """
import os, signal, sys
from pathlib import Path
from songnet.library import Library
from songnet.training.portable import import_model

def progress(stage, done, total, note=""):
    if note == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

with Library(Path(sys.argv[1]), write=True) as library:
    import_model(library, Path(sys.argv[2]), name="late", version="0", progress=progress)
"""


def test_a_kill_leaves_nothing_half_imported(library_copy, exported):
    command = [sys.executable, "-c", KILLED, str(library_copy), str(exported), "written"]
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == -signal.SIGKILL
    with Library(library_copy, write=True) as library:
        assert (library.models / ".importing" / "late" / "config.json").exists()
        assert list_models(library.models) == [NAME]
        assert not import_model(library, exported, name="late", version=VERSION).unchanged
        assert list_models(library.models) == [NAME, "late"]
        assert not (library.models / ".importing").exists()
