"""What is clustered: descriptors, codes, both, or codes laid out as the 2020 project did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from songnet.clustering.space import Space, check_blocks
from songnet.config import ClusterConfig, ImageConfig
from songnet.descriptors import load_descriptors
from songnet.embedding import load_vectors
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library import Library, from_arrow, table_name
from songnet.library.tracks import tracks_by_id
from songnet.training import ModelCard

# Flattened code maps of a large library do not fit in memory, and pooled ones cluster better anyway.
MAX_FLAT_BYTES = 4 * 2**30
# Of descriptors and of codes, where they are joined: chosen by measurement (docs/ablation.md, "Ways to join").
JOINED_WEIGHTS = (1.0, 0.6)


@dataclass(frozen=True)
class Features:
    """One row of numbers a track.

    Parameters
    ----------
    track_ids : list of str
        Sorted.
    values : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
    what : str
        What they are, for people: ``"descriptors of songnet-8"``.
    widths, weights : tuple of int, tuple of float
        Columns and weight of each block, where there are several (`songnet.clustering.space.Space`).
    """

    track_ids: list[str]
    values: np.ndarray
    what: str
    widths: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.track_ids != sorted(set(self.track_ids)) or len(self.values) != len(self.track_ids):
            raise ParameterError("features need sorted track ids, none twice, and one row for each")
        check_blocks(self.widths, self.weights)
        if self.widths and sum(self.widths) != self.values.shape[1]:
            raise ParameterError(f"features of {self.values.shape[1]} columns are no blocks of {self.widths} columns")

    def space(self, config: ClusterConfig) -> Space:
        """The way from these features to points."""
        return Space(config.n_components, config.shrinkage, self.widths, self.weights)

    def take(self, rows: Sequence[int]) -> Features:
        """The same with some of the tracks, given by ascending row numbers."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(self, track_ids=[self.track_ids[row] for row in chosen], values=self.values[chosen])


def load_features(
    library: Library,
    config: ClusterConfig,
    *,
    images: ImageConfig,
    card: ModelCard | None,
    aggregate: str,
    layout: str | None = None,
    include_missing: bool = False,
) -> Features:
    """Read what is to be clustered.

    Parameters
    ----------
    library : Library
        Open for reading, descriptors up to date (`songnet.descriptors.update_descriptors`).
    config : ClusterConfig
        ``features`` says what; ``"auto"`` is decided before (`songnet.clustering.choose_features`).
    images : ImageConfig
        Image set of the descriptors.
    card : ModelCard or None
        Whose codes; needed unless descriptors alone are clustered.
    aggregate : str
        How codes became track vectors.
    layout : str or None
        ``"deejai"``: the code of each track's first clip, flattened, as Farnan et al. (2020) clustered it.
    include_missing : bool
        Also tracks whose files are gone.

    Returns
    -------
    Features

    Raises
    ------
    InputNotFoundError
        If the library does not hold what was asked for.
    """
    if config.features == "auto" and layout is None:
        raise ParameterError("what is clustered is not decided: cluster.features is 'auto'")
    if layout is not None:
        assert card is not None
        features = _flattened(library, card, layout)
    elif config.features == "descriptors":
        features = _descriptors(library, images)
    else:
        assert card is not None
        features = _codes(library, card, aggregate)
        if config.features == "joined":
            features = _joined(_descriptors(library, images), features)
    if include_missing:
        return features
    tracks = tracks_by_id(library.db)
    return features.take(
        [row for row, track in enumerate(features.track_ids) if track in tracks and not tracks[track]["missing"]]
    )


def control_features(features: Features, model: str, seed: int) -> Features:
    """Features without clusters, like given ones: what a sweep must call "no structure".

    Parameters
    ----------
    features : Features
        What to imitate.
    model : str
        ``"shuffled"``: every column in a random order of its own. ``"gaussian"``: normal data of the same covariance.
    seed : int
        Another seed, another draw; never one that the null test itself draws.
    """
    rng = np.random.default_rng([seed, 0x636F6E74])
    if model == "shuffled":
        values = rng.permuted(features.values, axis=0)
    elif model == "gaussian":
        mean = features.values.mean(axis=0, dtype=np.float64)
        factor = (features.values - mean) / np.sqrt(len(features.values))
        if len(factor) > factor.shape[1]:
            # The triangle of the QR decomposition has the same covariance in fewer rows.
            factor = np.linalg.qr(factor, mode="r")
        values = (rng.standard_normal((len(features.values), len(factor))) @ factor + mean).astype(np.float32)
    else:
        raise ParameterError(f"unknown control {model!r}; choose one of: shuffled, gaussian")
    return replace(features, values=values, what=f"{model} control of {features.what}")


def _descriptors(library: Library, images: ImageConfig) -> Features:
    stored = load_descriptors(library, images)
    if not stored.track_ids:
        raise InputNotFoundError(
            f"the library has no mel images of {images.key} to describe: run `songnet embed FOLDER` first"
        )
    return Features(list(stored.track_ids), stored.timbre, f"descriptors of {images.key}")


def _codes(library: Library, card: ModelCard, aggregate: str) -> Features:
    stored = load_vectors(library, card, aggregate)
    if not stored.track_ids:
        raise InputNotFoundError(
            f"the library has no {aggregate} vectors of model {card.name!r}: make them with `songnet embed FOLDER"
            f" --model {card.name} --aggregate {aggregate}`"
        )
    return Features(stored.track_ids, stored.vectors, f"{aggregate} codes of {card.name}")


def _joined(first: Features, second: Features) -> Features:
    rows = {track: index for index, track in enumerate(second.track_ids)}
    shared = [(index, rows[track]) for index, track in enumerate(first.track_ids) if track in rows]
    if not shared:
        raise InputNotFoundError("no track has both descriptors and codes: run `songnet embed FOLDER` again")
    left, right = np.array(shared).T
    return Features(
        [first.track_ids[index] for index in left],
        np.concatenate([first.values[left], second.values[right]], axis=1),
        f"{first.what} joined to {second.what}",
        (first.values.shape[1], second.values.shape[1]),
        JOINED_WEIGHTS,
    )


def _flattened(library: Library, card: ModelCard, layout: str) -> Features:
    if layout != "deejai":
        raise ParameterError(f"unknown layout {layout!r}; there is: deejai")
    table = table_name("codes", card.key)
    keys = library.arrays.keys(table)
    if not keys.num_rows:
        raise InputNotFoundError(
            f"the library has no codes of model {card.name!r}: make them with `songnet embed FOLDER"
            f" --model {card.name}`"
        )
    track_ids = keys["track_id"].to_numpy(zero_copy_only=False)
    first = np.flatnonzero(np.append(True, track_ids[1:] != track_ids[:-1]))
    width = int(np.prod(card.training["code_shape"]))
    if len(first) * width * 4 > MAX_FLAT_BYTES:
        raise ParameterError(
            f"{len(first):,} flattened codes of {width:,} values take {len(first) * width * 4 / 2**30:.1f} GiB, more"
            f" than {MAX_FLAT_BYTES / 2**30:.0f}: cluster pooled vectors with --features codes"
        )
    rows = np.asarray(keys["_rowid"])[first]
    values = np.empty((len(first), width), dtype=np.float32)
    start = 0
    for batch in library.arrays.batches(table, rows, max(1, 64 * 2**20 // width), ["values"]):
        part = from_arrow(batch["values"])
        values[start : start + len(part)] = part
        start += len(part)
    return Features([str(track) for track in track_ids[first]], values, f"flattened first-clip codes of {card.name}")
