"""Codes of a track's clips to one vector a track.

A code map keeps where in the clip a note fell, which says nothing about the track: maps are pooled over time first.
Every aggregation is a function ``(codes, starts) -> vectors`` over whole tracks, in a registry.
"""

from __future__ import annotations

import numpy as np

from songnet.registry import Registry

AGGREGATES = Registry(
    "aggregation",
    {
        "mean": "songnet.embedding.aggregate:mean_vectors",
        "mean-std": "songnet.embedding.aggregate:mean_std_vectors",
        "tfidf": "songnet.embedding.tfidf:tfidf_vectors",
    },
)
# Aggregations in which a track's vector depends on the other tracks.
CORPUS_AGGREGATES = frozenset({"tfidf"})


def as_sequences(codes: np.ndarray, time_axis: int | None) -> np.ndarray:
    """Codes as sequences of feature vectors.

    Parameters
    ----------
    codes : numpy.ndarray [shape=(n, *code_shape)]
        Codes of n clips.
    time_axis : int or None
        Which axis of the code shape is time.

    Returns
    -------
    numpy.ndarray [shape=(n, time, features)]
        ``time`` is 1 for codes without a time axis; the other axes are flattened in their order.
    """
    if time_axis is None:
        return codes.reshape(len(codes), 1, -1)
    moved = np.moveaxis(codes, time_axis + 1, 1)
    return moved.reshape(len(codes), moved.shape[1], -1)


def clip_vectors(codes: np.ndarray, time_axis: int | None) -> np.ndarray:
    """Mean over time of each clip's code [shape=(n, features), dtype=float32]."""
    means: np.ndarray = as_sequences(codes, time_axis).mean(axis=1, dtype=np.float64).astype(np.float32)
    return means


def mean_vectors(codes: np.ndarray, starts: np.ndarray, time_axis: int | None) -> np.ndarray:
    """Mean over time and clips.

    Parameters
    ----------
    codes : numpy.ndarray [shape=(n, *code_shape)]
        Codes of all clips, the clips of one track next to each other.
    starts : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Row of each track's first clip, ascending from 0.
    time_axis : int or None
        Which axis of the code shape is time.

    Returns
    -------
    numpy.ndarray [shape=(n_tracks, features), dtype=float32]

    Examples
    --------
    >>> codes = np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]])
    >>> mean_vectors(codes, np.array([0, 2]), None).tolist()
    [[2.0, 0.0], [0.0, 5.0]]
    """
    frames = as_sequences(codes, time_axis).mean(axis=1, dtype=np.float64)
    counts = np.diff(np.append(starts, len(codes)))[:, None]
    means: np.ndarray = (np.add.reduceat(frames, starts, axis=0) / counts).astype(np.float32)
    return means


def mean_std_vectors(codes: np.ndarray, starts: np.ndarray, time_axis: int | None) -> np.ndarray:
    """Mean and standard deviation over time and clips, side by side.

    Returns
    -------
    numpy.ndarray [shape=(n_tracks, 2 * features), dtype=float32]
        Means first. Parameters as in `mean_vectors`; a track of a single code vector has standard deviations of zero.
    """
    sequences = as_sequences(codes, time_axis).astype(np.float64)
    n_frames = np.diff(np.append(starts, len(codes)))[:, None] * sequences.shape[1]
    mean = np.add.reduceat(sequences.sum(axis=1), starts, axis=0) / n_frames
    # Two passes: the difference of two large squares would lose what small deviations there are.
    owner = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(codes))))
    squares = ((sequences - mean[owner][:, None, :]) ** 2).sum(axis=1)
    std = np.sqrt(np.add.reduceat(squares, starts, axis=0) / n_frames)
    return np.concatenate([mean, std], axis=1).astype(np.float32)
