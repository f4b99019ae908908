"""What may say that two tracks belong together: their sound, how often they are played, or other playlists.

A predictor gives a score for a query track and every other track; a higher one means nearer. Those that hear know
nothing of playlists; those that read playlists are given the training playlists of a fold and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse

from songnet.errors import ParameterError

# Digits of a cosine that count: below them is the rounding of float32 sums, which must not decide between equals.
DIGITS = 6
RANDOM_DIMENSIONS = 16
NORM_ROWS = 1024


class Predictor(Protocol):
    """Scores of all tracks for some of them."""

    @property
    def name(self) -> str:
        """Short name, unique in a report."""

    def fit(self, training: scipy.sparse.csr_array) -> None:
        """Learn what there is to learn from the training playlists [shape=(n_playlists, n_tracks)] of a fold."""

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Scores [shape=(n_queries, n_tracks), dtype=float32] of all tracks for query tracks [shape=(n_queries,)]."""


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1 [dtype=float32], so that dot products are cosines; a vector of zeros stays one.

    Raises
    ------
    ParameterError
        If the shape is not (n, d), or a value is not finite.
    """
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise ParameterError(f"vectors have the shape {vectors.shape}; (n_tracks, d) is needed")
    bad = int((~np.isfinite(vectors).all(axis=1)).sum())
    if bad:
        raise ParameterError(f"{bad} of {len(vectors)} vectors hold values that are not finite: make them again")
    values = vectors.astype(np.float64)
    # The largest value first: squares of 1e200 have no sum.
    largest = np.abs(values).max(axis=1, keepdims=True)
    values = values / np.where(largest > 0, largest, 1)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    unit: np.ndarray = (values / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit


@dataclass(eq=False)
class CosinePredictor:
    """Cosine of vectors: the nearer in direction, the likelier together.

    Parameters
    ----------
    name : str
        What the vectors are.
    unit : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
        Rows of length 1, from `unit_rows`.
    """

    name: str
    unit: np.ndarray

    def fit(self, training: scipy.sparse.csr_array) -> None:
        """Nothing to learn: sound knows no playlists."""

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Cosines, rounded to `DIGITS` so that equal vectors are equally near."""
        return rounded(self.unit[queries] @ self.unit.T)


def random_predictor(n_tracks: int, seed: int) -> CosinePredictor:
    """Vectors that mean nothing: what chance reaches."""
    rng = np.random.default_rng([seed, 0x72616E64])
    return CosinePredictor("random", unit_rows(rng.standard_normal((n_tracks, RANDOM_DIMENSIONS))))


@dataclass(eq=False)
class DifferencePredictor:
    """One number a track, such as loudness: the smaller the difference, the likelier together.

    Parameters
    ----------
    name : str
        What the number is.
    values : numpy.ndarray [shape=(n_tracks,), dtype=float32]
        Finite.
    """

    name: str
    values: np.ndarray

    def fit(self, training: scipy.sparse.csr_array) -> None:
        """Nothing to learn."""

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Differences, negative."""
        differences: np.ndarray = -np.abs(self.values[queries, None] - self.values[None, :]).astype(np.float32) + 0.0
        return differences


@dataclass(eq=False)
class PopularityPredictor:
    """How many training playlists a track stands in, whatever the query: the product of both counts orders alike."""

    name: str = "popularity"
    counts: np.ndarray | None = None

    def fit(self, training: scipy.sparse.csr_array) -> None:
        """Count."""
        self.counts = training.sum(axis=0).astype(np.float32)

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Counts, the same for every query."""
        assert self.counts is not None, "fit comes first"
        return np.broadcast_to(self.counts, (len(queries), len(self.counts)))


@dataclass(eq=False)
class PlaylistPredictor:
    """What the training playlists themselves know: do both tracks stand beside the same tracks?

    The score is the cosine of two tracks' rows of the co-occurrence matrix C = B^T B, where an entry of a playlist of
    n tracks weighs 1/sqrt(n - 1) (Newman 2001), so that also pairs that never met can be near. C is never formed.
    """

    name: str = "playlists"
    weighted: scipy.sparse.csr_array | None = None
    norms: np.ndarray | None = None

    def fit(self, training: scipy.sparse.csr_array) -> None:
        """Weigh the playlists and take the lengths of the rows of C."""
        lengths = np.asarray(training.sum(axis=1))
        scale = scipy.sparse.diags_array(1 / np.sqrt(np.maximum(lengths - 1, 1)))
        self.weighted = scipy.sparse.csr_array(scale @ training.astype(np.float64))
        by_track = scipy.sparse.csr_array(self.weighted.T)
        squares = [
            np.asarray((by_track[start : start + NORM_ROWS] @ self.weighted).power(2).sum(axis=1))
            for start in range(0, by_track.shape[0], NORM_ROWS)
        ]
        self.norms = np.sqrt(np.concatenate(squares))

    def scores(self, queries: np.ndarray) -> np.ndarray:
        """Cosines; 0 for a track without training playlists."""
        assert self.weighted is not None, "fit comes first"
        assert self.norms is not None, "fit comes first"
        rows = (self.weighted[:, queries].T @ self.weighted).toarray()
        products = (self.weighted.T @ (self.weighted @ rows.T)).T
        lengths = self.norms[queries, None] * self.norms[None, :]
        return rounded(products / np.where(lengths > 0, lengths, 1))


def rounded(cosines: np.ndarray) -> np.ndarray:
    """Rounded to `DIGITS`, without a negative zero [dtype=float32]."""
    # Adding zero turns -0.0, which would order below 0.0, into 0.0.
    result: np.ndarray = np.round(cosines, DIGITS).astype(np.float32) + np.float32(0)
    return result
