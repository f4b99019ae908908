"""The panels of a whole evaluation: what is examined, what is told, what cannot be told."""

import json

import numpy as np
import pytest

from songnet.descriptors import update_descriptors
from songnet.errors import ParameterError
from songnet.evaluation import Asked, EvaluationConfig, evaluate, parse_panels
from songnet.evaluation.panels.invariance_encoders import joined_encoder, placed, remembering
from songnet.evaluation.points import whitened_space
from songnet.library import Library
from songnet.library.tracks import tracks_by_id

FAST = {"n_draws": 100, "n_seeds": 2}
MODEL = "cae-12x15"


@pytest.fixture(scope="module")
def described(made_library, tmp_path_factory):
    import shutil

    path = shutil.copytree(made_library, tmp_path_factory.mktemp("panels") / "library")
    with Library(path, write=True) as library:
        update_descriptors(library, library.settings.images)
    return path


@pytest.fixture(scope="module")
def panels(described):
    asked = Asked(features=("codes", "joined"), models=(MODEL,))
    config = EvaluationConfig(**FAST, panels=parse_panels("all"), invariance_tracks=2)
    with Library(described) as library:
        return evaluate(library, asked, config, n_threads=2).panels


def test_models_stand_beside_every_mandatory_baseline(panels):
    asked = ["codes:cae-12x15", "joined:cae-12x15", "descriptors"]
    random = ["random:cae-12x15", "random joined:cae-12x15"]
    assert list(panels.invariance) == [*asked, *random, "MFCC statistics"]
    assert list(panels.collapse) == ["codes:cae-12x15", "random:cae-12x15", "MFCC statistics"]
    assert [entry.vectors for entry in panels.nuisance.readouts][::8] == [*asked, *random, "MFCC statistics"]
    assert panels.nuisance.subject == "codes:cae-12x15"
    assert panels.nuisance.grouped_by == "artists"
    assert panels.n_clusters == 8
    assert panels.not_told == {}


def test_without_a_change_every_encoder_finds_itself(panels):
    for name, report in panels.invariance.items():
        first = report.results[0]
        assert (first.change, first.clip_top1, first.track_top1) == ("no change", 1.0, 1.0), name
        assert (report.n_sampled, report.n_measured) == (2, 2)


def test_the_whole_is_json_with_stable_keys(panels):
    told = json.loads(json.dumps(panels.to_json(), allow_nan=False))
    assert set(told) == {"nuisance", "invariance", "collapse", "collapsed", "not_told"}
    assert told["nuisance"]["n_clusters"] == 8
    assert told["collapse"]["codes:cae-12x15"]["rows"] == "clips"
    assert told["collapse"]["MFCC statistics"]["d"] == 60


def test_foreign_vectors_that_lie_on_a_line_are_told_first(described, tmp_path):
    with Library(described) as library:
        ids = list(tracks_by_id(library.db))
        line = np.arange(len(ids))[:, None] * np.array([[1.0, 2.0, -1.0]])
        np.savez(tmp_path / "line.npz", track_ids=np.array(ids), vectors=line)
        asked = Asked(features=(), vectors=(tmp_path / "line.npz",))
        report = evaluate(library, asked, EvaluationConfig(**FAST, panels=parse_panels("collapse,invariance")))
        first = report.verdict.splitlines()[0]
        assert first.startswith("COLLAPSED: vectors:line (effective rank 1.00 is below 2: the code lies on a line); ")
        assert "does NOT beat" in first
        assert report.panels.collapsed == ["vectors:line"]
        assert report.panels.collapse_rows["vectors:line"] == "tracks"
        assert report.panels.invariance == {}
        assert report.panels.not_told["invariance"].startswith("there is no model to encode changed sound with")
        plain = evaluate(library, asked, EvaluationConfig(**FAST, panels=()))
    assert plain.panels.to_json() == {
        "nuisance": None, "invariance": None, "collapse": None, "collapsed": [], "not_told": {}
    }  # fmt: skip
    assert plain.verdict == report.verdict.partition("; ")[2]


def test_joined_alone_still_tells_whether_its_codes_collapsed(described, panels):
    with Library(described) as library:
        config = EvaluationConfig(**FAST, panels=("collapse",))
        found = evaluate(library, Asked(features=("joined",), models=(MODEL,)), config).panels
    assert found.collapse["codes:cae-12x15"].standard_rank == panels.collapse["codes:cae-12x15"].standard_rank


def test_files_that_are_gone_are_told_and_stop_nothing(library_copy):
    with Library(library_copy, write=True) as library:
        update_descriptors(library, library.settings.images)
        with library.db:
            library.db.execute("UPDATE paths SET missing_since = '2026-01-01'")
            # One stays on the books, so that there is something to evaluate, but not on the disk.
            library.db.execute("UPDATE paths SET missing_since = NULL, path = CAST('/nowhere/' || track_id AS BLOB)")
        config = EvaluationConfig(**FAST, panels=("invariance",), invariance_tracks=3)
        panels = evaluate(library, Asked(features=("descriptors",)), config).panels
    for report in panels.invariance.values():
        assert (report.n_sampled, report.n_measured, report.skipped) == (3, 0, {"unreadable": 3})


def test_a_joined_clip_goes_the_way_that_tracks_went(rng):
    pixels = rng.integers(0, 255, (40, 4, 6), dtype=np.uint8)
    parts = pixels.mean(axis=2, dtype=np.float64), 100 * pixels.std(axis=1, dtype=np.float64)
    library = np.concatenate(parts, axis=1)
    space = whitened_space(3, 0.3, (4, 6))
    calls = []

    def first(images):
        calls.append(len(images))
        return images.mean(axis=2, dtype=np.float64)

    def second(images):
        return 100 * images.std(axis=1, dtype=np.float64)

    shared = remembering(first)
    encode = placed(joined_encoder(shared, second), space.fit(library))
    np.testing.assert_allclose(encode(pixels), space.points(library), atol=1e-6)
    assert encode(pixels[:5]).tobytes() == encode(pixels)[:5].tobytes()
    np.testing.assert_array_equal(joined_encoder(shared, second)(pixels), library)
    # The same array is asked of once, however many take part in it.
    assert calls == [40, 5, 40]


def test_panels_are_named_or_refused():
    assert parse_panels("none") == ()
    assert parse_panels("all") == ("nuisance", "invariance", "collapse")
    assert parse_panels("collapse,invariance,collapse") == ("invariance", "collapse")
    for text, words in (("mood", "'mood'"), ("all,nuisance", "'all'"), ("", "''"), ("collapse,", "''")):
        with pytest.raises(ParameterError, match=f"--panels names {words}; choose among"):
            EvaluationConfig(panels=parse_panels(text))
    with pytest.raises(ParameterError, match="--invariance-tracks is 0; it must lie between 1 and 10000"):
        EvaluationConfig(invariance_tracks=0)
