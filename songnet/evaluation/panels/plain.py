"""Results as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def plain_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields for JSON: floats to six digits, tuples as lists."""
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return plain_numbers(value)
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
