"""Registries: a name stands for ``"module:object"``, imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from songnet.errors import ParameterError


class Registry(Mapping[str, Any]):
    """Read-only mapping from a name to an object that is imported on demand.

    Parameters
    ----------
    kind : str
        What the entries are, in the singular; used in messages (``"model"``, ``"recipe"``).
    entries : Mapping[str, str]
        ``name -> "package.module:object"``.

    Examples
    --------
    >>> readers = Registry("reader", {"json": "json:loads"})
    >>> readers["json"]("[1, 2]")
    [1, 2]
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self.entries = dict(entries)

    def __getitem__(self, name: str) -> Any:
        if name not in self.entries:
            allowed = ", ".join(sorted(self.entries))
            raise ParameterError(f"unknown {self.kind} {name!r}; choose one of: {allowed}")
        module, _, attribute = self.entries[name].partition(":")
        return getattr(import_module(module), attribute)

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)
