"""The main job on recordings that nobody made for the test: `songnet embed`, then `songnet similar`."""

import json

import numpy as np
import pytest

from songnet.cli.app import main
from songnet.embedding import fit_whitening, load_vectors
from songnet.library import Library
from songnet.training import read_card


def run(capsys, *arguments):
    code = main([str(argument) for argument in (*arguments, "--json", "--quiet")])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.realdata
def test_music_instruments_and_sounds(shared_data, tmp_path, capsys, benchmark_module):
    library = tmp_path / "library"
    folders = [shared_data / name for name in ("music", "instruments", "sounds")]
    audio = [path for folder in folders for path in folder.iterdir() if path.suffix in (".ogg", ".wav")]
    code, content = run(capsys, "embed", *folders, "--library", library, "--model", "cae-12x15", "--epochs", 3)
    assert code == 0
    files = content["files"]
    assert (files["found"], files["read"], files["failed"]) == (len(audio), len(audio), 0)
    assert content["library"]["with_codes"] == content["library"]["tracks"] == len(audio) - files["duplicates"]

    asked = shared_data / "instruments" / "violin-B3.wav"
    code, content = run(capsys, "similar", asked, "--library", library, "-n", 6)
    assert code == 0
    assert content["neighbours"][0]["path"] == str(asked)
    assert content["neighbours"][0]["similarity"] == pytest.approx(1.0, abs=1e-5)

    sounds = benchmark_module("sounds")
    with Library(library) as opened:
        files, labels = sounds.labelled_files(opened, shared_data / "sounds")
        stored = load_vectors(opened, read_card(opened.models, "cae-12x15"), "mean")
    rows = [stored.track_ids.index(track) for track in files]
    unit = fit_whitening(stored.vectors[rows]).apply(stored.vectors[rows])
    accuracy = float(np.mean(sounds.knn_correct(unit, labels)))
    print(f"5-NN accuracy on {len(rows)} sounds: {accuracy:.3f} (chance {sounds.chance(labels):.3f})")
    assert accuracy > 0.5
    shuffled = np.random.default_rng(0).permutation(labels)
    assert np.mean(sounds.knn_correct(unit, shuffled)) < 0.2
