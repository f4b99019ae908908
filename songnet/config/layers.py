"""From a TOML file and flags to settings: later layers on top, unknown keys refused."""

from __future__ import annotations

import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from songnet.config.clusters import ClusterConfig
from songnet.config.communities import CommunityConfig
from songnet.config.images import ImageConfig, ReadConfig
from songnet.config.training import TrainConfig, VectorConfig
from songnet.errors import InputNotFoundError, ParameterError

T = TypeVar("T")

SECTIONS: dict[str, type[Any]] = {
    "images": ImageConfig,
    "read": ReadConfig,
    "train": TrainConfig,
    "vectors": VectorConfig,
    "cluster": ClusterConfig,
    "communities": CommunityConfig,
}


def read_toml(path: Path | None) -> dict[str, dict[str, Any]]:
    """Read a settings file and refuse what no stage knows.

    Parameters
    ----------
    path : pathlib.Path or None
        A TOML file with the tables ``[images]``, ``[read]``, ``[train]``, ``[vectors]`` and ``[cluster]``, each
        optional; None gives no settings.

    Returns
    -------
    dict
        ``section -> {key: value}``, keys checked.

    Raises
    ------
    InputNotFoundError
        If the file is not there.
    ParameterError
        If it is not TOML, or holds a section or key that does not exist.
    """
    if path is None:
        return {}
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise InputNotFoundError(f"cannot read the settings file {path}: {error.strerror}") from error
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} is not valid TOML: {error}") from error
    for section, values in content.items():
        if section not in SECTIONS:
            raise ParameterError(f"{path}: unknown section [{section}]; there are: {', '.join(SECTIONS)}")
        if not isinstance(values, dict):
            raise ParameterError(f"{path}: {section} must be a table, [{section}]")
        _refuse_unknown(SECTIONS[section], values, f"{path}: [{section}]")
    return content


def _refuse_unknown(cls: type[Any], values: Mapping[str, Any], origin: str) -> None:
    allowed = [field.name for field in fields(cls)]
    for key in values:
        if key not in allowed:
            raise ParameterError(f"{origin} has an unknown key {key!r}; allowed: {', '.join(allowed)}")


def build_config(cls: type[T], *layers: Mapping[str, Any]) -> T:
    """Fill a settings class from layers of values, later ones on top; None means "not said".

    Examples
    --------
    >>> build_config(ImageConfig, {"clips": 3}, {"recipe": "deejai", "clips": None}).key
    'deejai-3'
    """
    values: dict[str, Any] = {}
    hints = typing.get_type_hints(cls)
    section = next((name for name, known in SECTIONS.items() if known is cls), cls.__name__)
    for layer in layers:
        _refuse_unknown(cls, layer, section)
        for key, value in layer.items():
            if value is not None:
                values[key] = _coerce(section, key, value, hints[key])
    return cls(**values)


def _coerce(section: str, key: str, value: Any, hint: Any) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if bool in options and isinstance(value, bool):
        return value
    if float in options and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if any(isinstance(value, option) for option in options) and not isinstance(value, bool):
        return value
    wanted = " or ".join(option.__name__ for option in options if option is not type(None))
    raise ParameterError(f"{section}.{key} is {value!r}; it must be of type {wanted}")
