"""Tensors that still lie in their file: first one looks at names and shapes, then the numbers are read, one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NUMBERS = {  # the kinds of numbers in weight files → NumPy's name; NumPy has no bfloat16, only its 16 bits
    **{"float64": "f8", "float32": "f4", "float16": "f2", "bfloat16": "u2"},
    **{"int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?"},
}


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: its shape, the kind of its numbers (of NUMBERS), and what reads them."""

    shape: tuple[int, ...]
    kind: str
    read: Callable[[], np.ndarray]

    def __setstate__(self, state: object) -> None:
        """A pickle may not change it."""


def native(numbers: np.ndarray, kind: str) -> np.ndarray:
    """Row by row, in this machine's byte order.  A bfloat16 is the upper half of a float32, and becomes one."""
    if kind == "bfloat16":
        bits = numbers.astype(np.uint32, order="C")
        bits <<= 16
        return bits.view(np.float32)
    return np.asarray(numbers, numbers.dtype.newbyteorder("="), order="C")
