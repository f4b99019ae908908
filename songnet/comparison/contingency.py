"""How the groups of two partitions overlap: the table that every score of agreement is computed from.

References
----------
W. DuMouchel, "Bayesian data mining in large frequency tables, with an application to the FDA spontaneous reporting
system", The American Statistician 53, 1999 (shrinking observed / expected). H. W. Kuhn, "The Hungarian method for the
assignment problem", Naval Research Logistics Quarterly 2, 1955.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize

from songnet.errors import ParameterError
from songnet.partition import NOISE, Partition

NOISE_HANDLING = ("drop", "own")
# 400 MB of table; beyond that one of the two is no grouping but close to a list of tracks.
MAX_CELLS = 50_000_000


@dataclass(frozen=True, eq=False)
class Paired:
    """Two partitions side by side on the tracks that both have.

    Parameters
    ----------
    track_ids : tuple of str
        Sorted; tracks that count.
    first, second : numpy.ndarray [shape=(n,), dtype=int64]
        Place of each track's group in ``rows`` and in ``columns``.
    rows, columns : tuple of int
        Numbers of the groups of the first and of the second partition that hold one of these tracks, ascending; noise,
        where it counts as a group, last.
    n_first_only, n_second_only : int
        Tracks that the other partition does not have.
    n_noise : int
        Tracks that both have and that are left out because one of them calls them noise.
    """

    track_ids: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    n_first_only: int
    n_second_only: int
    n_noise: int

    def __len__(self) -> int:
        return len(self.track_ids)

    @property
    def table(self) -> np.ndarray:
        """Tracks in each pair of groups [shape=(a, b), dtype=int64]."""
        return cross_table(self.first, self.second, len(self.rows), len(self.columns))


@dataclass(frozen=True, eq=False)
class Contingency:
    """Tracks in each pair of groups of two partitions.

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b), dtype=int64]
        Tracks; no row or column is empty.
    rows, columns : tuple of int
        Number of the group that each row (first partition) and column (second partition) is; -1 is noise.
    n_shared : int
        Tracks that the table counts.
    n_first_only, n_second_only : int
        Tracks that the other partition does not have.
    n_noise : int
        Tracks that both have and that the table leaves out because one of the partitions calls them noise.
    """

    table: np.ndarray
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    n_shared: int
    n_first_only: int
    n_second_only: int
    n_noise: int = 0

    def aligned(self) -> Contingency:
        """The same table with its columns in the order of `align`, so that what matches lies on a diagonal."""
        order = align(self.table).columns
        return Contingency(
            self.table[:, order],
            self.rows,
            tuple(self.columns[column] for column in order),
            self.n_shared,
            self.n_first_only,
            self.n_second_only,
            self.n_noise,
        )


@dataclass(frozen=True, eq=False)
class Alignment:
    """Columns of a table matched to its rows, one to one.

    Parameters
    ----------
    columns : numpy.ndarray [shape=(b,), dtype=int64]
        Columns in a new order: partners in the order of their rows, then the others, the largest first.
    partners : numpy.ndarray [shape=(a,), dtype=int64]
        Column of each row, in the table as it was given; -1 for a row that got none.
    share : float
        Tracks in matched cells / all tracks, 0 to 1.
    """

    columns: np.ndarray
    partners: np.ndarray
    share: float


def pair(first: Partition, second: Partition, *, noise: str = "drop") -> Paired:
    """Put two partitions side by side on the tracks that both have.

    Parameters
    ----------
    first, second : Partition
        Their tracks may differ; only shared ones count.
    noise : str
        ``"drop"``: a track that either calls noise is left out. ``"own"``: noise is one more group, numbered -1.

    Returns
    -------
    Paired

    Raises
    ------
    ParameterError
        If ``noise`` is neither of the two, or no track is left.
    """
    if noise not in NOISE_HANDLING:
        raise ParameterError(f"noise is {noise!r}; choose one of: {', '.join(NOISE_HANDLING)}")
    place = {track: index for index, track in enumerate(first.track_ids)}
    theirs = np.array([place.get(track, -1) for track in second.track_ids], dtype=np.int64)
    in_both = np.flatnonzero(theirs >= 0)
    left, right = first.labels[theirs[in_both]], second.labels[in_both]
    counted = (left != NOISE) & (right != NOISE) if noise == "drop" else np.ones(len(in_both), dtype=bool)
    if not counted.any():
        if not len(in_both):
            raise ParameterError(
                f"the partitions ({len(first.track_ids):,} and {len(second.track_ids):,} tracks) share no track: "
                "compare partitions of the same library"
            )
        raise ParameterError(
            f"all {len(in_both):,} shared tracks are noise in one of the partitions: "
            "compare others, or count noise as a group of its own (noise='own')"
        )
    rows, first_codes = _codes(left[counted])
    columns, second_codes = _codes(right[counted])
    return Paired(
        tuple(second.track_ids[index] for index in in_both[counted]),
        first_codes,
        second_codes,
        rows,
        columns,
        len(first.track_ids) - len(in_both),
        len(second.track_ids) - len(in_both),
        len(in_both) - int(counted.sum()),
    )


def contingency(first: Partition, second: Partition, *, noise: str = "drop") -> Contingency:
    """Count the tracks in each pair of groups.

    Parameters
    ----------
    first, second : Partition
        Groups of the first become rows, of the second columns.
    noise : str
        ``"drop"``: a track that either calls noise is left out. ``"own"``: noise is one more group, numbered -1.

    Returns
    -------
    Contingency

    Raises
    ------
    ParameterError
        If ``noise`` is neither of the two, no track is left, or the table would have more than 50 million cells.

    Examples
    --------
    >>> first = Partition.from_labels(["a", "b", "c", "d"], [1, 1, 2, -1], "kmeans", {})
    >>> second = Partition.from_labels(["a", "b", "c", "d"], [7, 7, 3, 3], "louvain", {})
    >>> contingency(first, second).table.tolist()
    [[0, 2], [1, 0]]
    >>> contingency(first, second).aligned().columns
    (7, 3)
    """
    return tabulate(pair(first, second, noise=noise))


def tabulate(paired: Paired) -> Contingency:
    """The contingency table of two partitions that stand side by side."""
    return Contingency(
        paired.table,
        paired.rows,
        paired.columns,
        len(paired),
        paired.n_first_only,
        paired.n_second_only,
        paired.n_noise,
    )


def cross_table(first: np.ndarray, second: np.ndarray, n_rows: int, n_columns: int) -> np.ndarray:
    """Count pairs of codes.

    Parameters
    ----------
    first, second : numpy.ndarray [shape=(n,), dtype=int64]
        Codes from 0, below ``n_rows`` and ``n_columns``.
    n_rows, n_columns : int
        Shape of the table.

    Returns
    -------
    numpy.ndarray [shape=(n_rows, n_columns), dtype=int64]

    Raises
    ------
    ParameterError
        If the table would have more than 50 million cells.
    """
    if n_rows * n_columns > MAX_CELLS:
        raise ParameterError(
            f"{n_rows:,} x {n_columns:,} groups make a table of {n_rows * n_columns:,} cells, more than {MAX_CELLS:,}: "
            "merge small groups first"
        )
    cells = np.bincount(first * n_columns + second, minlength=n_rows * n_columns)
    return cells.reshape(n_rows, n_columns).astype(np.int64, copy=False)


def row_shares(table: np.ndarray) -> np.ndarray:
    """Each row divided by its sum [shape=(a, b), dtype=float64]; a row without tracks stays 0."""
    sums = table.sum(axis=1, keepdims=True)
    shares: np.ndarray = table / np.where(sums > 0, sums, 1)
    return shares


def log_ratio(table: np.ndarray, *, shrinkage: float = 1.0) -> np.ndarray:
    """Binary logarithm of observed over expected, pulled to 0 where counts are small.

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b)]
        Tracks in each pair of groups.
    shrinkage : float
        Pseudo-tracks kappa that every cell has beforehand at the rate of independence, more than 0. A cell that
        expects far fewer than kappa tracks stays near 0 whatever it holds; one that expects far more is left alone.

    Returns
    -------
    numpy.ndarray [shape=(a, b), dtype=float64]
        ``log2((observed + kappa) / (expected + kappa))``: 1 is twice as many as independent groups of these sizes would
        share, -1 half as many.

    Raises
    ------
    ParameterError
        If ``shrinkage`` is not more than 0.

    Notes
    -----
    (O + kappa) / (E + kappa) is the posterior mean of a rate r with O ~ Poisson(r E) and the prior r ~ Gamma of shape
    and rate kappa, whose mean is 1 (DuMouchel 1999).

    Examples
    --------
    >>> log_ratio(np.array([[300, 100], [100, 300]])).round(2).tolist()
    [[0.58, -0.99], [-0.99, 0.58]]
    """
    if not shrinkage > 0:
        raise ParameterError(f"shrinkage is {shrinkage:g}; it must be more than 0 pseudo-tracks")
    total = max(int(table.sum()), 1)
    expected = table.sum(axis=1, keepdims=True) * (table.sum(axis=0, keepdims=True) / total)
    ratio: np.ndarray = np.log2((table + shrinkage) / (expected + shrinkage))
    return ratio


def align(table: np.ndarray) -> Alignment:
    """Match columns to rows one to one so that as many tracks as possible lie in matched cells.

    Parameters
    ----------
    table : numpy.ndarray [shape=(a, b)]
        Any size. A row and a column that share no track are never matched.

    Returns
    -------
    Alignment

    Examples
    --------
    >>> align(np.array([[0, 9, 1], [8, 0, 2]])).columns.tolist()
    [1, 0, 2]
    """
    rows, columns = scipy.optimize.linear_sum_assignment(table, maximize=True)
    together = table[rows, columns] > 0
    partners = np.full(len(table), -1, dtype=np.int64)
    partners[rows[together]] = columns[together]
    matched = partners[partners >= 0]
    others = np.setdiff1d(np.arange(table.shape[1]), matched)
    others = others[np.argsort(-table.sum(axis=0)[others], kind="stable")]
    held = int(table[rows, columns].sum())
    return Alignment(np.concatenate([matched, others]).astype(np.int64), partners, held / max(int(table.sum()), 1))


def _codes(labels: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Numbers of the groups, noise last, and the place of each label among them."""
    numbers, codes = np.unique(labels, return_inverse=True)
    if numbers[0] == NOISE:
        numbers, codes = np.roll(numbers, -1), (codes - 1) % len(numbers)
    return tuple(int(number) for number in numbers), codes.astype(np.int64)
