"""`songnet align`, and every way by which its codes could be compared with the playlists they learned from."""

import contextlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from planted_playlists import import_playlists, make_library, playlist_csv

from songnet.cli.app import main
from songnet.config import TrainConfig, VectorConfig
from songnet.embedding import embed_images
from songnet.library import Library, list_partitions, load_partition, save_partition
from songnet.playlists.folds import on_training_side, playlist_identities, split_sides
from songnet.training import load_model, read_card, save_model

TRAIN = ("--epochs", 3, "--batch-size", 16, "--learning-rate", 0.003, "--dimensions", 16, "--validation", 0.25)
CLUSTER = ("cluster", "--features", "codes", "--model", "aligned", "--k", 3, "--nulls", 0, "--resamples", 0)
COMPARE = ("compare-communities", "--draws", 99, "--rebuilds", 0, "--no-figures")


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def run_json(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json", "--quiet")
    assert code == 0, err
    return json.loads(out)


def refused(capsys, *arguments):
    """The one line of a refusal."""
    code, out, err = run(capsys, *arguments, "--quiet")
    assert (code, out) == (4, ""), (code, out, err)
    lines = err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A planted library, aligned, encoded, clustered; communities of all playlists and of the held-out ones."""
    folder = tmp_path_factory.mktemp("align-cli")
    path = make_library(folder / "library")
    import_playlists(path, playlist_csv(folder / "lists.csv"))
    with contextlib.redirect_stdout(io.StringIO()) as answer:
        assert main([str(word) for word in ("align", "--library", path, *TRAIN, "--json", "--quiet")]) == 0
    (path / "answer.json").write_text(answer.getvalue())
    with Library(path, write=True) as library:
        embed_images(
            library, model_name="aligned", images=library.settings.images, training=TrainConfig(),
            vectors=VectorConfig(), seed=0,
        )  # fmt: skip
    for command in (
        (*CLUSTER, "--no-figures", "--name", "heard"),
        ("cluster", "--features", "descriptors", "--k", 3, "--nulls", 0, "--resamples", 0, "--no-figures", "--name",
         "plain"),
        ("communities", "--name", "all"),
        ("communities", "--held-out-from", "aligned", "--name", "unseen"),
    ):  # fmt: skip
        assert main([str(word) for word in (*command, "--library", path, "--quiet")]) == 0
    return path


@pytest.fixture
def library(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "library"))


def store_changed(path, name, *, weights=0.0, seed=0):
    """The aligned model under a name, with other weights, or as if it had learned from another side."""
    with Library(path) as library:
        card, model = load_model(library.models, "aligned")
        old = model.weights_by_name()
        model.load_weights_by_name({key: _moved(value, weights) for key, value in old.items()})
        sides = split_sides(library, 0.5, seed)
        said = {**card.training["playlists"], "seed": seed, "digest": sides.training_digest}
        save_model(
            library.models, model, name=name, preset=card.preset, family=card.family, images=card.images,
            scaling=card.scaling, training={**card.training, "playlists": said},
        )  # fmt: skip


def _moved(value, weights):
    return value + np.float32(weights) if value.dtype.kind == "f" else value


def test_the_answer_of_align(capsys, library):
    content = json.loads((library / "answer.json").read_text())
    said = content["training"]["playlists"]
    begins = "sound foresees where playlists put 12 tracks of 6 held-out artist(s): cosine 0."
    assert content["verdict"].startswith(begins)
    assert (said["share"], said["n_tracks"], said["started_from"]) == (0.5, 48, None)
    assert len(content["history"]) == 3
    assert (library / "models" / "aligned" / "history.png").is_file()
    quick = (*TRAIN[2:], "--epochs", 1, "--share", 0.4, "--name", "again")
    code, out, err = run(capsys, "align", "--library", library, *quick)
    assert code == 0
    assert "12 tracks of 6 held-out artist(s)" in out.splitlines()[0]
    assert "songnet communities --held-out-from again" in out
    assert "learn vectors" in err
    assert "train: " in err
    code, _, err = run(capsys, "align", "--library", library, "--share", 1)
    assert (code, err) == (2, "error: share is 1; it must lie between 0.05 and 0.95, for both sides need some\n")


def test_codes_are_compared_with_held_out_communities(capsys, library):
    content = run_json(capsys, *COMPARE, "--clusters", "heard", "--communities", "unseen", "--library", library)
    assert content["first"]["name"] == "heard"
    with Library(library) as opened:
        stored, partition = load_partition(opened, "unseen", "community")
        card = read_card(opened.models, "aligned")
    record = stored.summary["held_out_from"]
    assert record["model"] == card.key
    assert record["n_playlists"] == card.training["playlists"]["n_held_out_playlists"]
    assert stored.summary["graph"]["n_playlists"] == record["n_playlists"] < 120
    assert len(partition.track_ids) == 48


def test_resampled_playlists_are_held_out_ones_too(capsys, library, monkeypatch):
    from songnet.playlists import pipeline

    seen = []
    original = pipeline.communities_again

    def watched(memberships, *arguments, **options):
        seen.append(len(memberships.playlist_ids))
        return original(memberships, *arguments, **options)

    monkeypatch.setattr(pipeline, "communities_again", watched)
    command = ("compare-communities", "--draws", 99, "--rebuilds", 10, "--no-figures", "--clusters", "heard")
    run_json(capsys, *command, "--communities", "unseen", "--library", library)
    with Library(library) as opened:
        n_held_out = load_partition(opened, "unseen", "community")[0].summary["held_out_from"]["n_playlists"]
    assert seen
    assert set(seen) == {n_held_out}


@pytest.mark.parametrize("clusters", ["heard", "1"])
def test_communities_of_all_playlists_are_refused(capsys, library, clusters):
    line = refused(capsys, *COMPARE, "--clusters", clusters, "--communities", "all", "--library", library)
    assert "the clusters 'heard' (partition 1) come from the model 'aligned', which learned from playlists" in line
    assert line.endswith(f"find such with `songnet communities --held-out-from aligned --library {library}`")
    code, _, _ = run(capsys, *COMPARE, "--clusters", "plain", "--communities", "all", "--library", library, "-q")
    assert code == 0


def test_tags_and_other_clusters_may_be_compared(capsys, library):
    for other in (("--with-tag", "artist"), ("--with-clusters", "plain")):
        content = run_json(capsys, *COMPARE, "--clusters", "heard", *other, "--library", library)
        assert content["first"]["name"] == "heard"


def test_communities_held_out_from_another_model_are_refused(capsys, library):
    store_changed(library, "second", seed=7)
    assert run(capsys, "communities", "--held-out-from", "second", "--name", "other", "--library", library)[0] == 0
    line = refused(capsys, *COMPARE, "--clusters", "heard", "--communities", "other", "--library", library)
    assert "'other' (partition 5) were not found in those held out from it" in line
    line = refused(
        capsys, "compare-neighbours", "--model", "aligned", "--held-out-from", "second", "--library", library
    )
    assert "held out from 'second': leave --held-out-from away, or name 'aligned'" in line


def test_a_model_trained_anew_leaves_nothing_to_compare(capsys, library):
    store_changed(library, "aligned", weights=1.0)
    line = refused(capsys, *COMPARE, "--clusters", "heard", "--communities", "unseen", "--library", library)
    assert "which was trained anew since, and which playlists it learned from is not known: cluster again with" in line
    line = refused(capsys, *COMPARE, "--clusters", "plain", "--communities", "unseen", "--library", library)
    assert "which is not there any more: find them again with `songnet communities --held-out-from aligned" in line
    shutil.rmtree(library / "models" / "aligned")
    line = refused(capsys, *COMPARE, "--clusters", "heard", "--communities", "unseen", "--library", library)
    assert "which is not there any more, and which playlists it learned from is not known: cluster again with" in line


def test_playlists_that_changed_are_refused_on_every_way(capsys, library, tmp_path):
    import_playlists(library, playlist_csv(tmp_path / "more.csv", seed=2, n_playlists=8))
    line = refused(capsys, *COMPARE, "--clusters", "heard", "--communities", "unseen", "--library", library)
    assert "the playlists changed since the model 'aligned' learned from them" in line
    assert f"train it again with `songnet align --name aligned --share 0.5 --seed 0 --library {library}`" in line
    for command in (("communities", "--held-out-from", "aligned"), ("compare-neighbours", "--model", "aligned")):
        assert "the playlists changed since the model" in refused(capsys, *command, "--library", library)


def test_held_out_playlists_that_came_later_ask_for_new_communities(capsys, library, tmp_path):
    for seed in range(2, 30):
        trial = Path(shutil.copytree(library, tmp_path / f"trial{seed}"))
        import_playlists(trial, playlist_csv(tmp_path / f"{seed}.csv", seed=seed, n_playlists=1))
        with Library(trial) as opened:
            if not on_training_side(playlist_identities(opened)[1][-1:], 0.5, 0)[0]:
                break
    line = refused(capsys, *COMPARE, "--clusters", "heard", "--communities", "unseen", "--library", trial)
    assert (
        "the playlists held out from 'aligned' changed since the communities 'unseen' (partition 4) were found" in line
    )
    assert run(capsys, "communities", "--held-out-from", "aligned", "--library", trial, "-q")[0] == 0
    assert run(capsys, *COMPARE, "--clusters", "heard", "--library", trial, "-q")[0] == 0


@pytest.mark.parametrize("features", [("--features", "codes"), ("--features", "joined"), ()])
def test_neighbours_ask_held_out_playlists_alone(capsys, library, features):
    command = ("compare-neighbours", "--library", library, "--draws", 99, "--no-figures", "--pairs", "all")
    content = run_json(capsys, *command, "--model", "aligned", *features)
    with Library(library) as opened:
        said = read_card(opened.models, "aligned").training["playlists"]
    assert content["held_out_from"]["n_playlists"] == said["n_held_out_playlists"]
    assert content["n_playlists_never_asked"] == said["n_playlists"]
    assert (content["n_playlists"], content["n_entries"]) == (120, 6 * said["n_held_out_playlists"])


def test_other_features_ask_all_playlists_or_the_same_ones(capsys, library):
    command = ("compare-neighbours", "--library", library, "--draws", 99, "--no-figures", "--pairs", "all")
    content = run_json(capsys, *command, "--features", "descriptors")
    assert (content["held_out_from"], content["n_playlists_never_asked"], content["n_entries"]) == (None, 0, 720)
    content = run_json(capsys, *command, "--features", "descriptors", "--held-out-from", "aligned")
    assert content["held_out_from"]["n_playlists"] == 120 - content["n_playlists_never_asked"] < 120


def test_vectors_in_a_file_say_where_they_come_from_and_are_refused(capsys, library, tmp_path):
    file = tmp_path / "vectors.npz"
    assert run(capsys, "export", "--vectors", file, "--model", "aligned", "--library", library)[0] == 0
    with np.load(file) as content:
        settings = json.loads(str(content["settings"]))
    assert (settings["learned_from"], settings["playlists"]["share"]) == ("playlists", 0.5)
    line = refused(capsys, "compare-neighbours", "--vectors", file, "--library", library)
    assert "vectors.npz holds vectors of the model 'aligned', which learned from playlists" in line
    assert "run `songnet compare-neighbours --features codes --model aligned`" in line


def test_partitions_that_a_program_stored_are_known_by_what_was_clustered(capsys, library):
    with Library(library, write=True) as opened:
        stored, partition = load_partition(opened, "heard", "cluster")
        save_partition(opened, partition, name="stored", branch="cluster", run_id=None, summary=stored.summary)
        assert len(list_partitions(opened)) == 5
    line = refused(capsys, *COMPARE, "--clusters", "stored", "--communities", "all", "--library", library)
    assert "come from the model 'aligned', which learned from playlists" in line


def test_a_model_without_playlists_holds_none_out(capsys, library, tmp_path):
    code, _, err = run(capsys, "communities", "--held-out-from", "none", "--library", library)
    assert (code, "no model 'none'" in err) == (2, True)
    graph = tmp_path / "graph.csv"
    graph.write_text("source,target,weight\nt00,t01,1\n")
    command = ("communities", "--held-out-from", "aligned", "--graph-file", graph, "--library", library)
    code, _, err = run(capsys, *command)
    assert (code, "--held-out-from chooses playlists, --graph-file takes their place" in err) == (2, True)
