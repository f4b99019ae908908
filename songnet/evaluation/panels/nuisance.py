"""How much of what does not matter stands in the vectors, and in the clusters found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from songnet.errors import ParameterError
from songnet.evaluation.panels.nuisance_clusters import ClusterShare, explained_by_clusters
from songnet.evaluation.panels.nuisance_readout import Readout, read_out
from songnet.evaluation.panels.nuisance_values import Nuisance
from songnet.evaluation.panels.plain import plain_numbers
from songnet.progress import Progress, silent


@dataclass(frozen=True)
class NuisanceReport:
    """The nuisance panel.

    Parameters
    ----------
    subject : str
        Name of the vectors examined; all others in `readouts` are baselines.
    grouped_by : str
        ``"artists"``, ``"albums"`` or ``"tracks"``: what folds and intervals never part.
    n_tracks : int
        Tracks examined.
    n_left_out : int
        Tracks beyond the largest number that is examined.
    readouts : tuple of Readout
        For every kind of vectors, every nuisance.
    clusters : tuple of ClusterShare
        How much of the clustering each nuisance explains; empty without labels.
    """

    subject: str
    grouped_by: str
    n_tracks: int
    n_left_out: int
    readouts: tuple[Readout, ...]
    clusters: tuple[ClusterShare, ...]

    def of(self, vectors: str) -> tuple[Readout, ...]:
        """The readouts of one kind of vectors."""
        return tuple(readout for readout in self.readouts if readout.vectors == vectors)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; numbers to six digits."""
        return {
            "subject": self.subject,
            "grouped_by": self.grouped_by,
            "n_tracks": self.n_tracks,
            "n_left_out": self.n_left_out,
            "readouts": [{**plain_numbers(asdict(entry)), "readable": entry.readable} for entry in self.readouts],
            "clusters": [plain_numbers(asdict(entry)) for entry in self.clusters],
        }


def nuisance_panel(
    vectors: Mapping[str, np.ndarray],
    nuisances: Sequence[Nuisance],
    groups: np.ndarray,
    *,
    grouped_by: str = "artists",
    labels: np.ndarray | None = None,
    n_bootstrap: int = 1000,
    n_controls: int = 20,
    n_permutations: int = 999,
    max_tracks: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress = silent,
) -> NuisanceReport:
    """How much of loudness, bit rate, codec and the like can be read from vectors, and explains clusters.

    Parameters
    ----------
    vectors : mapping of str to numpy.ndarray [shape=(n_tracks, d)]
        The vectors to be examined first, then baselines; the rows of all are the same tracks.
    nuisances : sequence of Nuisance
        Of these tracks, as `songnet.evaluation.panels.nuisance_values.library_nuisances` gives them.
    groups : numpy.ndarray [shape=(n_tracks,), dtype=int]
        From `songnet.evaluation.labels.independent_groups`.
    grouped_by : str
        What the groups are, for the report.
    labels : numpy.ndarray or None [shape=(n_tracks,), dtype=int]
        Clusters of the tracks, -1 for noise.
    n_bootstrap : int
        Draws of groups for the intervals.
    n_controls : int
        Targets in random order; at most 5 for classes.
    n_permutations : int
        Of the labels, for the p-values of clusters.
    max_tracks : int
        Examine a random sample of so many tracks of a larger library: a probe learns little more from more.
    level : float
        Of the intervals, between 0 and 1.
    seed : int
        Of folds, draws and permutations.
    progress : Progress
        Told of readouts.

    Returns
    -------
    NuisanceReport

    Raises
    ------
    ParameterError
        If rows do not match, or a vector is not finite.
    """
    n = len(groups)
    _check(vectors, nuisances, groups, labels)
    kept = np.arange(n)
    if n > max_tracks:
        kept = np.sort(np.random.default_rng([seed, 6]).permutation(n)[:max_tracks])
    total = len(vectors) * len(nuisances)
    readouts: list[Readout] = []
    for name, X in vectors.items():
        for nuisance in nuisances:
            part = Nuisance(nuisance.name, nuisance.kind, nuisance.unit, nuisance.values[kept])
            readouts.append(
                read_out(
                    X[kept],
                    part,
                    groups[kept],
                    vectors=name,
                    n_bootstrap=n_bootstrap,
                    n_controls=n_controls,
                    level=level,
                    seed=seed,
                )
            )
            progress("nuisance probes", len(readouts), total)
    clusters: tuple[ClusterShare, ...] = ()
    if labels is not None:
        clusters = tuple(
            explained_by_clusters(each, labels, groups=groups, n_permutations=n_permutations, seed=seed)
            for each in nuisances
        )
    return NuisanceReport(next(iter(vectors)), grouped_by, len(kept), n - len(kept), tuple(readouts), clusters)


def _check(
    vectors: Mapping[str, np.ndarray], nuisances: Sequence[Nuisance], groups: np.ndarray, labels: np.ndarray | None
) -> None:
    if not vectors:
        raise ParameterError("there are no vectors to examine")
    n = len(groups)
    rows = {name: X.shape[0] for name, X in vectors.items()} | {each.name: len(each.values) for each in nuisances}
    rows |= {} if labels is None else {"labels": len(labels)}
    for name, count in rows.items():
        if count != n:
            raise ParameterError(f"{name} has {count} rows for {n} tracks")
    for name, X in vectors.items():
        if X.ndim != 2 or not np.isfinite(X).all():
            raise ParameterError(f"the vectors of {name} must be (n_tracks, d) and finite")
