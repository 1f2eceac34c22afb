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
from .pickle_machine import Known, Unfinished, expected, unpickle


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
        return bytearray(data, "latin1") if isinstance(data, str) else bytearray(expected(bytes, data))

    class Array(Unfinished):
        """numpy._core.multiarray._reconstruct(ndarray, (0,), b"b"), which only then learns what it holds."""

        def __init__(self, kind: Any, shape: Any, code: Any) -> None:
            pass

        def finish(self, state: Any) -> np.ndarray:
            _, shape, dtype, by_columns, data = expected(tuple, state)
            numbers = np.frombuffer(take(data), expected(np.dtype, dtype))
            array = numbers.reshape(expected(tuple, shape), order="F" if by_columns else "C")
            if array.shape != shape:  # reshape takes −1 for whatever is left
                raise FileError(f"a damaged pickle: an array of shape {shape}")
            return array

    def encode(text: Any, encoding: Any) -> bytes:
        """How Python 3 writes bytes for Python 2: as the Latin-1 text that they would be."""
        if encoding != "latin1":
            raise FileError(f"refused: the pickle asks for the encoding {encoding!r:.80}")
        return bytes(take(expected(str, text)))

    names = {
        "numpy.ndarray": np.ndarray,  # which the pickle may hand over; it can call what is Known, nothing else
        "numpy.dtype": Known(Dtype),
        "numpy.core.multiarray._reconstruct": Known(Array),
        "numpy._core.multiarray._reconstruct": Known(Array),
        "_codecs.encode": Known(encode),
    }
    return unpickle(io.BytesIO(content), names)


class Dtype(Unfinished):
    """numpy.dtype("f4", False, True), which only then learns its byte order."""

    def __init__(self, code: Any, align: Any, copy: Any) -> None:
        if not re.fullmatch("[iu][1248]|f[248]", expected(str, code)):
            raise FileError(f"refused: the pickle has an array of {code!r:.80}; expected numbers")
        self.code = code

    def finish(self, state: Any) -> np.dtype:
        _, order, *rest = expected(tuple, state)
        if order not in ("<", ">", "|") or any(part is not None for part in rest[:3]):
            raise FileError("refused: the pickle has an array of something made up; expected numbers")
        return np.dtype(self.code).newbyteorder(order)
