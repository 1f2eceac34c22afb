"""Work shared among the processor's cores.

NumPy multiplies large matrices on all cores, but it copies, compares and adds on one.  So work is cut into portions
that fit into a core's cache, and each core takes one portion after the other through all of its steps, products
included; meanwhile NumPy's matrix library (BLAS) keeps to one core for each product.  Which core does what is left to
chance; what is computed is not: the portions are always the same, and none reads what another writes.

As many cores work as BLAS may use: with OMP_NUM_THREADS=1, one.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache, partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

import numpy as np

from .arrays import Array

Task = TypeVar("Task")

MOST = 8  # cores that work at once: each takes some MiB for its portion
CORES = min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_parallel(work: Callable[[Task], None], tasks: Iterable[Task], x: Array, shared: bool = True) -> None:
    """work(task) for every task, on all cores.  x: an array that is worked on; if it is not NumPy's, all goes in order.

    The tasks must not depend on each other.  An exception ends the work and is raised.
    shared: False for work that is done before another core has woken up; then, too, all goes in order.
    """
    waiting = deque(tasks)

    def until_nothing_waits() -> None:
        while waiting:
            try:
                task = waiting.popleft()
            except IndexError:  # another core was faster
                return
            work(task)

    with one_thread_in_blas(wanted=isinstance(x, np.ndarray)) as cores:
        reports: list[Report] = []
        try:
            for number in range(1, min(cores, len(waiting)) if shared else 1):
                # The helpers work in copies of this thread's context: numpy.errstate holds for them, too.
                reports.append(helper(number).begin(partial(copy_context().run, until_nothing_waits)))
            until_nothing_waits()
        finally:
            waiting.clear()
            errors = [error for report in reports if (error := report.get())]
    if errors:
        raise errors[0]


# ---------------------------------------------------------------------- threads


Report = SimpleQueue[BaseException | None]  # where one report will come: None, or the exception that ended the work


class Helper:
    """A thread that does what it is told, one thing after the other, and sleeps in between.

    Each order has a report of its own: one that nobody waits for any more, after Ctrl-C, is not taken for another.
    """

    def __init__(self) -> None:
        self.orders: SimpleQueue[tuple[Callable[[], None], Report]] = SimpleQueue()
        Thread(target=self.serve, name="minicnn helper", daemon=True).start()

    def begin(self, work: Callable[[], None]) -> Report:
        report: Report = SimpleQueue()
        self.orders.put((work, report))
        return report

    def serve(self) -> None:
        one_thread_here()
        while True:
            (work, report), error = self.orders.get(), None
            try:
                work()
            except BaseException as raised:
                error = raised
            del work  # and with it the arrays that it worked on
            report.put(error)
            del report, error


@cache
def helper(number: int) -> Helper:
    """The helpers are hired when they are first wanted, and kept."""
    return Helper()


_held = Lock()  # by the thread that has set BLAS to one thread


@contextmanager
def one_thread_in_blas(wanted: bool) -> Iterator[int]:
    """Gives the number of cores that may work at once; BLAS keeps to one thread meanwhile, even if that is one.

    (A thread of BLAS's own that has worked once waits for more by running in circles, some 25 ms long on a core that a
    helper could use.  So none is woken by work that is shared here.)

    It is 1, and BLAS is left alone, if that is not wanted or if another thread of the program is here already; and it
    is 1 if BLAS cannot be told.
    """
    libraries = blas() if wanted else []
    if not wanted or not _held.acquire(blocking=False):
        yield 1
        return
    try:
        before = [library.num_threads for library in libraries]
        try:
            set_blas([1] * len(before))
            obeys = all(library.num_threads == 1 for library in libraries)  # threadpoolctl lets one thread decide
            yield min(max(before, default=1), MOST) if obeys else 1
        finally:
            set_blas(before)
    finally:
        _held.release()


def set_blas(counts: list[int]) -> None:
    for library, count in zip(blas(), counts, strict=True):
        if library.num_threads != count:
            library.set_num_threads(count)


def one_thread_here() -> None:
    """Some matrix libraries count threads for each thread that calls them: to be told in a helper as it begins."""
    for library in blas():
        library.set_num_threads(1)


@cache
def blas() -> list[Any]:
    """The matrix libraries that NumPy has loaded; each has `num_threads` to read and `set_num_threads`."""
    from threadpoolctl import ThreadpoolController

    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


def after_a_fork() -> None:
    """A forked process has none of its parent's threads; neither those that help nor the one that held the lock."""
    global _held
    _held = Lock()
    helper.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_a_fork)
