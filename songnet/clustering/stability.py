"""Does the same clustering come out again? Halves of the tracks, other seeds, and without some of the artists.

References
----------
C. Hennig, "Cluster-wise assessment of cluster stability", Computational Statistics & Data Analysis 52, 2007.
T. Lange, V. Roth, M. L. Braun, J. M. Buhmann, "Stability-based validation of clustering solutions", Neural
Computation 16, 2004 (clusterings of two halves, both carried over to all).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import adjusted_rand_score

from songnet.clustering.estimators import CLUSTERERS, Fit, fit_path
from songnet.clustering.results import StabilityScore
from songnet.errors import ParameterError
from songnet.library.tracks import fold
from songnet.partition import NOISE

KINDS = ("halves", "seeds", "artists")
# Artists left out at once: one alone changes too little to tell anything in a library of hundreds.
LEFT_OUT = 0.2
MIN_ARTISTS = 5
N_INIT = 3


@dataclass(frozen=True)
class Resampling:
    """What the repetitions of all kinds share.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, d), dtype=float32]
        All tracks looked at.
    artists : numpy.ndarray or None [shape=(n,), dtype=int64]
        Number of each track's artist, -1 where it is unknown.
    method : str
        Clusterer.
    n_clusters : tuple of int
        Numbers of clusters.
    base : dict
        ``k -> labels`` of all the points, which repetitions are compared with.
    seed : int
        Everything that is drawn comes from it and from the number of the repetition.
    """

    points: np.ndarray
    artists: np.ndarray | None
    method: str
    n_clusters: tuple[int, ...]
    base: Mapping[int, np.ndarray]
    seed: int

    @classmethod
    def prepare(
        cls, points: np.ndarray, artists: np.ndarray | None, method: str, n_clusters: Sequence[int], seed: int
    ) -> Resampling:
        """Cluster all the points once; artists are dropped when too few are known to leave some out."""
        if artists is not None and len(np.unique(artists[artists >= 0])) < MIN_ARTISTS:
            artists = None
        # A half must hold two tracks a cluster, or nothing can repeat.
        possible = tuple(k for k in n_clusters if k <= len(points) // 4)
        fits = _fits(method, points, possible, seed) if possible else []
        # A method that finds the number itself answers under the number that all the tracks gave.
        asked = possible if not CLUSTERERS[method].needs_n_clusters else [fit.n_clusters for fit in fits]
        base = {k: fit.labels for k, fit in zip(asked, fits, strict=False)}
        return cls(points, artists, method, possible, base, seed)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of repetition that these data allow."""
        return tuple(kind for kind in KINDS if self.n_clusters and (kind != "artists" or self.artists is not None))

    def repeat(self, kind: str, number: int) -> dict[int, float]:
        """One repetition.

        Parameters
        ----------
        kind : str
            ``"halves"``: two random halves are clustered apart and both clusterings carried over to all tracks.
            ``"seeds"``: another seed. ``"artists"``: a fifth of the artists is left out.
        number : int
            Which repetition.

        Returns
        -------
        dict
            ``k -> adjusted Rand index``; a clusterer that cannot carry over is compared on the tracks it saw.
        """
        rng = np.random.default_rng([self.seed, KINDS.index(kind), number])
        n = len(self.points)
        everything = np.arange(n)
        if kind == "seeds":
            other = self._fit(everything, self.seed + 1 + number)
            return {k: float(adjusted_rand_score(self.base[k], fit.labels)) for k, fit in other.items()}
        if kind == "halves":
            order = rng.permutation(n)
            first, second = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
            one, two = self._fit(first, self.seed), self._fit(second, self.seed)
            shared: dict[int, float] = {}
            for k in sorted(one.keys() & two.keys()):
                predict, other_predict = one[k].predict, two[k].predict
                if predict is not None and other_predict is not None:
                    shared[k] = float(adjusted_rand_score(predict(self.points), other_predict(self.points)))
            return shared
        assert self.artists is not None
        known = np.unique(self.artists[self.artists >= 0])
        gone = rng.permutation(known)[: max(1, round(LEFT_OUT * len(known)))]
        kept = everything[~np.isin(self.artists, gone)]
        scores = {}
        for k, fit in self._fit(kept, self.seed).items():
            if fit.predict is not None:
                scores[k] = float(adjusted_rand_score(self.base[k], fit.predict(self.points)))
            else:
                scores[k] = float(adjusted_rand_score(self.base[k][kept], fit.labels))
        return scores

    def _fit(self, rows: np.ndarray, seed: int) -> dict[int, Fit]:
        possible = [k for k in self.n_clusters if k <= len(rows) // 2]
        if not possible:
            return {}
        fits = _fits(self.method, self.points[rows], possible, seed)
        if not CLUSTERERS[self.method].needs_n_clusters:
            return {next(iter(self.base)): fits[0]} if fits and self.base else {}
        return {fit.n_clusters: fit for fit in fits if fit.n_clusters in self.base}


def _fits(method: str, points: np.ndarray, n_clusters: Sequence[int], seed: int) -> list[Fit]:
    # A method that cannot be fitted to a part of the tracks (too few of them, mostly) says nothing there.
    try:
        return fit_path(
            method, points, n_clusters, n_init=N_INIT, seed=seed, n_threads=1, on_skip=lambda k, reason: None
        )
    except ParameterError:
        return []


def summarise(repetitions: Sequence[Mapping[int, float]], n_clusters: int) -> StabilityScore | None:
    """Mean and standard error over repetitions; None when none covers this number of clusters."""
    values = np.array([scores[n_clusters] for scores in repetitions if n_clusters in scores])
    if len(values) < 2:
        return None
    return StabilityScore(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))), len(values))


def number_artists(names: Sequence[str | None]) -> np.ndarray:
    """Artists as numbers [dtype=int64], -1 where unknown; the same folded name is the same artist.

    Examples
    --------
    >>> number_artists(["Björk", None, "BJORK ", "Can"]).tolist()
    [0, -1, 0, 1]
    """
    numbers: dict[str, int] = {}
    folded = [fold(name) if name else "" for name in names]
    return np.array([numbers.setdefault(name, len(numbers)) if name else NOISE for name in folded], dtype=np.int64)
