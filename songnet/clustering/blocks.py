"""Rows in blocks: the same sums, to the last bit, whatever number of threads works on them.

The cut into blocks and tasks depends on the number of rows alone; each matrix product runs on one BLAS thread; what
tasks find is taken in the order of the rows. Threads only decide who computes a task.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

from songnet.errors import ParameterError

# A block's products stay in the second-level cache; a task is long enough that handing it to a thread costs nothing.
BLOCK_ROWS = 512
TASK_ROWS = 4 * BLOCK_ROWS
LARGEST = 1e30
COMFORTABLE = 1e6

Result = TypeVar("Result")


def available_threads(n_threads: int | None) -> int:
    """Threads to use: as asked, or as many as this process has cores.

    Raises
    ------
    ParameterError
        If ``n_threads`` is less than 1.
    """
    if n_threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n_threads < 1:
        raise ParameterError(f"n_threads is {n_threads}; it must be 1 or more, or None for all cores")
    return n_threads


class SharedContext:
    """A state of the whole process that several threads may ask for: the first brings it about, the last ends it.

    Parameters
    ----------
    make : callable
        Gives a new context manager.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._users = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._context = self._make()
                self._context.__enter__()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._context.__exit__(None, None, None)


@cache
def _blas() -> ThreadpoolController:
    # Looking for the loaded libraries takes as long as clustering a hundred rows: look once, when all are there.
    import_module("scipy.linalg")
    return ThreadpoolController().select(user_api="blas")


ONE_THREAD_BLAS = SharedContext(lambda: _blas().limit(limits=1))


class TaskPool:
    """Threads for one piece of work; while it is open, BLAS runs on one thread.

    Parameters
    ----------
    n_threads : int or None
        Threads at most; None for one a core.

    Notes
    -----
    Threads start with the first work that has more than one task, so that small data never pay for them. Several pools
    may be open at once, in different threads too.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self.n_threads = available_threads(n_threads)
        self._executor: ThreadPoolExecutor | None = None

    def __enter__(self) -> TaskPool:
        ONE_THREAD_BLAS.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._executor is not None:
                self._executor.shutdown(wait=True, cancel_futures=True)
        finally:
            ONE_THREAD_BLAS.__exit__()

    def map(self, work: Callable[[int, int], Result], n_rows: int, task_rows: int = TASK_ROWS) -> Iterator[Result]:
        """Call ``work(start, stop)`` on every task of the rows; results come in the order of the rows."""
        starts = range(0, n_rows, task_rows)
        if self.n_threads == 1 or len(starts) == 1:
            for start in starts:
                yield work(start, min(start + task_rows, n_rows))
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.n_threads)
        stops = [min(start + task_rows, n_rows) for start in starts]
        # The executor's iterator cancels what has not begun when it is left early, by Ctrl-C for instance.
        yield from self._executor.map(work, starts, stops)


def blocks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """First and last row (exclusive) of each block of a task."""
    for first in range(start, stop, BLOCK_ROWS):
        yield first, min(first + BLOCK_ROWS, stop)


def as_rows(X: np.ndarray, name: str = "X") -> np.ndarray:
    """Check a table of numbers.

    Parameters
    ----------
    X : array-like [shape=(n, d)]
        n and d at least 1.
    name : str
        What to call it in a message.

    Returns
    -------
    numpy.ndarray [shape=(n, d), dtype=float32]
        Contiguous; the same array when it is one already.

    Raises
    ------
    ParameterError
        If it has not two dimensions, is empty, or holds what is no finite number or is beyond 1e30.
    """
    try:
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(X, dtype=np.float32) if np.ndim(X) else np.asarray(X)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} is no table of real numbers ({str(error).splitlines()[0]})") from error
    if rows.ndim != 2:
        raise ParameterError(f"{name} has {rows.ndim} dimensions; it must have two, rows and columns")
    if rows.size == 0:
        raise ParameterError(f"{name} is empty (shape {rows.shape}): there is nothing to cluster")
    low, high = float(rows.min()), float(rows.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        wrong = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        raise ParameterError(
            f"{len(wrong)} of {len(rows)} rows of {name} hold NaN or infinite values, the first is row {wrong[0]}: "
            "leave them out or compute them again"
        )
    if max(-low, high) > LARGEST:
        raise ParameterError(f"{name} has values as large as {max(-low, high):.3g}; scale it below {LARGEST:g}")
    return rows


def check_distinct(rows: np.ndarray, n_clusters: int) -> None:
    """Refuse more clusters than there are distinct rows.

    Raises
    ------
    ParameterError
        If fewer than ``n_clusters`` rows are distinct.
    """
    if len(rows) < n_clusters:
        raise ParameterError(f"{n_clusters} clusters need as many rows, X has {len(rows)}: ask for fewer")
    # Rows compare as strings of bytes, zeros having lost their sign; the first rows nearly always settle it.
    for part in (rows[: 4 * n_clusters + 16], rows):
        as_bytes = np.ascontiguousarray(part + np.float32(0)).view(np.dtype((np.void, 4 * rows.shape[1]))).ravel()
        n_distinct = len(set(as_bytes.tolist()))
        if n_distinct >= n_clusters:
            return
    raise ParameterError(
        f"{n_clusters} clusters need as many distinct rows, X has {n_distinct} ({len(rows)} rows in all): ask for fewer"
    )


@dataclass(frozen=True)
class Frame:
    """Coordinates in which single precision is enough: the data's mean is the origin.

    Parameters
    ----------
    origin : numpy.ndarray [shape=(d,), dtype=float32]
        Subtracted first.
    scale : float
        A power of two that multiplies the rest; 1 unless squares could overflow or vanish.
    """

    origin: np.ndarray
    scale: float

    def extended(self, X: np.ndarray) -> np.ndarray:
        """Rows in these coordinates with a column of ones behind [shape=(n, d + 1), dtype=float32]."""
        rows = np.empty((X.shape[0], X.shape[1] + 1), dtype=np.float32)
        np.subtract(X, self.origin, out=rows[:, :-1])
        if self.scale != 1:
            rows[:, :-1] *= np.float32(self.scale)
        rows[:, -1] = 1
        return rows

    def restore(self, centers: np.ndarray) -> np.ndarray:
        """Centres in the data's own coordinates [shape=(k, d), dtype=float32]."""
        restored: np.ndarray = (centers.astype(np.float64) / self.scale + self.origin).astype(np.float32)
        return restored


def find_frame(X: np.ndarray, *others: np.ndarray) -> Frame:
    """The frame of some rows [shape=(n, d), dtype=float32]; further tables that must fit in do not move its origin."""
    origin = X.mean(axis=0, dtype=np.float64).astype(np.float32)
    tables = (X, *others)
    largest = max(float(max((T.max(axis=0) - origin).max(), (origin - T.min(axis=0)).max())) for T in tables)
    comfortable = largest == 0 or 1 / COMFORTABLE < largest < COMFORTABLE
    return Frame(origin, 1.0 if comfortable else 2.0 ** -int(np.floor(np.log2(largest))))


@dataclass(frozen=True)
class Rows:
    """A table in a frame, made block by block as it is needed.

    Parameters
    ----------
    X : numpy.ndarray [shape=(n, d), dtype=float32]
        The data as they came, never copied as a whole.
    frame : Frame
        Coordinates of the blocks.
    ready : numpy.ndarray or None [shape=(n, d + 1), dtype=float32]
        All rows in the frame, for tables that are small and read often.
    """

    X: np.ndarray
    frame: Frame
    ready: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.X)

    def block(self, start: int, stop: int) -> np.ndarray:
        """Some rows in the frame with a column of ones behind [shape=(stop - start, d + 1), dtype=float32]."""
        return self.frame.extended(self.X[start:stop]) if self.ready is None else self.ready[start:stop]


def squared_norms(rows: np.ndarray) -> np.ndarray:
    """Squared length of each row, without its column of ones [shape=(n,), dtype=float32]."""
    norms: np.ndarray = np.square(rows[:, :-1]).sum(axis=1)
    return norms
