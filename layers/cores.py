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
from functools import cache
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .arrays import Array

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Task = TypeVar("Task")
Portion = tuple[slice, slice]  # some images of a batch, and some of their rows (or channels)

MOST = 8  # cores that work at once: each takes some MiB for its portion
CORES = min(MOST, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def in_parallel(work: Callable[[Task], None], tasks: Iterable[Task], x: Array) -> None:
    """work(task) for every task, on all cores.  x: an array that is worked on; if it is not NumPy's, all goes in order.

    The tasks must not depend on each other.  An exception ends the work and is raised.
    """
    waiting = deque(tasks)

    def until_nothing_waits() -> None:
        while waiting:
            try:
                task = waiting.popleft()
            except IndexError:  # another core was faster
                return
            work(task)

    with one_thread_in_blas(wanted=len(waiting) > 1 and isinstance(x, np.ndarray)) as cores:
        # The helpers work in copies of this thread's context: numpy.errstate holds for them, too.
        contexts = [copy_context() for _ in range(min(cores, len(waiting)) - 1)]
        helpers = [threads().submit(context.run, until_nothing_waits) for context in contexts]
        try:
            until_nothing_waits()
        finally:
            waiting.clear()
            errors = [error for helper in helpers if (error := helper.exception())]
    if errors:
        raise errors[0]


def portions(N: int, rows: int, columns: int, most: int, several: bool = True) -> Iterator[Portion]:
    """N images of `rows` rows of so many columns, cut into portions of at most so many columns, unless a row has more.

    Whole images as long as they fit (only one at a time if not `several`), or else about equal parts of one.
    """
    if most >= rows * columns:
        count = most // max(1, rows * columns) if several else 1
        for n in range(0, N, count):
            yield slice(n, min(n + count, N)), slice(0, rows)
    else:
        for n in range(N):
            for part in shares(rows, -(-rows // max(1, most // columns))):
                yield slice(n, n + 1), part


def shares(count: int, parts: int) -> list[slice]:
    """0 … count − 1 in about equal parts, one after the other."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]


# ---------------------------------------------------------------------- threads

_held = Lock()  # by the thread that has set BLAS to one thread


@contextmanager
def one_thread_in_blas(wanted: bool) -> Iterator[int]:
    """Gives the number of cores that may work at once; if more than one, then BLAS keeps to one thread meanwhile.

    It is 1 if that is all that is wanted, if BLAS cannot be told, and if another thread of the program is here already.
    """
    if not wanted or not _held.acquire(blocking=False):
        yield 1
        return
    before = [library.num_threads for library in blas()]
    try:
        set_blas([1] * len(before))
        obeys = all(library.num_threads == 1 for library in blas())  # threadpoolctl lets one thread decide, for good
        yield min(max(before, default=1), MOST) if obeys else 1
    finally:
        set_blas(before)
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


@cache
def threads() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(MOST - 1, "minicnn", initializer=one_thread_here)


def after_a_fork() -> None:
    """A forked process has none of its parent's threads; neither those that help nor the one that held the lock."""
    global _held
    _held = Lock()
    threads.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_a_fork)
