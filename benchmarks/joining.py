"""Claim: how clips become a track, and what codes weigh beside descriptors, loses nowhere, on music that chose neither.

Trains the default model with its preset's own number of images (or takes the models that ``embedding_quality`` left in
the same folder) on demo libraries of several seeds and on the labelled recordings of ``../shared/data/sounds``, and
joins its codes to the descriptors with every weight: k-means NMI (as many clusters as labels, mean of 5 clusterings)
and the accuracy of 5 nearest neighbours that are not by the same artist (recordings: not from the same source), each
the mean over trainings. Weight 0 is the descriptors alone. A second table has other aggregates of clips and other
numbers of whitened components at the default weight, a third the codes alone.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from embedding_quality import WORK, open_set, run_model, tracks_of
from sounds import SOUNDS

from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.clustering.features import JOINED_WEIGHTS, Features, load_features
from songnet.clustering.space import Space
from songnet.config import ClusterConfig, VectorConfig
from songnet.embedding import DEFAULT_PRESET, update_vectors
from songnet.evaluation import agreement, cluster_labels
from songnet.evaluation.knn import knn_scores, nearest
from songnet.evaluation.labels import Labels, labels_of_file, number_groups
from songnet.training import load_model

WEIGHTS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.85, 1.0, 1.4)
CLUSTERINGS = range(5)
K = 5


@dataclass(frozen=True)
class Recipe:
    """One way from clips to points; `weight` 0 leaves the codes out, infinity the descriptors."""

    aggregate: str = VectorConfig.aggregate
    n_components: int = ClusterConfig.n_components
    weight: float = JOINED_WEIGHTS[1]


def points_of_recipe(features: Features, recipe: Recipe) -> np.ndarray:
    """Points of joined features, by the recipe."""
    shrinkage, border = ClusterConfig.shrinkage, features.widths[0]
    if recipe.weight == 0:
        return Space(recipe.n_components, shrinkage).points(features.values[:, :border])
    if math.isinf(recipe.weight):
        return Space(recipe.n_components, shrinkage).points(features.values[:, border:])
    return Space(recipe.n_components, shrinkage, features.widths, (1.0, recipe.weight)).points(features.values)


def measured(points: np.ndarray, labels: Labels, artists: np.ndarray) -> tuple[float, float]:
    """NMI of k-means and artist-filtered accuracy of the nearest neighbours."""
    k, scores = len(labels.names), []
    for clusters in cluster_labels(points, k, CLUSTERINGS):
        table = np.zeros((k, int(clusters.max()) + 1), dtype=np.int64)
        np.add.at(table, (labels.numbers, clusters), 1)
        scores.append(agreement(table)["nmi"])
    found = knn_scores(nearest(points, K, [artists])[0], labels.numbers)
    return float(np.mean(scores)), float(np.nanmean(found.correct))


def measured_set(name: str, recipes: Sequence[Recipe], wanted: argparse.Namespace) -> dict[Recipe, tuple[float, float]]:
    """What each recipe gives on one set, the mean over trainings."""
    found: dict[Recipe, list[tuple[float, float]]] = {recipe: [] for recipe in recipes}
    with open_set(name, wanted) as collection:
        library = collection.library
        tracks = tracks_of(collection)
        for seed in wanted.seeds:
            model, _ = run_model(collection, DEFAULT_PRESET, seed, 0, wanted.level)
            card, _ = load_model(library.models, model)
            for aggregate in dict.fromkeys(recipe.aggregate for recipe in recipes):
                update_vectors(library, card, aggregate)
                config = ClusterConfig(features="joined")
                images = library.settings.images
                features = load_features(library, config, images=images, card=card, aggregate=aggregate)
                labels = labels_of_file(tracks, features.track_ids, collection.labels, collection.column)
                artists = number_groups([tracks[track]["artist"] for track in features.track_ids])
                for recipe in recipes:
                    if recipe.aggregate == aggregate:
                        found[recipe].append(measured(points_of_recipe(features, recipe), labels, artists))
    return {recipe: tuple(np.mean(scores, axis=0).tolist()) for recipe, scores in found.items()}


def table(
    heading: str, named: Mapping[str, Recipe], columns: Mapping[str, Mapping[Recipe, tuple[float, float]]]
) -> str:
    """Markdown: a line a recipe, a column a set, and the mean over sets."""
    lines = [f"| {heading} | {' | '.join([*columns, 'mean'])} |", "|---" * (len(columns) + 2) + "|"]
    for name, recipe in named.items():
        cells = [column[recipe] for column in columns.values()]
        texts = [f"{nmi:.3f}, {knn:.3f}" for nmi, knn in [*cells, np.mean(cells, axis=0)]]
        lines.append(f"| {name}{' *' if recipe == Recipe() else ''} | {' | '.join(texts)} |")
    return "\n".join(lines)


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    listed = ",".join(f"{weight:g}" for weight in WEIGHTS)
    parser.add_argument("--weights", default=listed, help=f"of the codes, with commas between them [{listed}]")
    parser.add_argument("--aggregates", default="mean,mean-std", help="of clips [mean,mean-std]")
    parser.add_argument("--components", default="12,16,24,32", help="of each whitened block [12,16,24,32]")
    parser.add_argument("--demo-seeds", default="0,11,12", help="demo libraries, none for none [0,11,12]")
    parser.add_argument("--seeds", default="0,1,2", help="of the trainings [0,1,2]")
    parser.add_argument("--demo-tracks", type=int, default=120, help="tracks of a demo library [120]")
    parser.add_argument("--level", choices=("relative", "absolute"), help="of the models [the preset's]")
    parser.add_argument("--sounds", type=Path, default=SOUNDS, help="folder with labels.csv [../shared/data/sounds]")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of libraries and models [build/...]")
    parser.add_argument("--jobs", type=int, default=2, help="processes that compose and decode [2]")
    wanted = parser.parse_args(argv)
    wanted.weights = [float(weight) for weight in wanted.weights.split(",")]
    wanted.aggregates = wanted.aggregates.split(",")
    wanted.components = [int(number) for number in wanted.components.split(",")]
    wanted.seeds = [int(seed) for seed in wanted.seeds.split(",")]
    wanted.demo_seeds = [int(seed) for seed in wanted.demo_seeds.split(",") if seed]
    if min(wanted.weights) < 0:
        parser.error(f"--weights holds {min(wanted.weights):g}; each must be 0 or more")
    return wanted


def main(argv: Sequence[str] | None = None) -> int:
    wanted = parsed(argv)
    by_weight = {f"{weight:g}": Recipe(weight=weight) for weight in wanted.weights}
    ways = [(aggregate, n) for aggregate in wanted.aggregates for n in wanted.components]
    joined = {f"{aggregate}, {n} components": Recipe(aggregate, n) for aggregate, n in ways}
    alone = {f"{aggregate}, {n} components": Recipe(aggregate, n, math.inf) for aggregate, n in ways}
    recipes = list(dict.fromkeys([*by_weight.values(), *joined.values(), *alone.values()]))
    columns = {}
    with ONE_THREAD_BLAS:
        for seed in wanted.demo_seeds:
            wanted.demo_seed = seed
            columns[f"demo {seed}"] = measured_set("demo", recipes, wanted)
        if (wanted.sounds / "labels.csv").is_file():
            columns["recordings"] = measured_set("sounds", recipes, wanted)
        else:
            print(f"no labels.csv in {wanted.sounds}: without recordings", file=sys.stderr)
    print(f"NMI, 5-NN; means over trainings {', '.join(map(str, wanted.seeds))}; * is the default\n")
    for heading, named in (("weight of the codes", by_weight), ("joined", joined), ("codes alone", alone)):
        print(table(heading, named, columns) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
