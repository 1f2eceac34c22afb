"""Pickles of containers, text, numbers and NumPy arrays, by whatever Python and NumPy wrote them.

NumPy's own way back from a pickle trusts it: a made-up dtype can turn bytes into pointers.  Here a dtype is one of a
few kinds of numbers, and an array is as many of them as there are bytes for.
"""

from __future__ import annotations

import io
import math
import re
from typing import Any

import numpy as np

from .errors import FileError
from .pickles import Known, Ordered, Table, expected, unpickle


def read_array_pickle(content: bytes) -> Any:
    """What the pickle holds.  Anything but numbers, text and containers is refused with a FileError, and never run.

    Text of Python 2 (CIFAR-10's batches) comes as Latin-1: each character is one of its bytes.
    """
    left = 2 * len(content)  # bytes that came as text are copied twice

    def take(data: Any) -> bytes:
        """A copy of bytes, however Python 2 or 3 wrote them; of all copies together the size is bounded."""
        nonlocal left
        left -= len(data)
        if left < 0:
            raise FileError("a pickle that claims more numbers than it has bytes")
        return data.encode("latin1") if isinstance(data, str) else bytes(expected((bytes, bytearray), data))

    def encode(text: Any, encoding: Any) -> bytes:
        """How Python 3 writes bytes for Python 2: as the Latin-1 text that they would be."""
        if encoding != "latin1":
            raise FileError(f"refused: the pickle asks for the encoding {encoding!r:.80}")
        return take(expected(str, text))

    class Begun(Array):
        """numpy._core.multiarray._reconstruct(ndarray, (0,), b"b"), which only then learns what it holds."""

        def __setstate__(self, state: Any) -> None:
            _, shape, dtype, by_columns, data = expected(tuple, state)
            self.numbers = numbers_of(take(data), dtype, shape, "F" if by_columns else "C")

    def from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
        """numpy._core.numeric._frombuffer: how protocol 5 writes arrays."""
        made = Begun()
        made.numbers = numbers_of(take(data), dtype, shape, order)
        return made

    names = {"numpy.dtype": Known(Dtype), "_codecs.encode": Known(encode), "numpy.ndarray": "ndarray"}
    names["collections.OrderedDict"] = Known(Ordered)
    for core in ("core", "_core"):
        names[f"numpy.{core}.multiarray._reconstruct"] = Known(lambda kind, shape, code: Begun())
        names[f"numpy.{core}.numeric._frombuffer"] = Known(from_buffer)
    try:
        return finished(unpickle(io.BytesIO(content), Numbers(names)), {})
    except FileError:
        raise
    except Exception as error:  # the unpickler has many ways to say that a pickle is nonsense
        raise FileError(f"a damaged or truncated pickle ({error})") from None


class Numbers(Table):
    """The names that arrays need, and no others."""

    def __missing__(self, name: str) -> Any:
        raise FileError(f"refused: the pickle asks for {name!r:.80}, which is neither numbers nor a container")


class Array:
    """What stands for an array while the program runs: it must not get at NumPy's own."""

    numbers = np.empty(0)


class Dtype:
    """numpy.dtype("f4", False, True), which only then learns its byte order."""

    order = "|"

    def __init__(self, code: Any, align: Any, copy: Any) -> None:
        if not re.fullmatch("[iu][1248]|f[248]", expected(str, code)):
            raise FileError(f"refused: the pickle has an array of {code!r:.80}; expected numbers")
        self.code = code

    def __setstate__(self, state: Any) -> None:
        _, self.order, *rest = expected(tuple, state)
        if self.order not in ("<", ">", "|") or any(part is not None for part in rest[:3]):
            raise FileError("refused: the pickle has an array of something made up; expected numbers")


def numbers_of(data: bytes, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """The numbers in their shape, if they are as many."""
    kind = np.dtype(expected(Dtype, dtype).code).newbyteorder(dtype.order)
    if min(expected(tuple, shape), default=0) < 0 or math.prod(shape) * kind.itemsize != len(data):
        raise FileError(f"a damaged pickle: an array of shape {shape} with {len(data)} bytes")
    return np.frombuffer(bytearray(data), kind).reshape(shape, order=order)


def finished(value: Any, done: dict[int, tuple[Any, Any]]) -> Any:
    """The same with NumPy's arrays in the places of ours; `done` knows what it has met: containers hold each other."""
    if id(value) not in done:
        done[id(value)] = value, value.numbers if isinstance(value, Array) else value
        if isinstance(value, (list, dict)):
            for key in range(len(value)) if isinstance(value, list) else list(value):
                value[key] = finished(value[key], done)
        elif isinstance(value, tuple):
            done[id(value)] = value, tuple(finished(part, done) for part in value)
    return done[id(value)][1]
