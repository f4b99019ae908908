"""Pairs of clips for contrastive training: two of the same track, each track at most once a step.

Everything is decided by the seed and the epoch, so a training that goes on deals the pairs it would have dealt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from songnet.config import ImageConfig
from songnet.library import Library, table_name
from songnet.training.images import ImageStream, PixelScaling


@dataclass(frozen=True, eq=False)
class TrackRows:
    """Rows of an image table, grouped by track.

    Parameters
    ----------
    row_ids : numpy.ndarray [shape=(n,), dtype=uint64]
        The rows of one track next to each other.
    starts : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Place of each track's first row, ascending from 0.
    """

    row_ids: np.ndarray
    starts: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """Rows of each track."""
        return np.diff(np.append(self.starts, len(self.row_ids)))


def group_by_track(library: Library, images: ImageConfig, row_ids: np.ndarray) -> TrackRows:
    """Group rows of an image table, in the order of its keys, by the track they belong to."""
    keys = library.arrays.keys(table_name("images", images.key))
    chosen = np.isin(np.asarray(keys["_rowid"]), row_ids)
    tracks = np.asarray(keys["track_id"].to_numpy(zero_copy_only=False))[chosen]
    starts = np.flatnonzero(np.append(True, tracks[1:] != tracks[:-1])) if len(tracks) else np.empty(0, np.int64)
    return TrackRows(np.asarray(keys["_rowid"])[chosen], starts)


def steps_an_epoch(n_clips: int, batch_size: int) -> int:
    """Steps after which a training has seen as many cuts as there are clips, about; a step sees two a track."""
    return max(1, round(n_clips / (2 * batch_size)))


def draw_pairs(counts: np.ndarray, batch_size: int, n_steps: int, rng: np.random.Generator) -> np.ndarray:
    """Draw tracks, and two clips of each.

    Parameters
    ----------
    counts : numpy.ndarray [shape=(n_tracks,)]
        Clips of each track, the clips numbered through all tracks.
    batch_size : int
        Tracks a step, at most `n_tracks`: no track comes twice in a step, for it would be told apart from itself.
    n_steps : int
        Steps.
    rng : numpy.random.Generator
        Decides.

    Returns
    -------
    numpy.ndarray [shape=(n_steps, 2, batch_size), dtype=int64]
        Numbers of clips. The two of a pair differ where the track has more than one. All tracks come about equally
        often, however many clips they have.

    Examples
    --------
    >>> draw_pairs(np.array([1, 2]), 2, 1, np.random.default_rng(0)).shape
    (1, 2, 2)
    """
    starts = np.append(0, np.cumsum(counts)[:-1])
    per_round = len(counts) // batch_size
    rounds = -(-n_steps // per_round)
    tracks = np.concatenate(
        [rng.permutation(len(counts))[: per_round * batch_size].reshape(per_round, batch_size) for _ in range(rounds)]
    )[:n_steps]
    n = counts[tracks]
    first = rng.integers(0, n)
    second = (first + rng.integers(1, np.maximum(n, 2))) % n
    return np.stack([starts[tracks] + first, starts[tracks] + second], axis=1)


def pair_batches(
    stream: ImageStream, rows: TrackRows, pairs: np.ndarray, scaling: PixelScaling, *, skip: int = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images of pairs, step by step, read ahead.

    Parameters
    ----------
    stream : ImageStream
        Where the images are.
    rows : TrackRows
        What the pairs' numbers stand for.
    pairs : numpy.ndarray [shape=(n_steps, 2, batch_size)]
        From `draw_pairs`.
    scaling : PixelScaling
        Applied to every image.
    skip : int
        Steps to leave out at the start, unread.

    Yields
    ------
    tuple of numpy.ndarray [shape=(batch_size, n_mels, n_frames, 1), dtype=float32]
        Row i of both is of the same track.
    """
    batch_size = pairs.shape[2]
    for images in stream.batches(rows.row_ids[pairs.reshape(-1)], 2 * batch_size, scaling, skip=skip):
        yield images[:batch_size], images[batch_size:]
