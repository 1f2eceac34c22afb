"""An operator of an ONNX file, and what is read of it: its weights and its attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from layers.windows import Pair

from .empty_batch import LARGEST_STEP
from .errors import FileError

Dimensions = tuple[int | None, ...] | None


@dataclass(frozen=True, eq=False)
class Node:
    """An operator.

    name:       its own, or that of the value it makes
    output:     the value it makes
    data:       the values it reads that were computed from the image
    constants:  its inputs in their order: an array where the file holds it, None where it is computed or left out
    attributes: numbers, texts and lists by name
    shapes:     of the first value it reads and of the one it makes, each number None where it is open
    """

    operator: str
    name: str
    output: str
    data: Sequence[str]
    constants: Sequence[np.ndarray | None] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    shapes: tuple[Dimensions, Dimensions] = (None, None)

    def __str__(self) -> str:
        return f"{self.operator} {self.name!r}"


# ---------------------------------------------------------------------- weights


def has(node: Node, n: int) -> bool:
    return len(node.constants) > n and node.constants[n] is not None


def weights(node: Node, n: int, ndim: int | None = None) -> np.ndarray:
    """Input n, which the file must hold as numbers."""
    array = node.constants[n] if len(node.constants) > n else None
    if array is None:
        raise FileError(f"has no weights as input {n}; expected an array in the file")
    if array.dtype.kind != "f" or ndim not in (None, array.ndim):
        expected = "floating-point numbers" if ndim is None else f"{ndim} dimensions of floating-point numbers"
        raise FileError(f"has {array.dtype} of shape {array.shape} as input {n}; expected {expected}")
    return array


def scaled(array: np.ndarray, factor: float) -> np.ndarray:
    """factor · array, in the array's type; untouched for 1."""
    return np.ascontiguousarray(array if factor == 1 else array * array.dtype.type(factor))


def one_each(constant: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A constant that is added to maps or features of `shape`, as one number for each channel."""
    try:
        return np.broadcast_to(constant, shape).ravel()
    except ValueError:
        raise FileError(f"adds {constant.shape} numbers to {shape}; expected one for each channel") from None


# ---------------------------------------------------------------------- attributes


def whole(node: Node, key: str, count: int, default: int | None = None) -> tuple[int, ...]:
    """`count` whole numbers."""
    value: Any = node.attributes.get(key, [] if default is None else [default] * count)
    values = value if isinstance(value, list) else [value]
    if len(values) != count or not all(isinstance(v, int) and 0 <= v <= LARGEST_STEP for v in values):
        raise FileError(f"{key} is {value}; expected {count} whole numbers of 0 … {LARGEST_STEP}")
    return tuple(values)


def pair(node: Node, key: str, default: int | None = None) -> Pair:
    rows, columns = whole(node, key, 2, default)
    return rows, columns


def flag(node: Node, key: str, default: int = 0) -> bool:
    return whole(node, key, 1, default) != (0,)


def number(node: Node, key: str, default: float) -> float:
    value = node.attributes.get(key, default)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise FileError(f"{key} is {value}; expected a number")
    return float(value)
