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
from songnet.embedding.aggregate import AGGREGATES
from songnet.embedding.encode import EncodeReport, count_coded, count_uncoded, encode_images, encode_library
from songnet.embedding.vectors import time_axis, update_vectors
from songnet.errors import AudioError, InputNotFoundError, ParameterError
from songnet.library import Library
from songnet.models import PRESETS
from songnet.progress import Progress, silent
from songnet.spectrogram import get_recipe
from songnet.spectrogram.read import ReadJob, read_track
from songnet.training import ModelCard, TrainReport, list_models, load_model, read_card, train

if TYPE_CHECKING:
    from songnet.models.autoencoder import MelAutoencoder

DEFAULT_PRESET = "cae-12x15"


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


def choose_trained(library: Library, name: str | None) -> str:
    """The trained model a reader means: the one named, else the default, else the only one.

    Raises
    ------
    InputNotFoundError
        If there is none, or several and none was named.
    """
    trained = list_models(library.models)
    if name is not None:
        return read_card(library.models, name).name
    if DEFAULT_PRESET in trained:
        return DEFAULT_PRESET
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
    """Train if need be, encode what is new, and bring the track vectors up to date.

    Parameters
    ----------
    library : Library
        Open for writing, with images.
    model_name : str or None
        A trained model or a preset (`resolve_model`).
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
    return EmbedReport(card, trained, encoding, made)


def embed_file(card: ModelCard, model: MelAutoencoder, path: Path, aggregate: str, read: ReadConfig) -> np.ndarray:
    """The track vector of a file that need not be in a library.

    Parameters
    ----------
    card, model : ModelCard, MelAutoencoder
        From `songnet.training.load_model`.
    path : pathlib.Path
        An audio file.
    aggregate : str
        Key of `AGGREGATES`. Where a vector depends on the other tracks (``"tfidf"``), the file stands alone and
        its clips weigh the same.
    read : ReadConfig
        Limits for reading it.

    Returns
    -------
    numpy.ndarray [shape=(d,), dtype=float32]

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
    job = ReadJob(
        FoundFile(bytes(path.absolute()), stat.st_size, stat.st_mtime_ns), get_recipe(card.images.recipe), card.images
    )
    # The same isolated worker as for a library: a damaged file cannot take this process with it.
    (outcome,) = isolated_map(read_track, [job], n_workers=1, timeout_s=read.timeout_s, memory_mb=read.memory_mb)
    if outcome.error is not None:
        raise AudioError(f"{path} {outcome.error.reason}", outcome.error.kind)
    assert outcome.answer is not None
    pixels = outcome.answer.images.reshape(-1, *get_recipe(card.images.recipe).shape)
    codes = encode_images(model, pixels, card.scaling)
    vector: np.ndarray = AGGREGATES[aggregate](codes, np.array([0]), time_axis(card))[0]
    return vector
