"""Isolated decode workers: a file that crashes, hangs or eats memory costs itself, not the run.

Decoders are C code fed with whatever lies on people's disks. Each file is therefore read in a process of its own pool,
with a time limit and a memory limit; what happens to the worker becomes that file's `AudioError`.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, TimeoutError
from multiprocessing import forkserver
from typing import Generic, NamedTuple, TypeVar

from pebble import ProcessExpired, ProcessPool
from threadpoolctl import threadpool_limits

from songnet.errors import AudioError, SongNetError
from songnet.stderr import silenced_stderr

try:
    import resource
except ImportError:  # Windows has no such limit; the time limit still holds.
    resource = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Of glibc's mallopt(3).
M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3

# A worker is replaced after this many files: what a leaking decoder loses comes back.
FILES_PER_WORKER = 2000
# Files under way a worker: one being read, two waiting, so that no worker waits for the parent.
QUEUE_PER_WORKER = 3


class Outcome(NamedTuple, Generic[Item, Answer]):
    """What became of one item: an answer or an error, never both."""

    item: Item
    answer: Answer | None
    error: AudioError | None


def _prepare_worker(memory_mb: int) -> None:
    """Set limits in a fresh worker and make it die with its parent."""
    # Ctrl-C reaches the whole process group; the parent decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _keep_freed_memory()
    # One thread a process is the fastest way to use all cores here, and its sums do not depend on the machine.
    threadpool_limits(1)
    if resource is not None:
        _limit_memory(memory_mb)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed: the arrays of one clip are as large as those of the next.

    By default they go back to the kernel and come again page by page; keeping them made reading and transforming three
    clips of an mp3 1.2 times as fast.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    mallopt(M_MMAP_THRESHOLD, 32 * 2**20)
    mallopt(M_TRIM_THRESHOLD, 128 * 2**20)


def _limit_memory(memory_mb: int) -> None:
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            in_use = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        in_use = 0
    limit = in_use + memory_mb * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ValueError, OSError):
        log.debug("this system sets no memory limit on workers")


def _die_with(parent: multiprocessing.process.BaseProcess) -> None:
    # A killed parent cannot tell its workers to stop; without this they would wait for work for ever.
    parent.join()
    os._exit(1)


def isolated_map(
    function: Callable[[Item], Answer],
    items: Iterable[Item],
    *,
    n_workers: int,
    timeout_s: float,
    memory_mb: int,
    before: Callable[[list[Item]], None] | None = None,
    group: int = 1,
) -> Iterator[Outcome[Item, Answer]]:
    """Apply a function to items in isolated processes; answers come as they are ready.

    Parameters
    ----------
    function : callable
        Importable, as are its items and answers. An `AudioError` it raises is the item's error.
    items : iterable
        Taken lazily: only a few per worker are under way at a time.
    n_workers : int
        Processes.
    timeout_s : float
        Seconds an item may take before its worker is ended.
    memory_mb : int
        Memory a worker may take beyond what it starts with, in MiB.
    before : callable, optional
        Called in this process with each group of items before any of the group is handed over.
    group : int
        Items in such a group.

    Yields
    ------
    Outcome
        One an item, in the order of completion.
    """
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload([function.__module__])
        # All workers come from the fork server and inherit its silence: decoders tell of every odd frame on the file
        # descriptor itself, and a worker that meets Ctrl-C while it starts would print a traceback.
        with silenced_stderr():
            forkserver.ensure_running()
    pool = ProcessPool(
        max_workers=n_workers,
        max_tasks=FILES_PER_WORKER,
        initializer=_prepare_worker,
        initargs=(memory_mb,),
        context=context,
    )
    stream = iter(items)
    waiting: deque[Item] = deque()
    running: dict[Future[Answer], Item] = {}
    ready: deque[Future[Answer]] = deque()
    arrival = threading.Condition()

    def announce(future: Future[Answer]) -> None:
        with arrival:
            ready.append(future)
            arrival.notify()

    def fill() -> None:
        while len(running) < n_workers * QUEUE_PER_WORKER:
            if not waiting:
                for item in stream:
                    waiting.append(item)
                    if len(waiting) >= group:
                        break
                if not waiting:
                    return
                if before is not None:
                    before(list(waiting))
            item = waiting.popleft()
            try:
                future = pool.schedule(function, args=(item,), timeout=timeout_s)
            except RuntimeError as error:
                raise SongNetError(
                    "decode workers cannot be started: a script that calls this needs `if __name__ =="
                    " '__main__':` around it"
                ) from error
            running[future] = item
            future.add_done_callback(announce)

    try:
        fill()
        while running:
            with arrival:
                while not ready:
                    arrival.wait(1.0)
                future = ready.popleft()
            item = running.pop(future)
            fill()
            yield _outcome(item, future, timeout_s, memory_mb)
    finally:
        # Reached by the end, by an error and by Ctrl-C alike; items under way are given up.
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _outcome(item: Item, future: Future[Answer], timeout_s: float, memory_mb: int) -> Outcome[Item, Answer]:
    try:
        return Outcome(item, future.result(), None)
    except AudioError as error:
        return Outcome(item, None, error)
    except TimeoutError:
        return Outcome(item, None, AudioError(f"reading took longer than {timeout_s:g} s and was ended", "timeout"))
    except ProcessExpired as error:
        return Outcome(item, None, AudioError(f"the decoder crashed (exit code {error.exitcode})", "crash"))
    except MemoryError:
        return Outcome(item, None, AudioError(f"reading needs more than {memory_mb} MiB of memory", "memory"))
    except Exception as error:
        log.debug("unexpected error while reading %r", item, exc_info=True)
        return Outcome(item, None, AudioError(f"unexpected {type(error).__name__}: {error}", "corrupt"))
