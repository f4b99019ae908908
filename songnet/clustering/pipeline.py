"""`songnet cluster` whole: features to a sweep, the sweep to a partition with stable numbers and names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy
import sklearn

from songnet.clustering.choose import trust
from songnet.clustering.description import ClusterDescription, describe_clusters
from songnet.clustering.estimators import Fit
from songnet.clustering.features import Features
from songnet.clustering.identity import match_labels, number_by_size
from songnet.clustering.stability import number_artists
from songnet.clustering.sweep import SweepReport, sweep
from songnet.config import ClusterConfig, ImageConfig
from songnet.descriptors import load_descriptors
from songnet.errors import InputNotFoundError
from songnet.library import Library
from songnet.library.partitions import begin_parts, highest_label, load_partition, load_parts, save_part
from songnet.library.tracks import tracks_by_id
from songnet.partition import NOISE, Partition
from songnet.progress import Progress, silent

# Sweeps whose finished parts are kept: looking at something else must not cost an interrupted one its parts.
KEPT_SWEEPS = 4


@dataclass(frozen=True)
class ClusterReport:
    """What `cluster_features` found.

    Parameters
    ----------
    sweep : SweepReport
        Every number of clusters.
    partition : Partition
        The recommended one, numbered like the previous run's.
    descriptions : list of ClusterDescription
        What each cluster is, by number.
    silhouettes : numpy.ndarray [shape=(n_tracks,), dtype=float32]
        Of each track; NaN for noise and for tracks outside the sample that silhouettes were taken of.
    matched : int or None
        Number of the stored partition whose numbers were kept; None in a first run.
    """

    sweep: SweepReport
    partition: Partition
    descriptions: list[ClusterDescription]
    silhouettes: np.ndarray
    matched: int | None

    @property
    def n_clusters(self) -> int:
        """The k of the partition: the recommended one, or the only one there was."""
        return self.sweep.verdict.n_clusters or self.sweep.rows[0].n_clusters

    def verdict_summary(self) -> dict[str, Any]:
        """The verdict in plain JSON values."""
        row = next(row for row in self.sweep.rows if row.n_clusters == self.n_clusters)
        return {
            **asdict(self.sweep.verdict),
            "tests": [asdict(test) for test in self.sweep.tests],
            "trust": trust(row),
        }

    def summary(self, tracks: Mapping[str, Mapping[str, Any]], what: str) -> dict[str, Any]:
        """What is stored beside the partition to be shown again, in plain JSON values.

        Parameters
        ----------
        tracks : dict
            From `songnet.library.tracks.tracks_by_id`.
        what : str
            What was clustered.
        """
        clusters = []
        for description in self.descriptions:
            medoids = [{"track_id": track, "text": _text(tracks[track])} for track in description.medoids]
            clusters.append({**asdict(description), "medoids": medoids})
        return {"features": what, "verdict": self.verdict_summary(), "clusters": clusters}


def _text(track: Mapping[str, Any]) -> str:
    """Artist and title, or what there is."""
    named = " - ".join(track[column] for column in ("artist", "title") if track[column])
    return named or (track["path"] or track["track_id"].encode()).decode("utf-8", "backslashreplace").rpartition("/")[2]


class LibraryParts:
    """Keeps the finished parts of one sweep in the library.

    Parameters
    ----------
    library : Library
        Open for writing.
    key : str
        Stands for data, settings, seed and versions. Parts of the last few sweeps are kept beside.
    """

    def __init__(self, library: Library, key: str) -> None:
        self.library, self.key = library, key
        begin_parts(library, key, newest=KEPT_SWEEPS)

    def load(self) -> Mapping[str, Any]:
        """All parts kept so far."""
        return load_parts(self.library, self.key)

    def save(self, part: str, value: Any) -> None:
        """Keep one more."""
        save_part(self.library, self.key, part, value)


def sweep_key(features: Features, config: ClusterConfig, seed: int, artists: np.ndarray, version: str) -> str:
    """A hash of everything that decides a sweep's numbers."""
    digest = hashlib.sha256(np.ascontiguousarray(features.values).tobytes())
    digest.update(np.ascontiguousarray(artists).tobytes())
    settings = {**asdict(config), "k": config.n_clusters, "shape": features.values.shape, "seed": seed}
    settings.update(_blocks(features))
    # Another version of a library that does the arithmetic may round otherwise.
    settings["versions"] = [version, np.__version__, scipy.__version__, sklearn.__version__]
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return digest.hexdigest()


def cluster_features(
    library: Library,
    features: Features,
    config: ClusterConfig,
    *,
    images: ImageConfig,
    name: str,
    seed: int,
    version: str,
    n_threads: int,
    keep_parts: bool = True,
    progress: Progress = silent,
    on_fit: Callable[[Fit], None] | None = None,
) -> ClusterReport:
    """Sweep, number and describe.

    Parameters
    ----------
    library : Library
        Open for writing: finished parts are kept there. The partition is not stored yet.
    features : Features
        From `songnet.clustering.features.load_features`.
    config : ClusterConfig
        What to do.
    images : ImageConfig
        Image set whose acoustic descriptors describe the clusters.
    name : str
        Clusters are numbered like those of the newest stored partition of this name.
    seed : int
        Decides everything that is drawn.
    version : str
        Of the program: parts that another version kept are not used.
    n_threads : int
        Threads to use; the result does not depend on it.
    keep_parts : bool
        Keep finished parts in the library, so that an interrupted sweep goes on.
    progress, on_fit : callable
        See `songnet.clustering.sweep.sweep`.
    """
    tracks = tracks_by_id(library.db)
    artists = number_artists([tracks[track]["artist"] for track in features.track_ids])
    parts = LibraryParts(library, sweep_key(features, config, seed, artists, version)) if keep_parts else None
    report = sweep(
        features.values,
        config,
        space=features.space(config),
        seed=seed,
        artists=artists,
        what=features.what,
        n_threads=n_threads,
        parts=parts,
        progress=progress,
        on_fit=on_fit,
    )
    chosen = report.verdict.n_clusters or report.rows[0].n_clusters
    parameters = {
        "features": features.what,
        "n_clusters": chosen,
        "seed": seed,
        "version": version,
        **{key: value for key, value in asdict(config).items() if key not in ("features", "method")},
        **_blocks(features),
    }
    partition = Partition.from_labels(
        features.track_ids, number_by_size(report.labels[chosen]), config.method, parameters
    )
    matched = None
    try:
        stored, previous = load_partition(library, name, "cluster")
    except InputNotFoundError:
        pass
    else:
        above = highest_label(library, name, "cluster")
        partition, matched = match_labels(previous, partition, above=above), stored.partition_id
    plot = report.silhouettes[chosen]
    silhouettes = np.full(len(partition.track_ids), np.nan, dtype=np.float32)
    silhouettes[plot.rows] = np.where(plot.labels == NOISE, np.nan, plot.values)
    descriptions = describe(library, report.points, partition, silhouettes, images)
    return ClusterReport(report, partition, descriptions, silhouettes, matched)


def _blocks(features: Features) -> dict[str, Any]:
    """Blocks in plain JSON values, so that the points can be made again; nothing where there is one block."""
    return {"widths": list(features.widths), "weights": list(features.weights)} if features.widths else {}


def describe(
    library: Library, points: np.ndarray, partition: Partition, silhouettes: np.ndarray, images: ImageConfig
) -> list[ClusterDescription]:
    """Say what the clusters of a partition are."""
    stored = load_descriptors(library, images)
    rows = {track: index for index, track in enumerate(stored.track_ids)}
    where = np.array([rows.get(track, -1) for track in partition.track_ids])
    acoustic = (
        {name: np.where(where >= 0, values[where], np.nan) for name, values in stored.acoustic.items()}
        if len(stored.track_ids)
        else None
    )
    return describe_clusters(
        points, partition.labels, list(partition.track_ids), tracks_by_id(library.db), acoustic, silhouettes
    )
