"""Putting vectors on equal footing before they are compared.

Raw codes share a large common part (every track has some energy everywhere) and a few loud dimensions; cosine
similarity of raw codes mostly measures those. Centring removes the first, PCA whitening the second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from songnet.errors import ModelError


@dataclass(frozen=True)
class Whitening:
    """An affine map fitted on a library's vectors.

    Parameters
    ----------
    mean : numpy.ndarray [shape=(d,)]
        Subtracted first.
    projection : numpy.ndarray [shape=(d, n_components)]
        Applied second.
    explained : float
        Share of the variance that the kept components had.
    """

    mean: np.ndarray
    projection: np.ndarray
    explained: float

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """Whitened vectors of unit length [shape=(n, n_components), dtype=float32]; their dot product is a cosine."""
        mapped = (vectors.astype(np.float64) - self.mean) @ self.projection
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        unit: np.ndarray = (mapped / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit


def fit_whitening(vectors: np.ndarray, *, n_components: int = 64, shrinkage: float = 0.1) -> Whitening:
    """Fit centring, standardisation and PCA whitening.

    Parameters
    ----------
    vectors : numpy.ndarray [shape=(n, d)]
        A library's track vectors, n at least 1.
    n_components : int
        Components to keep at most; never more than the data support (n - 1).
    shrinkage : float
        0 to 1. Share of the mean eigenvalue that is added to every eigenvalue before dividing by its root: 0 whitens
        fully and blows small, noisy components up to the size of the large ones; 1 nearly leaves their sizes alone.

    Returns
    -------
    Whitening

    Raises
    ------
    ModelError
        If a value is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ModelError("track vectors hold values that are not finite: train the model again")
    data = vectors.astype(np.float64)
    mean, std = data.mean(axis=0), data.std(axis=0)
    # A dimension that never changes tells nothing; dividing by its rounding noise would make it loud.
    scale = np.where(std > 1e-6 * max(float(std.max()), 1e-12), 1.0 / np.where(std > 0, std, 1.0), 0.0)
    standard = (data - mean) * scale
    _, singular, components = (
        np.linalg.svd(standard, full_matrices=False) if len(data) < data.shape[1] else _eigen(standard)
    )
    variances = singular**2 / len(data)
    keep = max(1, min(n_components, int((variances > 1e-9 * max(variances[0], 1e-300)).sum()), max(1, len(data) - 1)))
    total = float(variances.sum())
    if total == 0:
        return Whitening(mean, np.zeros((data.shape[1], 1)), 0.0)
    kept = variances[:keep]
    gains = 1.0 / np.sqrt(kept + shrinkage * kept.mean())
    # The sign of a component is arbitrary: fix it, so that results repeat.
    signs = np.sign(components[np.arange(keep), np.abs(components[:keep]).argmax(axis=1)])
    projection = scale[:, None] * components[:keep].T * (gains * signs)
    return Whitening(mean, projection, float(kept.sum()) / total)


def _eigen(standard: np.ndarray) -> tuple[None, np.ndarray, np.ndarray]:
    # With many more tracks than dimensions the covariance is small and the decomposition of the data is not.
    values, vectors = np.linalg.eigh(standard.T @ standard)
    return None, np.sqrt(np.maximum(values[::-1], 0)), vectors[:, ::-1].T
