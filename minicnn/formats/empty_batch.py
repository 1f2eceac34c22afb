"""An empty batch of images sent through the layers as they are read: shapes are checked, and nothing is computed.

(0, C, H, W) has no number in it, so every layer is done at once; what comes out still has the shape of its maps.
"""

from __future__ import annotations

import math

import numpy as np

from layers import Layer, ShapeError
from layers.arrays import Array

from .errors import FileError

LARGEST_SIDE = 4096  # pixels of an image
LARGEST_MAPS = 2**28  # numbers that one image may become in a layer: 1 GB
LARGEST_STEP = 1024  # pixels of a window, a stride or a padding, channels of a normalisation: more is a damaged file


def empty_batch(C: int, H: int, W: int) -> Array:
    """No images of C×H×W."""
    if min(C, H, W) < 1 or max(C, H, W) > LARGEST_SIDE:
        raise FileError(f"says that its images have {C} channels of {H}×{W} pixels")
    return np.zeros((0, C, H, W), np.float32)


def through(name: str, layer: Layer, x: Array | None) -> Array | None:
    """The empty batch behind the layer called `name`.  None, for images of unknown size, stays None."""
    if x is None:
        return None
    try:
        y, _ = layer.forward(x)
    except ShapeError as error:
        raise FileError(str(error.at(name))) from None
    if math.prod(y.shape[1:]) > LARGEST_MAPS:
        raise FileError(f"{type(layer).__name__} {name} makes maps of {y.shape[1:]} from {x.shape[1:]}")
    return y
