"""What a cluster is: the tracks at its centre, the tags and the sound that set it apart, and how sure that is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from scipy.special import ndtr
from scipy.stats import false_discovery_control, hypergeom, rankdata

from songnet.clustering.naming import name_clusters, tag_values
from songnet.descriptors import ACOUSTIC_UNITS
from songnet.errors import ParameterError
from songnet.partition import NOISE

# A value that stands on one track only is not tested: one track is no pattern.
MIN_COUNT = 2


@dataclass(frozen=True)
class Trait:
    """A tag that more of a cluster carries than of the rest.

    Parameters
    ----------
    kind : str
        ``"artist"``, ``"album"``, ``"genre"``, ``"year"`` or ``"decade"``.
    value : str
        The tag, as most often written.
    count_in, size : int
        Tracks of the cluster with this value, and with any value of this kind.
    count_out, rest : int
        The same of all other tracks, noise among them.
    lift : float
        Share in the cluster over the share in the whole library.
    odds_ratio : float
        With 0.5 added to each of the four counts (Haldane 1956), so that it is finite.
    p_value : float
        Fisher's exact test, one-sided: so many or more in the cluster by chance.
    p_corrected : float
        By Benjamini and Hochberg (1995) over all tests of all clusters.
    """

    kind: str
    value: str
    count_in: int
    size: int
    count_out: int
    rest: int
    lift: float
    odds_ratio: float
    p_value: float
    p_corrected: float

    @property
    def effect(self) -> float:
        """Share in the cluster less share outside, 0 to 1: Cliff's delta of a quantity that is yes or no."""
        return self.count_in / self.size - self.count_out / self.rest


@dataclass(frozen=True)
class AcousticTrait:
    """A quantity that is larger, or smaller, in a cluster than outside.

    Parameters
    ----------
    name : str
        Key of `songnet.descriptors.ACOUSTIC_UNITS`.
    unit : str
        Unit of the means; empty for shares of 0 to 1.
    mean_in, mean_out : float
        Means over the cluster's tracks and over all other tracks, noise among them, where the quantity is known.
    effect : float
        Cliff's delta, -1 to 1: how much likelier a track of the cluster has the larger value than the smaller one,
        against a track from outside.
    p_value : float
        Mann-Whitney U test, two-sided, normal approximation with corrections for ties and continuity.
    p_corrected : float
        By Benjamini and Hochberg (1995) over all tests of all clusters.
    """

    name: str
    unit: str
    mean_in: float
    mean_out: float
    effect: float
    p_value: float
    p_corrected: float


T = TypeVar("T", Trait, AcousticTrait)


@dataclass(frozen=True)
class ClusterDescription:
    """One cluster in words and numbers.

    Parameters
    ----------
    label : int
        Its number; -1 for the tracks that belong to no cluster.
    size : int
        Tracks.
    share : float
        Of all tracks, 0 to 1.
    name : str
        For people; no other cluster of the run has it.
    silhouette : float or None
        Mean over the tracks that have one, -1 to 1.
    medoids : tuple of str
        Ids of the tracks nearest the cluster's mean, the nearest first; none for noise.
    traits : tuple of Trait
        Over-represented tags, strongest effect first; none for noise.
    acoustic : tuple of AcousticTrait
        What it sounds like, strongest effect first; none for noise.
    """

    label: int
    size: int
    share: float
    name: str
    silhouette: float | None
    medoids: tuple[str, ...]
    traits: tuple[Trait, ...]
    acoustic: tuple[AcousticTrait, ...]


def describe_clusters(
    points: np.ndarray,
    labels: np.ndarray,
    track_ids: Sequence[str],
    tracks: Mapping[str, Mapping[str, Any]],
    acoustic: Mapping[str, np.ndarray] | None = None,
    silhouettes: np.ndarray | None = None,
    *,
    n_medoids: int = 5,
    n_traits: int = 5,
    alpha: float = 0.05,
) -> list[ClusterDescription]:
    """Say what each cluster of a partition is.

    Tested are, for every cluster, every artist, album, genre, year and decade that at least two tracks of the library
    carry, and every acoustic quantity; each against all tracks outside the cluster. Tracks without a tag of a kind
    take no part in the tests of that kind. All these tests are one family: at most a share ``alpha`` of the traits
    told, over all clusters, is expected to be chance. A tag on fewer than two of a cluster's tracks counts as a test
    of p 1 and is never told. Where the clusters were
    made from the sound itself, the tests of quantities say how clearly the clusters differ, not that there are any.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, d)]
        The space that was clustered.
    labels : numpy.ndarray [shape=(n,), dtype=int]
        Numbers from 1; -1 is noise.
    track_ids : sequence of str
        Tracks of the rows, none twice.
    tracks : Mapping
        Track id to tags, as `songnet.library.tracks.tracks_by_id` gives them; unknown tracks have none.
    acoustic : Mapping of str to numpy.ndarray [shape=(n,)], optional
        Quantities of the same rows; NaN where unknown.
    silhouettes : numpy.ndarray [shape=(n,)], optional
        Of the same rows; NaN where unknown.
    n_medoids, n_traits : int
        How many tracks, tags and quantities to tell at most.
    alpha : float
        False discovery rate, above 0 and below 1.

    Returns
    -------
    list of ClusterDescription
        By number, noise last if there is any.

    Raises
    ------
    ParameterError
        If lengths differ or a setting is out of range.
    """
    columns = {"points": points, "track_ids": track_ids, **(acoustic or {})}
    if silhouettes is not None:
        columns["silhouettes"] = silhouettes
    for name, column in columns.items():
        if len(column) != len(labels):
            raise ParameterError(f"{name} has {len(column)} rows, labels has {len(labels)}: one row a track is needed")
    if min(n_medoids, n_traits) < 0:
        raise ParameterError(f"n_medoids is {n_medoids} and n_traits {n_traits}; neither may be below 0")
    if not 0 < alpha < 1:
        raise ParameterError(f"alpha is {alpha}; it must lie between 0 and 1")
    numbers = [int(label) for label in np.unique(labels) if label != NOISE]
    # Row of the table of clusters for each track; noise comes after the last one and is only ever "outside".
    cluster = np.where(labels == NOISE, len(numbers), np.searchsorted(numbers, labels))
    tags, n_tag_tests = _tag_tests(cluster, len(numbers), [tracks.get(track, {}) for track in track_ids])
    sounds = _acoustic_tests(cluster, len(numbers), acoustic or {})
    p_values = np.array([trait.p_value for _, trait in tags] + [trait.p_value for _, trait in sounds])
    # Tests whose outcome is not worth telling were made all the same: they count as p = 1.
    untold = np.ones(n_tag_tests + len(sounds) - len(p_values))
    every = np.concatenate([p_values, untold])
    corrected = false_discovery_control(every)[: len(p_values)] if len(every) else every
    traits = _told(tags, corrected[: len(tags)], alpha, len(numbers))
    quantities = _told(sounds, corrected[len(tags) :], alpha, len(numbers))
    drafts = []
    for label, its_traits, its_quantities in zip(numbers, traits, quantities, strict=True):
        its_traits.sort(key=lambda trait: (-trait.effect, trait.p_value, trait.kind, trait.value))
        its_quantities.sort(key=lambda trait: (-abs(trait.effect), trait.name))
        medoids = _medoids(points, np.flatnonzero(labels == label), track_ids, n_medoids)
        drafts.append(_draft(labels, label, silhouettes, medoids, tuple(its_traits), tuple(its_quantities)))
    if (labels == NOISE).any():
        drafts.append(_draft(labels, NOISE, silhouettes, (), (), ()))
    names = name_clusters(
        drafts, {track: tracks.get(track, {}).get("title") for draft in drafts for track in draft.medoids}
    )
    return [
        replace(draft, name=name, traits=draft.traits[:n_traits], acoustic=draft.acoustic[:n_traits])
        for draft, name in zip(drafts, names, strict=True)
    ]


def _told(found: list[tuple[int, T]], corrected: np.ndarray, alpha: float, n_clusters: int) -> list[list[T]]:
    """The significant ones among some tests' traits, by cluster."""
    told: list[list[T]] = [[] for _ in range(n_clusters)]
    for (index, trait), p_corrected in zip(found, corrected.tolist(), strict=True):
        if p_corrected <= alpha:
            told[index].append(replace(trait, p_corrected=p_corrected))
    return told


def _draft(
    labels: np.ndarray,
    label: int,
    silhouettes: np.ndarray | None,
    medoids: tuple[str, ...],
    traits: tuple[Trait, ...],
    acoustic: tuple[AcousticTrait, ...],
) -> ClusterDescription:
    """A description that has no name yet."""
    inside = labels == label
    size = int(inside.sum())
    known = np.empty(0) if silhouettes is None or label == NOISE else silhouettes[inside].astype(np.float64)
    known = known[np.isfinite(known)]
    silhouette = float(known.mean()) if len(known) else None
    return ClusterDescription(label, size, size / len(labels), "", silhouette, medoids, traits, acoustic)


def _medoids(points: np.ndarray, rows: np.ndarray, track_ids: Sequence[str], n_medoids: int) -> tuple[str, ...]:
    inside = points[rows].astype(np.float64)
    distances = ((inside - inside.mean(axis=0)) ** 2).sum(axis=1)
    nearest = sorted(zip(distances.tolist(), (track_ids[row] for row in rows), strict=True))[:n_medoids]
    return tuple(track for _, track in nearest)


def _tag_tests(
    cluster: np.ndarray, n_clusters: int, tracks: Sequence[Mapping[str, Any]]
) -> tuple[list[tuple[int, Trait]], int]:
    """Every tag that could be told, with its cluster's row, not yet corrected; and how many tests were made."""
    found: list[tuple[int, Trait]] = []
    n_tests = 0
    for kind, (entries, values, written) in _read_tags(tracks).items():
        # A track that has a genre twice, written differently, has it once.
        rows, codes = np.divmod(np.unique(entries * len(written) + values), len(written))
        totals = np.bincount(codes, minlength=len(written))
        sizes = np.bincount(cluster[np.unique(rows)], minlength=n_clusters + 1)
        n = int(sizes.sum())
        n_tests += int((totals >= MIN_COUNT).sum()) * int(((sizes[:n_clusters] > 0) & (sizes[:n_clusters] < n)).sum())
        cells, counts = np.unique(codes * (n_clusters + 1) + cluster[rows], return_counts=True)
        code, index = np.divmod(cells, n_clusters + 1)
        told = (counts >= MIN_COUNT) & (index < n_clusters) & (sizes[index] < n)
        code, index, count_in = code[told], index[told], counts[told]
        size, total = sizes[index], totals[code]
        count_out, rest = total - count_in, n - size
        lift = (count_in / size) / (total / n)
        odds = (count_in + 0.5) * (rest - count_out + 0.5) / ((size - count_in + 0.5) * (count_out + 0.5))
        p_values = hypergeom.sf(count_in - 1, n, total, size)
        columns = (index, code, count_in, size, count_out, rest, lift, odds, p_values, np.ones(len(code)))
        for where, what, *figures in zip(*(column.tolist() for column in columns), strict=True):
            found.append((where, Trait(kind, written[what], *figures)))
    return found, n_tests


def _read_tags(tracks: Sequence[Mapping[str, Any]]) -> dict[str, tuple[np.ndarray, np.ndarray, list[str]]]:
    """By kind: rows of the tracks, the values they carry as numbers, and how each value is most often written."""
    rows: dict[str, list[int]] = defaultdict(list)
    codes: dict[str, list[int]] = defaultdict(list)
    known: dict[str, dict[str, int]] = defaultdict(dict)
    spellings: dict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
    for row, track in enumerate(tracks):
        for kind, key, shown in tag_values(track):
            code = known[kind].setdefault(key, len(known[kind]))
            rows[kind].append(row)
            codes[kind].append(code)
            spellings[kind][code, shown] += 1
    written = {kind: [""] * len(values) for kind, values in known.items()}
    for kind, counter in spellings.items():
        # The most frequent one last, of equally frequent ones the first in the alphabet: it overwrites the others.
        for code, shown in sorted(sorted(counter, key=lambda entry: entry[1], reverse=True), key=counter.__getitem__):
            written[kind][code] = shown
    return {kind: (np.array(rows[kind]), np.array(codes[kind]), written[kind]) for kind in known}


def _acoustic_tests(
    cluster: np.ndarray, n_clusters: int, acoustic: Mapping[str, np.ndarray]
) -> list[tuple[int, AcousticTrait]]:
    """Every quantity against every cluster, where there is something on both sides; not yet corrected."""
    found = []
    for name, values in acoustic.items():
        known = np.isfinite(values)
        of, x = cluster[known], values[known].astype(np.float64)
        n = len(x)
        ranks = rankdata(x)
        _, ties = np.unique(x, return_counts=True)
        spread = (n + 1) - float((ties.astype(np.float64) ** 3 - ties).sum()) / max(1, n * (n - 1))
        sizes = np.bincount(of, minlength=n_clusters + 1)
        rank_sums = np.bincount(of, weights=ranks, minlength=n_clusters + 1)
        sums = np.bincount(of, weights=x, minlength=n_clusters + 1)
        for index in np.flatnonzero((sizes[:n_clusters] > 0) & (sizes[:n_clusters] < n)).tolist():
            inside, outside = int(sizes[index]), n - int(sizes[index])
            u = float(rank_sums[index]) - inside * (inside + 1) / 2
            deviation = np.sqrt(inside * outside / 12 * max(0.0, spread))
            z = (abs(u - inside * outside / 2) - 0.5) / deviation if deviation > 0 else 0.0
            mean_in, mean_out = float(sums[index]) / inside, float(sums.sum() - sums[index]) / outside
            effect = 2 * u / (inside * outside) - 1
            p_value = min(1.0, 2 * float(ndtr(-z)))
            trait = AcousticTrait(name, ACOUSTIC_UNITS.get(name, ""), mean_in, mean_out, effect, p_value, 1.0)
            found.append((index, trait))
    return found
