"""Claim: k-means on SongNet's descriptors finds kinds of sound that people named, better than on 60 MFCC statistics.

Clusters two collections without their labels and compares with them afterwards: the field recordings of
``../shared/data/sounds`` (ten classes) and demo libraries composed now (six styles). One row a representation:
agreement of k-means with as many clusters as there are labels, mean and range over seeds; and what the whole sweep
recommends. Beside SongNet's own: 60 MFCC statistics by librosa, as they are and whitened like SongNet's. Negative
controls: labels in random order (agreement must be 0), columns in random order (the verdict must be "no structure").
Labels are used for scoring only; but the number of components and the shrinkage were once chosen on the sounds and on
the demo libraries of seeds 0, 1 and 2, so the unseen ones are those of seeds 3, 4 and 5.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr
from sounds import SOUNDS

from songnet.audio import decodable_samples, open_audio
from songnet.clustering import fit_path, sweep
from songnet.clustering.against import score_labels
from songnet.clustering.space import Space
from songnet.config import ClusterConfig, ImageConfig, ReadConfig, TrainConfig, VectorConfig
from songnet.demo import compose
from songnet.descriptors import load_descriptors, update_descriptors
from songnet.embedding import embed_images, load_vectors
from songnet.library import Library
from songnet.spectrogram import ingest

Floats = npt.NDArray[np.floating]
N_INIT = 10
SR = 22_050


@dataclass(frozen=True)
class Agreement:
    """Agreement of one representation's clusters with the labels, over seeds."""

    collection: str
    what: str
    k: int
    ari: float
    ari_low: float
    ari_high: float
    nmi: float
    ami: float
    recommended: int | None
    structured: bool | None
    p_value: float | None
    ari_recommended: float | None


def mfcc_statistics(path: Path) -> Floats:
    """Mean and deviation of 20 MFCCs of the whole file and deviation of their differences: 60 numbers."""
    librosa = importlib.import_module("librosa")  # here: decode workers import this module, and need no librosa
    with open_audio(bytes(path)) as reader:
        y = soxr.resample(reader.read(0, decodable_samples(reader, bytes(path))), reader.sr, SR)
    mfcc = librosa.feature.mfcc(y=y, sr=SR, n_mfcc=20)
    return np.concatenate([mfcc.mean(axis=1), mfcc.std(axis=1), np.diff(mfcc, axis=1).std(axis=1)])


def standardised(features: Floats) -> Floats:
    """Columns of mean 0 and deviation 1."""
    spread = features.std(axis=0)
    standard: Floats = (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1)
    return standard.astype(np.float32)


def agree(
    collection: str, what: str, features: Floats, truth: list[str], seeds: int, *, whiten: bool, draws: int
) -> Agreement:
    """Cluster with as many clusters as labels under several seeds, and once with the whole sweep."""
    k = len(set(truth))
    n_components = ClusterConfig().n_components if whiten else 0
    config = ClusterConfig(n_init=N_INIT, nulls=draws, resamples=0, n_components=n_components)
    data = features if whiten else standardised(features)
    points = Space(config.n_components, config.shrinkage).points(data)
    scores = []
    for seed in range(seeds):
        (fit,) = fit_path("kmeans", points, [k], n_init=N_INIT, seed=seed)
        scores.append(score_labels(what, fit.labels, truth))
    report = sweep(data, config, n_threads=len(os.sched_getaffinity(0)), what=what)
    chosen = report.verdict.n_clusters
    aris = [score.ari for score in scores]
    return Agreement(
        collection, what, k, float(np.mean(aris)), min(aris), max(aris),
        float(np.mean([score.nmi for score in scores])), float(np.mean([score.ami for score in scores])),
        chosen, report.verdict.structured, report.verdict.p_value,
        None if chosen is None else score_labels(what, report.labels[chosen], truth).ari,
    )  # fmt: skip


def rows_of(
    library: Library, names: dict[str, str], collection: str, seeds: int, epochs: int, draws: int
) -> list[Agreement]:
    """All representations of one collection; ``names`` is the end of a path to its label."""
    images, training = library.settings.images, TrainConfig(epochs=epochs)
    embedded = embed_images(
        library, model_name="cae-12x15", images=images, training=training, vectors=VectorConfig("mean-std"), seed=0
    )
    codes = load_vectors(library, embedded.card, "mean-std").vectors
    update_descriptors(library, images)
    described = load_descriptors(library, images)
    timbre = described.timbre
    paths = dict(library.db.execute("SELECT track_id, min(path) FROM paths GROUP BY track_id").fetchall())
    files = {track: Path(os.fsdecode(paths[track])) for track in described.track_ids}
    truth = [_label(path, names) for path in files.values()]
    mfccs = np.stack([mfcc_statistics(path) for path in files.values()])
    shuffled = [str(label) for label in np.random.default_rng(0).permutation(truth)]
    columns = np.random.default_rng(0).permuted(timbre, axis=0)
    asked: list[tuple[str, Floats, list[str], bool]] = [
        ("60 MFCC statistics, standardised", mfccs, truth, False),
        ("60 MFCC statistics, whitened", mfccs, truth, True),
        ("codes of cae-12x15, whitened", codes, truth, True),
        ("descriptors, whitened (default)", timbre, truth, True),
        ("descriptors joined to codes", np.hstack([timbre, codes]), truth, True),
        ("descriptors, labels shuffled", timbre, shuffled, True),
        ("descriptors, columns shuffled", columns, truth, True),
    ]
    return [
        agree(collection, what, features, labels, seeds, whiten=whiten, draws=draws)
        for what, features, labels, whiten in asked
    ]


def _label(path: Path, names: dict[str, str]) -> str:
    pieces = path.parts
    endings = ("/".join(pieces[start:]) for start in range(1, len(pieces)))
    return names[next(ending for ending in endings if ending in names)]


@contextmanager
def collection_library(folder: Path, music: Path) -> Iterator[Library]:
    """A library of a folder's mel images."""
    with Library(folder, write=True, create=True) as library:
        ingest(library, [music], ImageConfig(), ReadConfig(), n_workers=2)
        yield library


def read_truth(path: Path, key: str, label: str) -> dict[str, str]:
    """Two columns of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {row[key]: row[label] for row in csv.DictReader(stream)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sounds", type=Path, default=SOUNDS, help="folder with labels.csv [../shared/data/sounds]")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of k-means [5]")
    parser.add_argument("--demo-seeds", default="0,3,4,5", help="seeds of the demo libraries to compose [0,3,4,5]")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of the autoencoder [20]")
    parser.add_argument("--nulls", type=int, default=99, help="draws of each null model [99]")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    wanted = parser.parse_args()
    rows: list[Agreement] = []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        if (wanted.sounds / "labels.csv").is_file():
            names = read_truth(wanted.sounds / "labels.csv", "file", "class")
            with collection_library(root / "sounds-library", wanted.sounds) as library:
                rows += rows_of(library, names, "sounds", wanted.seeds, wanted.epochs, wanted.nulls)
        else:
            print(f"no labels.csv in {wanted.sounds}: the sounds are left out", file=sys.stderr)
        for seed in (int(text) for text in wanted.demo_seeds.split(",") if text):
            compose(root / f"demo-{seed}", seed=seed)
            names = read_truth(root / f"demo-{seed}" / "truth.csv", "path", "style")
            with collection_library(root / f"demo-{seed}-library", root / f"demo-{seed}" / "music") as library:
                rows += rows_of(library, names, f"demo {seed}", wanted.seeds, wanted.epochs, wanted.nulls)
    if wanted.json:
        print(json.dumps([asdict(row) for row in rows]))
        return 0
    print(f"k-means, {N_INIT} starts, {wanted.seeds} seeds; ARI as mean (lowest to highest)\n")
    print(f"{'collection':<11}{'what':<35}{'k':>3} {'ARI':>21} {'AMI':>6} {'NMI':>6}  recommended k, its ARI, verdict")
    for row in rows:
        verdict = {True: "structure", False: "NO STRUCTURE", None: "not tested"}[row.structured]
        ari = f"{row.ari:.3f} ({row.ari_low:.3f} to {row.ari_high:.3f})"
        at = "" if row.ari_recommended is None else f"{row.recommended:>3} {row.ari_recommended:6.3f}  {verdict}"
        p = "" if row.p_value is None else f" (p = {row.p_value:.2g})"
        print(f"{row.collection:<11}{row.what:<35}{row.k:>3} {ari:>21} {row.ami:6.3f} {row.nmi:6.3f} {at}{p}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
