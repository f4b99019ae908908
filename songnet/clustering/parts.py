"""Keeping the finished parts of a long sweep, so that an interrupted one goes on."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from songnet.clustering.estimators import Fit


class Parts(Protocol):
    """Where the finished parts of a sweep are kept, under their names."""

    def load(self) -> Mapping[str, Any]:
        """All parts kept so far."""

    def save(self, part: str, value: Any) -> None:
        """Keep one more; the value is plain JSON."""


class Keeper:
    """The parts of one sweep while it runs.

    Parameters
    ----------
    parts : Parts or None
        Where they are kept beyond the run; None keeps them nowhere.

    Attributes
    ----------
    kept : dict
        What an earlier, interrupted run left.
    """

    def __init__(self, parts: Parts | None) -> None:
        self.parts = parts
        self.kept: dict[str, Any] = dict(parts.load()) if parts is not None else {}

    def save(self, part: str, value: Any) -> None:
        """Keep a finished part."""
        if self.parts is not None:
            self.parts.save(part, value)


def pack_fit(fit: Fit) -> dict[str, Any]:
    """A fit as plain JSON; how it would label new points is not kept."""
    packed = base64.b64encode(zlib.compress(fit.labels.astype("<i4").tobytes())).decode()
    return {
        "n_clusters": fit.n_clusters,
        "labels": packed,
        "inertia": fit.inertia,
        "distortion": fit.distortion,
        "bic": fit.bic,
        "converged": fit.converged,
    }


def unpack_fit(value: Mapping[str, Any]) -> Fit:
    """The fit that `pack_fit` packed."""
    labels = np.frombuffer(zlib.decompress(base64.b64decode(value["labels"])), dtype="<i4").astype(np.int32)
    return Fit(
        n_clusters=value["n_clusters"],
        labels=labels,
        predict=None,
        inertia=value["inertia"],
        distortion=value["distortion"],
        bic=value["bic"],
        converged=value["converged"],
    )
