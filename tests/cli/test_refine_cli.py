"""`songnet refine` as a stranger would use it: what it says, what follows from it, and what it refuses."""

import json

import numpy as np
import pytest
from planted_images import fill_library, noise_images, planted_images

from songnet.cli.app import main
from songnet.cli.refine import verdict_lines
from songnet.config import ImageConfig
from songnet.library import Library
from songnet.models import PRESETS, build_model
from songnet.training import PixelScaling, list_models, read_card, save_model

QUICK = ("--max-updates", "2", "--update-every", "2", "--batch-size", "12", "--learning-rate", "1e-3", "--jobs", "1")
N_TRACKS, CLIPS = 24, 2


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """One library of three planted kinds, one of noise; a small model with random weights in each."""
    kinds = np.repeat(np.arange(N_TRACKS) % 3, CLIPS)
    made = {"planted": planted_images(kinds, seed=0), "noise": noise_images(len(kinds), seed=0)}
    root = tmp_path_factory.mktemp("refine")
    model = build_model("cae-12x15", {"channels": (8, 4), "pools": (8, 3)})
    training = {"latent": None, "best_loss": 1.0, "n_train": 42, "validation": 0.1, "seed": 0}
    training |= {"code_shape": list(model.code_shape), "parameters": model.count_params()}
    for name, images in made.items():
        with Library(root / name, write=True, create=True) as library:
            fill_library(library, images, CLIPS)
            save_model(
                library.models, model, name="m", preset="cae-12x15", family=PRESETS["cae-12x15"].family,
                images=ImageConfig(), scaling=PixelScaling(0, 255), training=training,
            )  # fmt: skip
    return root


def test_planted_kinds_beat_chance_and_the_refined_model_is_one_like_any_other(capsys, libraries, tmp_path):
    library = libraries / "planted"
    arguments = ("refine", "--model", "m", "--clusters", "3", "--name", "m-3", "--library", library, *QUICK)
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "before refining, 3 clusters of m were clearer than chance: p = 0.01 (gaussian), 0.01 (shuffled)"
    assert f"songnet cluster --features codes --model m --k 3 --library {library}" in lines[-2]
    assert lines[-2].startswith("clusters of refined codes are circular evidence")
    assert lines[-1] == f"to encode the library with it: songnet embed --model m-3 --library {library}"
    assert "refine: 4/4" in err
    # Embedded, shown, exported and imported like a model that was trained.
    code, out, err = run(capsys, "embed", "--model", "m-3", "--library", library, "--json", "--quiet")
    assert code == 0, err
    content = json.loads(out)
    assert (content["model"]["name"], content["model"]["tracks_encoded"]) == ("m-3", N_TRACKS)
    code, out, _ = run(capsys, "models", "show", "m-3", "--library", library)
    assert (code, "refined from" in out) == (0, True)
    code, _, err = run(capsys, "models", "export", "m-3", tmp_path / "m-3.zip", "--library", library)
    assert code == 0, err
    with Library(tmp_path / "other", write=True, create=True):
        pass
    code, _, err = run(capsys, "models", "import", tmp_path / "m-3.zip", "--library", tmp_path / "other")
    assert code == 0, err
    with Library(tmp_path / "other") as other, Library(library) as first:
        assert read_card(other.models, "m-3") == read_card(first.models, "m-3")
    # The name is taken now, and a refined model is not refined again.
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert "the library has a model 'm-3' already" in err
    code, _, err = run(capsys, "refine", "--model", "m-3", "--clusters", "3", "--name", "x", "--library", library)
    assert code == 2
    assert "model 'm-3' is refined already: refine the one it was made from, 'm'" in err


def test_noise_is_marked_as_not_beating_chance_although_refining_makes_it_look_clustered(capsys, libraries):
    library = libraries / "noise"
    arguments = ("refine", "--model", "m", "--clusters", "3", "--library", library, *QUICK)
    code, out, err = run(capsys, *arguments, "--name", "one", "--json", "--learning-rate", "0.01")
    assert code == 0, err
    content = json.loads(out)
    assert set(content) == {"name", "key", "preset", "refined_from", "history", "seconds"}
    result = content["refined_from"]
    assert result["evidence"]["beats_chance"] is False
    assert max(result["evidence"]["p_values"].values()) > 0.01
    code, out, _ = run(capsys, *arguments, "--name", "two")
    assert out.startswith("NOT BEATING CHANCE: before refining, 3 clusters of m were no clearer than in data without")
    assert ", where 0.01 or less is asked of each; refining made them look like clusters all the same\n" in out
    code, out, _ = run(capsys, *arguments, "--name", "three", "--nulls", "0")
    assert out.startswith("not tested whether the codes of m have 3 clusters rather than none")
    with Library(library) as opened:
        assert list_models(opened.models) == ["m", "one", "three", "two"]


def test_degenerate_outcomes_are_said_after_the_verdict():
    result = {
        "model": "m",
        "n_clusters": 4,
        "evidence": {"beats_chance": True, "p_values": {"gaussian": 0.01}},
        "degenerate": ["one cluster holds 90% of the clips", "1 of 4 clusters are empty"],
    }
    assert verdict_lines(result) == [
        "before refining, 4 clusters of m were clearer than chance: p = 0.01 (gaussian)",
        "DEGENERATE: one cluster holds 90% of the clips",
        "DEGENERATE: 1 of 4 clusters are empty",
    ]


def test_wrong_use(capsys, libraries):
    library = libraries / "planted"
    code, _, err = run(capsys, "refine", "--model", "m", "--clusters", "1", "--name", "x", "--library", library)
    assert (code, err.splitlines()[-1]) == (2, "error: refine.n_clusters is 1; it must be 2 to 1,000")
    code, _, err = run(capsys, "refine", "--model", "absent", "--clusters", "3", "--name", "x", "--library", library)
    assert code == 2
    assert "the library has no model 'absent'" in err
    code, out, _ = run(capsys, "refine", "--help")
    assert code == 0
    assert "songnet refine --model contrastive --clusters 6 --name contrastive-6" in " ".join(out.split())
