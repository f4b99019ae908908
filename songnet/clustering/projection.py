"""Two or three numbers a track, to be looked at: PCA, t-SNE and UMAP.

A projection is a picture, not a measurement: groups are found and judged among the vectors themselves. Every
projection is a function ``(X, *, n_components, seed) -> Projection``, in a registry.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from songnet.errors import ParameterError
from songnet.registry import Registry

PROJECTIONS = Registry(
    "projection",
    {
        "pca": "songnet.clustering.projection:project_pca",
        "tsne": "songnet.clustering.projection:project_tsne",
        "umap": "songnet.clustering.projection:project_umap",
    },
)
# Above this many points, neighbours are searched approximately: all distances would take minutes.
EXACT_NEIGHBOURS = 20_000
# Above this many points, repulsion is interpolated on a grid, which then is faster than a tree.
BARNES_HUT_POINTS = 10_000
# Rows at a time where a copy in double precision is needed.
_BLOCK = 16_384


@dataclass(frozen=True, eq=False)
class Projection:
    """Points to be drawn.

    Parameters
    ----------
    points : numpy.ndarray [shape=(n, n_components), dtype=float32]
        In the unit of the vectors for PCA; the units of t-SNE and UMAP mean nothing.
    method : str
        ``"pca"``, ``"tsne"`` or ``"umap"``.
    explained : numpy.ndarray [shape=(n_components,), dtype=float64] or None
        PCA's share of the variance in each component, 0 to 1, descending; None for the others.
    rows : numpy.ndarray [shape=(n,), dtype=int64]
        Row of each point in the vectors that were given, ascending: all of them, or a sample.
    parameters : dict
        Everything that decided the result. Plain JSON values.
    """

    points: np.ndarray
    method: str
    explained: np.ndarray | None
    rows: np.ndarray
    parameters: Mapping[str, Any] = field(default_factory=dict)


def project_pca(X: np.ndarray, *, n_components: int = 2, seed: int = 0) -> Projection:
    """Principal components: the flat view in which the vectors spread most.

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d)]
        Vectors, n at least 3. They are centred here and not scaled.
    n_components : int
        1 or more; no more than n or d.
    seed : int
        Taken so that all projections are called alike; nothing is drawn at random. The sign of a component, which is
        arbitrary, makes its largest loading positive.

    Returns
    -------
    Projection

    Raises
    ------
    ParameterError
        If X is not a table of at least 3 rows of finite values, or has too few rows or columns for the components.

    Notes
    -----
    Pearson (1901), "On lines and planes of closest fit to systems of points in space".
    """
    data = _checked(X, n_components)
    if n_components > min(data.shape):
        raise ParameterError(
            f"n_components is {n_components}, but {len(data)} vectors of {data.shape[1]} values have no more than "
            f"{min(data.shape)} principal components"
        )
    with threadpool_limits(1):
        scores, explained = _principal(data, n_components)
    return Projection(
        scores.astype(np.float32), "pca", explained, np.arange(len(data)), {"n_components": n_components, "seed": seed}
    )


def project_tsne(
    X: np.ndarray,
    *,
    n_components: int = 2,
    seed: int = 0,
    perplexity: float | None = None,
    sample_size: int = 20_000,
) -> Projection:
    """t-SNE: neighbours stay neighbours; distances between far groups and the sizes of groups mean little.

    Starts from the principal components, so that the layout of the groups means something and repeats (Kobak and
    Berens, 2019, "The art of using t-SNE for single-cell transcriptomics").

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d)]
        Vectors, n at least 3.
    n_components : int
        1 or 2.
    seed : int
        Of the sample and of the tiny noise that sets equal points apart.
    perplexity : float or None
        Neighbours that count, softly, at least 1 and below n; None takes 30, or a third of the others when there are
        fewer than 91.
    sample_size : int
        Of more vectors, this many are drawn at random; `Projection.rows` says which.

    Returns
    -------
    Projection

    Raises
    ------
    ParameterError
        If X is not a table of at least 3 rows of finite values, or a parameter is outside its range.

    Notes
    -----
    Van der Maaten and Hinton (2008), "Visualizing data using t-SNE". Optimised by openTSNE (Policar, Strazar and
    Zupan, 2024). Runs on one thread: sums in another order would be other pictures.
    """
    if n_components > 2:
        raise ParameterError(f"n_components is {n_components}, but t-SNE draws in 1 or 2; take pca or umap for more")
    data = _checked(X, n_components)
    rows = _sample(len(data), sample_size, seed)
    data, n = data[rows].astype(np.float64), len(rows)
    if perplexity is None:
        perplexity = max(1.0, min(30.0, (n - 1) / 3))
    elif not 1 <= perplexity < n:
        raise ParameterError(f"perplexity is {perplexity:g}; it must be at least 1 and below the {n} points")
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN

    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries below, about their own future
        affinities = PerplexityBasedNN(
            data,
            perplexity=perplexity,
            method="exact" if n <= EXACT_NEIGHBOURS else "annoy",
            k_neighbors=min(n - 1, int(3 * perplexity)),
            n_jobs=1,
            random_state=seed,
        )
        optimiser = TSNE(
            n_components=n_components,
            negative_gradient_method="bh" if n <= BARNES_HUT_POINTS else "fft",
            n_jobs=1,
            random_state=seed,
        )
        start = _start(data, n_components, seed, largest=3e-4)
        points = np.asarray(optimiser.fit(affinities=affinities, initialization=start))
    parameters = {
        "n_components": n_components, "seed": seed, "perplexity": perplexity, "sample_size": sample_size,
    }  # fmt: skip
    return Projection(points.astype(np.float32), "tsne", None, rows, parameters)


def project_umap(
    X: np.ndarray,
    *,
    n_components: int = 2,
    seed: int = 0,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    sample_size: int = 20_000,
) -> Projection:
    """UMAP: neighbours stay neighbours, groups close up; distances between far groups mean little.

    The first call of a process compiles for about half a minute. Starts from the principal components, as
    `project_tsne` does: that is what makes the layout of the groups repeat (Kobak and Linderman, 2021,
    "Initialization is critical for preserving global data structure in both t-SNE and UMAP").

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d)]
        Vectors, n at least 3.
    n_components : int
        1 or more; below n - 1.
    seed : int
        Of the sample and of the optimisation.
    n_neighbors : int
        Neighbours of a point that are kept near it, 2 or more; of fewer points, all others.
    min_dist : float
        How near points may come, 0 to 1.
    sample_size : int
        Of more vectors, this many are drawn at random; `Projection.rows` says which.

    Returns
    -------
    Projection

    Raises
    ------
    ParameterError
        If X is not a table of at least 3 rows of finite values, or a parameter is outside its range.

    Notes
    -----
    McInnes, Healy and Melville (2018), "UMAP: Uniform manifold approximation and projection for dimension reduction".
    """
    if n_neighbors < 2:
        raise ParameterError(f"n_neighbors is {n_neighbors}; it must be at least 2")
    if not 0 <= min_dist <= 1:
        raise ParameterError(f"min_dist is {min_dist:g}; it must be from 0 to 1")
    data = _checked(X, n_components)
    rows = _sample(len(data), sample_size, seed)
    data, n = data[rows].astype(np.float32), len(rows)
    umap = _import_umap()
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries below, about their own future
        mapper = umap.UMAP(
            n_components=n_components,
            n_neighbors=min(n_neighbors, n - 1),
            min_dist=min_dist,
            init=_start(data, n_components, seed, largest=10.0),
            random_state=seed,
            n_jobs=1,
        )
        points = np.asarray(mapper.fit_transform(data), dtype=np.float32)
    parameters = {
        "n_components": n_components, "seed": seed, "n_neighbors": min(n_neighbors, n - 1), "min_dist": min_dist,
        "sample_size": sample_size,
    }  # fmt: skip
    return Projection(points, "umap", None, rows, parameters)


def _import_umap() -> ModuleType:
    """The library, without TensorFlow, which it would import for a part of it that is not used here.

    That would take three times as long, write to the terminal and claim the memory of a GPU.
    """
    hide = "tensorflow" not in sys.modules
    if hide:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]  # what makes `import tensorflow` fail
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module("umap")
    finally:
        if hide:
            del sys.modules["tensorflow"]


def _checked(X: np.ndarray, n_components: int) -> np.ndarray:
    data = np.asarray(X)
    if data.ndim != 2 or data.shape[1] == 0:
        raise ParameterError(f"a projection needs a table of vectors, not an array of shape {data.shape}")
    if len(data) < 3:
        raise ParameterError(f"a projection needs at least 3 vectors, not {len(data)}: add tracks")
    if n_components < 1:
        raise ParameterError(f"n_components is {n_components}; it must be at least 1")
    wrong = np.flatnonzero(~np.isfinite(data).all(axis=1))
    if len(wrong):
        raise ParameterError(
            f"{len(wrong)} of {len(data)} vectors are not finite (first: row {wrong[0]}): leave them out"
        )
    return data


def _sample(n: int, sample_size: int, seed: int) -> np.ndarray:
    """Ascending rows of a sample without replacement [shape=(min(n, sample_size),), dtype=int64]."""
    if sample_size < 3:
        raise ParameterError(f"sample_size is {sample_size}; it must be at least 3")
    if n <= sample_size:
        return np.arange(n)
    rows: np.ndarray = np.sort(np.random.default_rng(seed).choice(n, sample_size, replace=False))
    return rows


def _principal(data: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores [shape=(n, n_components)] and shares of the variance; zeros beyond what the data support."""
    n, d = data.shape
    mean = data.mean(axis=0, dtype=np.float64)
    if n <= d:
        _, singular, components = np.linalg.svd(data.astype(np.float64) - mean, full_matrices=False)
        variances = singular**2
    else:
        scatter = np.zeros((d, d))
        for first in range(0, n, _BLOCK):
            block = data[first : first + _BLOCK].astype(np.float64) - mean
            scatter += block.T @ block
        values, vectors = np.linalg.eigh(scatter)
        variances, components = np.maximum(values[::-1], 0), vectors[:, ::-1].T
    total = float(variances.sum())
    # What rounding leaves of a direction without variance is not a component.
    supported = int((variances > 1e-12 * total).sum())
    keep = min(n_components, supported)
    axes = components[:keep] * np.sign(components[np.arange(keep), np.abs(components[:keep]).argmax(axis=1)])[:, None]
    scores, explained = np.zeros((n, n_components)), np.zeros(n_components)
    for first in range(0, n, _BLOCK):
        scores[first : first + _BLOCK, :keep] = (data[first : first + _BLOCK].astype(np.float64) - mean) @ axes.T
    explained[:keep] = variances[:keep] / max(total, 1e-300)
    return scores, explained


def _start(data: np.ndarray, n_components: int, seed: int, *, largest: float) -> np.ndarray:
    """Principal components as a start: the farthest point at ``largest``, equal points set apart by a thousandth."""
    scores, _ = _principal(data, n_components)
    reach = float(np.abs(scores).max())
    noise = np.random.default_rng(seed).normal(size=scores.shape)
    start: np.ndarray = scores * (largest / reach if reach > 0 else 0.0) + 1e-3 * largest * noise
    return start
