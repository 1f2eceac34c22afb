"""A user's own layer from a file, `mylayer.py:MyLayer`.  The file is executed."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from layers import Layer

KERNELS, WEIGHTS = (4, 3, 3, 3), (5, 12)
ARGUMENTS = {"size": 3, "stride": 2, "pad": 1}  # for constructors that require them


def own_layer(source: str, rng: np.random.Generator) -> tuple[str, Layer]:
    """(name, layer) of FILE.py:NAME, where NAME is a class, which is instantiated, or a layer that the file makes."""
    path, colon, name = source.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise ValueError(f"{source}: expected FILE.py:NAME, such as mylayer.py:MyLayer")
    with blamed_on(path):
        module = run_file(Path(path))
    if not hasattr(module, name):
        layers = [n for n, thing in vars(module).items() if is_own_layer(thing, module)]
        instead = f"; it has {', '.join(layers)}" if layers else ", and no other layer"
        raise ValueError(f"{path} has no {name}{instead}")
    thing = getattr(module, name)
    if isinstance(thing, type) and issubclass(thing, Layer):
        with blamed_on(path):
            thing = made(thing, source, rng)
    if not isinstance(thing, Layer):
        raise ValueError(f"{source} is no layer: expected `class {name}(Layer):`, after `from layers import Layer`")
    return name, thing


def run_file(path: Path) -> ModuleType:
    """The module that a Python file makes; it may import files beside it."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    code = compile(path.read_bytes(), str(path), "exec")
    sys.path.insert(0, str(path.resolve().parent))
    try:
        exec(code, module.__dict__)
    finally:
        sys.path.pop(0)
    return module


def is_own_layer(thing: Any, module: ModuleType) -> bool:
    made_here = getattr(thing, "__module__", None) == module.__name__
    return isinstance(thing, Layer) or (isinstance(thing, type) and issubclass(thing, Layer) and made_here)


def made(kind: type[Layer], source: str, rng: np.random.Generator) -> Layer:
    """A layer of this class; K, W and b are random, size, stride and pad as `ARGUMENTS` has them."""
    parameters = inspect.signature(kind).parameters.values()
    given: dict[str, Any] = {}
    for p in parameters:
        if p.name in ("K", "W"):
            given[p.name] = rng.standard_normal(KERNELS if p.name == "K" else WEIGHTS)
        elif p.name == "b":
            given["b"] = rng.standard_normal(KERNELS[0] if "K" in given else WEIGHTS[0])
        elif p.name in ARGUMENTS and (p.default is p.empty or p.name == "pad"):
            given[p.name] = ARGUMENTS[p.name]
        elif p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            path, _, name = source.rpartition(":")
            raise ValueError(
                f"{source} needs the argument {p.name}: write `mine = {name}(…)` into {path}, and check {path}:mine"
            )
    return kind(**given)


def shape_for(layer: Layer) -> tuple[int, ...]:
    """The shape of an X_n for a layer: as its kernels or weights have it, maps (2, 3, 6, 7) otherwise."""
    for p in layer.parameters.values():
        if p.ndim == 2:
            return (3, int(p.shape[1]))
        if p.ndim == 4:
            return (2, int(p.shape[1]), 6, 7)
    return (2, 3, 6, 7)


@contextmanager
def blamed_on(path: str) -> Iterator[None]:
    """Errors inside become ValueErrors that name the line of the file."""
    try:
        yield
    except SyntaxError as error:
        raise ValueError(f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}") from error
    except SystemExit as error:
        raise ValueError(f"{path} ends the program (SystemExit: {error}) when it is run") from error
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        if not frames:
            raise
        where = f"{path}, line {frames[-1].lineno}, in {frames[-1].name}: "
        raise ValueError(where.replace(", in <module>", "") + f"{type(error).__name__}: {error}") from error
