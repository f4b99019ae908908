"""From track features to the points that are clustered, and the same way again for data without clusters.

Null models must go through everything that the data went through: a `Space` remembers the way. Features of two kinds
(descriptors joined to codes) are blocks of columns: each block is whitened by itself, so that the many small directions
of one cannot crowd out the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.embedding.whiten import Whitening, fit_whitening
from songnet.errors import ParameterError


@dataclass(frozen=True)
class Space:
    """How features become points.

    Parameters
    ----------
    n_components : int
        Principal components kept (of each block); 0 takes the features as they are.
    shrinkage : float
        Of the whitening, see `songnet.embedding.fit_whitening`.
    widths : tuple of int
        Columns of each block, in their order; empty stands for one block of all columns.
    weights : tuple of float
        One a block, above 0.

    Notes
    -----
    With components, the columns of a block are standardised, projected on the principal components, whitened with
    shrinkage, and each row is brought to length 1, so that Euclidean distance orders pairs as cosine similarity does.
    Blocks of length 1 are multiplied with their weights and stand side by side, all together of length 1: the cosine of
    two tracks is the mean of their blocks' cosines, weighted by the squares of the weights.
    """

    n_components: int
    shrinkage: float
    widths: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_blocks(self.widths, self.weights)

    def points(self, features: np.ndarray) -> np.ndarray:
        """Points of features.

        Parameters
        ----------
        features : numpy.ndarray [shape=(n, d)]
            Finite values.

        Returns
        -------
        numpy.ndarray [shape=(n, min(d, n_components) or n_blocks * n_components), dtype=float32]
            With no components, as many columns as the features have, or as there are tracks.
        """
        if self.n_components:
            return self.finish(self.linear(features))
        if features.shape[1] <= len(features):
            return np.ascontiguousarray(features, dtype=np.float32)
        # n tracks span n - 1 dimensions at most: turned into their principal axes they keep all their distances.
        centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
        left, singular, _ = np.linalg.svd(centred, full_matrices=False)
        return np.ascontiguousarray(left * singular, dtype=np.float32)

    def fit(self, features: np.ndarray) -> FittedSpace:
        """The way that these features take, for others to take too.

        Raises
        ------
        ParameterError
            If the space has no components, or its blocks are not those of the features.
        """
        if not self.n_components:
            raise ParameterError("a space without components has nothing to fit: n_components must be 1 or more")
        maps = (
            fit_whitening(part, n_components=self.n_components, shrinkage=self.shrinkage)
            for part in self._blocks(features)
        )
        return FittedSpace(self, tuple(maps))

    def linear(self, features: np.ndarray) -> np.ndarray:
        """Features after the linear part of the way, before rows are brought to length 1 [dtype=float64].

        Of several blocks each has ``n_components`` columns; those that its data do not support are 0.
        """
        if not self.n_components:
            return features.astype(np.float64)
        return self.fit(features).linear(features)

    def finish(self, linear: np.ndarray) -> np.ndarray:
        """What follows the linear part [dtype=float32]."""
        if not self.n_components:
            return np.ascontiguousarray(linear, dtype=np.float32)
        if len(self.widths) > 1:
            blocks = linear.reshape(len(linear), len(self.widths), -1)
            weights = np.array(self.weights)
            scaled = _unit(blocks) * (weights / np.linalg.norm(weights))[:, None]
            return np.ascontiguousarray(scaled.reshape(len(linear), -1), dtype=np.float32)
        unit: np.ndarray = _unit(linear).astype(np.float32)
        return unit

    def _blocks(self, features: np.ndarray) -> list[np.ndarray]:
        if not self.widths:
            return [features]
        if sum(self.widths) != features.shape[1]:
            raise ParameterError(f"features of {features.shape[1]} columns are no blocks of {self.widths} columns")
        return np.split(features, np.cumsum(self.widths)[:-1], axis=1)


@dataclass(frozen=True, eq=False)
class FittedSpace:
    """The way from features to points, fitted on a library's tracks.

    Parameters
    ----------
    space : Space
    maps : tuple of Whitening
        One a block.
    """

    space: Space
    maps: tuple[Whitening, ...]

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Points of features, of the tracks that it was fitted on or of others [dtype=float32]."""
        return self.space.finish(self.linear(features))

    def linear(self, features: np.ndarray) -> np.ndarray:
        """See `Space.linear`."""
        parts: list[np.ndarray] = [
            (part.astype(np.float64) - whitening.mean) @ whitening.projection
            for part, whitening in zip(self.space._blocks(features), self.maps, strict=True)
        ]
        if len(parts) == 1:
            return parts[0]
        full = self.space.n_components
        return np.concatenate([np.pad(part, ((0, 0), (0, full - part.shape[1]))) for part in parts], axis=1)


def check_blocks(widths: tuple[int, ...], weights: tuple[float, ...]) -> None:
    """Refuse blocks without columns, or with weights that are not theirs.

    Raises
    ------
    ParameterError
    """
    if len(widths) != len(weights) or min(widths, default=1) < 1:
        raise ParameterError(f"blocks of {widths} columns have weights {weights}: each needs a column and one weight")
    if not all(0 < weight < np.inf for weight in weights):
        raise ParameterError(f"weights of blocks are {weights}; each must be above 0")


def check_features(features: np.ndarray, what: str) -> None:
    """Refuse what cannot be clustered, in words.

    Raises
    ------
    ParameterError
        If there are fewer than 3 tracks, a value is not finite, or all tracks are the same.
    """
    if len(features) < 3:
        raise ParameterError(f"{len(features)} track(s) with {what} cannot be clustered: 3 or more are needed")
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise ParameterError(
            f"the {what} of {len(bad)} of {len(features)} tracks hold values that are not finite (the first is track"
            f" {int(bad[0])} in the order of ids): make them again with `songnet embed`"
        )
    if (features == features[0]).all():
        raise ParameterError(f"the {what} of all {len(features)} tracks are identical: there is nothing to cluster")


def _unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: np.ndarray = rows / np.where(lengths > 0, lengths, 1)
    return scaled
