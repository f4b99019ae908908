"""Claim: a model trained without labels on a library's own sounds finds sounds of the same kind.

Embeds the labelled recordings of ``../shared/data/sounds`` (ten classes of ESC-10: rain, rooster, chainsaw ...) into a
temporary library and prints the leave-one-out accuracy of 5 nearest neighbours among the track vectors: cosine after
`songnet.embedding.fit_whitening` on all vectors, exactly as `songnet.retrieval.similar` ranks. Beside it, in the same
run: chance, statistics of MFCCs, statistics of the mel images themselves, and the same encoder with random weights.

The 95% intervals are bootstraps over files. Labels are used for scoring only. Means are over seeds.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from songnet.config import ImageConfig, ReadConfig, TrainConfig
from songnet.embedding import (
    AGGREGATES,
    DEFAULT_PRESET,
    encode_images,
    encode_library,
    fit_whitening,
    load_vectors,
    update_vectors,
)
from songnet.library import Library, from_arrow, table_name
from songnet.models import build_model
from songnet.spectrogram import RECIPES, ingest
from songnet.training import PixelScaling, load_model, train

SOUNDS = Path(__file__).resolve().parents[2] / "shared" / "data" / "sounds"
K = 5
BOOTSTRAPS = 2000

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Score:
    """Accuracy of one way to describe sounds, with its 95% interval."""

    model: str
    aggregate: str
    seed: int | None
    accuracy: float
    low: float
    high: float


def knn_correct(unit: Floats, labels: npt.NDArray[np.str_], k: int = K) -> npt.NDArray[np.bool_]:
    """Whether each item's k nearest others, by majority, have its label.

    Parameters
    ----------
    unit : numpy.ndarray [shape=(n, d)]
        Vectors of unit length; the nearest have the greatest dot product.
    labels : numpy.ndarray [shape=(n,)]
        Classes.
    k : int
        Neighbours that vote, 1 to n - 1; a draw goes to the label of the nearer neighbour.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=bool]
    """
    similarities = unit @ unit.T
    np.fill_diagonal(similarities, -np.inf)
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    correct = np.empty(len(labels), bool)
    for i, votes in enumerate(labels[order]):
        names, first, counts = np.unique(votes, return_index=True, return_counts=True)
        correct[i] = names[np.lexsort((first, -counts))[0]] == labels[i]
    return correct


def chance(labels: npt.NDArray[np.str_]) -> float:
    """Accuracy of drawing a label from the classes as they occur."""
    _, counts = np.unique(labels, return_counts=True)
    return float(((counts / len(labels)) ** 2).sum())


def score(model: str, aggregate: str, seed: int | None, unit: Floats, labels: npt.NDArray[np.str_]) -> Score:
    """Accuracy with its bootstrap interval."""
    correct = knn_correct(unit, labels)
    rng = np.random.default_rng(0)
    means = correct[rng.integers(0, len(correct), (BOOTSTRAPS, len(correct)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Score(model, aggregate, seed, float(correct.mean()), float(low), float(high))


def standard_unit(features: Floats) -> Floats:
    """Standardised columns, rows of unit length."""
    standard = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    return standard / np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-9)


def mfcc_statistics(path: Path) -> Floats:
    """Mean and deviation of 20 MFCCs and deviation of their differences: 60 numbers."""
    librosa = importlib.import_module("librosa")  # here: decode workers import this module, and need no librosa
    y, sr = librosa.load(path)
    mfcc = librosa.feature.mfcc(y=y, sr=sr, n_mfcc=20)
    return np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1), np.diff(mfcc, axis=1).std(axis=1)])


def stored_images(library: Library, images: ImageConfig) -> tuple[list[str], npt.NDArray[np.uint8]]:
    """Track of every image, and the images [shape=(n, n_mels, n_frames)]."""
    name = table_name("images", images.key)
    keys = library.arrays.keys(name)
    values = from_arrow(library.arrays.take(name, np.asarray(keys["_rowid"]))["values"])
    return keys["track_id"].to_pylist(), values.reshape(-1, *RECIPES[images.recipe].shape)


def baselines(
    library: Library, images: ImageConfig, files: dict[str, Path], labels: npt.NDArray[np.str_], presets: list[str]
) -> list[Score]:
    """What the trained models must be compared with; ``files`` and ``labels`` in the order of track ids."""
    owners, pixels = stored_images(library, images)
    starts = np.array([owners.index(track) for track in files])
    mean = np.add.reduceat(pixels.mean(axis=2), starts) / np.diff([*starts, len(owners)])[:, None]
    deviation = np.add.reduceat(pixels.std(axis=2), starts) / np.diff([*starts, len(owners)])[:, None]
    mfccs = np.stack([mfcc_statistics(path) for path in files.values()])
    scores = [
        Score("chance", "", None, chance(labels), chance(labels), chance(labels)),
        score("60 MFCC statistics", "", None, standard_unit(mfccs), labels),
        score("mel image, mean and std a band", "", None, standard_unit(np.hstack([mean, deviation])), labels),
    ]
    for preset in presets:
        model = build_model(preset, seed=0)
        codes = encode_images(model, pixels, PixelScaling(0, 255))
        axis = 1 if len(model.code_shape) == 3 else None
        for name, aggregate in AGGREGATES.items():
            vectors = aggregate(codes, starts, axis)
            scores.append(score(f"{preset}, random", name, 0, fit_whitening(vectors).apply(vectors), labels))
    return scores


def trained_scores(
    library: Library, images: ImageConfig, preset: str, epochs: int | None, seed: int, labels: npt.NDArray[np.str_]
) -> list[Score]:
    """Train a model of a preset, encode the library, and score every aggregation."""
    name = f"{preset}-{seed}"
    train(library, preset=preset, name=name, images=images, config=TrainConfig(epochs=epochs), seed=seed)
    card, model = load_model(library.models, name)
    encode_library(library, card, model)
    scores = []
    for aggregate in AGGREGATES:
        update_vectors(library, card, aggregate)
        vectors = load_vectors(library, card, aggregate).vectors
        scores.append(score(preset, aggregate, seed, fit_whitening(vectors).apply(vectors), labels))
    return scores


def labelled_files(library: Library, sounds: Path) -> tuple[dict[str, Path], npt.NDArray[np.str_]]:
    """Track id to file and each labelled track's class, in the order of track ids."""
    with (sounds / "labels.csv").open(encoding="utf-8", newline="") as stream:
        classes = {row["file"]: row["class"] for row in csv.DictReader(stream)}
    rows = library.db.execute("SELECT track_id, min(path) FROM paths GROUP BY track_id ORDER BY track_id")
    found = {track: Path(os.fsdecode(path)) for track, path in rows}
    files = {track: path for track, path in found.items() if path.name in classes}
    return files, np.array([classes[path.name] for path in files.values()])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sounds", type=Path, default=SOUNDS, help="folder with labels.csv [../shared/data/sounds]")
    parser.add_argument("--models", default=DEFAULT_PRESET, help=f"presets, separated by commas [{DEFAULT_PRESET}]")
    parser.add_argument("--epochs", type=int, default=None, help="epochs at most [the preset's]")
    parser.add_argument("--seeds", type=int, default=1, help="trainings a preset [1]")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    wanted = parser.parse_args()
    if not (wanted.sounds / "labels.csv").is_file():
        print(f"no labels.csv in {wanted.sounds}: name the folder of recordings with --sounds", file=sys.stderr)
        return 2
    presets, images = wanted.models.split(","), ImageConfig()
    with (
        tempfile.TemporaryDirectory() as scratch,
        Library(Path(scratch) / "library", write=True, create=True) as library,
    ):
        report = ingest(library, [wanted.sounds], images, ReadConfig(), n_workers=2)
        files, labels = labelled_files(library, wanted.sounds)
        scores = baselines(library, images, files, labels, presets)
        for preset in presets:
            for seed in range(wanted.seeds):
                scores += trained_scores(library, images, preset, wanted.epochs, seed, labels)
    if wanted.json:
        print(json.dumps({"files": len(labels), "failed": report.failed, "scores": [asdict(s) for s in scores]}))
        return 0
    print(f"{len(labels)} sounds of {len(set(labels))} classes, {report.failed} unreadable, {report.duplicates} twice;")
    print(f"leave-one-out accuracy of {K} nearest neighbours\n")
    print(f"{'what':<32}{'aggregate':<10}{'seed':>5} {'accuracy':>9}   95% interval")
    for s in scores:
        seed_text = "" if s.seed is None else s.seed
        print(f"{s.model:<32}{s.aggregate:<10}{seed_text:>5} {s.accuracy:9.3f}   {s.low:.3f} to {s.high:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
