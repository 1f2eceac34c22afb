"""Work spread over processes, so that the results do not depend on how many there are.

Every worker is a fresh process with one thread of arithmetic, even where there is only one worker: sums that several
threads share may be rounded otherwise.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import wait as wait_for
from typing import Any, TypeVar

from layers.engine import VARIABLE, current_engine

T = TypeVar("T")
R = TypeVar("R")

ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
AHEAD = 3  # tasks handed out to each worker beforehand

_shared: Any = None  # in a worker: what all its tasks need


def spread(work: Callable[[Any, T], R], shared: Any, tasks: Iterable[T], workers: int) -> Iterator[R]:
    """work(shared, task) of every task, in the order in which they get ready.

    `work` must be a function of a module, `shared` and the tasks must be such as can be pickled.
    Raises ChildProcessError if a worker dies, as it does when memory runs out.
    """
    spawn = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(workers, spawn, _begin, (shared,)) as pool:
        try:
            coming = iter(tasks)
            running: set[Future[R]] = {pool.submit(_do, work, task) for task in islice(coming, AHEAD * workers)}
            while running:
                ready, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {pool.submit(_do, work, task) for task in islice(coming, len(ready))}
                for future in ready:
                    yield future.result()
        except BrokenProcessPool:
            raise ChildProcessError("a worker died, perhaps for want of memory; try fewer --workers") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes begun in this block compute with this engine and in one thread: NumPy reads this as it is imported."""
    before = {name: os.environ.get(name) for name in (*ONE_THREAD, VARIABLE)}
    os.environ.update({**dict.fromkeys(ONE_THREAD, "1"), VARIABLE: current_engine()})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin(shared: Any) -> None:
    global _shared
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A parent that was killed cannot tell its workers to end."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _do(work: Callable[[Any, T], R], task: T) -> R:
    return work(_shared, task)
