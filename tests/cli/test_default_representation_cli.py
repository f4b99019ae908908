"""What commands take for the sound of tracks when nothing is said, and what they say of it."""

import json
import shutil

import numpy as np
import pytest
from synthetic import write_track

from songnet.cli.app import main
from songnet.clustering import load_features
from songnet.clustering.space import Space
from songnet.config import ClusterConfig
from songnet.library import Library
from songnet.library.partitions import load_partition
from songnet.report.comparison_maps import load_clustered_points
from songnet.training import list_models, read_card

PLAIN = ("--nulls", 0, "--resamples", 0, "--no-figures", "--quiet", "--k", "2..3")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.fixture
def few(tmp_path):
    """A folder of five tracks."""
    for number in range(5):
        kind = ("sine", "square", "noise")[number % 3]
        title = f"Piece {number}"
        write_track(
            tmp_path / "few" / f"{number}.wav", kind, 200.0 + 40 * number, seconds=6.0, title=title, artist=kind
        )
    return tmp_path / "few"


def test_few_tracks_are_described_and_asked_about_without_a_model(capsys, few, tmp_path):
    library = tmp_path / "library"
    code, out, _ = run(capsys, "embed", few, "--library", library, "--clips", 1, "--quiet")
    assert code == 0
    assert "5 tracks are described; descriptors stand alone until there are 50 tracks to train on" in out
    content = run_json(capsys, "embed", "--library", library, "--quiet")
    assert content["model"] is None
    assert content["descriptors_alone"].startswith("5 tracks are described")
    with Library(library) as opened:
        assert list_models(opened.models) == []
    content = run_json(capsys, "similar", few / "0.wav", "--library", library)
    assert (content["neighbours"][0]["title"], content["searched"]) == ("Piece 0", 5)
    assert (content["features"], content["model"], content["aggregate"]) == ("descriptors of songnet-1", None, None)
    outside = shutil.copy(few / "1.wav", tmp_path / "outside.wav")
    content = run_json(capsys, "similar", outside, "--library", library)
    assert (content["in_library"], content["neighbours"][0]["title"]) == (False, "Piece 1")
    _, out, _ = run(capsys, "similar", few / "0.wav", "--library", library)
    assert "note: descriptors alone: the library has no contrastive model with codes" in out


def test_descriptors_of_an_older_library_are_made_when_they_are_needed(capsys, library_copy):
    with Library(library_copy, write=True) as opened:
        (table,) = [name for name in opened.arrays.names() if name.startswith("descriptors")]
        opened.arrays.drop(table)
    content = run_json(capsys, "similar", "Sines - Piece 0", "--library", library_copy, "--quiet")
    assert content["neighbours"][0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert (content["features"], content["searched"]) == ("descriptors of songnet-8", 12)
    content = run_json(capsys, "similar", "Sines - Piece 0", "--library", library_copy, "--model", "cae-12x15")
    assert (content["features"], content["representation"]["features"]) == ("mean codes of cae-12x15", "codes")


def test_clusters_say_what_was_asked_and_what_was_taken(capsys, library_copy):
    content = run_json(capsys, "cluster", "--library", library_copy, *PLAIN)
    said = content["representation"]
    assert (said["asked"], said["features"], said["model"], said["widths"]) == ("auto", "descriptors", None, [])
    assert said["reason"].startswith("descriptors alone: the library has no contrastive model with codes")
    assert content["settings"]["features"] == "descriptors"
    code, out, _ = run(capsys, "cluster", "--library", library_copy, *PLAIN)
    assert (code, f"note: {said['reason']}" in out) == (0, True)


def test_maps_are_of_the_space_that_was_clustered(capsys, library_copy):
    content = run_json(capsys, "cluster", "--library", library_copy, "--features", "joined", *PLAIN)
    said = content["representation"]
    assert (said["asked"], said["features"], said["reason"]) == ("joined", "joined", "")
    assert (said["widths"], said["weights"]) == ([260, 20], [1.0, 0.6])
    with Library(library_copy, write=True) as library:
        card = read_card(library.models, "cae-12x15")
        features = load_features(
            library, ClusterConfig(features="joined"), images=card.images, card=card, aggregate="mean"
        )
        stored, partition = load_partition(library, None, "cluster")
        assert (stored.parameters["widths"], stored.parameters["weights"]) == ([260, 20], [1.0, 0.6])
        points = load_clustered_points(library, stored, partition).points
        np.testing.assert_array_equal(points, features.space(ClusterConfig()).points(features.values))
        # Joined clusters of an earlier program: one whitening over both.
        old = {key: value for key, value in stored.parameters.items() if key not in ("widths", "weights")}
        with library.db:
            library.db.execute("UPDATE partitions SET parameters = ?", (json.dumps(old),))
        stored, partition = load_partition(library, None, "cluster")
        earlier = load_clustered_points(library, stored, partition).points
        np.testing.assert_array_equal(earlier, Space(16, 0.3).points(features.values))
        assert earlier.shape != points.shape
