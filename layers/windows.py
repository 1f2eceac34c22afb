"""Windows that slide over maps: the arithmetic of sizes, strides and padding that convolution and pooling share.

Maps have the shape (N, C, H, W).  How they lie in memory is another matter, and changes no result: those that
convolutions make lie pixel by pixel, all channels of a pixel side by side ("channels last"), which is what makes
patches, pools and sums over channels fast, and the other layers keep the order that they find.  Maps that lie
otherwise, a photograph's say, are as good, and a little slower.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import TypeAlias

from .arrays import Array, array_module

Pair: TypeAlias = tuple[int, int]
Sides: TypeAlias = tuple[int, int, int, int]


def pair(value: int | Pair) -> Pair:
    """One number for both directions, or (vertical, horizontal)."""
    rows, columns = value if isinstance(value, tuple | list) else (value, value)
    return int(rows), int(columns)


def four_sides(pad: int | Sides) -> Sides:
    """One number for all sides, or (top, bottom, left, right)."""
    top, bottom, left, right = pad if isinstance(pad, tuple | list) else (pad,) * 4
    if min(top, bottom, left, right) < 0:
        raise ValueError(f"padding must not be negative, got {pad}")
    return int(top), int(bottom), int(left), int(right)


def window_count(size: int, k: int, stride: int, before: int, after: int, ceil: bool = False) -> int:
    """How many windows of k pixels fit along an axis of `size` pixels: ⌊(size + padding − k) / stride⌋ + 1.

    With `ceil` a last, incomplete window counts too, provided that it starts inside the image or its left padding
    (Caffe's rule); it may be the only one.  Below 1 there is no room.
    """
    room = size + before + after - k
    count = (math.ceil(room / stride) if ceil else room // stride) + 1
    if ceil and (count - 1) * stride >= size + before:
        count -= 1
    return count


def framed(x: Array, top: int, bottom: int, left: int, right: int, fill: float = 0.0) -> Array:
    """The maps with a frame of `fill` around them; a negative side cuts rows or columns away instead.

    Shapes: (…, H, W) → (…, top + H + bottom, left + W + right).  Without anything to add, the result is a view.
    A side may cut away all of the maps and some of the frame opposite: what is left is frame alone.
    """
    H, W = x.shape[-2:]
    kept = x[..., max(-top, 0) : max(H + min(bottom, 0), 0), max(-left, 0) : max(W + min(right, 0), 0)]
    if max(top, bottom, left, right) <= 0:
        return kept
    frame = array_module(x).full_like(x, fill, shape=(*x.shape[:-2], top + H + bottom, left + W + right))
    top, left = max(top, 0), max(left, 0)
    frame[..., top : top + kept.shape[-2], left : left + kept.shape[-1]] = kept
    return frame


def unframed(x: Array, top: int, bottom: int, left: int, right: int) -> Array:
    """The maps without that frame: undoes `framed`."""
    return framed(x, -top, -bottom, -left, -right)


def pixelwise(x: Array) -> Array:
    """The maps with their channels last, (N, C, H, W) → (N, H, W, C): a view, in the order of memory."""
    return x.transpose(0, 2, 3, 1)


def empty_maps(xp: ModuleType, shape: tuple[int, ...], dtype: object) -> Array:
    """New maps (N, C, H, W) that lie pixel by pixel in memory; their values are whatever was there."""
    N, C, H, W = shape
    return xp.empty((N, H, W, C), dtype=dtype).transpose(0, 3, 1, 2)


def pixel_by_pixel(x: Array) -> Array:
    """The same maps, lying pixel by pixel in memory; not copied if they do."""
    return array_module(x).ascontiguousarray(pixelwise(x)).transpose(0, 3, 1, 2)
