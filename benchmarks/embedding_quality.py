"""Claim: contrastive codes tell music apart better than codes that were trained to reconstruct it.

Trains the whole family without labels on two sets, the demo library composed now and the labelled recordings of
``../shared/data/sounds``, several seeds each, and measures the codes alone and joined to descriptors with
`songnet.evaluation`: k-means NMI, AMI and ARI (as many clusters as labels, mean of 5 clusterings), 5 nearest neighbours
that are not by the same artist (recordings: not from the same source), a linear probe with whole artists held out,
clip-to-track AUC and, on the demo, NMI of k-means within each style with the artists. Beside every model stands the
same encoder before its training; below all, descriptors, which need none and win where the tables say so.

Every model sees as many images as the others: ``--images`` at most, fewer where its preset says so or validation ends
it; ``--images 0`` takes the presets' own numbers. Results are added to a JSONL file model by model: a killed run goes
on where it was, and a finished one prints its tables again at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from quality_table import (
    BASELINES,
    COLUMNS,
    append_record,
    lead_table,
    read_records,
    rival_table,
    rows_of,
    to_text,
    value_table,
)
from sounds import SOUNDS

import songnet
from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.clustering.features import JOINED_WEIGHTS
from songnet.config import ImageConfig, ReadConfig, TrainConfig, VectorConfig
from songnet.demo import compose
from songnet.descriptors import update_descriptors
from songnet.embedding import encode_library, update_vectors
from songnet.evaluation import (
    Asked,
    Estimate,
    EvaluationConfig,
    Labels,
    agreement,
    cluster_labels,
    estimate_mean,
    make_resampling,
)
from songnet.evaluation.evaluate import measure, read_asked_labels
from songnet.evaluation.gather import gather
from songnet.evaluation.labels import number_groups
from songnet.evaluation.points import points_of
from songnet.evaluation.systems import System
from songnet.library import Library, reconcile
from songnet.library.tracks import tracks_by_id
from songnet.models import PRESETS
from songnet.spectrogram import ingest
from songnet.training import list_models, load_model, split_images, train
from songnet.training.fit import resolve_training

WORK = Path(__file__).resolve().parents[1] / "build" / "embedding-quality"
SETS = ("demo", "sounds")
MODELS = ("contrastive", "cae-12x15", "vae-conv", "masked-cae", "beta-vae-time")
# The default run then takes about an hour on two idle cores.
IMAGES = 12_000
N_DRAWS = 500
SAY_EVERY_S = 15.0

Tracks = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Collection:
    """A set: its library, open for writing with images and descriptors, and where its labels stand.

    Parameters
    ----------
    name, digest : str
        The latter changes with the music and its labels.
    library : Library
    labels : pathlib.Path
        CSV.
    column : str
        Of the labels.
    tagged : bool
        Artists are tagged; otherwise the source in a file's name stands for them.
    """

    name: str
    digest: str
    library: Library
    labels: Path
    column: str
    tagged: bool


class Told:
    """Progress on stderr: a line every `SAY_EVERY_S` seconds."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.said_at = time.monotonic()

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        if time.monotonic() - self.said_at > SAY_EVERY_S:
            self.said_at = time.monotonic()
            print(f"{self.what}: {stage} {done}/{total} {note}", file=sys.stderr, flush=True)


@contextmanager
def open_set(name: str, wanted: argparse.Namespace) -> Iterator[Collection]:
    """Make or open a set's library, and bring it up to date."""
    if name == "demo":
        folder = wanted.work / f"demo-{wanted.demo_seed}-{wanted.demo_tracks}"
        compose(folder / "music", n_tracks=wanted.demo_tracks, seed=wanted.demo_seed, n_workers=wanted.jobs)
        music, labels, column = folder / "music" / "music", folder / "music" / "truth.csv", "style"
    else:
        folder = wanted.work / "sounds"
        music, labels, column = wanted.sounds, wanted.sounds / "labels.csv", "class"
    digest = hashlib.sha256(labels.read_bytes()).hexdigest()[:10]
    with Library(folder / "library", write=True, create=True) as library:
        reconcile(library)
        images = library.settings.images
        ingest(library, [music], images, ReadConfig(), n_workers=wanted.jobs, progress=Told(f"{name}: files"))
        update_descriptors(library, images)
        yield Collection(name, digest, library, labels, column, tagged=name == "demo")


def tracks_of(collection: Collection) -> Tracks:
    """Tracks by id; without tags their artist is the source, which is the file's name up to its last hyphen."""
    tracks = tracks_by_id(collection.library.db)
    if collection.tagged:
        return tracks
    stems = {track: Path(os.fsdecode(row["path"])).stem for track, row in tracks.items()}
    return {track: {**row, "artist": stems[track].rpartition("-")[0] or None} for track, row in tracks.items()}


def capped_epochs(library: Library, images: ImageConfig, preset: str, cap: int, seed: int) -> int:
    """Epochs of a training that sees at most `cap` images (0: the preset's own number), and one at least."""
    config = TrainConfig()
    n_train = len(split_images(library, images, config.validation, seed).train)
    own: int = resolve_training(preset, config, n_train)["epochs"]
    return min(own, max(1, cap // max(1, n_train))) if cap else own


def artists_within(points: np.ndarray, labels: Labels, artists: np.ndarray, seeds: Sequence[int]) -> Estimate | None:
    """NMI of k-means within each label with the artists, its mean over labels, with an interval over labels.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, d)]
    labels : Labels
        Of the same tracks.
    artists : numpy.ndarray [shape=(n,), dtype=int]
        -1 where unknown; such tracks are left out.
    seeds : sequence of int
        One clustering each.

    Returns
    -------
    Estimate or None
        None where no label has two artists of whom one has two tracks.
    """
    scores = []
    for number in range(len(labels.names)):
        rows = np.flatnonzero((labels.numbers == number) & (artists >= 0))
        names, truth = np.unique(artists[rows], return_inverse=True)
        if not 1 < len(names) < len(rows):
            continue
        found = []
        for clusters in cluster_labels(points[rows], len(names), seeds):
            table = np.zeros((len(names), int(clusters.max()) + 1), dtype=np.int64)
            np.add.at(table, (truth, clusters), 1)
            found.append(agreement(table)["nmi"])
        scores.append(np.mean(found))
    if not scores:
        return None
    rows = np.arange(len(scores))
    return estimate_mean(np.array(scores), make_resampling(rows, n_draws=N_DRAWS, over="labels"), rows)


def short_name(system: System) -> str:
    """``"codes"``, ``"joined"``, ``"random"`` or ``"random joined"``, or the name of a baseline without weights."""
    return system.name.partition(":")[0]


def measure_systems(
    collection: Collection, model: str, weights_seed: int, *, shared: bool
) -> dict[str, dict[str, dict[str, Any]]]:
    """Every measure of a model's systems (`shared`: of the descriptors instead), with the draws behind its interval."""
    config = EvaluationConfig(n_draws=N_DRAWS, random_seed=weights_seed, panels=(), mutual_proximity="none")
    asked = Asked(("codes", "joined"), (model,), labels=collection.labels, label_column=collection.column)
    tracks = tracks_of(collection)
    # One seed for every model: folds, clusterings and draws are the same for all, so that differences are paired.
    gathered = gather(collection.library, asked, config, seed=0)
    chosen = [system for system in gathered.systems if (":" not in system.name) == shared]
    gathered = replace(gathered, systems=chosen)
    labels = read_asked_labels(asked, tracks, gathered.track_ids, 0)
    report = measure(gathered, labels, tracks, asked, config, seed=0)
    artists = number_groups([tracks[track]["artist"] for track in gathered.track_ids])
    told: dict[str, dict[str, dict[str, Any]]] = {}
    for system in chosen:
        found = dict(report.table[system.name])
        if collection.tagged and labels is not None:
            space, sizes = system.space or config.space, (config.n_components, config.shrinkage)
            points = points_of(system.vectors, space, n_components=sizes[0], shrinkage=sizes[1], widths=system.widths)
            within = artists_within(points, labels, artists, range(config.n_seeds))
            if within is not None:
                found["artists_nmi"] = within
        entries = {key: found[key] for key in COLUMNS if key in found}
        told[short_name(system)] = {
            key: {"value": entry.value, "draws": np.round(entry.draws, 5).tolist()}
            for key, entry in entries.items()
            if entry.draws is not None
        }
    return told


def run_model(
    collection: Collection, preset: str, seed: int, cap: int, level: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Train (unless that was done before a kill) and encode; the model's name and how the training went."""
    library, images = collection.library, collection.library.settings.images
    name = f"{preset}-{seed}-{cap or 'own'}" + (f"-{level}" if level else "")
    told = Told(f"{collection.name}: {preset}, seed {seed}")
    started = time.monotonic()
    if name not in list_models(library.models):
        epochs = capped_epochs(library, images, preset, cap, seed)
        config = TrainConfig(epochs=epochs, level=level if "level" in PRESETS[preset].config else None)
        train(library, preset=preset, name=name, images=images, config=config, seed=seed, progress=told)
    trained_s = time.monotonic() - started
    card, model = load_model(library.models, name)
    encode_library(library, card, model, progress=told)
    update_vectors(library, card, VectorConfig.aggregate)
    epochs_run, n_train = int(card.training["epochs_run"]), int(card.training["n_train"])
    return name, {
        "epochs": epochs_run,
        "images": epochs_run * n_train,
        "parameters": int(card.training["parameters"]),
        "weights_sha256": card.weights_sha256,
        "train_s": round(trained_s, 1),
    }


def settings_digest(collection: Collection, model: str, cap: int, level: str | None = None) -> str:
    """What a stored result depends on, beside its set, model and seed."""
    preset = PRESETS.get(model)
    parts: list[list[Any]] = [[level]] if level else []
    parts += [
        [collection.digest, cap, N_DRAWS, VectorConfig.aggregate, asdict(collection.library.settings.images)],
        [
            asdict(EvaluationConfig()),
            JOINED_WEIGHTS,
            None if preset is None else [dict(preset.config), dict(preset.training)],
        ],
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def run_set(collection: Collection, wanted: argparse.Namespace, model: str, seed: int) -> list[dict[str, Any]]:
    """One model's record and, once a set, the baselines'; from the file where they are there."""
    stored = {
        (record["set"], record["model"], record["seed"], record["settings"], record["version"]): record
        for record in read_records(wanted.out)
    }
    version, started = songnet.__version__, time.monotonic()
    key = (collection.name, model, seed, settings_digest(collection, model, wanted.images, wanted.level), version)
    shared = (collection.name, BASELINES, None, settings_digest(collection, BASELINES, 0), version)
    fields = ("set", "model", "seed", "settings", "version")
    if key not in stored:
        name, told = run_model(collection, model, seed, wanted.images, wanted.level)
        systems = measure_systems(collection, name, seed, shared=False)
        seconds = round(time.monotonic() - started, 1)
        stored[key] = {**dict(zip(fields, key, strict=True)), "cap": wanted.images, **told, "seconds": seconds}
        stored[key]["systems"] = systems
        append_record(wanted.out, stored[key])
        if shared not in stored:
            systems = measure_systems(collection, name, seed, shared=True)
            stored[shared] = {**dict(zip(fields, shared, strict=True)), "seconds": 0.0, "systems": systems}
            append_record(wanted.out, stored[shared])
        print(f"{collection.name}: {model}, seed {seed}: done in {seconds:.0f} s", file=sys.stderr, flush=True)
    return [stored[key], *([stored[shared]] if shared in stored else [])]


def print_tables(records: Sequence[dict[str, Any]], cap: int, *, markdown: bool, rivals: bool) -> None:
    limit = f"{cap:,} images a training at most" if cap else "as many images a training as the presets say"
    for name in dict.fromkeys(record["set"] for record in records):
        of_set = [record for record in records if record["set"] == name]
        rows = rows_of(of_set)
        seen: dict[str, list[int]] = {}
        for record in of_set:
            if record["model"] != BASELINES:
                seen.setdefault(record["model"], []).append(record["images"])
        # Where validation ends a training, its seeds may have seen different numbers.
        spans = {model: (f"{min(n):,}", f"{max(n):,}") for model, n in seen.items()}
        told = "; ".join(f"{model} {' to '.join(dict.fromkeys(span))}" for model, span in spans.items())
        print(f"\n{name}: {limit} ({told})\n")
        print(to_text(value_table(rows), markdown=markdown))
        over = "artists" if name == "demo" else "sources"
        which = "each" if rivals else "the strongest"
        print(f"\nlead over {which} rival (below 0: a baseline wins); in brackets 95%, bootstrap over {over}\n")
        print(to_text(rival_table(rows) if rivals else lead_table(rows), markdown=markdown))


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sets", default=",".join(SETS), help="with commas between them [demo,sounds]")
    parser.add_argument("--seeds", default="0,1,2", help="of the trainings [0,1,2]")
    parser.add_argument("--models", default=",".join(MODELS), help=f"presets, the first first [{','.join(MODELS)}]")
    parser.add_argument("--images", type=int, default=IMAGES, help=f"a training at most; 0: the preset's [{IMAGES}]")
    parser.add_argument("--level", choices=("relative", "absolute"), help="of contrastive models [the preset's]")
    parser.add_argument("--sounds", type=Path, default=SOUNDS, help="folder with labels.csv [../shared/data/sounds]")
    parser.add_argument("--demo-seed", type=int, default=0, help="of the demo library [0]")
    parser.add_argument("--demo-tracks", type=int, default=120, help="tracks of the demo library [120]")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of libraries and models [build/...]")
    parser.add_argument("--out", type=Path, default=None, help="results, kept model by model [WORK/results.jsonl]")
    parser.add_argument("--jobs", type=int, default=2, help="processes that compose and decode [2]")
    parser.add_argument("--stored", action="store_true", help="train nothing: print what the file holds")
    parser.add_argument("--rivals", action="store_true", help="lead over every rival, not the strongest alone")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    wanted = parser.parse_args(argv)
    wanted.sets, wanted.models = wanted.sets.split(","), wanted.models.split(",")
    wanted.seeds = [int(seed) for seed in wanted.seeds.split(",")]
    wanted.out = wanted.out or wanted.work / "results.jsonl"
    for given, allowed in ((wanted.sets, SETS), (wanted.models, tuple(PRESETS))):
        for name in given:
            if name not in allowed:
                parser.error(f"{name!r} is none of: {', '.join(allowed)}")
    if wanted.images < 0:
        parser.error(f"--images is {wanted.images}; it must be 0 or more")
    if "sounds" in wanted.sets and not (wanted.sounds / "labels.csv").is_file():
        parser.error(f"no labels.csv in {wanted.sounds}: name the folder of recordings with --sounds")
    return wanted


def run_all(wanted: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of all that was asked for, model by model, so that the first models are whole first."""
    records = []
    for model in wanted.models:
        for name in wanted.sets:
            with open_set(name, wanted) as collection, ONE_THREAD_BLAS:
                for seed in wanted.seeds:
                    records += run_set(collection, wanted, model, seed)
    return records


def stored_records(wanted: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of the file that were asked for, the latest of each, whatever music and settings they came from."""
    return [
        record
        for record in read_records(wanted.out)
        if record["set"] in wanted.sets
        and record["version"] == songnet.__version__
        and (
            record["model"] == BASELINES
            or (record["model"] in wanted.models and record["seed"] in wanted.seeds and record["cap"] == wanted.images)
        )
    ]


def main(argv: Sequence[str] | None = None) -> int:
    wanted = parsed(argv)
    started = time.monotonic()
    records = stored_records(wanted) if wanted.stored else run_all(wanted)
    unique = {(record["set"], record["model"], record["seed"]): record for record in records}
    print_tables(list(unique.values()), wanted.images, markdown=wanted.markdown, rivals=wanted.rivals)
    spent = sum(record["seconds"] for record in unique.values())
    print(f"\n{spent / 60:.0f} minutes for all results, {(time.monotonic() - started) / 60:.0f} of them in this run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
