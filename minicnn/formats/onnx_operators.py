"""ONNX's operators as layers: one function for each, which reads the operator's attributes and weights.

Each gets the node and x, an empty batch of the maps that it meets (None where the file does not tell the images' size).
An operator that changes nothing for us gives None.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from layers import (
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    FullyConnected,
    GlobalAveragePool,
    GroupedConv,
    Layer,
    LocalResponseNorm,
    MaxPool,
    PaddedAveragePool,
    ReLU,
)
from layers.arrays import Array
from layers.windows import Pair, Sides

from .errors import FileError
from .onnx_node import Node, flag, has, number, one_each, pair, scaled, weights, whole
from .onnx_shapes import padded, spatial, view


def convolution(node: Node, x: Array | None) -> Conv | FullyConnected:
    """Behind a global average our maps are features (N, C) already, on which 1×1 kernels are a matrix."""
    K = weights(node, 1, ndim=4)
    b = weights(node, 2, ndim=1) if has(node, 2) else None
    refuse_dilation(node)
    if x is not None and x.ndim == 2 and K.shape[2:] == (1, 1) and whole(node, "group", 1, default=1) == (1,):
        return FullyConnected(K[:, :, 0, 0], b)
    groups, stride = whole(node, "group", 1, default=1)[0], pair(node, "strides", default=1)
    pad = padding(node, (K.shape[2], K.shape[3]), stride, x)
    return Conv(K, b, stride, pad) if groups == 1 else GroupedConv(K, b, groups, stride, pad)


def max_pool(node: Node, x: Array | None) -> MaxPool:
    refuse_dilation(node)
    size, stride = pair(node, "kernel_shape"), pair(node, "strides", default=1)
    return MaxPool(size, stride, padding(node, size, stride, x), ceil=flag(node, "ceil_mode"))


def average_pool(node: Node, x: Array | None) -> AveragePool:
    """An average counts the padding only where the file asks for it, and where there is any it makes a difference."""
    refuse_dilation(node)
    size, stride = pair(node, "kernel_shape"), pair(node, "strides", default=1)
    pad, ceil = padding(node, size, stride, x), flag(node, "ceil_mode")
    kind = PaddedAveragePool if flag(node, "count_include_pad") and any(pad) else AveragePool
    return kind(size, stride, pad, ceil)


def local_response_norm(node: Node, x: Array | None) -> LocalResponseNorm:
    """ONNX divides α by the size of the window."""
    (size,) = whole(node, "size", 1)
    kappa, alpha, beta = number(node, "bias", 1.0), number(node, "alpha", 1e-4), number(node, "beta", 0.75)
    return LocalResponseNorm.averaging(size, kappa, alpha, beta)


def batch_norm(node: Node, x: Array | None) -> BatchNorm:
    if flag(node, "training_mode") or not flag(node, "spatial", default=1):
        raise FileError("measures its input, or has a mean for each pixel; expected one of a trained network")
    gamma, beta, mean, variance = (weights(node, n, ndim=1) for n in (1, 2, 3, 4))
    if np.any(variance < 0):
        raise FileError("has a variance below 0")
    return BatchNorm(gamma, beta, mean, variance, number(node, "epsilon", 1e-5))


def gemm(node: Node, x: Array | None) -> FullyConnected:
    """Y = alpha · X B + beta · C, where transB says that the file holds Bᵀ = W."""
    if flag(node, "transA"):
        raise FileError("has transA = 1; expected images along the first axis")
    B = weights(node, 1, ndim=2)
    W = scaled(B if flag(node, "transB") else B.T, number(node, "alpha", 1.0))
    if not has(node, 2):
        return FullyConnected(W)
    return FullyConnected(W, np.array(one_each(scaled(weights(node, 2), number(node, "beta", 1.0)), (1, len(W)))))


def matmul(node: Node, x: Array | None) -> FullyConnected:
    """Y = X B.  A constant that is added to it becomes its bias (`biased`)."""
    return FullyConnected(np.ascontiguousarray(weights(node, 1, ndim=2).T))


def dropout(node: Node, x: Array | None) -> Dropout:
    if has(node, 1):
        return Dropout(float(weights(node, 1).ravel()[0]))
    return Dropout(number(node, "ratio", 0.5))


def alone(node: Node, x: Array | None) -> None:
    """A Concat of one value is that value; those of several are junctions of the graph."""
    if len(node.constants) > 1:
        raise FileError("joins maps with constants; expected maps alone")


OPERATORS: dict[str, Callable[[Node, Array | None], Layer | None]] = {
    "Conv": convolution,
    "Relu": lambda node, x: ReLU(),
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda node, x: None if x is not None and x.ndim == 2 else GlobalAveragePool(),
    "LRN": local_response_norm,
    "BatchNormalization": batch_norm,
    "Gemm": gemm,
    "MatMul": matmul,
    **dict.fromkeys(("Flatten", "Reshape", "Unsqueeze"), view),
    **dict.fromkeys(("ReduceMean", "Squeeze"), spatial),
    "Pad": padded,
    "Concat": alone,
    "Dropout": dropout,
    "Identity": lambda node, x: None,
    "Cast": lambda node, x: None,
}


# ---------------------------------------------------------------------- windows


def padding(node: Node, size: Pair, stride: Pair, x: Array | None) -> Sides:
    """(top, bottom, left, right).  ONNX lists top and left first; `auto_pad` depends on the size of the maps."""
    mode = node.attributes.get("auto_pad", b"NOTSET")
    if mode == b"VALID":
        return 0, 0, 0, 0
    if mode == b"NOTSET":
        top, left, bottom, right = whole(node, "pads", 4, default=0)
        return top, bottom, left, right
    if mode not in (b"SAME_UPPER", b"SAME_LOWER"):
        raise FileError(f"auto_pad is {mode!r}; expected NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    if x is None or x.ndim != 4:
        raise FileError("pads by the size of its maps, which the file does not tell")
    (top, bottom), (left, right) = (
        same_padding(n, k, s, upper=mode == b"SAME_UPPER") for n, k, s in zip(x.shape[2:], size, stride, strict=True)
    )
    return top, bottom, left, right


def same_padding(n: int, k: int, stride: int, upper: bool) -> Pair:
    """What makes ⌈n / stride⌉ windows fit; of an odd number of pixels one more goes to the end (`upper`), or before."""
    if stride < 1:
        raise FileError(f"has a stride of {stride}")
    total = max((math.ceil(n / stride) - 1) * stride + k - n, 0)
    less, more = total // 2, total - total // 2
    return (less, more) if upper else (more, less)


def refuse_dilation(node: Node) -> None:
    if pair(node, "dilations", default=1) != (1, 1):
        raise FileError("is dilated; such windows are not among the layers here")
    if flag(node, "storage_order"):
        raise FileError("counts its windows by columns; expected storage_order = 0")
