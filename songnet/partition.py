"""`Partition`: which track belongs to which group, and how that was found.

What is heard and what people put together are worked out apart from each other; each ends in a partition, and only
a comparison sees two of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from songnet.errors import ParameterError

NOISE = -1


@dataclass(frozen=True, eq=False)
class Partition:
    """Labels of tracks.

    Parameters
    ----------
    track_ids : tuple of str
        Sorted, none twice.
    labels : numpy.ndarray [shape=(n_tracks,), dtype=int32]
        Group of each track, numbered from 1; -1 (`NOISE`) is a track that belongs to none.
    method : str
        What found the groups, such as ``"kmeans"`` or ``"louvain"``.
    parameters : dict
        Everything that decided the result: what was grouped, settings, seed. Plain JSON values.

    Raises
    ------
    ParameterError
        If ids and labels do not match, an id stands twice, or a label is no whole number or neither -1 nor 1 or more.
    """

    track_ids: tuple[str, ...]
    labels: np.ndarray
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _as_labels(self.labels))
        if len(self.labels) != len(self.track_ids):
            raise ParameterError(f"{len(self.track_ids)} track ids and {len(self.labels)} labels make no partition")
        if any(first >= second for first, second in zip(self.track_ids, self.track_ids[1:], strict=False)):
            raise ParameterError("the track ids of a partition must be sorted and none may stand twice")
        wrong = [int(label) for label in np.unique(self.labels) if label != NOISE and label < 1]
        if wrong:
            raise ParameterError(f"{wrong[0]} is no label: groups are numbered from 1, {NOISE} is noise")

    @classmethod
    def from_labels(
        cls, track_ids: Sequence[str], labels: Sequence[int] | np.ndarray, method: str, parameters: Mapping[str, Any]
    ) -> Partition:
        """A partition from ids in any order.

        Examples
        --------
        >>> partition = Partition.from_labels(["b", "a"], [2, 1], "by hand", {})
        >>> partition.track_ids, partition.labels.tolist()
        (('a', 'b'), [1, 2])
        """
        values = _as_labels(labels)
        if len(values) != len(track_ids):
            raise ParameterError(f"{len(track_ids)} track ids and {len(values)} labels make no partition")
        order = sorted(range(len(track_ids)), key=lambda index: track_ids[index])
        return cls(tuple(track_ids[index] for index in order), values[order], method, dict(parameters))

    @property
    def groups(self) -> list[int]:
        """Numbers of the groups, ascending, without noise."""
        return [int(label) for label in np.unique(self.labels) if label != NOISE]

    @property
    def sizes(self) -> dict[int, int]:
        """Tracks in each group, ``number -> count``; noise, when there is any, under -1."""
        numbers, counts = np.unique(self.labels, return_counts=True)
        return {int(number): int(count) for number, count in zip(numbers, counts, strict=True)}

    def shared(self, other: Partition) -> tuple[np.ndarray, np.ndarray]:
        """Labels of the tracks that both partitions have, in the same order.

        Returns
        -------
        tuple of numpy.ndarray [shape=(n_shared,), dtype=int32]
            Labels here, and in ``other``.
        """
        mine = dict(zip(self.track_ids, self.labels.tolist(), strict=True))
        pairs = [
            (mine[track], theirs)
            for track, theirs in zip(other.track_ids, other.labels.tolist(), strict=True)
            if track in mine
        ]
        both = np.array(pairs, dtype=np.int32).reshape(-1, 2)
        return both[:, 0], both[:, 1]


def _as_labels(labels: Sequence[int] | np.ndarray) -> np.ndarray:
    """Labels as int32; NumPy alone would cut fractions off and let numbers that are too large wrap around."""
    values = np.asarray(labels)
    if values.ndim != 1:
        raise ParameterError(f"the labels of a partition are one number a track, not an array of shape {values.shape}")
    if values.size and values.dtype.kind not in "iu":
        raise ParameterError(f"the labels of a partition are whole numbers, not {values.dtype}")
    limits = np.iinfo(np.int32)
    beyond = values[(values < limits.min) | (values > limits.max)]
    if beyond.size:
        raise ParameterError(f"{int(beyond[0])} is no label: the largest is {limits.max}, noise is {NOISE}")
    return values.astype(np.int32, copy=False)
