"""The whole comparison of two partitions: scores, intervals, null models, ceiling, warnings, a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from songnet.comparison.bootstrap import (
    MIN_BLOCKS,
    Interval,
    bootstrap_interval,
    bootstrap_rebuilt,
    ceiling,
    seeds_from,
)
from songnet.comparison.contingency import Contingency, Paired, align, pair, tabulate
from songnet.comparison.nulls import UNKNOWN, NullTest, artist_null, permutation_null
from songnet.comparison.scores import Scores, score_table
from songnet.comparison.verdict import find_warnings, write_verdict
from songnet.library.tracks import fold
from songnet.partition import Partition
from songnet.progress import Progress, silent

N_REBUILT = 20
N_SEEDS = 5


@dataclass(frozen=True, eq=False)
class ComparisonReport:
    """Everything that was found out about two partitions of the same tracks.

    Parameters
    ----------
    verdict : str
        One sentence.
    warnings : tuple of str
        What makes it doubtful, the worst first.
    names : tuple of str
        Methods of the first and the second partition.
    contingency : Contingency
        Rows are groups of the first partition by number; columns, groups of the second, are matched to them.
    matched_share : float
        Tracks whose two groups are matched / all tracks, 0 to 1; not corrected for chance.
    scores : Scores
        Scores of agreement.
    interval : Interval or None
        Of the AMI, over artists where they are known, else over tracks; None for fewer than 8.
    tracks_null : NullTest
        Against labels exchanged between any tracks.
    artists_null : NullTest or None
        Against labels exchanged between whole artists; None when no artist was given.
    rebuilt : Interval or None
        AMI of the first with second partitions that were built anew.
    ceiling : Interval or None
        AMI of second partitions with each other.
    share_of_ceiling : float or None
        AMI / mean of the ceiling.
    settings : dict
        Seed, draws and repetitions. Plain JSON values.
    """

    verdict: str
    warnings: tuple[str, ...]
    names: tuple[str, str]
    contingency: Contingency
    matched_share: float
    scores: Scores
    interval: Interval | None
    tracks_null: NullTest
    artists_null: NullTest | None
    rebuilt: Interval | None
    ceiling: Interval | None
    share_of_ceiling: float | None
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values with stable keys; of draws and repetitions their summaries."""
        table = self.contingency
        return {
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            "first": {"method": self.names[0], "groups": list(table.rows), "tracks_alone": table.n_first_only},
            "second": {"method": self.names[1], "groups": list(table.columns), "tracks_alone": table.n_second_only},
            "n_tracks": table.n_shared,
            "n_noise": table.n_noise,
            "table": table.table.tolist(),
            "matched_share": self.matched_share,
            "scores": asdict(self.scores),
            "interval": _interval_json(self.interval),
            "null_tracks": _null_json(self.tracks_null),
            "null_artists": None if self.artists_null is None else _null_json(self.artists_null),
            "rebuilt": _interval_json(self.rebuilt),
            "ceiling": _interval_json(self.ceiling),
            "share_of_ceiling": self.share_of_ceiling,
            "settings": dict(self.settings),
        }


def compare(
    first: Partition,
    second: Partition,
    *,
    artists: Mapping[str, str | None] | None = None,
    n_draws: int = 999,
    n_bootstrap: int = 200,
    n_rebuilt: int = N_REBUILT,
    seed: int = 0,
    rebuild: Callable[[int], Partition] | None = None,
    reseed: Callable[[int], Partition] | None = None,
    noise: str = "drop",
    doubts: Sequence[str] = (),
    progress: Progress = silent,
) -> ComparisonReport:
    """Compare two partitions on the tracks that both have.

    Parameters
    ----------
    first, second : Partition
        For instance clusters of sound and communities of playlists.
    artists : mapping of str to str or None
        ``track_id -> artist``; a track that is missing, or whose artist is None or blank, has an unknown one. The same
        name in other case or with other diacritics is the same artist.
    n_draws : int
        Draws of each null model; 99 at least to show p <= 0.01.
    n_bootstrap : int
        Repetitions of the interval, at least 2.
    n_rebuilt : int
        Calls of ``rebuild``, at least 2.
    seed : int
        Of everything that is drawn, and first seed of ``rebuild`` and ``reseed``.
    rebuild : callable or None
        Takes a seed, returns the second partition built anew from resampled data (playlists).
    reseed : callable or None
        Takes a seed, returns the second partition found anew in the same data: the ceiling is the mean AMI of five of
        those with each other. Without it, of partitions from ``rebuild``.
    noise : str
        ``"drop"``: a track that either calls noise is left out. ``"own"``: noise is one more group.
    doubts : sequence of str
        Warnings of the caller, who knows where the partitions come from; each a few words, a colon and what to do.
    progress : Progress
        Told of draws and repetitions.

    Returns
    -------
    ComparisonReport

    Raises
    ------
    ParameterError
        If the partitions share no track, or a number is out of range.

    Examples
    --------
    >>> ids = [f"{number:03}" for number in range(300)]
    >>> first = Partition.from_labels(ids, np.arange(300) % 3 + 1, "kmeans", {})
    >>> second = Partition.from_labels(ids, np.arange(300) // 100 + 1, "louvain", {})
    >>> compare(first, second, n_draws=99).verdict.split(" (")[0]
    'The 3 groups of kmeans and the 3 groups of louvain agree no more than chance'
    """
    paired = pair(first, second, noise=noise)
    table = tabulate(paired)
    scores = score_table(table.table)
    numbers = number_artists(paired, artists)
    has_artists = bool((numbers != UNKNOWN).any())
    tracks = permutation_null(paired.first, paired.second, n_draws=n_draws, seed=seed, progress=progress)
    by_artist = (
        artist_null(paired.first, paired.second, numbers, n_draws=n_draws, seed=seed, progress=progress)
        if has_artists
        else None
    )
    n_units = len(np.unique(numbers[numbers != UNKNOWN])) + int((numbers == UNKNOWN).sum())
    blocks = numbers if has_artists and n_units >= MIN_BLOCKS else None
    interval = None
    if len(paired) >= MIN_BLOCKS:
        interval = bootstrap_interval(
            paired.first, paired.second, blocks=blocks, n=n_bootstrap, seed=seed, progress=progress
        )
    rebuilt, upper = _repeated(first, rebuild, reseed, n_rebuilt, seed, noise, progress)
    share = scores.ami / upper.mean if upper is not None and upper.mean > 0 else None
    names = (first.method, second.method)
    unknown = float((numbers == UNKNOWN).mean())
    found = find_warnings(table, names, tracks_null=tracks, artists_null=by_artist, unknown_artists=unknown)
    warnings = (*found, *doubts)
    verdict = write_verdict(
        table,
        names,
        scores.ami,
        interval=interval,
        rebuilt=rebuilt,
        tracks_null=tracks,
        artists_null=by_artist,
        ceiling=upper,
        share_of_ceiling=share,
        warnings=warnings,
    )
    settings = {
        "n_draws": n_draws,
        "n_bootstrap": n_bootstrap,
        "n_rebuilt": n_rebuilt if rebuild is not None else 0,
        "seed": seed,
        "noise": noise,
        "unknown_artists": unknown,
    }
    return ComparisonReport(
        verdict,
        warnings,
        names,
        table.aligned(),
        align(table.table).share,
        scores,
        interval,
        tracks,
        by_artist,
        rebuilt,
        upper,
        share,
        settings,
    )


def number_artists(paired: Paired, artists: Mapping[str, str | None] | None) -> np.ndarray:
    """Number of each track's artist [shape=(n,), dtype=int64], -1 where it is unknown."""
    known: dict[str, int] = {}
    numbers = np.full(len(paired), UNKNOWN, dtype=np.int64)
    for row, track in enumerate(paired.track_ids if artists else ()):
        name = fold((artists or {}).get(track) or "")
        if name:
            numbers[row] = known.setdefault(name, len(known))
    return numbers


def _repeated(
    first: Partition,
    rebuild: Callable[[int], Partition] | None,
    reseed: Callable[[int], Partition] | None,
    n_rebuilt: int,
    seed: int,
    noise: str,
    progress: Progress,
) -> tuple[Interval | None, Interval | None]:
    """Interval over rebuilt partitions, and the ceiling; None for what cannot be told."""
    rebuilt = upper = None
    if rebuild is not None:
        # Each partition is needed twice and may have taken minutes.
        again = cache(rebuild)
        rebuilt = bootstrap_rebuilt(again, first, n=n_rebuilt, seed=seed, noise=noise, progress=progress)
        if reseed is None:
            seeds = seeds_from(seed, n_rebuilt)
            upper = ceiling(
                ((again(one), again(other)) for one, other in zip(seeds[::2], seeds[1::2], strict=False)), noise=noise
            )
    if reseed is not None:
        found = []
        for own in seeds_from(seed, N_SEEDS):
            found.append(reseed(own))
            progress("other seeds", len(found), N_SEEDS)
        upper = ceiling(combinations(found, 2), noise=noise)
    return rebuilt, upper


def _interval_json(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {
        "low": interval.low,
        "high": interval.high,
        "mean": interval.mean,
        "level": interval.level,
        "over": interval.over,
        "n": len(interval.values),
    }


def _null_json(test: NullTest) -> dict[str, Any]:
    return {
        "observed": test.observed,
        "mean": float(test.draws.mean()),
        "deviation": float(test.draws.std(ddof=1)) if len(test.draws) > 1 else 0.0,
        "p": test.p_value,
        "z": test.z,
        "n_draws": len(test.draws),
        "n_tracks": test.n_tracks,
        "n_left_out": test.n_left_out,
        "n_fixed": test.n_fixed,
    }
