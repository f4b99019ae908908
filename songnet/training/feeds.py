"""What a model is fed with: every clip once an epoch, or pairs of clips of one track.

A feed deals ``(x, y)`` batches that depend on the seed and the epoch alone. Without repetition of a step, what was
dealt before a kill is dealt again after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from songnet.config import ImageConfig
from songnet.errors import ModelError
from songnet.library import Library
from songnet.training.images import ImageStream, PixelScaling, Split
from songnet.training.pairs import TrackRows, draw_pairs, group_by_track, pair_batches, steps_an_epoch

# Purposes of the generators that are drawn from a training's seed.
TRAINING, VALIDATION = 2, 3

Batches = Iterator[tuple[np.ndarray, np.ndarray]]


class Feed(Protocol):
    """Batches for `songnet.training.train`."""

    @property
    def n_steps(self) -> int:
        """Training steps an epoch."""

    @property
    def images_per_row(self) -> int:
        """Images that one row of a batch ``(x, y)`` stands for."""

    def training(self, epoch: int, skip: int) -> Batches:
        """Batches of an epoch, without the first `skip`."""

    def validation(self) -> Batches:
        """Batches of what is held out: the same at every call."""


@dataclass(frozen=True)
class ClipFeed:
    """Every clip once an epoch, in random order; `y` is `x`.

    Parameters
    ----------
    stream : ImageStream
    split : Split
    scaling : PixelScaling
    batch_size : int
        Clips a step.
    seed : int
    """

    stream: ImageStream
    split: Split
    scaling: PixelScaling
    batch_size: int
    seed: int
    images_per_row: int = 1

    @property
    def n_steps(self) -> int:
        """Training steps an epoch; clips that do not fill a batch wait for another epoch."""
        return max(1, len(self.split.train) // self.batch_size)

    def training(self, epoch: int, skip: int) -> Batches:
        """Batches of an epoch, without the first `skip`."""
        order = np.random.default_rng([self.seed, TRAINING, epoch]).permutation(len(self.split.train))
        rows = self.split.train[order]
        for x in self.stream.batches(rows, self.batch_size, self.scaling, skip=skip, drop_last=True):
            yield x, x

    def validation(self) -> Batches:
        """Every held-out clip once."""
        for x in self.stream.batches(self.split.validation, self.batch_size, self.scaling):
            yield x, x


@dataclass(frozen=True)
class PairFeed:
    """Two clips of a track, each track at most once a step (`songnet.training.pairs`).

    Parameters
    ----------
    stream : ImageStream
    train, held_out : TrackRows
    scaling : PixelScaling
    batch_size : int
        Tracks a step.
    seed : int
    """

    stream: ImageStream
    train: TrackRows
    held_out: TrackRows
    scaling: PixelScaling
    batch_size: int
    seed: int
    images_per_row: int = 2

    @property
    def n_steps(self) -> int:
        """Training steps an epoch."""
        return steps_an_epoch(len(self.train.row_ids), self.batch_size)

    def training(self, epoch: int, skip: int) -> Batches:
        """Batches of an epoch, without the first `skip`."""
        rng = np.random.default_rng([self.seed, TRAINING, epoch])
        pairs = draw_pairs(self.train.counts, self.batch_size, self.n_steps, rng)
        return pair_batches(self.stream, self.train, pairs, self.scaling, skip=skip)

    def validation(self) -> Batches:
        """About as many pairs as there are held-out clips; every epoch the same ones."""
        batch_size = min(self.batch_size, len(self.held_out.starts))
        n_steps = steps_an_epoch(2 * len(self.held_out.row_ids), batch_size)
        rng = np.random.default_rng([self.seed, VALIDATION])
        pairs = draw_pairs(self.held_out.counts, batch_size, n_steps, rng)
        return pair_batches(self.stream, self.held_out, pairs, self.scaling)


def pair_feed(
    library: Library, images: ImageConfig, split: Split, scaling: PixelScaling, batch_size: int, seed: int
) -> PairFeed:
    """Pairs from the two sides of a split, `batch_size` tracks a step at most.

    Raises
    ------
    ModelError
        If there are fewer than two tracks to train on: nothing could be told apart.
    """
    train = group_by_track(library, images, split.train)
    if len(train.starts) < 2:
        raise ModelError("a model that learns from pairs needs at least 2 tracks beside those held out: add music")
    held_out = group_by_track(library, images, split.validation)
    stream = ImageStream(library, images)
    return PairFeed(stream, train, held_out, scaling, min(batch_size, len(train.starts)), seed)
