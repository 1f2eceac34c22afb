"""The encoding of answers for the view: a JSON text, followed by the bytes of its arrays.

4 bytes    the length of the JSON text
JSON       in which an array is {"offset": …, "shape": […]}, its numbers one signed byte each
bytes      of all arrays, one after the other
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

LEVELS = 127  # of a signed byte: −127 … 127
PERCENTILE = 99.5  # of |values|: scaled by a few outliers, all others would look grey


def pack(answer: Any) -> bytes:
    """The answer, a JSON value that contains arrays of signed bytes, as bytes."""
    arrays: list[bytes] = []

    def place_of(array: np.ndarray) -> dict[str, Any]:
        offset = sum(map(len, arrays))
        arrays.append(array.astype(np.int8).tobytes())
        return {"offset": offset, "shape": array.shape}

    text = json.dumps(answer, allow_nan=False, separators=(",", ":"), default=place_of).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *arrays])


def scale_of(values: np.ndarray) -> float:
    """The value drawn as white: a percentile of the non-zero |values|; 0 if there are none."""
    sizes = np.abs(values[values != 0])
    return float(np.percentile(sizes, PERCENTILE)) if sizes.size else 0.0


def quantised(values: np.ndarray, scale: float) -> np.ndarray:
    """round(127 · values / scale), clipped to −127 … 127: for display only."""
    if scale == 0:
        return np.zeros(values.shape, np.int8)
    return np.clip(np.rint(values * (LEVELS / scale)), -LEVELS, LEVELS).astype(np.int8)


def reduced(maps: np.ndarray, by: int) -> np.ndarray:
    """Maps (C, H, W) reduced: of each by×by block the value with the largest |value|.  (C, ⌈H/by⌉, ⌈W/by⌉)."""
    if by == 1:
        return maps
    C, H, W = maps.shape
    h, w = -(-H // by), -(-W // by)
    larger = np.zeros((C, h * by, w * by), maps.dtype)
    larger[:, :H, :W] = maps
    blocks = larger.reshape(C, h, by, w, by).swapaxes(2, 3).reshape(C, h, w, by * by)
    largest = np.abs(blocks).argmax(axis=-1, keepdims=True)
    return np.take_along_axis(blocks, largest, axis=-1)[..., 0]


def block_of(shape: Sequence[int], side: int) -> int:
    """The factor by which maps (…, H, W) must be reduced to fit into side×side."""
    return max(1, -(-max(shape[-2:]) // side))


def figures(value: float, digits: int = 6) -> float:
    """The number rounded to so many significant digits."""
    return float(f"{float(value):.{digits}g}")
