"""Kinds of the values in a model file's manifest, checked before any of them is shown or stored."""

from __future__ import annotations

import math
import re
from typing import Any

from songnet.errors import CheckpointError
from songnet.training.checkpoint import MODEL_NAME
from songnet.training.package import REMEDY, digest_json

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MAX_TEXT = 200
MAX_ENTRIES = 200
COUNTS = ("tracks", "clips", "artists", "tracks_without_artist", "tracks_without_genre")
SECONDS = ("total", "median", "shortest", "longest")


def check_manifest(manifest: dict[str, Any], where: str) -> None:
    """Refuse a manifest whose values are not of the kind that they should be.

    Raises
    ------
    CheckpointError
        If one is missing or wrong, or the data's description does not have the fingerprint it states.
    """
    try:
        model, data = manifest["model"], manifest["data"]
        _require(MODEL_NAME.fullmatch(model["name"]) is not None, "model.name")
        for key in ("preset", "family", "weights_sha256"):
            _text(model[key], f"model.{key}")
        for key in COUNTS:
            _require(isinstance(data[key], int) and data[key] >= 0, f"data.{key}")
        _text(data["image_set"], "data.image_set")
        if data["duration_s"] is not None:
            for key in SECONDS:
                _number(data["duration_s"][key], f"data.duration_s.{key}")
        for key in ("genres", "sources"):
            for name, count in _entries(data[key], f"data.{key}").items():
                _text(name, f"data.{key}")
                _require(isinstance(count, int) and count >= 0, f"data.{key}")
        _require(manifest["data_sha256"] == digest_json(data), "data_sha256")
        date = manifest["trained_on"]
        _require(date is None or DATE.fullmatch(date) is not None, "trained_on")
        for name, value in _entries(manifest["figures"], "figures").items():
            _text(name, "figures")
            _number(value, f"figures.{name}")
        check_figures(manifest["evaluation"])
        if manifest["licence"] is not None:
            _text(manifest["licence"], "licence")
        for name, version in _entries(manifest["versions"], "versions").items():
            _text(name, "versions")
            _text(version, "versions")
        _entries(manifest["recipe"], "recipe")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{where}: manifest.json holds a wrong value ({error}): {REMEDY}") from error


def check_figures(figures: Any) -> list[dict[str, Any]]:
    """Figures of an evaluation, cut down to what is passed on.

    Parameters
    ----------
    figures : list of dict
        Each with ``measure`` (text), ``value`` (a number), and ``low`` and ``high`` (numbers, or None where there is no
        interval).

    Raises
    ------
    ValueError, KeyError, TypeError
        If one is anything else.
    """
    _require(isinstance(figures, list) and len(figures) <= MAX_ENTRIES, "evaluation")
    checked = []
    for entry in figures:
        _text(entry["measure"], "evaluation.measure")
        _number(entry["value"], "evaluation.value")
        bounds = [entry["low"], entry["high"]]
        if bounds != [None, None]:
            _number(bounds[0], "evaluation.low")
            _number(bounds[1], "evaluation.high")
        checked.append({key: entry[key] for key in ("measure", "value", "low", "high")})
    return checked


def _require(right: bool, what: str) -> None:
    if not right:
        raise ValueError(what)


def _text(value: Any, what: str) -> None:
    _require(isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable(), what)


def _number(value: Any, what: str) -> None:
    _require(isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value), what)


def _entries(value: Any, what: str) -> dict[str, Any]:
    _require(isinstance(value, dict) and len(value) <= MAX_ENTRIES, what)
    return value  # type: ignore[no-any-return]  # checked
