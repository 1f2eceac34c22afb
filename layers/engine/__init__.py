"""The seam between definitions and engines: an engine decides how fast, never what.

A function that a layer's file marks `@accelerated` is its own definition: a few lines of NumPy that are the equation.
An engine may have a function of the same name that gives the same numbers, but for rounding, sooner:

    plain      no engine: the definitions run as they are written
    numpy      NumPy in strips that stay in the processor's cache; the default
    compiled   loops compiled by Numba, shared among the cores (the extra `fast`)

What an engine lacks, the definition computes; and so it is for all arrays but NumPy's of float32 and float64.  Empty
arrays, of which the shapes alone are asked for, are never compiled code's.

    with engine("compiled"): …     with plain(): …     MINICNN_ENGINE=plain python -m pdb program.py

Under a debugger the engine is plain, unless a block or the environment says otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache, partial, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from .debugger import debugger_is_here
from .image_by_image import in_pieces
from .memory import keep_freed_memory

P = ParamSpec("P")
R = TypeVar("R")

ENGINES = ("plain", "numpy", "compiled")
VARIABLE = "MINICNN_ENGINE"
FLOATS = {np.dtype("f4"), np.dtype("f8")}
ACCELERATED: dict[str, Callable[..., Any]] = {}  # the marked definitions: "correlate", "ReLU.forward", …

_chosen: ContextVar[str | None] = ContextVar("engine", default=None)


class EngineUnavailable(ValueError):
    """There is no such engine, or it cannot run here; the message says what would be right."""


def accelerated(definition: Callable[P, R]) -> Callable[P, R]:
    """Let an engine compute this function.  `f.__wrapped__`, and what `inspect.getsource` shows, is the definition."""
    ACCELERATED[definition.__qualname__] = definition

    @wraps(definition)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return (definition if _chosen.get() == "plain" else _implementation(definition, args))(*args, **kwargs)

    return run


def _implementation(definition: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The engine's function of this name if it has one and the arrays suit it, the definition otherwise."""
    dtypes, empty = set(), False
    for a in arguments:
        if type(a) is np.ndarray:
            dtypes.add(a.dtype)
            empty = empty or not a.size
        elif hasattr(a, "dtype"):
            return partial(in_pieces, definition)
    if definition.__name__ == "unpool":
        dtypes.discard(np.dtype(np.uint8))  # its switches
    name = current_engine()
    if name == "plain" or len(dtypes) != 1 or not dtypes <= FLOATS:
        return definition
    return _functions("numpy" if empty else name).get(definition.__qualname__, definition)


@cache
def _functions(name: str) -> dict[str, Callable[..., Any]]:
    """An engine's functions by the names of the definitions.  It is imported when it is first used."""
    keep_freed_memory()
    if name == "numpy":
        from .numpy_engine import FUNCTIONS
    else:
        from .compiled import FUNCTIONS
    return FUNCTIONS


# ---------------------------------------------------------------------- which engine


@contextmanager
def engine(name: str) -> Iterator[None]:
    """Within the block the engine `name` computes.  Blocks nest, and a block in one thread is that thread's alone.

    Raises EngineUnavailable (a ValueError) for an unknown name, or "compiled" without Numba.
    """
    name = _that_works_here(checked(name))
    before = _chosen.set(name)
    try:
        with _surroundings(name):
            yield
    finally:
        _chosen.reset(before)


def plain() -> AbstractContextManager[None]:
    """Within the block the definitions run as they are written: `with plain(): net.forward(x)`."""
    return engine("plain")


def current_engine() -> str:
    """The engine at work here: the block's, else the environment's, else plain under a debugger, else numpy."""
    return _chosen.get() or _of_environment() or ("plain" if debugger_is_here() else "numpy")


def engine_of_long_work() -> str:
    """The engine of work that takes minutes: what was asked for, else compiled in place of numpy if it is there."""
    asked, usual = _chosen.get() or _of_environment(), current_engine()
    return _that_works_here("compiled") if not asked and usual == "numpy" and compiled_is_installed() else usual


def checked(name: str, source: str = "") -> str:
    """The name of an engine that can run here; EngineUnavailable otherwise, which begins with `source`."""
    if name not in ENGINES:
        raise EngineUnavailable(f"{source}there is no engine {name!r}: choose from {', '.join(ENGINES)}")
    if name == "compiled" and not compiled_is_installed():
        raise EngineUnavailable(f"{source}the engine 'compiled' needs Numba: python -m pip install -e '.[fast]'")
    return name


@cache
def compiled_is_installed() -> bool:
    """Whether Numba is installed.  (It is not imported for this: that takes a fifth of a second.)"""
    from importlib.util import find_spec

    return find_spec("numba") is not None and find_spec(".compiled", __name__) is not None


@cache
def _of_environment() -> str:
    if not (name := os.environ.get(VARIABLE, "")):
        return ""
    name = _that_works_here(checked(name, source=f"{VARIABLE}: "))
    _surroundings(name).__enter__()  # for as long as the process lives
    return name


def _surroundings(name: str) -> AbstractContextManager[None]:
    """What holds while an engine is chosen: beside the compiled one, NumPy's own products have one thread."""
    if name != "compiled":
        return nullcontext()
    from .compiled import numpy_in_one_thread

    return numpy_in_one_thread()


@cache
def _that_works_here(name: str) -> str:
    """This engine, or numpy for compiled where Numba fails: a line on stderr says so, once, and why.

    Numba refuses a NumPy newer than itself, and cannot cache where neither the install nor the home can be written.
    """
    if name != "compiled":
        return name
    try:
        _functions(name)
    except (ImportError, RuntimeError, OSError) as error:
        why = " ".join(str(error).split())
        cure = ": set NUMBA_CACHE_DIR to a folder that can be written" if "cannot cache" in why else ""
        print(f"minicnn: NumPy computes, for the compiled engine fails here ({why}){cure}", file=sys.stderr)
        return "numpy"
    return name


__all__ = [
    "ENGINES",
    "EngineUnavailable",
    "accelerated",
    "checked",
    "compiled_is_installed",
    "current_engine",
    "engine",
    "engine_of_long_work",
    "plain",
]
