"""From track features to the points that are clustered, and the same way again for data without clusters.

Null models must go through everything that the data went through: a `Space` remembers the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.embedding.whiten import fit_whitening
from songnet.errors import ParameterError


@dataclass(frozen=True)
class Space:
    """How features become points.

    Parameters
    ----------
    n_components : int
        Principal components kept; 0 takes the features as they are.
    shrinkage : float
        Of the whitening, see `songnet.embedding.fit_whitening`.

    Notes
    -----
    With components, columns are standardised, projected on the principal components, whitened with shrinkage and each
    row is brought to length 1, so that Euclidean distance orders pairs as cosine similarity does.
    """

    n_components: int
    shrinkage: float

    def points(self, features: np.ndarray) -> np.ndarray:
        """Points of features.

        Parameters
        ----------
        features : numpy.ndarray [shape=(n, d)]
            Finite values.

        Returns
        -------
        numpy.ndarray [shape=(n, min(d, n_components)), dtype=float32]
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

    def linear(self, features: np.ndarray) -> np.ndarray:
        """Features after the linear part of the way, before rows are brought to length 1 [dtype=float64]."""
        if not self.n_components:
            return features.astype(np.float64)
        whitening = fit_whitening(features, n_components=self.n_components, shrinkage=self.shrinkage)
        mapped: np.ndarray = (features.astype(np.float64) - whitening.mean) @ whitening.projection
        return mapped

    def finish(self, linear: np.ndarray) -> np.ndarray:
        """What follows the linear part [dtype=float32]."""
        if not self.n_components:
            return np.ascontiguousarray(linear, dtype=np.float32)
        lengths = np.linalg.norm(linear, axis=1, keepdims=True)
        unit: np.ndarray = (linear / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit


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
