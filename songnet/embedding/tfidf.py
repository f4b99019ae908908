"""Deej-AI's TF-IDF weighting of clips (R. D. Smith, 2019), in blocked matrix products.

A clip is a "word", and two clips are the same word when their cosine distance is below epsilon. A track's vector is
the sum of its normalised clip vectors, each weighted by term frequency (clips of the same track that are the same
word) times inverse document frequency (how few tracks have that word): what is special to the track counts, what
every track has does not.
"""

from __future__ import annotations

import numpy as np

from songnet.embedding.aggregate import clip_vectors

EPSILON = 1e-3
# Clips compared with all others at once: 1,024 x 64,000 similarities in float32 are 262 MB.
BLOCK = 1024


def normalise(vectors: np.ndarray) -> np.ndarray:
    """Rows of unit Euclidean length [dtype=float32]; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def tfidf_weights(vectors: np.ndarray, starts: np.ndarray, epsilon: float = EPSILON) -> np.ndarray:
    """Weight of every clip in its track.

    Parameters
    ----------
    vectors : numpy.ndarray [shape=(n, features), dtype=float32]
        Clip vectors of unit length, the clips of one track next to each other.
    starts : numpy.ndarray [shape=(n_tracks,)]
        Row of each track's first clip.
    epsilon : float
        Cosine distance below which two clips are the same word.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float64]
        ``tf * ln(n_tracks / df)``: tf counts the track's clips that are this word, itself included; df the tracks that
        have it. With a single track, or a word that every track has, the weight would be 0 for all clips; such a track
        keeps equal weights (`tfidf_vectors`).
    """
    n, n_tracks = len(vectors), len(starts)
    ends = np.append(starts[1:], n)
    weights = np.empty(n)
    for begin in range(0, n, BLOCK):
        stop = min(begin + BLOCK, n)
        same = (vectors[begin:stop] @ vectors.T) > 1.0 - epsilon
        # A clip is the same word as itself, whatever rounding (or a zero vector) makes of its similarity.
        same[np.arange(stop - begin), np.arange(begin, stop)] = True
        df = np.logical_or.reduceat(same, starts, axis=1).sum(axis=1)
        track = np.searchsorted(starts, np.arange(begin, stop), side="right") - 1
        tf = [same[row, starts[t] : ends[t]].sum() for row, t in enumerate(track)]
        weights[begin:stop] = np.array(tf) * np.log(n_tracks / df)
    return weights


def tfidf_vectors(codes: np.ndarray, starts: np.ndarray, time_axis: int | None) -> np.ndarray:
    """Track vectors as TF-IDF weighted sums of clip vectors, of unit length.

    Parameters as in `songnet.embedding.aggregate.mean_vectors`.

    Returns
    -------
    numpy.ndarray [shape=(n_tracks, features), dtype=float32]
    """
    vectors = normalise(clip_vectors(codes, time_axis))
    weights = tfidf_weights(vectors, starts)
    sums = np.add.reduceat(vectors * weights[:, None], starts, axis=0)
    plain = np.add.reduceat(vectors.astype(np.float64), starts, axis=0)
    weightless = ~np.add.reduceat(weights, starts).astype(bool)
    return normalise(np.where(weightless[:, None], plain, sums))
