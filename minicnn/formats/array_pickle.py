"""Pickles of containers, text, numbers and NumPy arrays, by whatever Python and NumPy wrote them.

NumPy's own way back from a pickle trusts it: a made-up dtype can turn bytes into pointers.  Here a dtype is one of a
few kinds of numbers, and an array is as many of them as there are bytes for.
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np

from .errors import FileError
from .pickles import Known, Unknown, expected, unpickle


def read_array_pickle(content: bytes) -> Any:
    """What the pickle holds.  Anything but numbers, text and containers is refused with a FileError, and never run.

    Text of Python 2 (CIFAR-10's batches) comes as Latin-1: each character is one of its bytes.
    """
    left = 2 * len(content)  # bytes that came as text are copied twice

    def take(data: Any) -> bytearray:
        """A copy of bytes, however Python 2 or 3 wrote them; of all copies together the size is bounded."""
        nonlocal left
        left -= len(data)
        if left < 0:
            raise FileError("a pickle that claims more numbers than it has bytes")
        return bytearray(data, "latin1") if isinstance(data, str) else bytearray(expected((bytes, bytearray), data))

    class Array:
        """numpy._core.multiarray._reconstruct(ndarray, (0,), b"b"), which only then learns what it holds."""

        finished: Any = None

        def __setstate__(self, state: Any) -> None:
            _, shape, dtype, by_columns, data = expected(tuple, state)
            self.finished = shaped(take(data), dtype, shape, by_columns)

    def from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
        """numpy._core.numeric._frombuffer: how protocol 5 writes arrays."""
        return shaped(take(data), dtype, shape, order == "F")

    def encode(text: Any, encoding: Any) -> bytes:
        """How Python 3 writes bytes for Python 2: as the Latin-1 text that they would be."""
        if encoding != "latin1":
            raise FileError(f"refused: the pickle asks for the encoding {encoding!r:.80}")
        return bytes(take(expected(str, text)))

    names: dict[str, Any] = {"numpy.dtype": Known(Dtype), "_codecs.encode": Known(encode), "numpy.ndarray": "ndarray"}
    for core in ("core", "_core"):
        names[f"numpy.{core}.multiarray._reconstruct"] = Known(lambda kind, shape, code: Array())
        names[f"numpy.{core}.numeric._frombuffer"] = Known(from_buffer)
    return finished(unpickle(io.BytesIO(content), names), Array, {})


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


def shaped(data: bytearray, dtype: Any, shape: Any, by_columns: Any) -> np.ndarray:
    """The numbers in their shape, if they are as many."""
    kind = expected(Dtype, dtype)
    numbers = np.frombuffer(data, np.dtype(kind.code).newbyteorder(kind.order))
    array = numbers.reshape(expected(tuple, shape), order="F" if by_columns else "C")
    if array.shape != shape:  # reshape takes −1 for whatever is left
        raise FileError(f"a damaged pickle: an array of shape {shape}")
    return array


def finished(value: Any, unfinished: type, done: dict[int, tuple[Any, Any]]) -> Any:
    """The same with NumPy's arrays in their places; `done` knows what it has met, for containers hold each other."""
    if isinstance(value, unfinished):
        return value.finished  # type: ignore[attr-defined]
    if isinstance(value, Unknown):
        raise FileError(f"refused: the pickle asks for {value.name!r:.80}, which is neither numbers nor a container")
    if id(value) not in done:
        done[id(value)] = value, value
        if isinstance(value, (list, dict)):
            for key in range(len(value)) if isinstance(value, list) else list(value):
                value[key] = finished(value[key], unfinished, done)
        elif isinstance(value, tuple):
            done[id(value)] = value, tuple(finished(part, unfinished, done) for part in value)
    return done[id(value)][1]
