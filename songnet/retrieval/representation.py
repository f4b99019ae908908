"""What tracks are compared by: the points that `songnet cluster` clusters, and the way there for a file outside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from songnet.clustering import FeatureChoice, choose_features
from songnet.clustering.blocks import ONE_THREAD_BLAS
from songnet.clustering.space import FittedSpace
from songnet.config import ClusterConfig, ImageConfig, ReadConfig
from songnet.descriptors import describe_images
from songnet.descriptors.store import descriptor_table
from songnet.embedding import embed_pixels, read_file
from songnet.library import Library
from songnet.spectrogram import get_recipe
from songnet.training import load_model

# The whitening is fitted on so many tracks at most, drawn once: more change nothing that could be heard.
FIT_TRACKS = 100_000
# Fewer tracks than this for a component, and whitening makes all of them equally far from each other.
TRACKS_A_COMPONENT = 3
# Tracks that are brought to points at once: 200 MB.
APPLY_TRACKS = 65_536


@dataclass(frozen=True, eq=False)
class Sounds:
    """Points of a library's tracks; their dot product is the cosine that neighbours are found by.

    Parameters
    ----------
    track_ids : list of str
        Sorted.
    points : numpy.ndarray [shape=(n_tracks, d), dtype=float32]
        Rows of length 1.
    choice : FeatureChoice
        What they are made of.
    fitted : FittedSpace
        The way from features to points.
    what : str
        What they are, for people.
    """

    track_ids: list[str]
    points: np.ndarray
    choice: FeatureChoice
    fitted: FittedSpace
    what: str


def load_sounds(
    library: Library,
    features: str = "auto",
    *,
    model: str | None = None,
    aggregate: str | None = None,
    config: ClusterConfig | None = None,
) -> Sounds:
    """Points of all tracks that the library has features of, also of those whose files are gone.

    Parameters
    ----------
    library : Library
        Open for reading, descriptors up to date (`songnet.descriptors.update_descriptors`).
    features, model, aggregate : str, optional
        See `songnet.clustering.choose_features`.
    config : ClusterConfig, optional
        Components and shrinkage of the whitening; by default those of `songnet cluster`. Libraries of fewer than three
        tracks a component get fewer components.

    Returns
    -------
    Sounds

    Raises
    ------
    InputNotFoundError
        If the library does not hold what was asked for.
    ModelError
        If codes are not finite.
    """
    config = config or ClusterConfig()
    choice = choose_features(library, features, model=model, aggregate=aggregate)
    loaded = choice.load(library, config, include_missing=True)
    values = sample = loaded.values
    if len(values) > FIT_TRACKS:
        sample = values[np.sort(np.random.default_rng(0).choice(len(values), FIT_TRACKS, replace=False))]
    n_components = min(config.n_components, max(2, len(values) // TRACKS_A_COMPONENT))
    with ONE_THREAD_BLAS:
        fitted = replace(loaded.space(config), n_components=n_components).fit(sample)
        starts = range(0, len(values), APPLY_TRACKS)
        points = np.concatenate([fitted.apply(values[start : start + APPLY_TRACKS]) for start in starts])
    return Sounds(loaded.track_ids, points, choice, fitted, loaded.what)


def descriptors_behind(library: Library, images: ImageConfig) -> bool:
    """Whether some track's images are not described yet, or were made anew since."""
    keys = library.arrays.keys(descriptor_table(images))
    described = dict(zip(keys["track_id"].to_pylist(), keys["clip"].to_pylist(), strict=True))
    query = "SELECT track_id, n_clips FROM images WHERE image_set = ?"
    return any(described.get(row[0]) != row[1] for row in library.db.execute(query, (images.key,)))


def point_of_file(library: Library, sounds: Sounds, path: Path, read: ReadConfig) -> np.ndarray:
    """The point of a file that need not be in the library, by the way that the library's tracks took.

    Parameters
    ----------
    library : Library
        Open for reading.
    sounds : Sounds
        From `load_sounds`.
    path : pathlib.Path
        An audio file.
    read : ReadConfig
        Limits for reading it.

    Returns
    -------
    numpy.ndarray [shape=(d,), dtype=float32]

    Raises
    ------
    AudioError
        If it cannot be read.
    """
    choice = sounds.choice
    pixels = read_file(path, choice.images, read)
    parts = []
    if choice.features != "codes":
        timbre, _ = describe_images(pixels, np.array([0]), get_recipe(choice.images.recipe))
        parts.append(timbre[0])
    if choice.with_codes:
        assert choice.card is not None
        assert choice.aggregate is not None
        card, model = load_model(library.models, choice.card.name)
        parts.append(embed_pixels(card, model, pixels, choice.aggregate))
    with ONE_THREAD_BLAS:
        point: np.ndarray = sounds.fitted.apply(np.concatenate(parts)[None])[0]
    return point
