"""An operator of an ONNX file, and what is read of it: its weights and its attributes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import FileError
from . import limits


@dataclass(frozen=True, eq=False)
class Node:
    """An operator.

    name:       its own, or that of the value it makes
    output:     the value it makes
    data:       the values it reads that were computed from the image
    constants:  its inputs in their order: an array where the file holds it, None where it is computed or left out
    attributes: numbers, texts and lists by name
    """

    operator: str
    name: str
    output: str
    data: Sequence[str] = ()
    constants: Sequence[np.ndarray | None] = ()
    attributes: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.operator} {self.name!r}"

    def constant(self, n: int) -> np.ndarray | None:
        """Input n, if it is there and the file holds it."""
        return self.constants[n] if n < len(self.constants) else None


def node_of(proto: Any, made: Collection[str], constants: Mapping[str, np.ndarray]) -> Node:
    """A NodeProto, with the constants that it reads at hand."""
    import onnx

    if proto.domain not in ("", "ai.onnx"):
        raise FileError(f"{proto.op_type} {proto.name!r} is of the domain {proto.domain!r}; expected ONNX's own")
    output = proto.output[0] if proto.output else ""
    return Node(
        proto.op_type,
        proto.name.strip("/") or output,  # PyTorch writes "/features/features.0/Conv"
        output,
        [value for value in proto.input if value in made],
        [constants.get(value) for value in proto.input],
        {a.name: onnx.helper.get_attribute_value(a) for a in proto.attribute},
    )


# ---------------------------------------------------------------------- weights


def weights(node: Node, n: int, ndim: int | None = None) -> np.ndarray:
    """Input n, which the file must hold as numbers."""
    array = node.constant(n)
    if array is None:
        raise FileError(f"has no weights as input {n}; expected an array in the file")
    if array.dtype.kind != "f" or ndim not in (None, array.ndim):
        expected = "floating-point numbers" if ndim is None else f"{ndim} dimensions of floating-point numbers"
        raise FileError(f"has {array.dtype} of shape {array.shape} as input {n}; expected {expected}")
    return array


def one_each(constant: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A constant that is added to maps or features of `shape`, as one number for each channel."""
    try:
        return np.broadcast_to(constant, shape).ravel()
    except ValueError:
        raise FileError(f"adds {constant.shape} numbers to {shape}; expected one for each channel") from None


# ---------------------------------------------------------------------- attributes


def whole(node: Node, key: str, count: int, default: int | None = None) -> Any:
    """A tuple of `count` whole numbers."""
    return limits.whole(key, node.attributes.get(key, [] if default is None else [default] * count), count)


def flag(node: Node, key: str, default: int = 0) -> bool:
    return whole(node, key, 1, default) != (0,)


def number(node: Node, key: str, default: float) -> float:
    value = node.attributes.get(key, default)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise FileError(f"{key} is {value}; expected a number")
    return float(value)


def integers(node: Node, key: str, place: int) -> list[int] | None:
    """A list of whole numbers: an attribute in older files, an input in newer ones; None if it is left out."""
    constant = node.constant(place)
    value = node.attributes.get(key) if constant is None else np.ravel(constant).tolist()
    if value is not None and not (isinstance(value, list) and all(isinstance(n, int) for n in value)):
        raise FileError(f"{key} is {value!r:.80}; expected whole numbers")
    return value
