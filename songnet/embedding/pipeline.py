"""`songnet embed` whole: folders to images, images to a model, images and model to codes, codes to track vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from songnet.audio import FoundFile
from songnet.audio.workers import isolated_map
from songnet.config import ImageConfig, ReadConfig, TrainConfig, VectorConfig
from songnet.descriptors import update_descriptors
from songnet.embedding.aggregate import AGGREGATES
from songnet.embedding.encode import EncodeReport, count_coded, count_uncoded, encode_images, encode_library
from songnet.embedding.vectors import stored_aggregates, time_axis, update_vectors, vector_table
from songnet.errors import AudioError, InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.models import PRESETS
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe
from songnet.spectrogram.read import ReadJob, read_track
from songnet.training import ModelCard, TrainReport, list_models, load_model, read_card, train

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

DEFAULT_PRESET = "contrastive"
# What libraries made before have codes of.
FORMER_DEFAULTS = ("cae-12x15",)
# From fewer tracks a contrastive model learns little that descriptors do not tell.
MIN_TRACKS_TO_TRAIN = 50


@dataclass(frozen=True)
class EmbedReport:
    """What `embed_images` did.

    Parameters
    ----------
    card : ModelCard
        The model used.
    training : TrainReport or None
        None when the model was there already.
    encoding : EncodeReport
        Tracks and clips encoded.
    vectors : int
        Track vectors computed.
    """

    card: ModelCard
    training: TrainReport | None
    encoding: EncodeReport
    vectors: int


def resolve_model(trained: Sequence[str], name: str | None) -> tuple[str, str | None]:
    """What a model name given by the user stands for.

    Parameters
    ----------
    trained : sequence of str
        Models that the library has.
    name : str or None
        One of them, or a preset to train; None means the default preset.

    Returns
    -------
    tuple of str and (str or None)
        The model's name in the library, and the preset to train when it is not there.

    Raises
    ------
    ParameterError
        If it is neither.
    """
    wanted = name or DEFAULT_PRESET
    if wanted in trained:
        return wanted, None
    if wanted in PRESETS:
        return wanted, wanted
    raise ParameterError(
        f"{wanted!r} is neither a trained model ({', '.join(trained) or 'none yet'}) nor a preset"
        f" ({', '.join(PRESETS)})"
    )


def default_model(library: Library, images: ImageConfig) -> str | None:
    """The model that `songnet embed` uses when none is named.

    Parameters
    ----------
    library : Library
        Open for reading.
    images : ImageConfig
        The image set to train on.

    Returns
    -------
    str or None
        The default preset's, trained or to be trained; below `MIN_TRACKS_TO_TRAIN` tracks with images the only model
        that is trained on such images already, or None: descriptors stand alone (`describe_alone`).
    """
    trained = list_models(library.models)
    if DEFAULT_PRESET in trained or count_tracks(library, images) >= MIN_TRACKS_TO_TRAIN:
        return DEFAULT_PRESET
    only = trained[0] if len(trained) == 1 else None
    return only if only is not None and read_card(library.models, only).images == images else None


def count_tracks(library: Library, images: ImageConfig) -> int:
    """Tracks that have images of a set."""
    query = "SELECT count(*) FROM images WHERE image_set = ?"
    return int(library.db.execute(query, (images.key,)).fetchone()[0])


def describe_alone(library: Library, images: ImageConfig, *, progress: Progress = silent) -> str:
    """Make the descriptors of a library that is too small to train on.

    Parameters
    ----------
    library : Library
        Open for writing, with images, `default_model` being None.
    images : ImageConfig
        The image set to describe.
    progress : Progress
        Told of every batch, in tracks.

    Returns
    -------
    str
        What was done and what comes later, in one line.
    """
    update_descriptors(library, images, progress=progress)
    n_tracks = count_tracks(library, images)
    return (
        f"{n_tracks} tracks are described; descriptors stand alone until there are {MIN_TRACKS_TO_TRAIN} tracks to"
        " train on (--model NAME trains now)"
    )


def choose_aggregate(library: Library, card: ModelCard, asked: str | None = None) -> str:
    """The aggregation a reader means: the one named, else the one that most tracks have vectors of.

    Returns
    -------
    str
        Of equals the default, then the first by name; the default where there are no vectors at all.
    """
    if asked is not None:
        return asked
    usual = VectorConfig().aggregate
    stored = stored_aggregates(library, card)
    return min(
        stored,
        key=lambda name: (-library.arrays.keys(vector_table(card, name)).num_rows, name != usual, name),
        default=usual,
    )


def choose_trained(library: Library, name: str | None) -> str:
    """The trained model a reader means: the one named, else the default (or a former one), else the only one.

    Raises
    ------
    InputNotFoundError
        If there is none, or several and none was named.
    """
    trained = list_models(library.models)
    if name is not None:
        return read_card(library.models, name).name
    for usual in (DEFAULT_PRESET, *FORMER_DEFAULTS):
        if usual in trained:
            return usual
    if len(trained) == 1:
        return trained[0]
    if not trained:
        raise InputNotFoundError(
            f"the library {library.path} has no trained model yet: run `songnet embed FOLDER` first"
        )
    raise InputNotFoundError(f"the library has several models ({', '.join(trained)}): name one with --model")


def embed_images(
    library: Library,
    *,
    model_name: str | None,
    images: ImageConfig,
    training: TrainConfig,
    vectors: VectorConfig,
    seed: int,
    progress: Progress = silent,
) -> EmbedReport:
    """Train if need be, encode what is new, and bring track vectors and descriptors up to date.

    Parameters
    ----------
    library : Library
        Open for writing, with images.
    model_name : str or None
        A trained model or a preset (`resolve_model`); however few tracks there are, a preset is trained.
    images : ImageConfig
        The image set to train on; a model that is already trained has its own, which must be this one.
    training, vectors : TrainConfig, VectorConfig
        How to train, and how to make track vectors.
    seed : int
        For the training.
    progress : Progress
        Told of every step.
    """
    name, preset = resolve_model(list_models(library.models), model_name)
    trained = None
    if preset is not None:
        trained = train(library, preset=preset, name=name, images=images, config=training, seed=seed, progress=progress)
    card = read_card(library.models, name)
    if card.images != images:
        raise ParameterError(
            f"model {name!r} encodes images of {card.images.key}, not of {images.key}: leave --recipe and --clips"
            " as they"
            f" were, or train a new one with `songnet train --model {card.preset} --name NEW-NAME`"
        )
    # Loading a model brings its backend, which takes seconds: not when there is nothing to encode.
    if count_uncoded(library, card):
        card, model = load_model(library.models, name)
        encoding = encode_library(library, card, model, progress=progress)
    else:
        encoding = EncodeReport(0, 0, count_coded(library, card))
    made = update_vectors(library, card, vectors.aggregate, progress=progress)
    # Codes are compared joined to descriptors: whoever asks next need not write.
    update_descriptors(library, card.images, progress=progress)
    return EmbedReport(card, trained, encoding, made)


def read_file(path: Path, images: ImageConfig, read: ReadConfig) -> np.ndarray:
    """Mel images of a file that need not be in a library.

    Parameters
    ----------
    path : pathlib.Path
        An audio file.
    images : ImageConfig
        The image set that they are to belong to.
    read : ReadConfig
        Limits for reading it.

    Returns
    -------
    numpy.ndarray [shape=(n_clips, n_mels, n_frames), dtype=uint8]

    Raises
    ------
    InputNotFoundError
        If there is no such file.
    AudioError
        If it cannot be read.
    """
    if not path.is_file():
        raise InputNotFoundError(f"{path} is not a file")
    stat = path.stat()
    recipe = get_recipe(images.recipe)
    job = ReadJob(FoundFile(bytes(path.absolute()), stat.st_size, stat.st_mtime_ns), recipe, images)
    # The same isolated worker as for a library: a damaged file cannot take this process with it.
    (outcome,) = isolated_map(read_track, [job], n_workers=1, timeout_s=read.timeout_s, memory_mb=read.memory_mb)
    if outcome.error is not None:
        raise AudioError(f"{path} {outcome.error.reason}", outcome.error.kind)
    assert outcome.answer is not None
    pixels: np.ndarray = outcome.answer.images.reshape(-1, *recipe.shape)
    return pixels


def embed_pixels(card: ModelCard, model: MelEncoder, pixels: np.ndarray, aggregate: str) -> np.ndarray:
    """The track vector of one track's mel images.

    Parameters
    ----------
    card, model : ModelCard, MelEncoder
        From `songnet.training.load_model`.
    pixels : numpy.ndarray [shape=(n_clips, n_mels, n_frames), dtype=uint8]
        From `read_file`, of the model's image set.
    aggregate : str
        Key of `AGGREGATES`. Where a vector depends on the other tracks (``"tfidf"``), the track stands alone and
        its clips weigh the same.

    Returns
    -------
    numpy.ndarray [shape=(d,), dtype=float32]
    """
    codes = encode_images(model, pixels, card.scaling)
    vector: np.ndarray = AGGREGATES[aggregate](codes, np.array([0]), time_axis(card))[0]
    return vector


def embed_file(card: ModelCard, model: MelEncoder, path: Path, aggregate: str, read: ReadConfig) -> np.ndarray:
    """The track vector of a file that need not be in a library: `read_file`, then `embed_pixels`."""
    return embed_pixels(card, model, read_file(path, card.images, read), aggregate)
