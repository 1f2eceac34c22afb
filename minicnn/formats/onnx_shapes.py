"""Operators that only change the shape of maps, average over their pixels, or pad them.

A network here knows maps (N, C, H, W) and features (N, D), ONNX any number of axes: what ends in features is a Flatten
or a GlobalAveragePool, however many steps a file takes for it.
"""

from __future__ import annotations

import math

import numpy as np

from layers import Flatten, GlobalAveragePool, GroupedConv, Layer
from layers.windows import Sides

from ..errors import FileError
from .limits import LARGEST_STEP
from .onnx_graph import Value
from .onnx_node import Node, integers

ADVICE = "flatten with torch.flatten(x, 1), and export with a batch of a fixed size"


# ---------------------------------------------------------------------- averages, and axes of one pixel


def spatial(node: Node, below: Value) -> Value:
    """ReduceMean or Squeeze.  The mean over both axes of the maps is a GlobalAveragePool, in one step or in two."""
    axes, is_mean = integers(node, "axes", 1), node.operator == "ReduceMean"
    if axes is None and is_mean:
        raise FileError("averages over everything; expected the axes of the maps, x.mean([2, 3])")
    if any(not -len(below.axes) <= axis < len(below.axes) for axis in axes or []):
        raise FileError(f"takes the axes {axes} of {len(below.axes)}")
    picked = {below.axes[axis] for axis in axes} if axes is not None else {"H", "W"}
    stays = is_mean and node.attributes.get("keepdims", 1)
    left = below.axes if stays else "".join(axis for axis in below.axes if axis not in picked)
    if picked & {"N", "C"}:
        raise FileError(f"takes the axes {', '.join(below.axes)} to {', '.join(left)}; expected the two of the maps")
    single = {"H", "W"} if below.is_flat else {axis for axis, n in zip("HW", below.shape[1:], strict=True) if n == 1}
    averaged = {*below.averaged, *picked} if is_mean else {*below.averaged}
    if below.is_flat:
        return below.then(node, None, left)
    if averaged and averaged | single == {"H", "W"}:
        return below.then(node, GlobalAveragePool(), left)
    if not averaged and None not in below.shape and not picked <= single:
        raise FileError(f"takes away axes of {below.shape[1:]} pixels; expected both axes of the maps, x.mean([2, 3])")
    return below.then(node, Flatten() if left == "NC" else None, left, averaged="".join(sorted(averaged)))


def refuse_half(value: Value, operator: str = "") -> None:
    """What has lost one axis of the maps can only lose the other."""
    if operator not in ("ReduceMean", "Squeeze") and not value.is_flat and (value.averaged or value.axes != "NCHW"):
        axes = ", ".join(value.axes)
        raise FileError(f"{value.node}: leaves axes {axes}; expected both axes of the maps, x.mean([2, 3])")


# ---------------------------------------------------------------------- other shapes


def flattened(node: Node, below: Value) -> Value:
    if node.attributes.get("axis", 1) not in (1, 1 - len(below.axes)):
        raise FileError("flattens from another axis than 1; expected features (N, D)")
    return below.then(node, Flatten(), "NC")


def reshaped(node: Node, below: Value) -> Value:
    """To features (N, D), or to what the maps are here already."""
    now = (below.batch, *below.shape, 1, 1)[:4]
    made = [now[axis] if n == 0 and axis < 4 else n for axis, n in enumerate(integers(node, "shape", 1) or [])]
    inside = None if None in below.shape else math.prod(below.shape)  # type: ignore[arg-type]
    if len(made) == 2:
        if made[0] not in (-1, below.batch) or (made[1] != -1 and inside not in (None, made[1])):
            raise FileError(f"reshapes {inside} numbers of an image to {made}; expected features (N, {inside})")
        return below.then(node, Flatten(), "NC")
    if inside is not None and len(made) == 4 and all(n in (m, -1) for n, m in zip(made, now, strict=True)):
        return below.then(node, None, "NCHW")
    raise FileError(f"reshapes to {made or 'a computed shape'}; expected features (N, D): {ADVICE}")


def unsqueezed(node: Node, below: Value) -> Value:
    """Features as maps of one pixel."""
    if below.axes != "NC" or sorted(axis % 4 for axis in integers(node, "axes", 1) or []) != [2, 3]:
        raise FileError(f"adds axes to {', '.join(below.axes)}; expected features (N, D): {ADVICE}")
    return below.then(node, None, "NCHW")


def padded(node: Node, below: Value) -> Layer | Value:
    """Zeros around maps, where no convolution above can take them in: a kernel of one pixel, 1, for each channel."""
    pad, C = pads_of(node), below.channels
    return GroupedConv(np.ones((C, 1, 1, 1), np.float32), None, C, 1, pad) if any(pad) else below


def pads_of(node: Node) -> Sides:
    """(top, bottom, left, right) of a Pad, which may only put zeros around maps."""
    pads = integers(node, "pads", 1) or []
    axes = integers(node, "axes", 3) or range(len(pads) // 2)
    values = [node.attributes.get("value", 0), *[a for a in node.constants[2:3] if a is not None and a.size]]
    if node.attributes.get("mode", b"constant") != b"constant" or any(np.any(value) for value in values):
        raise FileError("pads with something else than zeros")
    sides = {axis % 4: pair for axis, pair in zip(axes, zip(pads, pads[len(axes) :], strict=False), strict=False)}
    (top, bottom), (left, right) = sides.get(2, (0, 0)), sides.get(3, (0, 0))
    is_odd = len(pads) != 2 * len(axes) or not pads or any(sides.get(0, ()) + sides.get(1, ()))
    if is_odd or not all(0 <= pad <= LARGEST_STEP for pad in pads):
        raise FileError(f"pads is {pads}; expected those of maps, above, left, below, right: 0 … {LARGEST_STEP}")
    return top, bottom, left, right
