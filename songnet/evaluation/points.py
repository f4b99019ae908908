"""From vectors to the points that are compared: one recipe for every system, the one that `songnet cluster` uses."""

from __future__ import annotations

import numpy as np

from songnet.clustering.features import JOINED_WEIGHTS
from songnet.clustering.space import Space
from songnet.errors import ParameterError

SPACES = ("whitened", "standard", "raw")


def standardised(vectors: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and deviation 1; columns that never change become 0 [dtype=float32]."""
    data = vectors.astype(np.float64)
    deviation = data.std(axis=0)
    varies = deviation > 1e-6 * max(float(deviation.max()), 1e-12)
    scaled: np.ndarray = ((data - data.mean(axis=0)) * np.where(varies, 1 / np.where(varies, deviation, 1), 0)).astype(
        np.float32
    )
    return scaled


def whitened_space(n_components: int, shrinkage: float, widths: tuple[int, ...] = ()) -> Space:
    """The space that `songnet cluster` takes; of joined vectors with its weights."""
    return Space(n_components, shrinkage, widths, JOINED_WEIGHTS if widths else ())


def space_in_words(space: str, *, n_components: int, shrinkage: float, joined: bool) -> str:
    """What was done to vectors before cosines were taken, for people.

    Parameters
    ----------
    space, n_components, shrinkage
        As in `points_of`.
    joined : bool
        Whether there are vectors of blocks, and what their blocks weigh must be said.

    Examples
    --------
    >>> space_in_words("whitened", n_components=16, shrinkage=0.3, joined=False)
    'whitened space: 16 principal components, shrinkage 0.3'
    """
    if space != "whitened":
        return {"standard": "standard space: every column standardised", "raw": "raw space: vectors as they are"}[space]
    blocks = ""
    if joined:
        of_descriptors, of_codes = JOINED_WEIGHTS
        blocks = f"; of joined vectors so many of each block, descriptors weigh {of_descriptors:g}, codes {of_codes:g}"
    return f"whitened space: {n_components} principal components, shrinkage {shrinkage:g}{blocks}"


def points_of(
    vectors: np.ndarray, space: str, *, n_components: int = 16, shrinkage: float = 0.3, widths: tuple[int, ...] = ()
) -> np.ndarray:
    """Points whose cosines (and, for k-means, distances) are measured.

    Parameters
    ----------
    vectors : numpy.ndarray [shape=(n, d)]
        Finite.
    space : str
        ``"whitened"``: standardised, principal components, whitened with shrinkage, unit length
        (`songnet.clustering.space.Space`); ``"standard"``: standardised; ``"raw"``: as they are.
    n_components, shrinkage : int, float
        Of the whitening.
    widths : tuple of int
        Columns of each block of joined vectors.

    Returns
    -------
    numpy.ndarray [shape=(n, d'), dtype=float32]
        A single number a track knows no angle: it is laid on half a circle, where cosines order pairs exactly as
        differences do.

    Raises
    ------
    ParameterError
        If the space is unknown.
    """
    if space not in SPACES:
        raise ParameterError(f"the space is {space!r}; choose one of: {', '.join(SPACES)}")
    if vectors.shape[1] == 1:
        values = vectors[:, 0].astype(np.float64)
        reach = float(np.ptp(values))
        angle = np.pi * (values - values.min()) / (reach or 1.0)
        return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    if space == "whitened":
        return whitened_space(n_components, shrinkage, widths).points(vectors)
    if space == "standard":
        return standardised(vectors)
    return np.ascontiguousarray(vectors, dtype=np.float32)
