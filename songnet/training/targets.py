"""Training towards vectors that something other than sound gave the tracks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from songnet.config import ImageConfig
from songnet.library import Library, table_name
from songnet.library.tracks import fold, tracks_by_id
from songnet.training.feeds import TRAINING, Batches
from songnet.training.images import ImageStream, PixelScaling, Split

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

# Draws of artists behind the interval of a training's gain over the constant.
N_RESAMPLES = 1_000
# A finite number of playlists put together at random favours some kinds by chance, which an encoder finds: it gained
# 0.01 to 0.03 there, where playlists that follow the sound give 0.2 and more.
LEAST_GAIN = 0.05
_ENDS = ("", "_low", "_high")


@dataclass(frozen=True, eq=False)
class Targets:
    """A direction for every track that is trained on.

    Parameters
    ----------
    track_ids : tuple of str
        Sorted.
    vectors : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
        Rows of length 1.
    told : dict
        Where they come from, in plain JSON values: kept on the card as ``training["playlists"]``.
    start : dict of str to numpy.ndarray
        Weights whose backbone the training starts from; empty for one at random.
    settings : dict
        Constructor arguments of the model that fit those weights.
    """

    track_ids: tuple[str, ...]
    vectors: np.ndarray
    told: Mapping[str, Any]
    start: Mapping[str, np.ndarray] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A hash of everything that a training takes from here."""
        digest = hashlib.sha256(json.dumps([self.track_ids, self.told], sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.vectors).tobytes())
        for name in sorted(self.start):
            digest.update(name.encode() + np.ascontiguousarray(self.start[name]).tobytes())
        return digest.hexdigest()

    def restrict(self, library: Library, images: ImageConfig, split: Split) -> Split:
        """A split without the images of tracks that have no target."""
        place = _place_of_rows(library, images, self.track_ids)
        train, validation = (
            np.array([row for row in rows.tolist() if row in place], dtype=rows.dtype)
            for rows in (split.train, split.validation)
        )
        n_tracks = len({place[row] for rows in (train, validation) for row in rows.tolist()})
        return replace(split, train=train, validation=validation, n_tracks=n_tracks)


@dataclass(frozen=True, eq=False)
class TargetFeed:
    """Every clip once an epoch, in random order; `y` is the target of its track.

    Parameters
    ----------
    stream : ImageStream
    split : Split
        Of tracks with a target alone.
    scaling : PixelScaling
    batch_size : int
        Clips a step.
    seed : int
    vectors : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
        Targets.
    place_of : dict of int to int
        Row of the image table to row of ``vectors``.
    """

    stream: ImageStream
    split: Split
    scaling: PixelScaling
    batch_size: int
    seed: int
    vectors: np.ndarray
    place_of: Mapping[int, int]
    images_per_row: int = 1

    @property
    def n_steps(self) -> int:
        """Training steps an epoch; clips that do not fill a batch wait for another epoch."""
        return max(1, len(self.split.train) // self.batch_size)

    @property
    def constant(self) -> np.ndarray:
        """The one direction that comes nearest to the targets of all training clips [shape=(d,), dtype=float32]."""
        total = self._targets(self.split.train).sum(axis=0, dtype=np.float64)
        length = float(np.linalg.norm(total))
        direction: np.ndarray = (total / length if length > 0 else np.eye(1, len(total))[0]).astype(np.float32)
        return direction

    def training(self, epoch: int, skip: int) -> Batches:
        """Batches of an epoch, without the first `skip`."""
        order = np.random.default_rng([self.seed, TRAINING, epoch]).permutation(len(self.split.train))
        rows = self.split.train[order]
        done = skip * self.batch_size
        for x in self.stream.batches(rows, self.batch_size, self.scaling, skip=skip, drop_last=True):
            yield x, self._targets(rows[done : done + len(x)])
            done += len(x)

    def validation(self) -> Batches:
        """Every held-out clip once."""
        done = 0
        for x in self.stream.batches(self.split.validation, self.batch_size, self.scaling):
            yield x, self._targets(self.split.validation[done : done + len(x)])
            done += len(x)

    def foreseen(self, model: MelEncoder) -> tuple[np.ndarray, np.ndarray]:
        """What a model predicts for the tracks that were held out.

        Parameters
        ----------
        model : MelEncoder
            Trained; its codes are directions.

        Returns
        -------
        places : numpy.ndarray [shape=(n,), dtype=int64]
            Rows of ``vectors``: the held-out tracks.
        predictions : numpy.ndarray [shape=(n, d), dtype=float64]
            Mean over the clips of each: its dot product with a direction is the mean cosine of the clips.
        """
        codes = np.concatenate([np.asarray(model.encode(x), dtype=np.float64) for x, _ in self.validation()])
        of_row = [self.place_of[row] for row in self.split.validation.tolist()]
        places, inverse, counts = np.unique(of_row, return_inverse=True, return_counts=True)
        predictions = np.zeros((len(places), codes.shape[1]))
        np.add.at(predictions, inverse, codes)
        return places.astype(np.int64), predictions / counts[:, None]

    def _targets(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.vectors[[self.place_of[row] for row in rows.tolist()]]
        return found


def target_feed(
    library: Library, images: ImageConfig, split: Split, scaling: PixelScaling, batch_size: int, seed: int, of: Targets
) -> TargetFeed:
    """Clips of a split (from `Targets.restrict`) with their tracks' targets."""
    stream = ImageStream(library, images)
    place = _place_of_rows(library, images, of.track_ids)
    return TargetFeed(stream, split, scaling, batch_size, seed, of.vectors, place)


def judge_targets(library: Library, feed: TargetFeed, of: Targets, model: MelEncoder, seed: int) -> dict[str, Any]:
    """Whether a trained model foresees targets of artists it never met better than a constant does.

    Parameters
    ----------
    library : Library
        For the artists; a track without one stands for itself.
    feed : TargetFeed
        What was trained on, and what was held out.
    of : Targets
        What ``feed`` was made from.
    model : MelEncoder
        Trained.
    seed : int
        Of the draws of artists.

    Returns
    -------
    dict
        ``validation_cosine``, ``constant_cosine`` and ``exchanged_cosine`` (means over held-out tracks, -1 to 1: of the
        predictions, of one direction for all, of predictions for tracks of other held-out artists); ``gain`` over the
        constant and ``gain_over_exchanged``, each with ``_low`` and ``_high`` (95%, artists drawn with replacement;
        None for a single artist); ``better`` (both gains reach `LEAST_GAIN`, and their intervals lie
        above 0), ``n_held_out_tracks`` and
        ``n_held_out_artists``.

    Notes
    -----
    A prediction that does not listen may come nearer to held-out targets than the constant of the training targets,
    for it is another constant. It does not lose when tracks exchange it.
    """
    places, predictions = feed.foreseen(model)
    tracks = tracks_by_id(library.db)
    names = [fold(tracks[of.track_ids[place]]["artist"] or "") or f"\0{place}" for place in places.tolist()]
    _, group = np.unique(names, return_inverse=True)
    targets = of.vectors[places].astype(np.float64)
    constant = np.einsum("nd,d->n", targets, feed.constant.astype(np.float64))
    cosines = np.einsum("nd,md->nm", targets, predictions)
    own, apart = np.diagonal(cosines), group[:, None] != group[None, :]
    exchanged = np.where(apart, cosines, 0).sum(axis=1) / np.maximum(apart.sum(axis=1), 1)
    gain, apart_gain = _interval(own - constant, group, seed), _interval(own - exchanged, group, seed)
    return {
        "validation_cosine": float(own.mean()),
        "constant_cosine": float(constant.mean()),
        "exchanged_cosine": float(exchanged.mean()),
        **dict(zip(("gain", "gain_low", "gain_high"), gain, strict=True)),
        **{f"gain_over_exchanged{end}": value for end, value in zip(_ENDS, apart_gain, strict=True)},
        "better": all(value >= LEAST_GAIN and low is not None and low > 0 for value, low, _ in (gain, apart_gain)),
        "n_held_out_tracks": len(places),
        "n_held_out_artists": int(group.max()) + 1,
    }


def _interval(values: np.ndarray, group: np.ndarray, seed: int) -> tuple[float, float | None, float | None]:
    """Mean, and percentiles of means over groups drawn with replacement; None of a single group."""
    n_groups = int(group.max()) + 1
    if n_groups < 2:
        return float(values.mean()), None, None
    rng = np.random.default_rng([seed, 0x616C676E])
    times = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=N_RESAMPLES)
    top = np.einsum("mg,g->m", times, np.bincount(group, weights=values))
    low, high = np.quantile(top / np.einsum("mg,g->m", times, np.bincount(group)), [0.025, 0.975]).tolist()
    return float(values.mean()), low, high


def _place_of_rows(library: Library, images: ImageConfig, track_ids: tuple[str, ...]) -> dict[int, int]:
    place = {track: index for index, track in enumerate(track_ids)}
    keys = library.arrays.keys(table_name("images", images.key))
    pairs = zip(keys["_rowid"].to_pylist(), keys["track_id"].to_pylist(), strict=True)
    return {row: place[track] for row, track in pairs if track in place}
