"""Lloyd's algorithm for many sets of centres at once.

The centres of all runs stand below each other in one matrix, so that a block of rows meets all of them in one matrix
product; a second product, of the one-hot memberships with the rows, sums up every cluster of every run. Runs that have
converged drop out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from songnet.clustering.blocks import Rows, TaskPool, blocks, squared_norms

# Where a squared distance is this small beside the row's squared length, the difference of the two has lost digits.
CANCELLED = 1e-2
# Rows whose distances are computed again at once.
PAIRS = 4096


class Stack:
    """Order of the centres of several runs in one matrix.

    First comes the first centre of every run, then the second of every run that has one, and so on; with the runs in
    descending order of size, the runs that have a j-th centre are always the first ones. A minimum over the centres of
    all runs is then a few operations on large, contiguous pieces.

    Parameters
    ----------
    centers : sequence of numpy.ndarray [shape=(k, d), dtype=float32]
        One array a run, largest k first.
    """

    def __init__(self, centers: Sequence[np.ndarray]) -> None:
        self.sizes = np.array([len(part) for part in centers])
        self.widths = [int((self.sizes > j).sum()) for j in range(self.sizes[0])]
        self.starts = np.concatenate([[0], np.cumsum(self.widths)])
        self.owner = np.concatenate([np.arange(width) for width in self.widths])
        position = np.repeat(np.arange(len(self.widths)), self.widths)
        self.order = (np.concatenate([[0], np.cumsum(self.sizes)[:-1]]))[self.owner] + position
        self.centers = np.concatenate(list(centers))[self.order]

    def rows_of(self, run: int) -> np.ndarray:
        """Rows of one run's centres in the matrix [shape=(k,), dtype=int64]."""
        rows: np.ndarray = self.starts[: self.sizes[run]] + run
        return rows

    def split(self, stacked: np.ndarray) -> list[np.ndarray]:
        """Rows of a stacked matrix, a run at a time."""
        return [stacked[self.rows_of(run)] for run in range(len(self.sizes))]

    def pieces(self, stacked: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """``(width, view)`` for each position: the rows of the first ``width`` runs."""
        for j, width in enumerate(self.widths):
            yield width, stacked[self.starts[j] : self.starts[j + 1]]

    def weights(self) -> np.ndarray:
        """Matrix whose product with a row and a 1 is its squared distance from each centre less its squared length."""
        return distance_weights(self.centers)


def distance_weights(centers: np.ndarray) -> np.ndarray:
    """``(-2 c, |c|^2)`` of each centre c [shape=(k, d + 1), dtype=float32]."""
    squares = np.square(centers.astype(np.float64)).sum(axis=1)
    return np.concatenate([-2 * centers, squares[:, None]], axis=1, dtype=np.float32, casting="same_kind")


@dataclass(frozen=True)
class Totals:
    """What one pass over the rows finds for stacked centres.

    Parameters
    ----------
    sums : numpy.ndarray [shape=(n_stacked, d), dtype=float64]
        Sum of the rows nearest to each centre.
    counts : numpy.ndarray [shape=(n_stacked,), dtype=float64]
        Their number.
    """

    sums: np.ndarray
    counts: np.ndarray


def _best_scores(stack: Stack, scores: np.ndarray) -> np.ndarray:
    best = scores[: stack.widths[0]].copy()
    for width, piece in stack.pieces(scores):
        np.minimum(best[:width], piece, out=best[:width])
    return best


def _drop_ties(stack: Stack, members: np.ndarray) -> None:
    # A row as near to two centres of a run belongs to the first of them.
    taken = np.zeros((stack.widths[0], members.shape[1]), dtype=bool)
    for width, piece in stack.pieces(members):
        piece[taken[:width]] = False
        taken[:width] |= piece


def sum_clusters(pool: TaskPool, rows: Rows, stack: Stack) -> Totals:
    """Sums and sizes of the clusters that stacked centres make.

    Parameters
    ----------
    pool : TaskPool
        Open.
    rows : Rows
        The data.
    stack : Stack
        Centres in the frame of the rows.
    """
    weights = stack.weights()
    n_stacked, n_columns = weights.shape
    n_runs = stack.widths[0]

    def task(start: int, stop: int) -> np.ndarray:
        total = np.zeros((n_stacked, n_columns))
        for first, last in blocks(start, stop):
            block = rows.block(first, last)
            scores = weights @ block.T
            best = _best_scores(stack, scores)
            members = np.empty(scores.shape, dtype=bool)
            for (width, piece), (_, found) in zip(stack.pieces(scores), stack.pieces(members), strict=True):
                np.equal(piece, best[:width], out=found)
            np.copyto(scores, members)
            sums = scores @ block
            # The column of ones has counted the members.
            if sums[:, -1].sum(dtype=np.float64) != n_runs * (last - first):
                _drop_ties(stack, members)
                np.copyto(scores, members)
                sums = scores @ block
            total += sums
        return total

    overall = np.zeros((n_stacked, n_columns))
    for part in pool.map(task, len(rows)):
        overall += part
    return Totals(overall[:, :-1], overall[:, -1])


@dataclass(frozen=True)
class Assignment:
    """Rows and their nearest centres, for several runs.

    Parameters
    ----------
    labels : numpy.ndarray [shape=(n_runs, n), dtype=int32]
        Nearest centre of each row; of equally near ones the first.
    squared : numpy.ndarray or None [shape=(n_runs, n), dtype=float32]
        Squared distance from it in the frame, when it was asked for.
    inertia : numpy.ndarray [shape=(n_runs,), dtype=float64]
        Sum of the squared distances.
    distance : numpy.ndarray [shape=(n_runs,), dtype=float64]
        Sum of the distances.
    """

    labels: np.ndarray
    squared: np.ndarray | None
    inertia: np.ndarray
    distance: np.ndarray


def assign_rows(pool: TaskPool, rows: Rows, stack: Stack, *, keep_squared: bool = False) -> Assignment:
    """The nearest centre of every row, for every run of a stack.

    Squared distances come from squared lengths and scalar products; where the two nearly cancel they are computed
    again from the difference itself.
    """
    weights = stack.weights()
    centers = stack.centers
    n_runs = stack.widths[0]
    labels = np.zeros((n_runs, len(rows)), dtype=np.int32)
    squared = np.empty((n_runs, len(rows)), dtype=np.float32) if keep_squared else None

    def task(start: int, stop: int) -> np.ndarray:
        sums = np.zeros((2, n_runs))
        for first, last in blocks(start, stop):
            block = rows.block(first, last)
            best = np.full((n_runs, last - first), np.inf, dtype=np.float32)
            found = labels[:, first:last]
            for j, (width, piece) in enumerate(stack.pieces(weights @ block.T)):
                np.copyto(found[:width], j, where=piece < best[:width])
                np.minimum(best[:width], piece, out=best[:width])
            lengths = squared_norms(block)
            best += lengths
            run, row = np.nonzero(best < CANCELLED * lengths)
            for first_pair in range(0, len(run), PAIRS):
                some = slice(first_pair, first_pair + PAIRS)
                nearest = centers[stack.starts[found[run[some], row[some]]] + run[some]]
                best[run[some], row[some]] = np.square(block[row[some], :-1] - nearest).sum(axis=1)
            if squared is not None:
                squared[:, first:last] = best
            sums[0] += best.sum(axis=1, dtype=np.float64)
            sums[1] += np.sqrt(best).sum(axis=1, dtype=np.float64)
        return sums

    overall = np.zeros((2, n_runs))
    for part in pool.map(task, len(rows)):
        overall += part
    return Assignment(labels, squared, overall[0], overall[1])


def _fill_empty(pool: TaskPool, rows: Rows, centers: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> None:
    # As in scikit-learn: the rows farthest from their centres, a row an empty cluster, leave their clusters for it.
    empty = np.flatnonzero(counts == 0)
    found = assign_rows(pool, rows, Stack([centers]), keep_squared=True)
    assert found.squared is not None
    farthest = np.argsort(-found.squared[0], kind="stable")[: len(empty)]
    for cluster, row in zip(empty, farthest, strict=True):
        if found.squared[0, row] > 0:
            moved = rows.block(row, row + 1)[0, :-1]
            left = found.labels[0, row]
            sums[left] -= moved
            counts[left] -= 1
            sums[cluster], counts[cluster] = moved, 1


@dataclass(frozen=True)
class Run:
    """Lloyd's algorithm, ended.

    Parameters
    ----------
    index : int
        Which of the starts it came from.
    centers : numpy.ndarray [shape=(k, d), dtype=float32]
        In the frame of the rows.
    n_iter : int
        Passes over the rows.
    converged : bool
        Whether the centres stood still; otherwise the passes were used up.
    """

    index: int
    centers: np.ndarray
    n_iter: int
    converged: bool


def lloyd(
    pool: TaskPool,
    rows: Rows,
    starts: Sequence[np.ndarray],
    *,
    max_iter: int,
    tol: float,
    on_pass: Callable[[int, int], None] = lambda n_iter, n_running: None,
) -> Iterator[list[Run]]:
    """Run Lloyd's algorithm from several starts at once.

    Parameters
    ----------
    pool : TaskPool
        Open.
    rows : Rows
        The data.
    starts : sequence of numpy.ndarray [shape=(k, d), dtype=float32]
        Centres to begin with, in the frame of the rows.
    max_iter : int
        Passes at most.
    tol : float
        A run has converged when its centres moved by no more than this in one pass (sum of squares, in the frame).
    on_pass : callable
        Told after each pass how many there were and how many runs go on.

    Yields
    ------
    list of Run
        The runs that ended with this pass.
    """
    order = sorted(range(len(starts)), key=lambda index: (-len(starts[index]), index))
    stack = Stack([starts[index] for index in order])
    for n_iter in range(1, max_iter + 1):
        totals = sum_clusters(pool, rows, stack)
        for run in np.unique(stack.owner[totals.counts == 0]):
            members = stack.rows_of(int(run))
            sums, counts = totals.sums[members], totals.counts[members]
            _fill_empty(pool, rows, stack.centers[members], sums, counts)
            totals.sums[members], totals.counts[members] = sums, counts
        moved = np.where(
            totals.counts[:, None] > 0, totals.sums / np.maximum(totals.counts, 1)[:, None], stack.centers
        ).astype(np.float32)
        shifts = np.square(moved - stack.centers, dtype=np.float64).sum(axis=1)
        still = np.bincount(stack.owner, shifts) <= tol
        ended = still | (n_iter == max_iter)
        stack.centers = moved
        on_pass(n_iter, int((~ended).sum()))
        if ended.any():
            parts = stack.split(moved)
            yield [Run(order[i], parts[i], n_iter, bool(still[i])) for i in np.flatnonzero(ended)]
            if ended.all():
                return
            going = np.flatnonzero(~ended)
            order = [order[i] for i in going]
            stack = Stack([parts[i] for i in going])
