"""Windows that slide over maps: the arithmetic of sizes, strides and padding that convolution and pooling share.

Maps have the shape (N, C, H, W); how they lie in memory is the engine's affair and changes no result.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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


def padded(x: Array, top: int, bottom: int, left: int, right: int, fill: float = 0.0) -> Array:
    """The maps with `fill` around them: (…, H, W) → (…, top + H + bottom, left + W + right)."""
    if not (top or bottom or left or right):
        return x
    H, W = x.shape[-2:]
    larger = array_module(x).full_like(x, fill, shape=(*x.shape[:-2], top + H + bottom, left + W + right))
    larger[..., top : top + H, left : left + W] = x
    return larger


def unpadded(x: Array, top: int, bottom: int, left: int, right: int) -> Array:
    """The maps without their padding, a view: undoes `padded`."""
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def windows(x: Array, size: Pair, stride: Pair) -> Array:
    """What each window of kh×kw pixels sees: (N, C, H, W) → (N, C, I, J, kh, kw).  A view: nothing is copied."""
    at_every_pixel = array_module(x).lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))
    return at_every_pixel[:, :, :: stride[0], :: stride[1]]


def taps(x: Array, size: Pair, stride: Pair, count: Pair) -> Iterator[Array]:
    """The pixel that is tap q of each window, for q = 0 … kh·kw − 1 in row-major order: views (N, C, I, J)."""
    (sh, sw), (I, J) = stride, count
    for u in range(size[0]):
        for v in range(size[1]):
            yield x[..., u : u + sh * (I - 1) + 1 : sh, v : v + sw * (J - 1) + 1 : sw]
