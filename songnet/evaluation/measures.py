"""Every measure by name, and all of them for one system.

The keys of `MEASURES` are those of the JSON. "Decisive" measures are what a verdict counts: one for each question, the
hardest form of each that the data allow (artist-filtered neighbours rather than unfiltered, balanced rather than plain
accuracy, AMI rather than NMI).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.errors import ParameterError
from songnet.evaluation.clusters import cluster_labels, cluster_scores
from songnet.evaluation.consistency import consistency_scores
from songnet.evaluation.hubness import k_occurrence, mutual_neighbours, powers, skewness
from songnet.evaluation.intervals import Estimate, Resampling, estimate, estimate_mean, estimate_search
from songnet.evaluation.knn import knn_scores, nearest
from songnet.evaluation.labels import Labels
from songnet.evaluation.probe import balanced, class_columns, probe_scores
from songnet.evaluation.retrieval import retrieval_scores

MAX_PROBE_CLASSES = 200


@dataclass(frozen=True)
class Measure:
    """What a measure is called and which way is better.

    Parameters
    ----------
    label : str
        For people; ``{k}`` is the number of neighbours, ``{r}`` that of recall@k.
    question : str
        Measures of one question stand for each other; the first of them that could be taken is decisive. Empty for
        measures that decide nothing.
    higher : bool
        Higher is better.
    """

    label: str
    question: str = ""
    higher: bool = True


MEASURES: dict[str, Measure] = {
    "knn_artist": Measure("{k}-NN, artist-filtered", "neighbours"),
    "knn_album": Measure("{k}-NN, album-filtered", "neighbours"),
    "knn": Measure("{k}-NN, unfiltered", "neighbours"),
    "probe_balanced": Measure("linear probe, balanced", "probe"),
    "probe_accuracy": Measure("linear probe, accuracy", "probe"),
    "ami": Measure("k-means AMI", "clusters"),
    "nmi": Measure("k-means NMI", "clusters"),
    "ari": Measure("k-means ARI", "clusters"),
    "map_label_artist": Measure("mAP, same label, artist-filtered", "label retrieval"),
    "map_label": Measure("mAP, same label", "label retrieval"),
    "recall_label_artist": Measure("recall@{r}, same label, artist-filtered"),
    "recall_label": Measure("recall@{r}, same label"),
    "map_artist": Measure("mAP, same artist", "artist retrieval"),
    "recall_artist": Measure("recall@{r}, same artist"),
    "map_album": Measure("mAP, same album", "album retrieval"),
    "recall_album": Measure("recall@{r}, same album"),
    "clip_auc": Measure("clip-to-track AUC", "clips"),
    "clip_mrr": Measure("clip-to-track MRR"),
    "clip_top1": Measure("clip-to-track top-1"),
    "hub_skew": Measure("hubness: skewness", higher=False),
    "hub_anti": Measure("hubness: share of anti-hubs", higher=False),
    "hub_largest": Measure("hubness: largest hub", higher=False),
    "hub_knn": Measure("hubness: {k}-NN, same tracks"),
    "mp_skew": Measure("mutual proximity: skewness", higher=False),
    "mp_anti": Measure("mutual proximity: share of anti-hubs", higher=False),
    "mp_largest": Measure("mutual proximity: largest hub", higher=False),
    "mp_knn": Measure("mutual proximity: {k}-NN"),
}


@dataclass(frozen=True, eq=False)
class Setting:
    """What every system of one evaluation is measured with.

    Parameters
    ----------
    labels : Labels or None
    artists, albums : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        -1 where unknown.
    folds_of : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Groups that the probe's folds hold whole.
    resampling : Resampling
    hub_rows : numpy.ndarray [shape=(h,), dtype=int64]
        Tracks that hubness is measured on.
    k, recall_k, n_seeds, seed : int
        Neighbours; places of recall; clusterings; of everything drawn.
    mutual_proximity : str
        A variant of `songnet.evaluation.hubness`, or ``"none"``.
    n_threads : int
        Threads; no result depends on them.
    """

    labels: Labels | None
    artists: np.ndarray
    albums: np.ndarray
    folds_of: np.ndarray
    resampling: Resampling
    hub_rows: np.ndarray
    k: int
    recall_k: int
    n_seeds: int
    seed: int
    mutual_proximity: str
    n_threads: int


Found = dict[str, Estimate]
Untold = dict[str, str]


def measure_labels(points: np.ndarray, vectors: np.ndarray, setting: Setting) -> tuple[Found, Untold]:
    """Everything that labels are needed for.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n_tracks, d)]
        In the space of the evaluation.
    vectors : numpy.ndarray [shape=(n_tracks, d')]
        As they are, for the probe.
    setting : Setting
        With labels.
    """
    labels = setting.labels
    assert labels is not None
    rows, truth = labels.rows, labels.numbers[labels.rows]
    found: Found = {}
    untold: Untold = {}
    filters: dict[str, np.ndarray | None] = {"knn": None}
    # A label that is the artist can only be named by a track of that artist.
    if labels.tag != "artist" and (setting.artists[rows] >= 0).any():
        filters["knn_artist"] = setting.artists[rows]
    if labels.tag not in ("artist", "album") and (setting.albums[rows] >= 0).any():
        filters["knn_album"] = setting.albums[rows]
    if labels.tag == "artist" and (setting.albums[rows] >= 0).any():
        filters["knn_album"] = setting.albums[rows]
    near = nearest(points[rows], setting.k, list(filters.values()), n_threads=setting.n_threads)
    for key, neighbours in zip(filters, near, strict=True):
        scores = knn_scores(neighbours, truth)
        if np.isnan(scores.correct).all():
            untold[key] = "no track has a neighbour left"
        else:
            found[key] = estimate_search(
                scores.correct, scores.as_answer, setting.resampling, rows, chance=scores.chance
            )
    _measure_probe(vectors[rows], truth, rows, setting, found, untold)
    k = len(labels.names)
    try:
        seeds = [setting.seed + number for number in range(setting.n_seeds)]
        clusterings = cluster_labels(points[rows], k, seeds)
    except ParameterError as error:
        untold.update(dict.fromkeys(("nmi", "ami", "ari"), str(error)))
    else:
        found.update(cluster_scores(clusterings, truth, setting.resampling, rows))
    _measure_retrieval("label", points[rows], truth, rows, setting, found)
    if "knn_artist" in filters:
        _measure_retrieval("label_artist", points[rows], truth, rows, setting, found, filters["knn_artist"])
        if "map_label_artist" not in found:
            reason = "no two tracks of one label are by two artists"
            untold.update(dict.fromkeys(("map_label_artist", "recall_label_artist"), reason))
    return found, untold


def _measure_probe(
    vectors: np.ndarray, truth: np.ndarray, rows: np.ndarray, setting: Setting, found: Found, untold: Untold
) -> None:
    n_classes = int(truth.max()) + 1
    groups = setting.folds_of[rows]
    if n_classes > MAX_PROBE_CLASSES:
        reason = f"{n_classes:,} labels are too many for a probe ({MAX_PROBE_CLASSES} at most)"
        untold.update(dict.fromkeys(("probe_balanced", "probe_accuracy"), reason))
        return
    try:
        scores = probe_scores(vectors, truth, groups, seed=setting.seed)
    except ParameterError as error:
        untold.update(dict.fromkeys(("probe_balanced", "probe_accuracy"), str(error)))
        return
    found["probe_balanced"] = estimate(
        class_columns(scores.correct, truth), balanced, setting.resampling, rows, chance=1 / n_classes
    )
    found["probe_accuracy"] = estimate_mean(scores.correct, setting.resampling, rows, chance=scores.majority)


def _measure_retrieval(
    what: str,
    points: np.ndarray,
    groups: np.ndarray,
    rows: np.ndarray,
    setting: Setting,
    found: Found,
    exclude: np.ndarray | None = None,
) -> None:
    if not (np.bincount(groups[groups >= 0], minlength=1) > 1).any():
        return
    scores = retrieval_scores(points, groups, setting.recall_k, exclude=exclude, n_threads=setting.n_threads)
    if np.isnan(scores.average_precision).all():
        return
    for key, values, as_answer, chance in (
        ("map", scores.average_precision, scores.precision_as_answer, scores.chance_precision),
        ("recall", scores.recall, scores.recall_as_answer, scores.chance_recall),
    ):
        found[f"{key}_{what}"] = estimate_search(values, as_answer, setting.resampling, rows, chance=chance)


def measure_tags(points: np.ndarray, setting: Setting) -> Found:
    """Retrieval of same-artist and same-album tracks; nothing where no artist or album has two tracks."""
    found: Found = {}
    rows = np.arange(len(points))
    tag = setting.labels.tag if setting.labels is not None else None
    for what, groups in (("artist", setting.artists), ("album", setting.albums)):
        if what != tag:
            _measure_retrieval(what, points, groups, rows, setting, found)
    return found


def measure_clips(points: np.ndarray, track_of_part: np.ndarray, setting: Setting) -> Found:
    """Clip-to-track consistency.

    Parameters
    ----------
    points : numpy.ndarray [shape=(m, d)]
        One a clip (or half).
    track_of_part : numpy.ndarray [shape=(m,), dtype=int64]
        Track of the evaluation of each.
    setting : Setting
    """
    scores = consistency_scores(points, track_of_part, n_threads=setting.n_threads)
    rows = track_of_part[scores.rows]
    return {
        "clip_auc": estimate_mean(scores.auc, setting.resampling, rows, chance=0.5),
        "clip_mrr": estimate_mean(scores.reciprocal_rank, setting.resampling, rows),
        "clip_top1": estimate_mean(scores.first, setting.resampling, rows, chance=scores.chance_first),
    }


def measure_hubs(points: np.ndarray, setting: Setting) -> tuple[Found, Untold]:
    """Hubness before and after mutual proximity, with its effect on the neighbours' labels."""
    rows = setting.hub_rows
    chosen = points[rows]
    near = {"hub": nearest(chosen, setting.k, n_threads=setting.n_threads)[0]}
    untold: Untold = {}
    if setting.mutual_proximity != "none":
        near["mp"] = mutual_neighbours(chosen, setting.k, variant=setting.mutual_proximity, n_threads=setting.n_threads)
    found: Found = {}
    for what, neighbours in near.items():
        occurrence = k_occurrence(neighbours)
        found[f"{what}_skew"] = estimate(powers(occurrence), skewness, setting.resampling, rows)
        found[f"{what}_anti"] = estimate_mean((occurrence == 0).astype(np.float64), setting.resampling, rows)
        found[f"{what}_largest"] = Estimate(float(occurrence.max()), None, len(rows))
        if setting.labels is not None:
            truth = setting.labels.numbers[rows]
            if (truth >= 0).all():
                scores = knn_scores(neighbours, truth)
                found[f"{what}_knn"] = estimate_search(
                    scores.correct, scores.as_answer, setting.resampling, rows, chance=scores.chance
                )
            else:
                untold[f"{what}_knn"] = "not every track has a label"
    return found, untold
