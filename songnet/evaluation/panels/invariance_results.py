"""What changes did to the vectors of an encoder: shares, intervals, cosines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from songnet.evaluation.panels.changes import KINDS, Change
from songnet.evaluation.panels.invariance_neighbours import Neighbours
from songnet.evaluation.panels.plain import plain_numbers


@dataclass(frozen=True)
class ChangeResult:
    """What one change did to the vectors of one encoder.

    Parameters
    ----------
    change, kind, unit : str
        Its name; ``"gain"``, ``"mp3"``, ``"resample"``, ``"offset"`` or ``"none"``; the unit of the amount.
    amount : float
        How much.
    n_tracks, n_clips : int
        Compared; tracks too short for an offset are not.
    clip_top1, clip_low, clip_high : float
        Share of clips whose nearest original is the clip itself (each track weighs the same, n equal neighbours count
        1 / n), and its 95% interval.
    same_track : float
        Share of clips whose nearest original is a clip of the same track.
    track_top1, track_low, track_high : float
        Share of tracks whose mean vector is nearest to its own original, and its 95% interval.
    own_cosine, other_cosine : float
        Mean cosine of changed clips to their own originals, and to the clips of other tracks.
    """

    change: str
    kind: str
    amount: float
    unit: str
    n_tracks: int
    n_clips: int
    clip_top1: float
    clip_low: float
    clip_high: float
    same_track: float
    track_top1: float
    track_low: float
    track_high: float
    own_cosine: float
    other_cosine: float


@dataclass(frozen=True)
class InvarianceReport:
    """The invariance panel of one encoder.

    Parameters
    ----------
    encoder : str
        Its name.
    n_sampled : int
        Tracks drawn.
    n_measured : int
        Tracks that could be read again.
    skipped : mapping of str to int
        Why others could not, and how many: a kind of `songnet.errors.AudioError`, or ``"changed"`` where the file no
        longer gives the clips that the library has.
    n_reference_tracks, n_reference_clips : int
        Originals searched.
    results : tuple of ChangeResult
        In the order of the changes; one without a track that could be compared is left out.
    not_measured : tuple of str
        Changes that cannot be made here: MP3 where FFmpeg was built without LAME.
    """

    encoder: str
    n_sampled: int
    n_measured: int
    skipped: Mapping[str, int]
    n_reference_tracks: int
    n_reference_clips: int
    results: tuple[ChangeResult, ...]
    not_measured: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; numbers to six digits."""
        results = [plain_numbers(asdict(entry)) for entry in self.results]
        return {
            "encoder": self.encoder,
            "n_sampled": self.n_sampled,
            "n_measured": self.n_measured,
            "skipped": dict(sorted(self.skipped.items())),
            "n_reference_tracks": self.n_reference_tracks,
            "n_reference_clips": self.n_reference_clips,
            "results": results,
            "not_measured": list(self.not_measured),
        }


def summarise_changes(
    changes: Sequence[Change], found: Sequence[Sequence[Neighbours | None]]
) -> tuple[ChangeResult, ...]:
    """Means and intervals over tracks.

    Parameters
    ----------
    changes : sequence of Change
        What was done.
    found : sequence of sequence of Neighbours or None
        For each track, for each change, what `songnet.evaluation.panels.invariance_neighbours.nearest_own` found.

    Returns
    -------
    tuple of ChangeResult
        Intervals are Wilson's (1927) for as many trials as tracks: clips of one track are not independent.
    """
    results = []
    for place, change in enumerate(changes):
        each = [track[place] for track in found]
        kept = [entry for entry in each if entry is not None]
        if not kept:
            continue
        clip, same, track, own, other = (
            float(np.mean([getattr(entry, name) for entry in kept]))
            for name in ("clip_top1", "same_track", "track_top1", "own_cosine", "other_cosine")
        )
        results.append(
            ChangeResult(
                change.name, change.kind, change.amount, KINDS[change.kind], len(kept),
                sum(entry.n_clips for entry in kept), clip, *wilson_interval(clip, len(kept)), same,
                track, *wilson_interval(track, len(kept)), own, other,
            )
        )  # fmt: skip
    return tuple(results)


def wilson_interval(share: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval of a share of n trials (Journal of the American Statistical Association 22, 1927).

    Examples
    --------
    >>> low, high = wilson_interval(1.0, 100)
    >>> round(low, 3), high
    (0.963, 1.0)
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
