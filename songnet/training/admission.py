"""What is asked of a model that comes from elsewhere before it is let into a library."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from safetensors.numpy import load as load_tensors

from songnet.errors import CheckpointError, ParameterError
from songnet.models import MODELS, PRESETS, load_family
from songnet.spectrogram import get_recipe
from songnet.training.checkpoint import ModelCard, build_trained

if TYPE_CHECKING:
    from songnet.models.encoder import MelEncoder

UPDATE = "update songnet, or get a model that this version knows"
# The deepest family here has a dozen layers; a list of thousands would keep the program building for hours.
MAX_LIST = 64


def admit_model(card: ModelCard, weights: bytes, where: str, remedy: str) -> MelEncoder:
    """Build and load a foreign model; nothing is stored.

    Parameters
    ----------
    card : ModelCard
        From `songnet.training.checkpoint.parse_card`.
    weights : bytes
        Its safetensors file.
    where, remedy : str
        For messages: the file it came in, and what to do when it is no good.

    Returns
    -------
    MelEncoder
        Ready to encode.

    Raises
    ------
    CheckpointError
        If this program does not know its family, preset or recipe; if a value of its description is of the wrong
        kind or contradicts the model; if the weights do not fit the architecture or are not finite.
    """
    if card.family not in MODELS.entries:
        raise CheckpointError(f"{where} is of the unknown family {card.family!r}: {UPDATE}")
    if card.preset not in PRESETS or PRESETS[card.preset].family != card.family:
        raise CheckpointError(f"{where} is of the preset {card.preset!r}, which no {card.family} here has: {UPDATE}")
    try:
        recipe = get_recipe(card.images.recipe)
    except (ParameterError, TypeError) as error:
        raise CheckpointError(f"{where}: {error}: {UPDATE}") from error
    _check_description(card, where, remedy)
    try:
        _check_shapes(card, weights, where)
        model = build_trained(card, weights, where, remedy)
        if tuple(model.image_shape) != (*recipe.shape, 1):
            raise CheckpointError(
                f"{where} reads images of {model.image_shape[:2]}, but those of recipe {recipe.name} have"
                f" {recipe.shape}: {remedy}"
            )
        stated = (list(card.training["code_shape"]), card.training["parameters"])
        if stated != (list(model.code_shape), int(model.count_params())):
            raise CheckpointError(
                f"{where} states a code of {stated[0]} and {stated[1]} parameters, but the model has"
                f" {list(model.code_shape)} and {model.count_params()}: {remedy}"
            )
    except CheckpointError:
        raise
    except Exception as error:
        # The values went through Keras, which meets nonsense with errors of every kind.
        raise CheckpointError(
            f"{where} describes no model ({type(error).__name__}: {_line(error)}): {remedy}"
        ) from error
    return model


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _check_description(card: ModelCard, where: str, remedy: str) -> None:
    """Kinds of the values that the rest of SongNet takes for granted."""
    training = card.training
    latent = training["latent"] if training["latent"] is not None else {"active_units": 0, "kl_nats": 0, "collapsed": 0}
    right = (
        isinstance(card.config, dict)
        and _is_plain(card.config)
        and isinstance(card.images.silence_db, (int, float))
        and isinstance(card.images.clips, int)
        and isinstance(card.scaling.low, int)
        and isinstance(card.scaling.high, int)
        and isinstance(training, dict)
        and isinstance(training["code_shape"], list)
        and all(_is_count(size) for size in training["code_shape"])
        and all(_is_count(training[key]) for key in ("parameters", "n_train"))
        and _is_finite(training["best_loss"])
        and isinstance(latent, dict)
        and all(_is_finite(latent.get(key)) for key in ("active_units", "kl_nats", "collapsed"))
    )
    if not right:
        raise CheckpointError(f"{where}: its config.json holds a value of the wrong kind: {remedy}")


def _is_plain(value: Any) -> bool:
    """No list beyond `MAX_LIST`, and no object that Keras would take for one to bring to life."""
    if isinstance(value, dict):
        return not {"class_name", "module"} & set(value) and all(_is_plain(inner) for inner in value.values())
    if isinstance(value, list):
        return len(value) <= MAX_LIST and all(_is_plain(inner) for inner in value)
    return True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _check_shapes(card: ModelCard, weights: bytes, where: str) -> None:
    """Compare every shape before any memory is taken: a few digits of a config can ask for terabytes."""
    # Variables made in a stateless scope that does not initialise have a shape and no storage. Keras remembers them
    # for later in state of the thread, so the thread is one of its own and ends here.
    with ThreadPoolExecutor(max_workers=1) as pool:
        needed = pool.submit(_shapes_needed, card).result()
    stored = {name: tensor.shape for name, tensor in load_tensors(weights).items()}
    for name in sorted(needed.keys() | stored.keys()):
        if needed.get(name) != stored.get(name):
            raise CheckpointError(
                f"{where}: the weight {name[:80]!r} has shape {stored.get(name)}, but the architecture of its"
                f" config.json needs {needed.get(name)}: the two do not belong together"
            )


def _shapes_needed(card: ModelCard) -> dict[str, tuple[int, ...]]:
    family = load_family(card.family)
    import keras

    with keras.StatelessScope(initialize_variables=False):
        model = family(**card.config)
    return {name: tuple(variable.shape) for name, variable in model.named_variables().items()}
