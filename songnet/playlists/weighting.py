"""How much it means that two tracks stand together in so many playlists.

With c the number of playlists that hold both, a and b the numbers that hold each, and N the number of playlists:

==================  ==============================  ====================================================================
``raw``             c                               popular tracks stand together with everything
``newman``          w = sum of 1 / (n - 1)          a playlist of n tracks gives each of them one unit in all (Newman
                                                    2001, "Scientific collaboration networks. II", Phys. Rev. E 64)
``cosine``          c / (sqrt(a b) + shrink)        popularity divided out; the shrinkage keeps pairs of rare tracks
                                                    from being sure of themselves
``newman-cosine``   w / (sqrt(a b) + shrink)        both: long playlists and popular tracks count for less
``jaccard``         c / (a + b - c)                 share of the playlists with either that hold both
``pmi``             max(0, log2(c N / (a b)))       pointwise mutual information in bits (Church & Hanks 1990), cut at
                                                    chance: a graph has no negative weights
==================  ==============================  ====================================================================
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from songnet.errors import ParameterError

RAW, NEWMAN, COSINE, NEWMAN_COSINE, JACCARD, PMI = range(6)
WEIGHTINGS = {
    "raw": RAW,
    "newman": NEWMAN,
    "cosine": COSINE,
    "newman-cosine": NEWMAN_COSINE,
    "jaccard": JACCARD,
    "pmi": PMI,
}
DEFAULT_WEIGHTING = "newman-cosine"
# Playlists by which a pair must outweigh coincidence; with 10, two tracks that stand together in both of their two
# playlists weigh as much as two of a hundred playlists that share 18.
DEFAULT_SHRINK = 10.0


def weighting_code(name: str) -> int:
    """Number of a weighting for compiled code.

    Raises
    ------
    ParameterError
        If there is none of this name.
    """
    if name not in WEIGHTINGS:
        raise ParameterError(f"unknown weighting {name!r}; choose one of: {', '.join(sorted(WEIGHTINGS))}")
    return WEIGHTINGS[name]


@njit(nogil=True, cache=True)
def pair_weight(code: int, count: float, newman: float, a: float, b: float, n_playlists: float, shrink: float) -> float:
    """Weight of one pair; arguments as `weigh_pairs` has them."""
    if code == RAW:
        return count
    if code == NEWMAN:
        return newman
    if code == COSINE:
        return count / (math.sqrt(a * b) + shrink)
    if code == NEWMAN_COSINE:
        return newman / (math.sqrt(a * b) + shrink)
    if code == JACCARD:
        return count / (a + b - count)
    return max(0.0, math.log2(count * n_playlists / (a * b)))


@njit(nogil=True, cache=True)
def _weigh(
    code: int,
    counts: np.ndarray,
    newman: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    n_playlists: float,
    shrink: float,
) -> np.ndarray:
    weights = np.empty(len(counts))
    for i in range(len(counts)):
        weights[i] = pair_weight(code, counts[i], newman[i], a[i], b[i], n_playlists, shrink)
    return weights


def weigh_pairs(
    counts: npt.ArrayLike,
    newman: npt.ArrayLike,
    support_a: npt.ArrayLike,
    support_b: npt.ArrayLike,
    n_playlists: int,
    *,
    weighting: str = DEFAULT_WEIGHTING,
    shrink: float = DEFAULT_SHRINK,
) -> npt.NDArray[np.float64]:
    """Weights of pairs of tracks.

    Parameters
    ----------
    counts : array-like [shape=(n_pairs,), dtype=int64]
        Playlists that hold both tracks, 1 or more.
    newman : array-like [shape=(n_pairs,), dtype=float64]
        Sum of 1 / (n - 1) over these playlists, n being the number of different tracks in each.
    support_a, support_b : array-like [shape=(n_pairs,), dtype=int64]
        Playlists that hold the first track, and the second.
    n_playlists : int
        Playlists in all.
    weighting : str
        One of `WEIGHTINGS`.
    shrink : float
        Added to the divisor of the cosines, in playlists, 0 or more.

    Returns
    -------
    numpy.ndarray [shape=(n_pairs,), dtype=float64]
        0 or more.

    Raises
    ------
    ParameterError
        If the weighting is unknown or the shrinkage negative.

    Examples
    --------
    >>> weigh_pairs([2], [0.5], [4], [9], 100, weighting="cosine", shrink=2).tolist()
    [0.25]
    """
    check_shrink(shrink)
    return np.asarray(
        _weigh(
            weighting_code(weighting),
            np.ascontiguousarray(counts, dtype=np.int64),
            np.ascontiguousarray(newman, dtype=np.float64),
            np.ascontiguousarray(support_a, dtype=np.int64),
            np.ascontiguousarray(support_b, dtype=np.int64),
            float(n_playlists),
            float(shrink),
        )
    )


def check_shrink(shrink: float) -> None:
    """Raise a ParameterError unless a shrinkage is 0 or more."""
    if not (math.isfinite(shrink) and shrink >= 0):
        raise ParameterError(f"shrink is {shrink}; it must be 0 or more, in playlists")
