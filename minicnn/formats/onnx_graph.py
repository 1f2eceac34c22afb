"""A graph of operators as a chain with branches: what a Network is made of.

Each value that is computed from the image lies on another: the one that its operator reads.  What joins several values
(Concat, Add) lies on the fork, the nearest value that *every* way down from it to the image passes through,

    … → fork → a → b → junction → …                  chain:   …, Concat([a, b], [c]), …
             ↘ c ↗

which is where the chains below the joined values part.  (Compilers call it the immediate dominator.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from layers import Add, Concat, Layer

from ..errors import FileError
from .limits import Known, shape_above
from .onnx_node import Node


@dataclass(frozen=True, eq=False)
class Value:
    """A value computed from the image: a layer on the value below.  (The image has neither.)

    node:     the operator that makes it
    shape:    as the network here has it: after a global average (C,), for instance
    layer:    None where only what ONNX calls it changes
    axes:     those that ONNX counts: "NCHW" for the same average, if the file keeps them
    averaged: axes whose mean was taken so far; only that of both is a layer
    inside:   the values in the layer's branches, by name
    depth:    how many values there are down to the image
    batch:    how many images the file takes at once, 1 if it leaves that open
    """

    node: Node
    shape: Known
    below: Value | None = None
    layer: Layer | None = None
    axes: str = "NCHW"
    averaged: str = ""
    inside: frozenset[str] = frozenset()
    depth: int = 0
    batch: int = 1

    def then(self, node: Node, layer: Layer | None, axes: str = "", **more: Any) -> Value:
        """The value that an operator makes of this one."""
        shape = self.shape if layer is None else shape_above(node.name, layer, self.shape)
        return Value(node, shape, self, layer, axes or self.axes, depth=self.depth + 1, batch=self.batch, **more)

    @property
    def is_flat(self) -> bool:
        return len(self.shape) == 1

    @property
    def channels(self) -> int:
        if self.shape[0] is None:
            raise FileError("meets maps of an unknown number of channels; export with a fixed size of the images")
        return self.shape[0]


# ---------------------------------------------------------------------- values → a chain


def chain(top: Value, bottom: Value) -> list[Value]:
    """The values that make layers, above `bottom` and up to `top`, lowest first."""
    found = []
    while top is not bottom and top.below is not None:
        found.append(top)
        top = top.below
    return [value for value in reversed(found) if value.layer is not None]


def fork(a: Value, b: Value) -> Value:
    """The nearest value that both lie on."""
    while a is not b:
        upper, lower = (a, b) if a.depth >= b.depth else (b, a)
        assert upper.below is not None  # for both lie on the image
        a, b = upper.below, lower
    return a


def joined(node: Node, values: Sequence[Value]) -> Value:
    """A Concat or Add of several values."""
    if node.operator not in ("Concat", "Add", "Sum"):
        raise FileError(f"{node} reads several computed values, {', '.join(node.data)}; only Concat and Add may")
    if node.operator == "Concat" and node.attributes.get("axis", 1) != 1:
        raise FileError(f"{node}: joins along axis {node.attributes['axis']}; expected 1, the channels")
    bottom = reduce(fork, values)
    branches = [chain(value, bottom) for value in values]
    inside: set[str] = set()
    for value in (value for branch in branches for value in branch):
        names = {value.node.output, *value.inside}
        if inside & names:
            shared = min(inside & names)
            raise FileError(f"the branches do not join where they fork: {shared!r} is read by more than one of them")
        inside |= names
    kind = Concat if node.operator == "Concat" else Add
    layer = kind([[value.layer for value in branch if value.layer] for branch in branches])
    return bottom.then(node, layer, values[0].axes, inside=frozenset(inside))


def layers_of(top: Value, image: Value) -> dict[str, Layer]:
    """The layers from the image up; where a name is taken, the first of name_2, name_3, … that is not."""
    layers: dict[str, Layer] = {}
    for value in chain(top, image):
        name, n = value.node.name, 2
        while name in layers:
            name, n = f"{value.node.name}_{n}", n + 1
        if value.layer is not None:
            layers[name] = value.layer
    return layers
