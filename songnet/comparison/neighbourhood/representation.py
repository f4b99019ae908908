"""What stands for the sound of tracks: features of the library, descriptors as baselines, or vectors from a file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from songnet.clustering.against import N_MFCC_STATISTICS
from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.clustering.features import Features
from songnet.clustering.space import check_features
from songnet.comparison.neighbourhood.predictors import CosinePredictor, DifferencePredictor, Predictor, unit_rows
from songnet.config import ClusterConfig
from songnet.descriptors import Descriptors
from songnet.errors import CircularError, InputNotFoundError, ParameterError


@dataclass(frozen=True, eq=False)
class Representation:
    """A direction for every track.

    Parameters
    ----------
    track_ids : tuple of str
        None twice.
    unit : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
        Rows of length 1; their dot product is the cosine that neighbours are found by.
    what : str
        What it is, for people.
    heard : bool
        It was made from sound here; of vectors from a file only their maker knows what they were made from.
    """

    track_ids: tuple[str, ...]
    unit: np.ndarray
    what: str
    heard: bool = True

    def rows(self, track_ids: Sequence[str]) -> np.ndarray:
        """Rows of given tracks, all of which it must have."""
        place = {track: index for index, track in enumerate(self.track_ids)}
        found: np.ndarray = self.unit[[place[track] for track in track_ids]]
        return found


def from_features(features: Features, config: ClusterConfig) -> Representation:
    """Features in the space in which `songnet cluster` clusters them.

    Parameters
    ----------
    features : Features
        From `songnet.clustering.features.load_features`.
    config : ClusterConfig
        ``n_components`` and ``shrinkage`` of the whitening.

    Raises
    ------
    ParameterError
        If there are fewer than 3 tracks, a value is not finite, or all tracks are the same.
    """
    check_features(features.values, features.what)
    with ONE_THREAD_BLAS:
        points = features.space(config).points(features.values)
    return Representation(tuple(features.track_ids), unit_rows(points), features.what)


def read_vectors(path: Path) -> Representation:
    """Vectors from a file, compared by their cosine as they are.

    Vectors that were learned from the playlists cannot be asked about them: nothing was held out. Files of Track2Vec
    and of aligned models say of themselves that they are such; of others their maker must know.

    Parameters
    ----------
    path : pathlib.Path
        An ``.npz`` with ``track_ids`` [shape=(n,)] and ``vectors`` [shape=(n, d)], as `songnet export` writes.

    Raises
    ------
    InputNotFoundError
        If the file cannot be opened.
    CircularError
        If it says that it was learned from playlists.
    ParameterError
        If it is no such file, or its shapes, ids or values are not usable.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as content:
            missing = [name for name in ("track_ids", "vectors") if name not in content.files]
            if missing:
                raise ParameterError(f"{path} has no array {missing[0]!r}: it needs track_ids and vectors")
            ids, vectors = content["track_ids"], content["vectors"]
            if "settings" in content.files:
                _refuse_learned(path, str(content["settings"]))
    except OSError as error:
        raise InputNotFoundError(f"cannot read the vectors {path}: {error.strerror or error}") from error
    except (ValueError, zipfile.BadZipFile, EOFError, AttributeError, TypeError) as error:
        if isinstance(error, ParameterError):
            raise
        # What NumPy says here is advice to load the file unsafely.
        raise ParameterError(f"{path} is not an .npz of plain arrays (track_ids, vectors), or is damaged") from error
    except MemoryError as error:
        raise ParameterError(f"{path} says of itself that it is larger than the memory: it is damaged") from error
    if ids.ndim != 1 or ids.dtype.kind != "U":
        raise ParameterError(f"{path}: track_ids must be a list of text, not {ids.dtype} of shape {ids.shape}")
    if vectors.ndim != 2 or len(vectors) != len(ids) or not vectors.shape[1] or vectors.dtype.kind not in "fiu":
        raise ParameterError(
            f"{path}: vectors have the shape {vectors.shape} ({vectors.dtype}); numbers of shape ({len(ids)}, d) are"
            f" needed, a row for each of the {len(ids)} track_ids"
        )
    names = [str(track) for track in ids]
    if len(set(names)) < len(names):
        raise ParameterError(f"{path}: {len(names) - len(set(names))} of the track_ids stand there twice")
    try:
        unit = unit_rows(vectors)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None
    return Representation(tuple(names), unit, f"vectors of {path.name}", heard=False)


def _refuse_learned(path: Path, settings: str) -> None:
    """Refuse what `songnet communities vectors` writes, and `songnet export` of an aligned model."""
    try:
        content = json.loads(settings)
    except ValueError:
        return
    if not isinstance(content, dict) or content.get("learned_from") != "playlists":
        return
    if "model" in content:
        name = str(content["model"]).rpartition(".")[0]
        raise CircularError(
            f"{path} holds vectors of the model {name!r}, which learned from playlists, and a file cannot hold any out:"
            f" run `songnet compare-neighbours --features codes --model {name}`, which asks those it never saw"
        )
    raise CircularError(
        f"{path} holds Track2Vec vectors, which were learned from these playlists: none is held out from them; name"
        " vectors of sound"
    )


def baselines(descriptors: Descriptors, track_ids: Sequence[str]) -> list[Predictor]:
    """Predictors that any other must beat: 60 MFCC statistics, standardised, and loudness alone.

    Parameters
    ----------
    descriptors : Descriptors
        From `songnet.descriptors.load_descriptors`.
    track_ids : sequence of str
        Tracks to compare.

    Returns
    -------
    list of Predictor
        Empty unless all of the tracks are described.
    """
    place = {track: index for index, track in enumerate(descriptors.track_ids)}
    rows = [place.get(track, -1) for track in track_ids]
    if not rows or min(rows) < 0:
        return []
    statistics = descriptors.timbre[:, :N_MFCC_STATISTICS].astype(np.float64)
    spread = statistics.std(axis=0)
    standard = (statistics - statistics.mean(axis=0)) / np.where(spread > 0, spread, 1)
    found: list[Predictor] = [CosinePredictor("mfcc", unit_rows(standard[rows]))]
    loudness = descriptors.acoustic["loudness_db"][rows]
    if np.isfinite(loudness).all():
        found.append(DifferencePredictor("loudness", loudness.astype(np.float32)))
    return found
