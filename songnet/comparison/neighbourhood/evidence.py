"""How sure: intervals over playlists, and what the AUC comes to when tracks exchange what they sound like.

Entries of one playlist are no independent witnesses, so playlists are drawn whole, with replacement; all predictors are
measured on the same draws, and their differences have intervals of their own. Two null models, as in
`songnet.comparison.nulls`: the vectors change places between any two tracks, or between whole artists.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.comparison.neighbourhood.degree_matching import MatchedPairs, matched_wins
from songnet.comparison.neighbourhood.predictors import DIGITS
from songnet.comparison.nulls import NullTest, artist_strata, deal
from songnet.errors import ParameterError
from songnet.progress import Progress, silent

LEVEL = 0.95
# Up to so many tracks all cosines are computed once (64 MB); beyond, those of the pairs in each draw.
MAX_TABLE = 4_000
CHUNK = 100
_TIE = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A mean over queries and its interval over playlists.

    Parameters
    ----------
    value : float
        The mean.
    low, high : float
        95% interval: percentiles of means over playlists drawn with replacement.
    """

    value: float
    low: float
    high: float


def resample_playlists(
    values: np.ndarray, playlists: np.ndarray, *, n_resamples: int = 1_000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Means over queries, and the same means when playlists are drawn with replacement.

    Parameters
    ----------
    values : numpy.ndarray [shape=(n_measures, n_queries), dtype=float64]
        NaN where a query has no value; the columns that are NaN may differ from measure to measure.
    playlists : numpy.ndarray [shape=(n_queries,), dtype=int64]
        Playlist of each query.
    n_resamples : int
        Draws, 2 or more.
    seed : int
        Of the draws. The same seed and playlists draw the same playlists.

    Returns
    -------
    means : numpy.ndarray [shape=(n_measures,)]
        NaN for a measure without values.
    resampled : numpy.ndarray [shape=(n_measures, n_resamples)]
        NaN in a draw without values.

    Raises
    ------
    ParameterError
        If there are fewer than 2 draws.
    """
    if n_resamples < 2:
        raise ParameterError(f"n_resamples is {n_resamples}; an interval needs at least 2")
    _, unit = np.unique(playlists, return_inverse=True)
    n_units = int(unit.max(initial=-1)) + 1
    if not n_units:
        return np.full(len(values), np.nan), np.full((len(values), n_resamples), np.nan)
    known = np.isfinite(values)
    sums = np.stack([np.bincount(unit, weights=row, minlength=n_units) for row in np.where(known, values, 0)])
    counts = np.stack([np.bincount(unit, weights=row, minlength=n_units) for row in known.astype(np.float64)])
    rng = np.random.default_rng([seed, 0x626F6F74])
    resampled = np.empty((len(values), n_resamples))
    for start in range(0, n_resamples, CHUNK):
        m = min(CHUNK, n_resamples - start)
        times = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=m).astype(np.float64)
        # By einsum, which sums in one order on any number of threads.
        top, bottom = (np.einsum("mu,ru->mr", part, times) for part in (sums, counts))
        resampled[:, start : start + m] = _ratio(top, bottom)
    return _ratio(sums.sum(axis=1), counts.sum(axis=1)), resampled


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    return result


def estimate(mean: float, resampled: np.ndarray) -> Estimate | None:
    """Mean and percentile interval; None where there is no mean."""
    kept = resampled[np.isfinite(resampled)]
    if not np.isfinite(mean) or not len(kept):
        return None
    low, high = np.quantile(kept, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(mean), float(low), float(high))


def vector_null(
    unit: np.ndarray,
    pairs: MatchedPairs,
    artists: np.ndarray | None,
    *,
    n_draws: int = 199,
    seed: int = 0,
    progress: Progress = silent,
) -> NullTest:
    """AUC of vectors that tracks have exchanged.

    Parameters
    ----------
    unit : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
        Rows of length 1.
    pairs : MatchedPairs
        What the AUC compares; at least one.
    artists : numpy.ndarray or None [shape=(n_tracks,), dtype=int64]
        Number of each track's artist, -1 where it is unknown: vectors go from whole artists to artists of like size
        (`songnet.comparison.nulls.artist_strata`). None: from any track to any other.
    n_draws : int
        Draws, 1 or more.
    seed : int
        Of the draws.
    progress : Progress
        Told of draws.

    Returns
    -------
    NullTest
        Of the mean AUC of the queries; ``n_left_out`` is 0: tracks of larger artists that are not exchanged keep their
        vector and are counted in ``n_fixed``.

    Raises
    ------
    ParameterError
        If there is nothing to compare, or no draw.
    """
    if not len(pairs.query):
        raise ParameterError("no pair is there to test")
    if n_draws < 1:
        raise ParameterError(f"n_draws is {n_draws}; a null model needs at least 1 draw")
    kind = "tracks" if artists is None else "artists"
    n_tracks = len(unit)
    rng = np.random.default_rng([seed, 0x6E756C6C, artists is not None])
    strata = [np.arange(n_tracks)[:, None]] if artists is None else artist_strata(artists, rng)
    weight = pairs.weight / len(np.unique(pairs.query))
    edges, of_edge = np.unique(np.stack([pairs.track, pairs.positive]), axis=1, return_inverse=True)
    of_edge = of_edge.reshape(-1)
    table = None
    if n_tracks <= MAX_TABLE:
        with ONE_THREAD_BLAS:
            table = np.round(unit @ unit.T, DIGITS)

    def auc(source: np.ndarray) -> float:
        near = _cosines(unit, table, source[edges[0]], source[edges[1]])[of_edge]
        far = _cosines(unit, table, source[pairs.track], source[pairs.negative])
        return float((weight * matched_wins(near, far)).sum())

    observed = auc(np.arange(n_tracks))
    draws = np.empty(n_draws)
    for draw in range(n_draws):
        draws[draw] = auc(deal(np.arange(n_tracks), strata, rng))
        if draw % 20 == 19 or draw == n_draws - 1:
            progress("exchange sound", draw + 1, n_draws)
    deviation = float(draws.std(ddof=1)) if n_draws > 1 else 0.0
    movable = sum(lines.size for lines in strata if len(lines) > 1)
    return NullTest(
        kind,
        observed,
        draws,
        (1 + int((draws >= observed - _TIE).sum())) / (1 + n_draws),
        (observed - float(draws.mean())) / deviation if deviation > _TIE else 0.0,
        n_tracks,
        0,
        n_tracks - movable,
    )


def _cosines(unit: np.ndarray, table: np.ndarray | None, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    if table is not None:
        found: np.ndarray = table[first, second]
        return found
    parts = [
        np.einsum("nd,nd->n", unit[first[start : start + 65_536]], unit[second[start : start + 65_536]])
        for start in range(0, len(first), 65_536)
    ]
    rounded: np.ndarray = np.round(np.concatenate(parts), DIGITS)
    return rounded
