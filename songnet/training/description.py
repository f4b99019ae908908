"""What a library knows of a model beside its files: the data behind it, its figures, where it came from."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from songnet.errors import CheckpointError, ParameterError
from songnet.library import Library
from songnet.spectrogram import get_recipe
from songnet.training.checkpoint import ModelCard
from songnet.training.data_card import describe_data, training_date, training_figures
from songnet.training.manifest import check_figures, check_manifest
from songnet.training.package import digest_json

IMPORTED = "imported.json"
EVALUATION = "evaluation.json"
MAX_LICENCE = 200


def describe_model(library: Library, card: ModelCard, *, version: str, licence: str | None = None) -> dict[str, Any]:
    """What is passed on of a model beside its files.

    Parameters
    ----------
    library : Library
        That has it.
    card : ModelCard
        The model.
    version : str
        Of this program.
    licence : str, optional
        Of the weights. Without it an imported model keeps the one it came with.

    Returns
    -------
    dict
        ``model``, ``recipe``, ``data`` and its hash ``data_sha256``, ``trained_on`` (a date), ``figures``,
        ``evaluation``, ``licence``, ``versions``. Of an imported model, data, date and figures are those it came with:
        this library's tracks are not what it was trained on.

    Raises
    ------
    ParameterError
        If the licence is no line of 1 to 200 printable characters.
    CheckpointError
        If the model's evaluation or origin cannot be read.
    """
    if licence is not None and not (licence.strip() and licence.isprintable() and len(licence) <= MAX_LICENCE):
        raise ParameterError(
            f"the licence must be one line of 1 to {MAX_LICENCE} printable characters, not {licence!r}"
        )
    folder = library.models / card.name
    origin = read_origin(library, card)
    if origin:
        told = {key: origin["manifest"][key] for key in ("data", "trained_on", "figures", "evaluation", "licence")}
    else:
        told = {
            "data": describe_data(library, card),
            "trained_on": training_date(library, card),
            "figures": training_figures(card, read_optional(folder / "history.csv")),
            "evaluation": [],
            "licence": None,
        }
    told["evaluation"] = _stored_evaluation(folder, card) or told["evaluation"]
    told["licence"] = licence or told["licence"]
    return {
        **told,
        "data_sha256": digest_json(told["data"]),
        "model": {
            "name": card.name,
            "preset": card.preset,
            "family": card.family,
            "weights_sha256": card.weights_sha256,
        },
        "recipe": asdict(get_recipe(card.images.recipe)),
        "versions": {"songnet": version, **{name: version_of(name) for name in ("keras", "safetensors")}},
    }


def read_origin(library: Library, card: ModelCard) -> dict[str, Any] | None:
    """Where an imported model came from.

    Returns
    -------
    dict or None
        ``at`` (UTC, ISO 8601), ``file`` (its name, not its folder), ``original_name``, ``version``,
        ``weights_sha256`` and the ``manifest`` it came with. None for a model that was trained in this library.

    Raises
    ------
    CheckpointError
        If the record is damaged.
    """
    path = library.models / card.name / IMPORTED
    content = read_optional(path)
    if content is None:
        return None
    try:
        origin: dict[str, Any] = json.loads(content)
        # A model that was trained anew under the name of an imported one is no longer imported.
        if origin["weights_sha256"] != card.weights_sha256:
            return None
        texts = [origin[key] for key in ("at", "file", "original_name", "version")]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a text is none")
        check_manifest(origin["manifest"], str(path))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is damaged ({type(error).__name__}): delete the model and import it anew"
        ) from error
    return origin


def _stored_evaluation(folder: Path, card: ModelCard) -> list[dict[str, Any]]:
    """Figures of ``evaluation.json``, if they are of these weights."""
    content = read_optional(folder / EVALUATION)
    if content is None:
        return []
    try:
        stored = json.loads(content)
        if stored["weights_sha256"] != card.weights_sha256:
            return []
        return check_figures(stored["figures"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        path = folder / EVALUATION
        raise CheckpointError(f"{path} is damaged ({error}): run `songnet evaluate` again, or delete it") from error


def read_optional(path: Path) -> bytes | None:
    """Content of a file; None when it is not there."""
    return path.read_bytes() if path.is_file() else None
