"""Trained models on disk: weights (safetensors) and a JSON description; nothing that executes on load.

``models/NAME/config.json`` names the weights file and holds the SHA-256 of both, so that one atomic write of it
switches from one complete model to the next. Hashes show damage and careless edits; they are no signature.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from songnet.config import ImageConfig
from songnet.errors import CheckpointError, InputNotFoundError, ParameterError, SongNetError
from songnet.library.files import write_bytes, write_json
from songnet.models import load_family
from songnet.training.images import PixelScaling

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

FORMAT = 1
# What a description must say of the training for the other parts of SongNet to use the model.
CARD_TRAINING = ("code_shape", "parameters", "n_train", "best_loss", "latent")
REMEDY = "train it again with `songnet train`, or delete its folder"
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class ModelCard:
    """Everything about a trained model but its weights.

    Parameters
    ----------
    name : str
        Its name in the library.
    preset : str
        What it was built from.
    family : str
        Key of `songnet.models.MODELS`.
    config : dict
        Constructor arguments of the family.
    images : ImageConfig
        The image set it was trained on; it encodes images made this way.
    scaling : PixelScaling
        What its inputs go through.
    training : dict
        Parameters of the training and how it went.
    weights_sha256 : str
        Hash of the weights file.
    """

    name: str
    preset: str
    family: str
    config: dict[str, Any]
    images: ImageConfig
    scaling: PixelScaling
    training: dict[str, Any]
    weights_sha256: str

    @property
    def key(self) -> str:
        """Name and weights in one word: what codes are stored under. A retrained model has a new key."""
        return f"{self.name}.{self.weights_sha256[:10]}"


def check_name(name: str) -> str:
    """Refuse a model name that is no plain file name.

    Raises
    ------
    ParameterError
        If it is not one to 64 letters, digits, ``_`` and ``-``, beginning with a letter or digit.
    """
    if not MODEL_NAME.fullmatch(name):
        raise ParameterError(f"{name!r} is no model name: use up to 64 letters, digits, '-' and '_'")
    return name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _config_digest(config: dict[str, Any]) -> str:
    unhashed = {key: value for key, value in config.items() if key != "config_sha256"}
    return _digest(json.dumps(unhashed, sort_keys=True).encode())


def save_model(
    folder: Path,
    model: MelEncoder,
    *,
    name: str,
    preset: str,
    family: str,
    images: ImageConfig,
    scaling: PixelScaling,
    training: dict[str, Any],
) -> ModelCard:
    """Write a model into ``folder / name``, replacing what was there in one step."""
    target = folder / check_name(name)
    target.mkdir(parents=True, exist_ok=True)
    content = save_tensors({key: np.array(value, order="C") for key, value in sorted(model.weights_by_name().items())})
    digest = _digest(content)
    weights = target / f"weights-{digest[:10]}.safetensors"
    write_bytes(weights, content)
    # Through JSON and back, so that the hash is taken over what a reader will see.
    config: dict[str, Any] = json.loads(
        json.dumps(
            {
                "format": FORMAT,
                "name": name,
                "preset": preset,
                "family": family,
                "config": model.get_config(),
                "images": vars(images),
                "scaling": vars(scaling),
                "training": training,
                "weights": weights.name,
                "weights_sha256": digest,
            }
        )
    )
    write_json(target / "config.json", {**config, "config_sha256": _config_digest(config)})
    for old in target.glob("weights-*.safetensors"):
        if old != weights:
            old.unlink()
    return read_card(folder, name)


def list_models(folder: Path) -> list[str]:
    """Names of the models in a folder, sorted."""
    return sorted(
        entry.parent.name for entry in folder.glob("*/config.json") if MODEL_NAME.fullmatch(entry.parent.name)
    )


def read_card(folder: Path, name: str) -> ModelCard:
    """Read and check a model's description.

    Raises
    ------
    InputNotFoundError
        If there is no such model.
    CheckpointError
        If the description is damaged, was altered, or is of another format.
    """
    path = folder / check_name(name) / "config.json"
    if not path.exists():
        raise InputNotFoundError(
            f"the library has no model {name!r}; it has: {', '.join(list_models(folder)) or 'none'} (see `songnet"
            " models`)"
        )
    return parse_card(path.read_bytes(), name, str(path))


def parse_card(content: bytes, name: str, where: str, remedy: str = REMEDY) -> ModelCard:
    """Check the bytes of a ``config.json`` and read them.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        What the model is called in the library; its own name for itself does not matter.
    where, remedy : str
        For messages: the file, and what to do when it is no good.

    Raises
    ------
    CheckpointError
        If it is damaged, was altered, or is of another format.
    """
    try:
        config = json.loads(content)
        if config["config_sha256"] != _config_digest(config):
            raise CheckpointError(f"{where} was altered after training (its hash does not fit): {remedy}")
        if config["format"] != FORMAT:
            raise CheckpointError(f"{where} has format {config['format']}, this program reads {FORMAT}: update songnet")
        for key in CARD_TRAINING:
            _ = config["training"][key]
        return ModelCard(
            name=name,
            preset=config["preset"],
            family=config["family"],
            config=config["config"],
            images=ImageConfig(**config["images"]),
            scaling=PixelScaling(**config["scaling"]),
            training=config["training"],
            weights_sha256=config["weights_sha256"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise CheckpointError(f"{where} is damaged ({type(error).__name__}: {error}): {remedy}") from error


def load_model(folder: Path, name: str) -> tuple[ModelCard, MelEncoder]:
    """Load a model ready to encode.

    Raises
    ------
    InputNotFoundError
        If there is no such model.
    CheckpointError
        If a file is missing, truncated, altered, or does not fit its description.
    """
    card = read_card(folder, name)
    path = folder / name / f"weights-{card.weights_sha256[:10]}.safetensors"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: {REMEDY}") from None
    return card, build_trained(card, content, str(path))


def build_trained(card: ModelCard, content: bytes, where: str, remedy: str = REMEDY) -> MelEncoder:
    """Build a card's model and give it its weights.

    Parameters
    ----------
    card : ModelCard
        From `read_card` or `parse_card`.
    content : bytes
        The safetensors file.
    where, remedy : str
        For messages: that file, and what to do when it is no good.

    Raises
    ------
    CheckpointError
        If the weights are not those of the card, or do not fit the model.
    """
    if _digest(content) != card.weights_sha256:
        raise CheckpointError(f"{where} is damaged or was altered (its hash does not fit): {remedy}")
    try:
        model: MelEncoder = load_family(card.family)(**card.config)
        model.load_weights_by_name(load_tensors(content))
    except CheckpointError as error:
        raise CheckpointError(f"{where}: {error}") from error
    except (SafetensorError, KeyError, TypeError, ValueError, MemoryError, OverflowError, SongNetError) as error:
        raise CheckpointError(f"{where} does not fit its config.json ({error}): {remedy}") from error
    return model
