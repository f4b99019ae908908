"""Where two partitions agree and where they do not: pairs of groups with tracks that show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from songnet.comparison import Contingency, align
from songnet.comparison.contingency import Paired
from songnet.library.tracks import fold


@dataclass(frozen=True)
class Overlap:
    """A pair of groups that share tracks.

    Parameters
    ----------
    row, column : int
        Numbers of the groups of the first and of the second partition.
    n : int
        Tracks in both.
    row_size, column_size : int
        Shared tracks in each.
    expected : float
        Tracks that independent groups of these sizes would share.
    """

    row: int
    column: int
    n: int
    row_size: int
    column_size: int
    expected: float


@dataclass(frozen=True)
class Overlaps:
    """All pairs of groups that share tracks, told apart by the best one-to-one matching (Hungarian algorithm).

    Parameters
    ----------
    matched : tuple of Overlap
        Groups that are partners, by the number of the first.
    crossed : tuple of Overlap
        The others, the largest first; of a large table only as many as were asked for.
    n_crossed, n_crossed_tracks : int
        How many pairs, and tracks in them, are crossed.
    rows_alone, columns_alone : tuple of int
        Numbers of groups without a partner.
    """

    matched: tuple[Overlap, ...]
    crossed: tuple[Overlap, ...]
    n_crossed: int
    n_crossed_tracks: int
    rows_alone: tuple[int, ...]
    columns_alone: tuple[int, ...]


def find_overlaps(contingency: Contingency, *, most: int = 20) -> Overlaps:
    """Match groups one to one, and list the largest pairs beside the matching.

    Parameters
    ----------
    contingency : Contingency
        Of two partitions.
    most : int
        Crossed pairs to list, 0 or more; of equal ones those with the lower numbers.

    Examples
    --------
    >>> table = Contingency(np.array([[9, 1], [3, 7]]), (1, 2), (4, 5), 20, 0, 0)
    >>> found = find_overlaps(table)
    >>> [(pair.row, pair.column, pair.n) for pair in found.matched + found.crossed]
    [(1, 4, 9), (2, 5, 7), (2, 4, 3), (1, 5, 1)]
    """
    table, rows, columns = contingency.table, contingency.rows, contingency.columns
    partners = align(table).partners
    row_sizes, column_sizes = table.sum(axis=1), table.sum(axis=0)

    def overlap(place: int, partner: int) -> Overlap:
        a, b = int(row_sizes[place]), int(column_sizes[partner])
        expected = a * b / max(contingency.n_shared, 1)
        return Overlap(rows[place], columns[partner], int(table[place, partner]), a, b, expected)

    pairs = [(int(place), int(partners[place])) for place in np.flatnonzero(partners >= 0)]
    others = table.copy()
    for place, partner in pairs:
        others[place, partner] = 0
    at_rows, at_columns = np.nonzero(others)
    order = np.lexsort((np.array(columns)[at_columns], np.array(rows)[at_rows], -others[at_rows, at_columns]))[:most]
    taken = {partner for _, partner in pairs}
    return Overlaps(
        tuple(overlap(*pair) for pair in pairs),
        tuple(overlap(int(at_rows[index]), int(at_columns[index])) for index in order),
        len(at_rows),
        int(others.sum()),
        tuple(rows[place] for place in np.flatnonzero(partners < 0)),
        tuple(number for place, number in enumerate(columns) if place not in taken),
    )


def example_tracks(
    paired: Paired,
    overlap: Overlap,
    *,
    typical: Mapping[str, float],
    artists: Mapping[str, str | None],
    most: int = 3,
) -> list[str]:
    """Tracks that stand for a pair of groups.

    Parameters
    ----------
    paired : Paired
        The two partitions side by side.
    overlap : Overlap
        The pair.
    typical : mapping of str to float
        ``track_id -> how typical it is``; a track without a value comes last.
    artists : mapping of str to str or None
        ``track_id -> artist``.
    most : int
        Tracks wanted.

    Returns
    -------
    list of str
        Ids, the most typical first, one an artist as long as there are others; equal ones by id.
    """
    row, column = paired.rows.index(overlap.row), paired.columns.index(overlap.column)
    members = [paired.track_ids[index] for index in np.flatnonzero((paired.first == row) & (paired.second == column))]
    members.sort(key=lambda track: (-typical.get(track, -np.inf), track))
    chosen: list[str] = []
    later: list[str] = []
    seen: set[str] = set()
    for track in members:
        artist = fold(artists.get(track) or "")
        (later if artist and artist in seen else chosen).append(track)
        seen.add(artist)
    return [*chosen, *later][:most]


def group_words(number: int, names: Mapping[int, str], noise: int = -1) -> str:
    """A group as the page calls it: its number and its name."""
    return f"{'noise' if number == noise else number} {names.get(number, '')}".strip()


def listed(words: Sequence[str], most: int = 8) -> str:
    """Words in a row, and how many more there are.

    Examples
    --------
    >>> listed(["1", "2", "3"], 2)
    '1, 2 and 1 more'
    """
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most:,} more"
