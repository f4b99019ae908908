"""What is known of the tracks besides their sound: artists, albums, labels; and labels that know nothing.

Conventions
-----------
A group is a number from 0; -1 is "unknown". The same name written otherwise (case, diacritics, spaces) is the same
name. An album is told apart from another artist's album of the same title.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from songnet.clustering import read_labels
from songnet.errors import InputNotFoundError, ParameterError
from songnet.library.tracks import fold

TAGS = ("genre", "artist", "album")
CONTROLS = ("shuffled-labels",)
UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of an evaluation's tracks.

    Parameters
    ----------
    numbers : numpy.ndarray [shape=(n_tracks,), dtype=int64]
        Class of each track, from 0; -1 without a label.
    names : tuple of str
        Of the classes.
    what : str
        For people: ``"column class of labels.csv"``.
    tag : str or None
        The tag they come from, if they do: what an artist filter leaves of artists is nothing.
    """

    numbers: np.ndarray
    names: tuple[str, ...]
    what: str
    tag: str | None = None

    @property
    def rows(self) -> np.ndarray:
        """Tracks that have a label."""
        return np.flatnonzero(self.numbers != UNKNOWN)


def number_groups(names: Sequence[str | None]) -> np.ndarray:
    """Names to numbers in order of first appearance, -1 for None [dtype=int64].

    Examples
    --------
    >>> number_groups(["Björk", None, "BJORK ", "Can"]).tolist()
    [0, -1, 0, 1]
    """
    seen: dict[str, int] = {}
    folded = [fold(name) if name else "" for name in names]
    return np.array([seen.setdefault(name, len(seen)) if name else UNKNOWN for name in folded], dtype=np.int64)


def number_albums(tracks: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Albums as numbers [dtype=int64]; an album is an artist's (of the whole album, where that is tagged)."""
    keys = []
    for track in tracks:
        owner = track["album_artist"] or track["artist"] or ""
        keys.append(f"{fold(owner)}\n{fold(track['album'])}" if track["album"] else "")
    seen: dict[str, int] = {}
    return np.array([seen.setdefault(key, len(seen)) if key else UNKNOWN for key in keys], dtype=np.int64)


def independent_groups(artists: np.ndarray, albums: np.ndarray, *, coarsest: str = "artists") -> tuple[np.ndarray, str]:
    """Groups of tracks that may depend on each other: artists, else albums, else each track alone.

    Parameters
    ----------
    artists, albums : numpy.ndarray [shape=(n,), dtype=int]
        -1 where unknown; such a track is a group of its own.
    coarsest : str
        ``"artists"``, ``"albums"`` or ``"tracks"``: groups as large as these at most.

    Returns
    -------
    groups : numpy.ndarray [shape=(n,), dtype=int64]
    over : str
        What they are. One group alone is none: then the next finer kind is taken.
    """
    kinds = (("artists", artists), ("albums", albums))
    for name, groups in kinds[("artists", "albums", "tracks").index(coarsest) :]:
        known = groups != UNKNOWN
        if len(np.unique(groups[known])) > 1:
            alone = groups.max() + 1 + np.arange(len(groups))
            return np.where(known, groups, alone).astype(np.int64), name
    return np.arange(len(artists), dtype=np.int64), "tracks"


def make_labels(track_ids: Sequence[str], given: Mapping[str, str], what: str, tag: str | None = None) -> Labels:
    """Labels of the given tracks.

    Raises
    ------
    ParameterError
        If fewer than two kinds stand on the tracks, or no kind stands on two tracks.
    """
    names = tuple(sorted({given[track] for track in track_ids if track in given}))
    number = {name: index for index, name in enumerate(names)}
    numbers = np.array([number[given[track]] if track in given else UNKNOWN for track in track_ids], dtype=np.int64)
    known = numbers[numbers != UNKNOWN]
    if len(names) < 2:
        raise ParameterError(
            f"{what}: {len(known)} of the {len(track_ids)} tracks have a label, of {len(names)} kind"
            f"{'' if len(names) == 1 else 's'}: at least two kinds are needed to tell apart"
        )
    if len(known) == len(names):
        raise ParameterError(
            f"{what}: no two tracks share a label ({len(names)} kinds): there is nothing to find again"
        )
    return Labels(numbers, names, what, tag)


def labels_of_tag(tracks: Mapping[str, Mapping[str, Any]], track_ids: Sequence[str], tag: str) -> Labels:
    """Labels from a tag of the files.

    Raises
    ------
    ParameterError
        If there is no such tag, or it tells nothing apart.
    InputNotFoundError
        If no track has it.
    """
    if tag not in TAGS:
        raise ParameterError(f"--tag is {tag!r}; choose one of: {', '.join(TAGS)}")
    written: dict[str, str] = {}
    given = {}
    chosen = [tracks[track] for track in track_ids]
    numbers = number_albums(chosen) if tag == "album" else number_groups([track[tag] for track in chosen])
    for track, number in zip(track_ids, numbers.tolist(), strict=True):
        if number != UNKNOWN:
            spelling = f"{tracks[track]['artist']}: {tracks[track][tag]}" if tag == "album" else tracks[track][tag]
            given[track] = written.setdefault(str(number), spelling)
    if not given:
        raise InputNotFoundError(f"no track of this library has a tag {tag}: choose another, or give --labels FILE")
    return make_labels(track_ids, given, f"tag {tag}", tag)


def labels_of_file(
    tracks: Mapping[str, Mapping[str, Any]], track_ids: Sequence[str], path: Path, column: str | None
) -> Labels:
    """Labels from a CSV file (`songnet.clustering.read_labels`)."""
    chosen, given = read_labels(path, tracks, column)
    return make_labels(track_ids, given, f"column {chosen} of {path.name}")


def shuffled(labels: Labels, seed: int) -> Labels:
    """The same labels dealt to other tracks: what every measure must call chance."""
    rows = labels.rows
    numbers = labels.numbers.copy()
    numbers[rows] = np.random.default_rng([seed, 0x7368]).permutation(numbers[rows])
    return replace(labels, numbers=numbers, what=f"{labels.what}, shuffled", tag=None)
