"""Who may run compiled code, and with how many cores.

One thread at a time, for kernels share scratch and cores; others wait, so that all get the same bits.  Who comes while
this very thread computes (a signal's handler), a forked child, which OpenMP would end, and empty arrays get NumPy's.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, wraps
from importlib.util import find_spec
from typing import Any

import numba
import numpy as np
from numba.core import event
from threadpoolctl import ThreadpoolController

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
        if _forked or _owner == here or any(a.size == 0 for a in arguments if isinstance(a, np.ndarray)):
            return instead(*arguments, **named)
        with suppress(Unsuited), _lock:
            _owner = here
            try:
                with own_threads():
                    return compiled(*arguments, **named)
            finally:
                _owner = 0
        return instead(*arguments, **named)

    return run


# ---------------------------------------------------------------------- cores


@contextmanager
def own_threads() -> Iterator[None]:
    """SciPy's BLAS, which our tasks call, with one thread, Numba with no more than `cores`; both given back."""
    fewer = cores() < _numbas_threads()  # seldom; asking Numba at each call is slow
    numbas, before = numba.get_num_threads() if fewer else 0, [number() for number, _ in _blas()]
    try:
        if fewer:
            numba.set_num_threads(min(numbas, cores()))
        for _, set_number in _blas():
            set_number(1)
        yield
    finally:
        if fewer:
            numba.set_num_threads(numbas)
        for (_, set_number), number in zip(_blas(), before, strict=True):
            set_number(number)


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


def _numbas_threads() -> int:
    """How many threads Numba starts."""
    config: Any = numba.config
    return int(config.NUMBA_NUM_THREADS)


@cache
def _layer() -> str:
    """Numba's threading layer: what the user chose, else OpenMP if it is there."""
    config: Any = numba.config
    if config.THREADING_LAYER == "default":
        config.THREADING_LAYER = "omp" if find_spec("numba.np.ufunc.omppool") else "workqueue"
    return str(config.THREADING_LAYER)


@cache
def _blas() -> list[tuple[Callable[[], int], Callable[[int], Any]]]:
    """How to ask for and set the number of threads of SciPy's BLAS; of all that are loaded if it has none."""
    loaded = [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]
    ours = [library for library in loaded if "scipy" in library.filepath] or loaded
    return [_two_functions(library) for library in ours]


def _two_functions(library: Any) -> Any:
    """OpenBLAS's own, which threadpoolctl would look up at every call (by a private method, so it may be gone)."""
    find = getattr(library, "_get_symbol", lambda name: None)
    own = find("openblas_get_num_threads"), find("openblas_set_num_threads")
    return own if all(own) else (library.get_num_threads, library.set_num_threads)


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
