"""The receptive field of a unit: the input pixels that it depends on, from the geometry of the layers alone.

From the unit down, each layer says which positions of X_n the positions of X_{n+1} depend on:

    convolution and pooling:   i ↦ s·i − top + u,  u = 0 … k − 1, where that is a pixel and not padding
    ReLU, LRN, dropout, …:     i ↦ i
    branches:                  the union over the branches (a channel of a narrow branch depends on less than that)
    fully connected, global average:  everything

Rows and columns are followed separately, as two sorted arrays of positions; features have one array of positions.
"""

from __future__ import annotations

from functools import reduce, singledispatch
from typing import TypeAlias

import numpy as np

from layers import Conv, Flatten, FullyConnected, Layer
from layers.arrays import Array, module_of
from layers.branches import Branches
from layers.pool import Pool
from layers.windows import Pair, Sides

from .images import Box, Crop
from .network import Network, Trace
from .units import Unit, index_of

Positions: TypeAlias = tuple[np.ndarray, ...]  # (rows, columns) of maps, or (numbers,) of features
Shape: TypeAlias = tuple[int, ...]  # of one image's maps (C, H, W) or features (D,)


def receptive_field(net: Network, trace: Trace, layer: str, unit: Unit) -> tuple[int, int, int, int]:
    """The box (x0, y0, x1, y1) of input pixels that the unit depends on, right and bottom exclusive.

    A unit that depends on padding only has the empty box (0, 0, 0, 0).
    """
    if trace.maps[0].ndim != 4:
        raise ValueError(f"a receptive field needs an image (N, C, H, W), got {trace.maps[0].shape}")
    index = index_of(trace, layer, unit)
    positions: Positions = tuple(np.array([i]) for i in (index[1:] if len(index) == 3 else index))
    top = trace.names.index(layer)
    for n in range(top, -1, -1):
        below, above = (trace.maps[k].shape[1:] for k in (n, n + 1))
        positions = positions_below(net[trace.names[n]], positions, below, above)
    rows, columns = positions
    if not (rows.size and columns.size):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def photo_box(crop: Crop, field: tuple[int, int, int, int]) -> Box:
    """The part of the photograph that a box of the crop's pixels shows, (x0, y0, x1, y1) in the photograph's pixels."""
    (left, top, right, bottom), (h, w) = crop.box, crop.pixels.shape[:2]
    x0, y0, x1, y1 = field
    if crop.mirrored:
        x0, x1 = w - x1, w - x0
    across, down = (right - left) / w, (bottom - top) / h
    return left + x0 * across, top + y0 * down, left + x1 * across, top + y1 * down


# ---------------------------------------------------------------------- one layer down


@singledispatch
def positions_below(layer: Layer, positions: Positions, below: Shape, above: Shape) -> Positions:
    """The positions of X_n (of shape `below`) that `positions` of X_{n+1} (of shape `above`) depend on.

    Any other layer that keeps the size of the maps is assumed to work position by position.
    """
    return positions if _sizes(below) == _sizes(above) else everything(below)


@positions_below.register
def _conv(layer: Conv, positions: Positions, below: Shape, above: Shape) -> Positions:
    return through_windows(positions, below, layer.K.shape[2:], layer.stride, layer.pad)


@positions_below.register
def _pool(layer: Pool, positions: Positions, below: Shape, above: Shape) -> Positions:
    return through_windows(positions, below, layer.size, layer.stride, layer.pad)


@positions_below.register
def _fully_connected(layer: FullyConnected, positions: Positions, below: Shape, above: Shape) -> Positions:
    return everything(below)


@positions_below.register
def _flatten(layer: Flatten, positions: Positions, below: Shape, above: Shape) -> Positions:
    _channels, *places = np.unravel_index(positions[0], below)
    return tuple(np.unique(along) for along in places)


@positions_below.register
def _branches(layer: Branches, positions: Positions, below: Shape, above: Shape) -> Positions:
    no_images = module_of(layer.parameters).zeros((0, *below), dtype=np.float32)
    found = [_positions_below_chain(chain, positions, no_images) for chain in layer.branches.values()]
    found = [of_branch for of_branch in found if all(along.size for along in of_branch)]
    nothing = (np.array([], int),) * len(positions)
    return tuple(reduce(np.union1d, along) for along in zip(*found, strict=True)) or nothing


def _positions_below_chain(chain: list[Layer], positions: Positions, x: Array) -> Positions:
    shapes = [x.shape[1:]]
    for layer in chain:  # sizes within a branch are not in the trace: pass a batch of no images through it
        x, _ = layer.forward(x)
        shapes.append(x.shape[1:])
    for n in range(len(chain) - 1, -1, -1):
        positions = positions_below(chain[n], positions, shapes[n], shapes[n + 1])
    return positions


def through_windows(positions: Positions, below: Shape, size: Pair, stride: Pair, pad: Sides) -> Positions:
    """Every pixel of the windows at `positions`: s·i − top + u, without the padding."""
    rows, columns = positions
    return (
        _under_windows(rows, size[0], stride[0], pad[0], below[1]),
        _under_windows(columns, size[1], stride[1], pad[2], below[2]),
    )


def _under_windows(positions: np.ndarray, k: int, stride: int, before: int, size: int) -> np.ndarray:
    reached = np.unique(stride * positions[:, None] - before + np.arange(k))
    return reached[(reached >= 0) & (reached < size)]


def everything(shape: Shape) -> Positions:
    """All positions: every row and column of maps (C, H, W), every number of features (D,)."""
    return tuple(np.arange(size) for size in _sizes(shape))


def _sizes(shape: Shape) -> Shape:
    return shape[1:] if len(shape) == 3 else shape
