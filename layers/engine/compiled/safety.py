"""Who may run compiled code, and with how many cores.

One thread at a time, for kernels share scratch and cores; others wait, so that all get the same bits.  Who comes while
this very thread computes (a signal's handler), and a forked child, which OpenMP would end, get NumPy's.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache, wraps
from importlib.util import find_spec
from typing import Any

import numba
from numba.core import event
from threadpoolctl import ThreadpoolController

AskAndSet = tuple[Callable[[], int], Callable[[int], Any]]

_lock = threading.Lock()
_owner = 0  # the thread that computes
_forked = False


class Unsuited(Exception):
    """A kernel says that these arguments are not for it."""


def _in_child() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def guarded(compiled: Callable[..., Any], instead: Callable[..., Any]) -> Callable[..., Any]:
    """The compiled function where it may run, `instead` otherwise."""

    @wraps(compiled)
    def run(*arguments: Any, **named: Any) -> Any:
        global _owner
        here = threading.get_ident()
        if _forked or _owner == here:
            return instead(*arguments, **named)
        with _lock:
            before = _threads()
            try:
                _owner = here
                _set_threads([min(theirs, ours) for theirs, ours in zip(before, _ours(), strict=True)])
                return compiled(*arguments, **named)
            except Unsuited:
                pass
            finally:
                _owner = 0
                _set_threads(before)
        return instead(*arguments, **named)

    return run


# ---------------------------------------------------------------------- cores


def _threads() -> list[int]:
    """How many threads SciPy's BLAS has, and Numba where it may not have them all: asking it is slow."""
    numbers = [number() for number, _ in _blas()]
    return [*numbers, numba.get_num_threads()] if len(_ours()) > len(numbers) else numbers


def _set_threads(numbers: list[int]) -> None:
    for (_, set_number), number in zip(_blas(), numbers, strict=False):
        set_number(number)
    for number in numbers[len(_blas()) :]:
        numba.set_num_threads(number)


@cache
def _ours() -> list[int]:
    """What they have while a kernel runs: BLAS, which each of our tasks calls, one thread, Numba `cores`."""
    config: Any = numba.config
    return [1] * len(_blas()) + ([cores()] if cores() < config.NUMBA_NUM_THREADS else [])


@cache
def cores() -> int:
    """How many cores are ours: by affinity and OMP_NUM_THREADS, read once, as OpenMP does; one without OpenMP.

    Waking a thread takes OpenMP, which spins, 2 µs; Numba's simplest layer takes 94, and it ends the process when two
    threads enter.
    """
    if _layer() == "workqueue":
        return 1
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return max(1, min(available, int(asked) if asked.isdigit() else available))


@cache
def _layer() -> str:
    """Numba's threading layer: what the user chose, else OpenMP if it is there."""
    config: Any = numba.config
    if config.THREADING_LAYER == "default":
        config.THREADING_LAYER = "omp" if find_spec("numba.np.ufunc.omppool") else "workqueue"
    return str(config.THREADING_LAYER)


@cache
def _blas() -> list[AskAndSet]:
    """How to ask for and set the number of threads of SciPy's BLAS; of all that are loaded if it has none."""
    return [_two_functions(library) for library in _loaded() if _is_scipys(library)] or _numpys()


@cache
def _numpys() -> list[AskAndSet]:
    """The same of NumPy's, which serves `@`."""
    return [_two_functions(library) for library in _loaded() if not _is_scipys(library)]


@cache
def _loaded() -> list[Any]:
    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


def _is_scipys(library: Any) -> bool:
    return "scipy" in library.filepath.replace("scipy_openblas", "")  # NumPy's own is called so, too


def _two_functions(library: Any) -> Any:
    """OpenBLAS's own, which threadpoolctl would look up at every call (by a private method, so it may be gone)."""
    find = getattr(library, "_get_symbol", lambda name: None)
    own = find("openblas_get_num_threads"), find("openblas_set_num_threads")
    return own if all(own) else (library.get_num_threads, library.set_num_threads)


_blocks = 0  # that have chosen this engine and are not left yet
_before_blocks: list[int] = []
_counting = threading.Lock()


class numpy_in_one_thread(AbstractContextManager[None]):  # a name as contextlib's have
    """Within the block NumPy's own products have one thread: after each, others would spin on our cores for 25 ms.

    A block that is entered and never left holds for as long as the process lives.
    """

    def __enter__(self) -> None:
        global _blocks, _before_blocks
        with _counting:
            _blocks += 1
            if _blocks == 1:
                _before_blocks = [number() for number, _ in _numpys()]
                for _, set_number in _numpys():
                    set_number(1)

    def __exit__(self, *raised: object) -> None:
        global _blocks
        with _counting:
            _blocks -= 1
            if not _blocks:
                for (_, set_number), number in zip(_numpys(), _before_blocks, strict=True):
                    set_number(number)


# ---------------------------------------------------------------------- what is said while it compiles


class _Announcement(event.Listener):
    """One line on stderr for each dtype, when the first of its kernels is really compiled."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    def on_start(self, happening: Any) -> None:
        function = happening.data["dispatcher"].py_func
        if not function.__module__.startswith(__package__ or "layers"):
            return
        found = {str(getattr(a, "dtype", "")) for a in happening.data["args"]} & {"float32", "float64"}
        for name in sorted(found - self.said):
            self.said.add(name)
            print(f"compiling the layers' loops for {name}, about 20 s, once", file=sys.stderr, flush=True)

    def on_end(self, happening: Any) -> None:
        pass


event.register("numba:compile", _Announcement())
