"""Is a changed clip still nearest to itself among the originals?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Neighbours found fast in float32 and compared again exactly.
CANDIDATES = 16
# Squared distances this close, in units of the unit sphere, are equal: one vector went two ways through rounding.
TIE = 1e-12


@dataclass(frozen=True, eq=False)
class Reference:
    """The originals that changed clips are looked for among.

    Parameters
    ----------
    mean, scale : numpy.ndarray [shape=(d,), dtype=float64]
        Standardise a vector; the scale of a column that is the same for all is 1.
    clips : numpy.ndarray [shape=(n_clips, d), dtype=float64]
        Standardised and brought to length 1, the clips of one track next to each other.
    same_image : numpy.ndarray [shape=(n_clips,), dtype=int64]
        Equal numbers are equal images: a clip may find its copy instead of itself.
    track_of_clip : numpy.ndarray [shape=(n_clips,), dtype=int64]
        Number of each clip's track.
    tracks : numpy.ndarray [shape=(n_tracks, d), dtype=float64]
        Means of the standardised clips, brought to length 1.
    same_track : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Equal numbers are tracks of equal images.
    """

    mean: np.ndarray
    scale: np.ndarray
    clips: np.ndarray
    same_image: np.ndarray
    track_of_clip: np.ndarray
    tracks: np.ndarray
    same_track: np.ndarray

    @classmethod
    def fit(
        cls,
        vectors: np.ndarray,
        clip_track: np.ndarray,
        digests: Sequence[bytes] | None = None,
        *,
        standardise: bool = True,
    ) -> Reference:
        """Take down the originals.

        Parameters
        ----------
        vectors : numpy.ndarray [shape=(n_clips, d)]
            Of the originals, the clips of one track next to each other.
        clip_track : numpy.ndarray [shape=(n_clips,)]
            Each clip's track, by any name.
        digests : sequence of bytes or None
            Equal for equal images; without them every clip is another.
        standardise : bool
            False for points of a space, whose cosines count as they are.
        """
        values = vectors.astype(np.float64)
        mean, std = values.mean(axis=0), values.std(axis=0)
        scale = np.where(std > 1e-9 * np.maximum(1.0, np.abs(mean)), std, 1.0)
        if not standardise:
            mean, scale = np.zeros_like(mean), np.ones_like(scale)
        starts = np.flatnonzero(np.append(True, clip_track[1:] != clip_track[:-1]))
        standard = (values - mean) / scale
        counts = np.diff(np.append(starts, len(values)))
        means = np.add.reduceat(standard, starts, axis=0) / counts[:, None]
        marks = list(digests) if digests is not None else [str(row).encode() for row in range(len(values))]
        number: dict[bytes, int] = {}
        same_image = np.array([number.setdefault(mark, len(number)) for mark in marks], dtype=np.int64)
        whole: dict[bytes, int] = {}
        ends = np.append(starts[1:], len(values))
        same_track = np.array(
            [whole.setdefault(same_image[a:b].tobytes(), len(whole)) for a, b in zip(starts, ends, strict=True)],
            dtype=np.int64,
        )
        return cls(
            mean,
            scale,
            _unit(standard),
            same_image,
            np.repeat(np.arange(len(starts)), counts),
            _unit(means),
            same_track,
        )

    def standard(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors standardised as the originals were [dtype=float64]."""
        values: np.ndarray = (vectors.astype(np.float64) - self.mean) / self.scale
        return values


@dataclass(frozen=True)
class Neighbours:
    """What the changed clips of one track found; fields as in `panels.invariance_results.ChangeResult`."""

    n_clips: int
    clip_top1: float
    same_track: float
    track_top1: float
    own_cosine: float
    other_cosine: float


def nearest_own(
    reference: Reference, changed: np.ndarray, own_rows: np.ndarray, first_row: int, count: int
) -> Neighbours:
    """Look for a track's changed clips among the originals.

    Parameters
    ----------
    reference : Reference
        The originals.
    changed : numpy.ndarray [shape=(n, d)]
        Vectors of the changed clips.
    own_rows : numpy.ndarray [shape=(n,), dtype=int]
        Row of each one's original.
    first_row, count : int
        Where the track's originals begin, and how many there are. The track's changed vector is the mean over the
        changed clips; it is compared with the means over all clips of the originals.

    Returns
    -------
    Neighbours
        ``clip_top1`` and ``same_track`` are means over the clips; where n originals are equally near, each counts
        1 / n, so that a code that is the same for every clip finds itself by chance only.
    """
    standard = reference.standard(changed)
    points = _unit(standard)
    track = int(reference.track_of_clip[first_row])
    top1, same = [], []
    for point, row in zip(points, own_rows, strict=True):
        nearest = _nearest(reference.clips, point, int(row))
        images = reference.same_image[nearest]
        top1.append(float((images == reference.same_image[row]).mean()))
        same.append(float((reference.track_of_clip[nearest] == track).mean()))
    nearest = _nearest(reference.tracks, _unit(standard.mean(axis=0)[None])[0], track)
    own = np.einsum("ij,ij->i", points, reference.clips[own_rows])
    total = points.sum(axis=0) @ reference.clips.sum(axis=0)
    inside = points.sum(axis=0) @ reference.clips[first_row : first_row + count].sum(axis=0)
    others = len(points) * (len(reference.clips) - count)
    return Neighbours(
        len(points),
        float(np.mean(top1)),
        float(np.mean(same)),
        float((reference.same_track[nearest] == reference.same_track[track]).mean()),
        float(own.mean()),
        float((total - inside) / others) if others else 0.0,
    )


def _nearest(originals: np.ndarray, point: np.ndarray, own: int) -> np.ndarray:
    """Rows of the nearest originals: one, or several that are equally near."""
    similarity = originals @ point
    n = min(CANDIDATES, len(originals))
    bound = np.partition(similarity, len(originals) - n)[len(originals) - n]
    # All that are not surely farther, however many share one place; and the own one, whatever rounding did to it.
    rows = np.union1d(np.flatnonzero(similarity >= bound - TIE), [own])
    # Differences, not products: the distance of a vector to itself is then exactly 0.
    distances = ((originals[rows] - point) ** 2).sum(axis=1)
    nearest: np.ndarray = rows[distances <= distances.min() + TIE]
    return nearest


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = vectors / np.where(lengths > 0, lengths, 1.0)
    return unit
