"""Layers with shapes but without weights, for the tables of the architectures.

A placeholder is a single NaN broadcast to the shape: a table of VGG-16 takes no memory, and an uninitialised network
gives scores of NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from layers import BatchNorm, Conv, FullyConnected, GroupedConv


def blank(*shape: int) -> np.ndarray:
    """An array of this shape that occupies four bytes."""
    return np.broadcast_to(np.float32(np.nan), shape)


def conv(C: int, M: int, k: int, **geometry: Any) -> Conv:
    """A convolution of C channels with M kernels of k×k; geometry: `stride`, `pad`."""
    return Conv(blank(M, C, k, k), blank(M), **geometry)


def grouped_conv(C: int, M: int, k: int, groups: int, **geometry: Any) -> GroupedConv:
    """The same in groups, each of which sees C/groups of the channels."""
    return GroupedConv(blank(M, C // groups, k, k), blank(M), groups, **geometry)


def fully_connected(D_in: int, D_out: int) -> FullyConnected:
    return FullyConnected(blank(D_out, D_in), blank(D_out))


def batch_norm(C: int) -> BatchNorm:
    return BatchNorm(blank(C), blank(C), blank(C), blank(C))
