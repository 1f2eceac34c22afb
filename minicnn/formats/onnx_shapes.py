"""Operators that only change the shape of maps, average over their pixels, or frame them; and affine maps.

A network here knows maps (N, C, H, W) and features (N, D), ONNX any number of axes: what ends in features is a Flatten
or a GlobalAveragePool, however many steps a file takes for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from layers import BatchNorm, Conv, Flatten, FullyConnected, GlobalAveragePool, GroupedConv, Layer
from layers.arrays import Array
from layers.windows import Sides

from .empty_batch import LARGEST_STEP
from .errors import FileError
from .onnx_node import Node, one_each, whole

ADVICE = "flatten with torch.flatten(x, 1), and export with a batch of a fixed size"
AXES = ["N", "C", "H", "W"]
ARITHMETIC = ("Add", "Sum", "Sub", "Mul", "Div")


# ---------------------------------------------------------------------- several operators in a row as one


def simplified(chain: Sequence[Any]) -> list[Any]:
    """The chain with averages and squeezes in a row as one step, and paddings in the convolution above them."""
    found: list[Any] = []
    for step in chain:
        below, operator = found[-1] if found else None, getattr(step, "operator", "")
        if operator in ("ReduceMean", "Squeeze"):
            before = found.pop() if getattr(below, "operator", "") == "ReduceMean" else None
            step = reduced(step, before)
        elif operator == "Conv" and getattr(below, "operator", "") == "Pad" and "auto_pad" not in step.attributes:
            pads = whole(step, "pads", 4, default=0)
            top, bottom, left, right = pads_of(found.pop())
            inside = [a + b for a, b in zip(pads, (top, left, bottom, right), strict=True)]
            step = replace(step, attributes={**step.attributes, "pads": inside})
        found.append(step)
    return found


def reduced(node: Node, before: Node | None) -> Node:
    """A ReduceMean or Squeeze, with those before it, as one ReduceMean that lists what it averaged and what is left."""
    left = list(AXES if before is None else before.attributes["left"])
    averaged = set() if before is None else set(before.attributes["averaged"])
    axes = integers(node, "axes", 1)
    if axes is None and node.operator == "ReduceMean":
        raise FileError(f"{node}: averages over everything; expected the axes of the maps, x.mean([2, 3])")
    if any(not -len(left) <= axis < len(left) for axis in axes or []):
        raise FileError(f"{node}: takes the axes {axes} of {len(left)}")
    picked = ["H", "W"] if axes is None else [left[axis] for axis in axes]
    if node.operator == "ReduceMean":
        averaged.update(picked)
    if node.operator == "Squeeze" or not node.attributes.get("keepdims", 1):
        left = [axis for axis in left if axis not in picked]
    name = node.name if before is None else before.name
    return replace(node, operator="ReduceMean", name=name, attributes={"averaged": averaged, "left": left})


def spatial(node: Node, x: Array | None) -> Layer | None:
    """The mean over both axes of the maps is a GlobalAveragePool; axes of one pixel may be left out of it."""
    averaged, left = node.attributes["averaged"], node.attributes["left"]
    single = set() if x is None or x.ndim != 4 else {axis for axis, n in zip("HW", x.shape[2:], strict=True) if n == 1}
    if averaged - {"H", "W"} or left[:2] != ["N", "C"]:
        raise FileError(f"takes the axes {', '.join(AXES)} to {', '.join(left)}; expected the two of the maps, [2, 3]")
    if x is not None and x.ndim == 2:
        return Flatten()
    if averaged and averaged | single == {"H", "W"}:
        return GlobalAveragePool()
    if averaged or left != ["N", "C"] or (x is not None and single != {"H", "W"}):
        raise FileError(f"leaves axes {', '.join(left)}; expected both axes of the maps, x.mean([2, 3]), or features")
    return Flatten()


# ---------------------------------------------------------------------- other shapes


def view(node: Node, x: Array | None) -> Flatten | None:
    """Flatten, Reshape, Unsqueeze: to features (N, D), or to what the maps are here already."""
    made: Sequence[int | None] | None = node.shapes[1] or integers(node, "shape", 1)
    if node.operator == "Flatten":
        axis, rank = int(node.attributes.get("axis", 1)), len(node.shapes[0] or AXES)
        if axis not in (1, 1 - rank):
            raise FileError("flattens from another axis than 1; expected features (N, D)")
        return Flatten()
    if made is not None and len(made) == 2:
        inside = None if x is None else int(np.prod(x.shape[1:]))
        if made[1] is not None and made[1] > 0 and inside not in (None, made[1]):
            raise FileError(f"reshapes {inside} numbers of an image to {list(made)}; expected features (N, {inside})")
        return Flatten()
    if x is not None and made is not None and tuple(made[1:]) in (x.shape[1:], (*x.shape[1:], 1, 1)):
        return None
    to = "a computed shape" if made is None else list(made)
    raise FileError(f"reshapes to {to}; expected features (N, D): {ADVICE}")


def pads_of(node: Node) -> Sides:
    """(top, bottom, left, right) of a Pad, which may only frame maps by zeros."""
    pads = integers(node, "pads", 1) or []
    axes = integers(node, "axes", 3) or range(len(pads) // 2)
    values = [node.attributes.get("value", 0), *[a for a in node.constants[2:3] if a is not None and a.size]]
    if node.attributes.get("mode", b"constant") != b"constant" or any(np.any(value) for value in values):
        raise FileError(f"{node}: pads with something else than zeros")
    count = len(axes)
    sides = {axis % 4: (pads[n], pads[n + count]) for n, axis in enumerate(axes) if len(pads) == 2 * count}
    if not sides or any(any(pair) for axis, pair in sides.items() if axis < 2):
        raise FileError(f"{node}: pads is {list(pads)}; expected those of maps, above, left, below and right")
    (top, bottom), (left, right) = sides.get(2, (0, 0)), sides.get(3, (0, 0))
    if not all(0 <= pad <= LARGEST_STEP for pad in (top, bottom, left, right)):
        raise FileError(f"{node}: pads is {list(pads)}; expected whole numbers of 0 … {LARGEST_STEP}")
    return top, bottom, left, right


def padded(node: Node, x: Array | None) -> GroupedConv | None:
    """Zeros around maps, where no convolution above can take them in: a kernel of one pixel, 1, for each channel."""
    pad = pads_of(node)
    C = channels(node, x)
    return GroupedConv(np.ones((C, 1, 1, 1), np.float32), None, C, 1, pad) if any(pad) else None


# ---------------------------------------------------------------------- one number for each channel


def affine(node: Node, x: Array | None, below: Layer | None) -> tuple[Layer, bool]:
    """Y = a·X + c, a and c constant for each channel.  Whether it takes the place of the layer below is returned, too.

    What is added to a convolution or matrix goes into its bias; anything else becomes a BatchNorm with μ = 0, σ² = 1.
    """
    constant = next((array for array in node.constants if array is not None), None)
    if constant is None or len(node.constants) != 2 or constant.dtype.kind not in "fiu":
        raise FileError("computes with something else than one constant")
    known = None if below is None else below.parameters.get("b", below.parameters.get("beta"))
    C = channels(node, x) if known is None else len(known)
    rank = len(node.shapes[0] or ()) or (4 if x is None and isinstance(below, Conv) else 2 if x is None else x.ndim)
    number = one_each(constant, (1, C, *[1] * (rank - 2))).astype(np.float64)
    first = node.constants[0] is not None
    if node.operator == "Div" and first:
        raise FileError("divides by what it computed")
    a, c = np.ones(C), np.zeros(C)
    if node.operator in ("Mul", "Div"):
        with np.errstate(divide="ignore"):
            a = number if node.operator == "Mul" else 1 / number
    else:
        a, c = (-a, number) if node.operator == "Sub" and first else (a, -number if node.operator == "Sub" else number)
    if isinstance(below, (Conv, FullyConnected)) and np.all(a == 1):
        return below.with_parameters({"b": (below.b + c).astype(below.b.dtype)}), True
    if isinstance(below, BatchNorm):
        moved = {"gamma": a * below.gamma, "beta": a * below.beta + c}
        return below.with_parameters({key: p.astype(below.beta.dtype) for key, p in moved.items()}), True
    dtype = constant.dtype if constant.dtype == np.float64 else np.float32
    return BatchNorm(a.astype(dtype), c.astype(dtype), np.zeros(C, dtype), np.ones(C, dtype), eps=0), False


def channels(node: Node, x: Array | None) -> int:
    """How many channels the maps have that an operator meets."""
    shape = node.shapes[0] if x is None else x.shape
    if shape is None or len(shape) < 2 or not shape[1]:
        raise FileError("meets maps of an unknown number of channels; export with a fixed size of the images")
    return shape[1]


def integers(node: Node, key: str, place: int) -> list[int] | None:
    """A list of whole numbers: an attribute in older files, an input in newer ones; None if it is left out."""
    value = node.attributes.get(key)
    constant = node.constants[place] if value is None and len(node.constants) > place else None
    if constant is not None:
        value = np.ravel(constant).tolist()
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(n, int) for n in value):
        raise FileError(f"{node}: {key} is {value!r:.80}; expected whole numbers")
    return value
