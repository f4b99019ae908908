"""Clusters beside labels that somebody gave: a quick answer, chance-corrected, with a baseline in the next row."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

from songnet.clustering.estimators import fit_path
from songnet.descriptors import Descriptors
from songnet.errors import InputNotFoundError, ParameterError

KEY_COLUMNS = ("track_id", "path", "file", "filename")
LABEL_COLUMNS = ("label", "class", "genre", "style", "category")
# The first values of the timbre descriptor: mean, deviation and deviation of the differences of 20 coefficients.
N_MFCC_STATISTICS = 60


@dataclass(frozen=True)
class AgainstLabels:
    """How far one clustering agrees with given labels.

    Parameters
    ----------
    what : str
        Which clustering.
    n_clusters : int
        Its clusters.
    ari, ami, nmi : float
        Adjusted Rand index, adjusted mutual information (both 0 by chance, 1 when equal) and normalised mutual
        information (not corrected for chance: it grows with the number of clusters). Noise counts as a cluster.
    n_tracks : int
        Tracks with a label.
    """

    what: str
    n_clusters: int
    ari: float
    ami: float
    nmi: float
    n_tracks: int


def read_labels(
    path: Path, tracks: Mapping[str, Mapping[str, Any]], column: str | None = None
) -> tuple[str, dict[str, str]]:
    """Labels of tracks from a CSV file.

    Parameters
    ----------
    path : pathlib.Path
        CSV with a header: a column ``track_id``, ``path``, ``file`` or ``filename``, and the labels. A path matches
        a track whose own path ends in it.
    tracks : dict
        From `songnet.library.tracks.tracks_by_id`.
    column : str, optional
        Column of the labels; else ``label``, ``class``, ``genre``, ``style`` or ``category``, else the only other one.

    Returns
    -------
    tuple of str and dict
        The column, and ``track_id -> label``.

    Raises
    ------
    InputNotFoundError
        If the file cannot be read, or none of its rows is a track of the library.
    ParameterError
        If it has no such columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            header = list(reader.fieldnames or [])
            names = reader.fieldnames = [name.strip() for name in header]
            rows = list(reader)
    except OSError as error:
        raise InputNotFoundError(f"cannot read the labels {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParameterError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if not names:
        raise ParameterError(f"{path} is empty: its first line must name the columns")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"{path} has the column {', '.join(map(repr, twice))} twice: leave one of them out")
    key = next((name for name in KEY_COLUMNS if name in names), None)
    if key is None:
        raise ParameterError(
            f"{path} has the columns {', '.join(names)}: one of {', '.join(KEY_COLUMNS)} is needed, and commas between"
            " columns"
        )
    chosen = column or _label_column(names, key)
    if chosen is None or chosen not in names:
        wanted = f"no column {column!r}" if column else "several columns that may be the labels"
        raise ParameterError(f"{path} has {wanted} ({', '.join(names)}): name one with --label-column")
    given: dict[str, str] = {}
    for row in rows:
        track, label = row[key], (row[chosen] or "").strip()
        if track and label and given.setdefault(track, label) != label:
            raise ParameterError(f"{path} labels {track!r} both {given[track]!r} and {label!r}: leave one of them out")
    if not given:
        raise ParameterError(f"no row of {path} has both {key} and {chosen}")
    found = {}
    for track, values in tracks.items():
        name = track if key == "track_id" else _ending(values["path"], given)
        if name in given:
            found[track] = given[name]
    if not found:
        raise InputNotFoundError(f"none of the {len(given)} labelled files of {path} is a track of this library")
    return chosen, found


def _label_column(names: Sequence[str], key: str) -> str | None:
    named = next((name for name in LABEL_COLUMNS if name in names), None)
    others = [name for name in names if name != key]
    return named or (others[0] if len(others) == 1 else None)


def _ending(path: bytes | None, given: Mapping[str, str]) -> str | None:
    """The longest end of a path that has a label."""
    if path is None:
        return None
    pieces = os.fsdecode(path).split("/")
    endings = ("/".join(pieces[start:]) for start in range(len(pieces)))
    return next((ending for ending in endings if ending in given), None)


def score_labels(what: str, labels: np.ndarray, truth: Sequence[str], n_clusters: int | None = None) -> AgainstLabels:
    """Compare labels of clusters with given ones, in the same order.

    Parameters
    ----------
    what : str
        Which clustering.
    labels : numpy.ndarray [shape=(n,), dtype=int]
        Clusters; -1 is noise.
    truth : sequence of str
        Labels of the same tracks.
    n_clusters : int, optional
        Clusters there are in all; without it, those among these tracks.

    Examples
    --------
    >>> score_labels("mine", np.array([1, 1, 2, 2]), ["x", "x", "y", "y"]).ari
    1.0
    """
    return AgainstLabels(
        what,
        n_clusters or len(np.unique(labels[labels >= 0])),
        float(adjusted_rand_score(truth, labels)),
        float(adjusted_mutual_info_score(truth, labels)),
        float(normalized_mutual_info_score(truth, labels)),
        len(truth),
    )


def compare_with_labels(
    track_ids: Sequence[str],
    labels_by_k: Mapping[int, np.ndarray],
    chosen: int,
    truth: Mapping[str, str],
    descriptors: Descriptors,
    *,
    what: str,
    n_init: int,
    seed: int,
) -> list[AgainstLabels]:
    """The clusters, and beside them k-means on 60 MFCC statistics, at the recommended k and at the number of labels.

    Parameters
    ----------
    track_ids : sequence of str
        Tracks that were clustered.
    labels_by_k : dict
        ``k -> labels`` of the sweep.
    chosen : int
        Recommended number of clusters.
    truth : dict
        ``track_id -> label``.
    descriptors : Descriptors
        Their first 60 values are standardised and clustered by k-means with the same k, starts and seed.
    what : str
        Name of what was clustered.
    n_init, seed : int
        For the baseline.

    Raises
    ------
    ParameterError
        If fewer than two kinds of labels stand on the tracks that were clustered.
    """
    mine = np.array([track in truth for track in track_ids])
    given = [truth[track] for track in track_ids if track in truth]
    if len(set(given)) < 2:
        raise ParameterError(
            f"{len(given)} of the {len(track_ids)} tracks that were clustered have labels, of {len(set(given))} kinds:"
            " at least two kinds are needed to compare with"
        )
    rows = {track: index for index, track in enumerate(descriptors.track_ids)}
    # The same tracks as ours, labelled or not.
    described = [track for track in track_ids if track in rows]
    labelled = np.array([track in truth for track in described])
    of_labelled = [truth[track] for track in described if track in truth]
    statistics = descriptors.timbre[[rows[track] for track in described], :N_MFCC_STATISTICS].astype(np.float64)
    spread = statistics.std(axis=0)
    standard = ((statistics - statistics.mean(axis=0)) / np.where(spread > 0, spread, 1)).astype(np.float32)
    wanted = sorted({chosen, len(set(given))} & set(labels_by_k))
    scores = [score_labels(what, labels_by_k[k][mine], given, k) for k in wanted]
    possible = [k for k in wanted if k < len(np.unique(standard, axis=0))]
    for fit in fit_path("kmeans", standard, possible, n_init=n_init, seed=seed, n_threads=1) if possible else []:
        scores.append(score_labels("k-means on 60 MFCC statistics", fit.labels[labelled], of_labelled, fit.n_clusters))
    return scores
