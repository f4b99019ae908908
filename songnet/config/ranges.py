"""The one way in which settings are held to their ranges."""

from __future__ import annotations

from songnet.errors import ParameterError


def check_range(section: str, name: str, value: float, low: float, high: float) -> None:
    """Refuse a value outside its range, both ends included, with the name that a user knows it by."""
    if not low <= value <= high:
        raise ParameterError(f"{section}.{name} is {value}; it must lie between {low:g} and {high:g}")
