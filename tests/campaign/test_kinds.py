"""Kinds that people or the composer named are found in real sound files, and nothing is found where nothing is."""

import csv
import json
from pathlib import Path

import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from songnet.cli.app import main
from songnet.config import ImageConfig, ReadConfig
from songnet.demo import compose
from songnet.library import Library
from songnet.library.partitions import load_partition
from songnet.library.tracks import tracks_by_id
from songnet.spectrogram import ingest

# Adjusted Rand index that the composed styles must be recovered with.
ENOUGH = 0.8


def images_of(music: Path, library: Path) -> None:
    with Library(library, write=True, create=True) as opened:
        assert ingest(opened, [music], ImageConfig(), ReadConfig(), n_workers=2).failed == 0


def cluster(capsys: pytest.CaptureFixture[str], library: Path, *arguments: object) -> dict:
    given = ["cluster", "--library", library, "--json", "--quiet", "--no-figures", *arguments]
    assert main([str(argument) for argument in given]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.realdata
def test_kinds_of_sounds_are_found_better_than_by_mfcc_statistics(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images_of(shared_data / "sounds", tmp_path / "library")
    labels = shared_data / "sounds" / "labels.csv"
    content = cluster(capsys, tmp_path / "library", "--k", "2,6,10,14", "--labels", labels, "--resamples", 0)
    assert content["verdict"]["structured"] is True
    at_ten = {entry["what"]: entry for entry in content["against_labels"] if entry["n_clusters"] == 10}
    ours, mfcc = at_ten["kmeans on descriptors of songnet-8"], at_ten["k-means on 60 MFCC statistics"]
    assert ours["nmi"] > 0.6
    assert mfcc["nmi"] < 0.55
    assert ours["ari"] > mfcc["ari"] + 0.1
    control = cluster(capsys, tmp_path / "library", "--k", "2,6,10", "--resamples", 0, "--control", "shuffled")
    assert control["verdict"]["structured"] is False


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_composed_styles_are_recovered_with_the_right_number(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compose(tmp_path / "demo", seed=seed)
    images_of(tmp_path / "demo" / "music", tmp_path / "library")
    content = cluster(capsys, tmp_path / "library")
    assert (content["verdict"]["structured"], content["verdict"]["n_clusters"]) == (True, 6)
    with (tmp_path / "demo" / "truth.csv").open(encoding="utf-8", newline="") as stream:
        style = {row["path"]: row["style"] for row in csv.DictReader(stream)}
    with Library(tmp_path / "library") as library:
        _, partition = load_partition(library, None, "cluster")
        paths = {track: entry["path"].decode() for track, entry in tracks_by_id(library.db).items()}
    truth = [style[paths[track].partition(str(tmp_path / "demo") + "/")[2]] for track in partition.track_ids]
    assert adjusted_rand_score(truth, partition.labels) >= ENOUGH
    assert normalized_mutual_info_score(truth, partition.labels) >= ENOUGH
    for control_seed in range(3):
        control = cluster(
            capsys, tmp_path / "library", "--control", "shuffled", "--seed", control_seed, "--resamples", 0
        )
        assert control["verdict"]["structured"] is False
