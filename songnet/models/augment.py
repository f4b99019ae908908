"""Random changes of mel images that leave a listener in no doubt that it is the same recording.

Everything works on scaled log-mel images, ``(batch, frequency, time, 1)`` in [0, 1], where one unit is `decibels` dB
and 0 is the floor: "this loud or softer". Every image of a batch is changed by its own draws. Moving, stretching and
cutting are one matrix product an axis (a matrix of linear interpolation), which is faster than gathering and is the
same on every backend.

References
----------
Park et al.: "SpecAugment", Interspeech 2019 (masking). Spijkervet and Burgoyne: "Contrastive learning of musical
representations", ISMIR 2021 (gain, filters, pitch, noise). Niizumi et al.: "BYOL for audio", IJCNN 2021 (mixing in the
power domain).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import keras
from keras import ops

from songnet.errors import ParameterError
from songnet.models import parameters
from songnet.models.tensors import Tensor


@dataclass(frozen=True)
class Ranges:
    """How far images are changed; 0 leaves a change out, except where said.

    Parameters
    ----------
    gain_down_db, gain_up_db : float
        Gain is uniform from ``-gain_down_db`` to ``gain_up_db``. Between a quiet master and a loud one lie 10 to 15 dB;
        upwards there is less room before real recordings clip.
    tempo : float
        Tempo is multiplied by a factor between ``1 / (1 + tempo)`` and ``1 + tempo``, below 1.
    pitch_bands : float
        Bands that an image is moved up or down at most. Above 1 kHz a band of the default recipe is 0.6 semitones.
    mixing : float
        Share of the images that another of the batch is mixed into, 0 to 1, `mixing_low_db` to `mixing_high_db` below
        it: the voices at the next table.
    mixing_low_db, mixing_high_db : float
    band_limit : float
        Share of the images whose top, and independently whose bottom, is cut off, 0 to 1: other codecs and speakers.
    low_pass, high_pass : float
        Share of the bands that are cut off at most, at the top and at the bottom, 0 to 1. A codec at 64 kbit/s cuts at
        about 10 kHz, the top twentieth of the default recipe's bands; a telephone leaves three fifths.
    frequency_mask, time_mask : float
        Share of the bands, or of the frames, in the one stretch of each that is replaced by the image's mean, at most.
    noise_db : float
        Standard deviation of noise on the pixels, at most.
    """

    gain_down_db: float = 12.0
    gain_up_db: float = 6.0
    tempo: float = 0.1
    pitch_bands: float = 1.5
    mixing: float = 0.5
    mixing_low_db: float = 6.0
    mixing_high_db: float = 24.0
    band_limit: float = 0.5
    low_pass: float = 0.3
    high_pass: float = 0.1
    frequency_mask: float = 0.15
    time_mask: float = 0.15
    noise_db: float = 2.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            limit = math.inf if name.endswith(("_db", "_bands")) else 1.0 if name == "tempo" else 1.0 + 1e-9
            parameters.number(name, value, minimum=0, below=limit)
        if self.mixing_low_db > self.mixing_high_db:
            raise ParameterError(
                f"mixing_low_db is {self.mixing_low_db:g}; it must not exceed mixing_high_db, {self.mixing_high_db:g}"
            )


NOTHING = Ranges(**{field.name: 0.0 for field in fields(Ranges)})


def ranges_from(values: Mapping[str, Any] | None) -> Ranges:
    """Ranges from plain values; what is not named keeps its default.

    Raises
    ------
    ParameterError
        If a name is unknown or a value outside its range.
    """
    allowed = [field.name for field in fields(Ranges)]
    unknown = sorted(set(values or {}) - set(allowed))
    if unknown:
        raise ParameterError(f"unknown augmentation {', '.join(map(repr, unknown))}; allowed: {', '.join(allowed)}")
    return Ranges(**(values or {}))


def gain(x: Tensor, db: Tensor, decibels: float) -> Tensor:
    """Play images louder or softer.

    Parameters
    ----------
    x : tensor [shape=(batch, frequency, time, 1)]
    db : tensor [shape=(batch,)]
        Gain in dB.
    decibels : float
        Decibels from 0 to 1.

    Returns
    -------
    tensor [shape=(batch, frequency, time, 1)]
        Clipped to [0, 1]. A pixel at the floor stays there: how far below the floor it lay is not known, and silence
        does not become louder.
    """
    shifted = ops.clip(x + _per_image(db) / decibels, 0.0, 1.0)
    return ops.where(x > 0.0, shifted, 0.0)


def resample(x: Tensor, positions: Tensor, axis: int) -> Tensor:
    """Read images at fractional places along one axis, by linear interpolation.

    Parameters
    ----------
    x : tensor [shape=(batch, frequency, time, 1)]
    positions : tensor [shape=(batch, n)]
        Places in bands or frames; beyond the ends the outermost value is read.
    axis : int
        1 for frequency, 2 for time.

    Returns
    -------
    tensor
        As `x`, with n bands or frames.
    """
    size = x.shape[axis]
    places = ops.clip(positions, 0.0, float(size - 1))
    grid = ops.reshape(ops.arange(size, dtype="float32"), (1, size, 1))
    # (batch, size, n): each output place takes from its two neighbours by their nearness.
    weights = ops.relu(1.0 - ops.abs(grid - ops.expand_dims(places, 1)))
    images = ops.squeeze(x, -1)
    mapped = ops.matmul(ops.transpose(weights, (0, 2, 1)), images) if axis == 1 else ops.matmul(images, weights)
    return ops.expand_dims(mapped, -1)


def mix(x: Tensor, other: Tensor, below_db: Tensor, decibels: float) -> Tensor:
    """Add the power of other images, `below_db` softer [shape=(batch,)]; not more than 1 comes out."""
    softer = other - _per_image(below_db) / decibels
    scale = decibels * math.log(10.0) / 10.0
    louder = ops.maximum(x, softer)
    added = louder + ops.log1p(ops.exp(-ops.abs(x - softer) * scale)) / scale
    # Two floors together are still the floor.
    return ops.minimum(ops.where(ops.maximum(x, other) > 0.0, added, 0.0), 1.0)


def band_limit(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Send all bands below `low` and from `high` on to the floor; both in bands [shape=(batch,)]."""
    rows = ops.reshape(ops.arange(x.shape[1], dtype="float32"), (1, -1, 1, 1))
    kept = ops.logical_and(rows >= _per_image(low), rows < _per_image(high))
    return ops.where(kept, x, 0.0)


def mask(x: Tensor, start: Tensor, width: Tensor, axis: int) -> Tensor:
    """Replace bands (axis 1) or frames (axis 2) from `start` over `width` [shape=(batch,)] by the image's mean."""
    shape = (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1)
    places = ops.reshape(ops.arange(x.shape[axis], dtype="float32"), shape)
    first, length = _per_image(start), _per_image(width)
    hidden = ops.logical_and(places >= first, places < first + length)
    return ops.where(hidden, ops.mean(x, axis=(1, 2, 3), keepdims=True), x)


def crop_positions(n_frames: int, length: int, start: Tensor, step: Tensor) -> Tensor:
    """Places [shape=(batch, length)] of a cut that begins at share `start` of the room there is, `step` frames apart.

    `start` 0 begins with the first frame, 1 ends with the last. Where ``length * step`` exceeds the image, the step is
    what fits.
    """
    steps = ops.minimum(ops.expand_dims(step, 1), (n_frames - 1) / max(1, length - 1))
    room = (n_frames - 1) - (length - 1) * steps
    return ops.expand_dims(start, 1) * room + ops.expand_dims(ops.arange(length, dtype="float32"), 0) * steps


class Augmenter:
    """Random views of images: a cut in time and the changes of `Ranges`.

    Parameters
    ----------
    ranges : Ranges
    decibels : float
        Decibels from 0 to 1.
    frames : int
        Frames of a cut; fewer where images have fewer.
    seeds : keras.random.SeedGenerator
        Decides all draws; its state belongs to a checkpoint.
    """

    def __init__(self, ranges: Ranges, *, decibels: float, frames: int, seeds: keras.random.SeedGenerator) -> None:
        self.ranges = ranges
        self.decibels = decibels
        self.frames = frames
        self.seeds = seeds

    def views(self, x: Tensor) -> Tensor:
        """One random view of each image [shape=(batch, frequency, frames, 1)]."""
        return self.views_and_cuts(x)[0]

    def views_and_cuts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """One random view of each image, and the same stretch at the same tempo without any other change.

        Parameters
        ----------
        x : tensor [shape=(batch, frequency, time, 1)]

        Returns
        -------
        views, cuts : tensor [shape=(batch, frequency, frames, 1)]
        """
        r = self.ranges
        n_bands, n_frames = x.shape[1], x.shape[2]
        batch = ops.shape(x)[0]
        # All draws of a step at once: a row of numbers in [0, 1) an image.
        u = ops.transpose(keras.random.uniform((batch, 16), seed=self.seeds))
        step = ops.exp((2.0 * u[0] - 1.0) * math.log1p(r.tempo))
        x = cuts = resample(x, crop_positions(n_frames, min(self.frames, n_frames), u[1], step), axis=2)
        if r.pitch_bands:
            shift = (2.0 * u[2] - 1.0) * r.pitch_bands
            bands = ops.expand_dims(ops.arange(n_bands, dtype="float32"), 0)
            x = resample(x, bands - ops.expand_dims(shift, 1), axis=1)
        if r.mixing:
            below = r.mixing_low_db + u[3] * (r.mixing_high_db - r.mixing_low_db)
            # Another order for each view: the same company in both would tell the pair apart from the others.
            other = ops.take(x, ops.argsort(u[4]), axis=0)
            x = ops.where(_per_image(u[5]) < r.mixing, mix(x, other, below, self.decibels), x)
        if r.gain_down_db or r.gain_up_db:
            x = gain(x, u[6] * (r.gain_down_db + r.gain_up_db) - r.gain_down_db, self.decibels)
        if r.noise_db:
            noise = keras.random.normal(ops.shape(x), seed=self.seeds)
            x = ops.clip(x + noise * _per_image(u[7]) * (r.noise_db / self.decibels), 0.0, 1.0)
        if r.band_limit:
            low = ops.where(u[8] < r.band_limit, u[9] * r.high_pass * n_bands, 0.0)
            high = n_bands - ops.where(u[10] < r.band_limit, u[11] * r.low_pass * n_bands, 0.0)
            x = band_limit(x, low, high)
        if r.frequency_mask:
            width = u[12] * r.frequency_mask * n_bands
            x = mask(x, u[13] * (n_bands - width), width, axis=1)
        if r.time_mask:
            width = u[14] * r.time_mask * x.shape[2]
            x = mask(x, u[15] * (x.shape[2] - width), width, axis=2)
        return x, cuts


def _per_image(values: Tensor) -> Tensor:
    return ops.reshape(values, (-1, 1, 1, 1))
