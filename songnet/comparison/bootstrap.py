"""How sure a score of agreement is: over tracks or artists, over playlists, and from seed to seed.

Tracks are resampled by halves without replacement. The usual bootstrap draws a track twice now and then, and a track
agrees with its own copy in both partitions: with 25 tracks a group, independent partitions would look alike. Half of
the tracks, drawn without replacement, have no copies, and a mean over them spreads exactly as the mean over all does
(the variance of n / 2 of n is sigma^2 / (n / 2) * (1 - 1 / 2)). The same holds for artists.

References
----------
J. Shao, C. F. J. Wu, "A general theory for jackknife variance estimation", Annals of Statistics 17, 1989 (leaving d
out). D. N. Politis, J. P. Romano, "Large sample confidence regions based on subsamples under minimal assumptions",
Annals of Statistics 22, 1994.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from songnet.comparison.contingency import contingency, cross_table
from songnet.comparison.scores import adjusted_mutual_information
from songnet.errors import ParameterError
from songnet.partition import Partition
from songnet.progress import Progress, silent

Score = Callable[[np.ndarray], float]
# Fewer blocks than this cannot be halved in enough ways to tell anything.
MIN_BLOCKS = 8
# Seeds are below this; after the largest comes 0.
SEED_END = 2**31


@dataclass(frozen=True, eq=False)
class Interval:
    """What a score may as well have been.

    Parameters
    ----------
    low, high : float
        Bounds.
    level : float
        Share of the values between them, 0 to 1.
    over : str
        What was varied: ``"tracks"``, ``"artists"``, ``"rebuilt"`` or ``"pairs"``.
    values : numpy.ndarray [shape=(n,), dtype=float64]
        Score of each repetition.
    """

    low: float
    high: float
    level: float
    over: str
    values: np.ndarray

    @property
    def mean(self) -> float:
        """Mean over the repetitions."""
        return float(self.values.mean())


def bootstrap_interval(
    first: np.ndarray,
    second: np.ndarray,
    score: Score = adjusted_mutual_information,
    *,
    blocks: np.ndarray | None = None,
    n: int = 200,
    level: float = 0.95,
    seed: int = 0,
    progress: Progress = silent,
) -> Interval:
    """Interval of a score by random halves of the tracks or of the artists.

    Parameters
    ----------
    first, second : numpy.ndarray [shape=(n_tracks,), dtype=int]
        Labels of the same tracks.
    score : callable
        Takes a contingency table [shape=(a, b)] in which rows and columns may be empty.
    blocks : numpy.ndarray or None [shape=(n_tracks,), dtype=int]
        Number of each track's artist: artists are drawn whole. -1 is a track that is drawn alone.
    n : int
        Repetitions, at least 2.
    level : float
        Share of the repetitions inside, between 0 and 1.
    seed : int
        Of the draws.
    progress : Progress
        Told of repetitions.

    Returns
    -------
    Interval
        The spread of the halves' scores, laid around the score of all tracks (half of the tracks have smaller groups,
        which alone can shift a score) and cut off at 1.

    Raises
    ------
    ParameterError
        If labels and blocks do not match, ``n`` or ``level`` is out of range, or there are fewer than 8 tracks or
        artists.
    """
    if len(first) != len(second) or (blocks is not None and len(blocks) != len(first)):
        raise ParameterError("labels and blocks do not speak of the same tracks")
    _check(n, level)
    units = np.arange(len(first)) if blocks is None else _units(blocks)
    n_units = int(units.max(initial=-1)) + 1
    if n_units < MIN_BLOCKS:
        what = "tracks" if blocks is None else "artists"
        raise ParameterError(f"{n_units} {what} are too few for an interval: at least {MIN_BLOCKS} are needed")
    (rows, left), (columns, right) = (np.unique(labels, return_inverse=True) for labels in (first, second))

    def scored(kept: np.ndarray) -> float:
        return score(cross_table(left[kept], right[kept], len(rows), len(columns)))

    rng = np.random.default_rng([seed, 3])
    values = np.empty(n)
    for repetition in range(n):
        chosen = np.zeros(n_units, dtype=bool)
        chosen[rng.permutation(n_units)[: n_units // 2]] = True
        values[repetition] = scored(np.flatnonzero(chosen[units]))
        if repetition % 20 == 19 or repetition == n - 1:
            progress("interval", repetition + 1, n)
    centre = scored(np.arange(len(first)))
    low, high = np.quantile(values - values.mean(), _tails(level))
    return Interval(
        min(1.0, centre + low), min(1.0, centre + high), level, "tracks" if blocks is None else "artists", values
    )


def bootstrap_rebuilt(
    rebuild: Callable[[int], Partition],
    first: Partition,
    score: Score = adjusted_mutual_information,
    n: int = 20,
    *,
    level: float = 0.95,
    seed: int = 0,
    noise: str = "drop",
    progress: Progress = silent,
) -> Interval:
    """Interval of a score over second partitions that are built anew, such as communities of resampled playlists.

    Parameters
    ----------
    rebuild : callable
        Takes a seed, returns a partition; what it resamples is its own affair.
    first : Partition
        Stays as it is.
    score : callable
        Takes a contingency table [shape=(a, b)].
    n : int
        Repetitions, at least 2; they get the seeds that `seeds_from` gives.
    level : float
        Share of the repetitions inside, between 0 and 1.
    seed : int
        First seed.
    noise : str
        As in `songnet.comparison.contingency.contingency`.
    progress : Progress
        Told of repetitions.

    Returns
    -------
    Interval
        Percentiles of the scores as they are. Resampled playlists are poorer than all of them, so the interval may lie
        below the score of the partition that was built from all.

    Raises
    ------
    ParameterError
        If ``n`` or ``level`` is out of range, or a rebuilt partition shares no track with the first.
    """
    _check(n, level)
    values = np.empty(n)
    for repetition, own in enumerate(seeds_from(seed, n)):
        values[repetition] = score(contingency(first, rebuild(own), noise=noise).table)
        progress("rebuilt partitions", repetition + 1, n)
    low, high = np.quantile(values, _tails(level))
    return Interval(float(low), float(high), level, "rebuilt", values)


def ceiling(
    pairs: Iterable[tuple[Partition, Partition]],
    score: Score = adjusted_mutual_information,
    *,
    level: float = 0.95,
    noise: str = "drop",
) -> Interval:
    """How far a partition agrees with itself when it is found again: more cannot be asked of any other.

    Parameters
    ----------
    pairs : iterable of tuple of Partition
        Pairs found alike but for the seed (or the sample of playlists); at least one.
    score : callable
        Takes a contingency table [shape=(a, b)].
    level : float
        Share of the pairs inside the interval, between 0 and 1.
    noise : str
        As in `songnet.comparison.contingency.contingency`.

    Returns
    -------
    Interval
        Its mean is the ceiling.

    Raises
    ------
    ParameterError
        If there is no pair, ``level`` is out of range, or a pair shares no track.
    """
    values = np.array([score(contingency(one, other, noise=noise).table) for one, other in pairs])
    if not len(values):
        raise ParameterError("a ceiling needs at least one pair of partitions")
    _check(2, level)
    low, high = np.quantile(values, _tails(level))
    return Interval(float(low), float(high), level, "pairs", values)


def seeds_from(seed: int, n: int) -> list[int]:
    """A seed and those after it; after the largest, 2,147,483,647, comes 0.

    Examples
    --------
    >>> seeds_from(5, 3), seeds_from(2_147_483_647, 2)
    ([5, 6, 7], [2147483647, 0])
    """
    return [(seed + offset) % SEED_END for offset in range(n)]


def _units(blocks: np.ndarray) -> np.ndarray:
    """Number of each track's unit: its artist, or itself where the artist is unknown."""
    known = blocks >= 0
    _, numbers = np.unique(blocks[known], return_inverse=True)
    units = np.empty(len(blocks), dtype=np.int64)
    units[known] = numbers
    units[~known] = int(numbers.max(initial=-1)) + 1 + np.arange(int((~known).sum()))
    return units


def _tails(level: float) -> list[float]:
    return [(1 - level) / 2, (1 + level) / 2]


def _check(n: int, level: float) -> None:
    if n < 2:
        raise ParameterError(f"n is {n}; an interval needs at least 2 repetitions")
    if not 0 < level < 1:
        raise ParameterError(f"level is {level:g}; it must be between 0 and 1")
