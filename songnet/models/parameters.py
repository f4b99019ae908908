"""Checks of hyper-parameters: each returns the value in its stored form or raises `ParameterError` naming it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

from songnet.errors import ParameterError

ACTIVATIONS = ("relu", "leaky_relu", "elu", "sigmoid")


def integer(name: str, value: object, minimum: int) -> int:
    """A whole number not below `minimum`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise ParameterError(f"{name} must be a whole number of at least {minimum}, got {value!r}")
    return int(value)


def integers(name: str, value: object, minimum: int) -> tuple[int, ...]:
    """A non-empty sequence of whole numbers, none below `minimum`."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ParameterError(f"{name} must be a non-empty list of whole numbers, got {value!r}")
    return tuple(integer(f"{name}[{index}]", item, minimum) for index, item in enumerate(value))


def number(name: str, value: object, minimum: float, below: float = math.inf) -> float:
    """A finite number with ``minimum <= value < below``."""
    if isinstance(value, bool) or not isinstance(value, Real) or not minimum <= float(value) < below:
        limit = "" if below == math.inf else f" and below {below:g}"
        raise ParameterError(f"{name} must be a finite number of at least {minimum:g}{limit}, got {value!r}")
    return float(value)


def choice(name: str, value: object, allowed: Sequence[str]) -> str:
    """One of the words in `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ParameterError(f"{name} must be one of {', '.join(allowed)}; got {value!r}")
    return value


def image_shape(name: str, value: object) -> tuple[int, int, int]:
    """The shape of one mel image, ``(frequency, time, 1)``."""
    shape = integers(name, value, minimum=1)
    if len(shape) != 3 or shape[2] != 1:
        raise ParameterError(f"{name} must be (frequency, time, 1), got {value!r}")
    return shape[0], shape[1], shape[2]
