"""What a file may ask for: numbers of a reasonable size, and maps that fit into memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from layers import Conv, Flatten, FullyConnected, GlobalAveragePool, Layer, ShapeError
from layers.branches import Branches

from ..errors import FileError

Known = tuple[int | None, ...]  # (C, H, W) of maps or (D,) of features, None where a file does not say

LARGEST_SIDE = 4096  # pixels of an image
LARGEST_MAPS = 2**28  # numbers that one image may become in a layer: 1 GB
LARGEST_STEP = 1024  # pixels of a window, a stride or a padding, channels of a normalisation: more is a damaged file


def whole(what: str, value: Any, count: int, largest: int = LARGEST_STEP) -> Any:
    """A tuple of `count` whole numbers, e.g. a stride, from a list; one may come without."""
    values = value if isinstance(value, list) else [value]
    if len(values) != count or not all(isinstance(v, (int, float)) and v in range(largest + 1) for v in values):
        raise FileError(f"{what} is {value}; expected {count} whole numbers of 0 … {largest}")
    return tuple(int(v) for v in values)


def refuse_odd_images(C: int, H: int, W: int) -> None:
    if min(C, H, W) < 1 or max(C, H, W) > LARGEST_SIDE:
        raise FileError(f"says that its images have {C} channels of {H}×{W} pixels")


def refuse_nonfinite(arrays: Mapping[str, Any]) -> None:
    """NaN or infinite numbers, by the smallest and the largest: np.isfinite(p) would take more memory."""
    for name, p in arrays.items():
        if p.size and not (np.isfinite(p.min()) and np.isfinite(p.max())):
            raise FileError(f"{name!r} holds NaN or infinite weights; to take them all the same: --allow-nonfinite")


def in_maps(scores: Known) -> bool:
    """Whether scores lie in maps, which must be of one pixel, and not in features."""
    if scores[1:] not in ((), (1, 1), (None, None)):
        raise FileError(f"gives scores in maps of {scores[1:]}; expected one number for each class")
    return len(scores) > 1


def shape_above(name: str, layer: Layer, shape: Known) -> Known:
    """The shape of what a layer makes of maps or features: an empty batch goes through it at once.

    Of an unknown shape as much as can be said without.
    """
    known = tuple(n for n in shape if n is not None)
    if len(known) < len(shape):
        channels = len(layer.b) if isinstance(layer, (Conv, FullyConnected)) else shape[0]
        if isinstance(layer, (Flatten, FullyConnected, GlobalAveragePool)) or len(shape) == 1:
            return (None if isinstance(layer, Flatten) else channels,)
        return (None if isinstance(layer, Branches) else channels, None, None)
    try:
        y, _ = layer.forward(np.zeros((0, *known), np.float32))
    except ShapeError as error:
        raise FileError(f"its layers do not fit each other: {error.at(name)}") from None
    if math.prod(y.shape[1:]) > LARGEST_MAPS:
        raise FileError(f"{type(layer).__name__} {name} makes maps of {y.shape[1:]} from {shape}")
    return y.shape[1:]
