"""ONNX's operators as layers: one function for each, which puts a layer on the value that the operator reads.

Those that only change the shape of maps, or average over their pixels, are in onnx_shapes.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import layers as ground
from layers import BatchNorm, Conv, FullyConnected, Layer
from layers.windows import Pair, Sides

from ..errors import FileError
from .onnx_graph import Value, joined
from .onnx_node import Node, flag, number, one_each, weights, whole
from .onnx_shapes import flattened, padded, pads_of, refuse_half, reshaped, spatial, unsqueezed

PROBABILITIES = ("Softmax", "LogSoftmax", "Sigmoid")  # left out at the end: a network gives scores
PASSING = ("Identity", "Flatten", "Reshape", "Squeeze", "Dropout", "Cast")  # what may stand behind them


def above(node: Node, values: Sequence[Value]) -> Value:
    """The value that an operator makes of those that it reads."""
    for value in values:
        if value.node.operator in PROBABILITIES:
            if node.operator in PASSING:
                return value
            raise unknown(value.node)
        refuse_half(value, node.operator)
    if len(values) > 1:
        return joined(node, values)
    if node.operator in PROBABILITIES:
        return values[0].then(node, None)
    if node.operator not in OPERATORS:
        raise unknown(node)
    try:
        made = OPERATORS[node.operator](node, values[0])
        return values[0].then(node, made) if isinstance(made, Layer) else made
    except ValueError as error:
        raise FileError(f"{node}: {error}") from None


def unknown(node: Node) -> FileError:
    return FileError(f"{node}: is not among the operators read here: {', '.join(OPERATORS)}")


# ---------------------------------------------------------------------- convolutions and matrices


def convolution(node: Node, below: Value) -> Layer | Value:
    """Behind a global average our maps are features (N, C) already, on which 1×1 kernels are a matrix."""
    K = weights(node, 1, ndim=4)
    b = None if node.constant(2) is None else weights(node, 2, ndim=1)
    (groups,), stride = whole(node, "group", 1, default=1), whole(node, "strides", 2, default=1)
    if below.is_flat and K.shape[2:] == (1, 1) and groups == 1:
        return FullyConnected(K[:, :, 0, 0], b)
    pad = padding(node, (K.shape[2], K.shape[3]), stride, below)
    if below.node.operator == "Pad" and below.below is not None and "auto_pad" not in node.attributes:
        top, bottom, left, right = (a + b for a, b in zip(pad, pads_of(below.node), strict=True))
        below, pad = below.below, (top, bottom, left, right)
    return below.then(node, Conv(K, b, stride, pad) if groups == 1 else ground.GroupedConv(K, b, groups, stride, pad))


def gemm(node: Node, below: Value) -> Layer:
    """Y = alpha · X B + beta · C, where transB says that the file holds Bᵀ = W."""
    if flag(node, "transA"):
        raise FileError("has transA = 1; expected images along the first axis")
    B = weights(node, 1, ndim=2)
    W = scaled(B if flag(node, "transB") else B.T, number(node, "alpha", 1.0))
    if node.constant(2) is None:
        return FullyConnected(W)
    return FullyConnected(W, np.array(one_each(scaled(weights(node, 2), number(node, "beta", 1.0)), (1, len(W)))))


def scaled(array: np.ndarray, factor: float) -> np.ndarray:
    """factor · array, in the array's type; untouched for 1."""
    return np.ascontiguousarray(array if factor == 1 else array * array.dtype.type(factor))


# ---------------------------------------------------------------------- windows


def max_pool(node: Node, below: Value) -> Layer:
    return ground.MaxPool(*windows(node, below), flag(node, "ceil_mode"))


def average_pool(node: Node, below: Value) -> Layer:
    """An average counts the padding only where the file asks for it, and where there is any it makes a difference."""
    size, stride, pad = windows(node, below)
    counts = flag(node, "count_include_pad") and any(pad)
    return (ground.PaddedAveragePool if counts else ground.AveragePool)(size, stride, pad, flag(node, "ceil_mode"))


def windows(node: Node, below: Value) -> tuple[Pair, Pair, Sides]:
    size, stride = whole(node, "kernel_shape", 2), whole(node, "strides", 2, default=1)
    return size, stride, padding(node, size, stride, below)


def padding(node: Node, size: Pair, stride: Pair, below: Value) -> Sides:
    """(top, bottom, left, right).  ONNX lists top and left first; `auto_pad` depends on the size of the maps."""
    if whole(node, "dilations", 2, default=1) != (1, 1):
        raise FileError("is dilated; such windows are not among the layers here")
    if flag(node, "storage_order"):
        raise FileError("counts its windows by columns; expected storage_order = 0")
    mode = node.attributes.get("auto_pad", b"NOTSET")
    if mode == b"VALID":
        return 0, 0, 0, 0
    if mode == b"NOTSET":
        top, left, bottom, right = whole(node, "pads", 4, default=0)
        return top, bottom, left, right
    if mode not in (b"SAME_UPPER", b"SAME_LOWER"):
        raise FileError(f"auto_pad is {mode!r}; expected NOTSET, VALID, SAME_UPPER or SAME_LOWER")
    if below.is_flat or None in below.shape or min(stride) < 1:
        raise FileError("pads by the size of its maps, which the file does not give, or by a stride of 0")
    _, H, W = below.shape
    down, across = (same(*known, mode == b"SAME_LOWER") for known in zip((H, W), size, stride, strict=True))
    return *down, *across


def same(n: Any, k: int, step: int, is_lower: bool) -> Pair:
    """The padding on either side of n pixels that makes ⌈n / stride⌉ windows fit; an odd pixel is behind, or before."""
    total = max((math.ceil(n / step) - 1) * step + k - n, 0)
    less, more = total // 2, total - total // 2
    return (more, less) if is_lower else (less, more)


# ---------------------------------------------------------------------- normalisation and arithmetic


def local_response_norm(node: Node, below: Value) -> Layer:
    """ONNX divides α by the size of the window."""
    (size,) = whole(node, "size", 1)
    kappa, alpha, beta = number(node, "bias", 1.0), number(node, "alpha", 1e-4), number(node, "beta", 0.75)
    return ground.LocalResponseNorm.averaging(size, kappa, alpha, beta)


def batch_norm(node: Node, below: Value) -> Layer:
    if flag(node, "training_mode") or not flag(node, "spatial", default=1):
        raise FileError("measures its input, or has a mean for each pixel; expected one of a trained network")
    gamma, beta, mean, variance = (weights(node, n, ndim=1) for n in (1, 2, 3, 4))
    if np.any(variance < 0):
        raise FileError("has a variance below 0")
    return BatchNorm(gamma, beta, mean, variance, number(node, "epsilon", 1e-5))


def affine(node: Node, below: Value) -> Layer | Value:
    """Y = a·X + c, a and c constant for each channel: a BatchNorm with μ = 0, σ² = 1.

    What is only added to a convolution or matrix goes into its bias, and what follows a BatchNorm into its γ and β.
    """
    constant = next((array for array in node.constants if array is not None), None)
    if constant is None or len(node.constants) != 2 or constant.dtype.kind not in "fiu":
        raise FileError("computes with something else than one constant")
    lower, layer = below.below, below.layer
    known = layer.parameters.get("b", layer.parameters.get("beta")) if layer else None
    C = below.channels if known is None else len(known)
    k = one_each(constant, (1, C, *[1] * (len(below.axes) - 2))).astype(np.float64)
    is_first, one, zero = node.constants[0] is not None, np.ones(C), np.zeros(C)
    if is_first and node.operator == "Div":
        raise FileError("divides by what it computed")
    with np.errstate(divide="ignore"):
        sub = (-one, k) if is_first else (one, -k)
        ways = {"Add": (one, k), "Sum": (one, k), "Sub": sub, "Mul": (k, zero), "Div": (1 / k, zero)}
        a, c = ways[node.operator]
    if lower is not None and isinstance(layer, (Conv, FullyConnected)) and np.all(a == 1):
        moved = {"b": layer.b + c}
    elif lower is not None and isinstance(layer, BatchNorm):
        moved = {"gamma": a * layer.gamma, "beta": a * layer.beta + c}
    else:
        dtype = np.float64 if constant.dtype == np.float64 else np.float32
        a, c, zero, one = (each.astype(dtype) for each in (a, c, zero, one))
        return BatchNorm(a, c, zero, one, eps=0)
    moved = {name: array.astype(layer.parameters[name].dtype) for name, array in moved.items()}
    return lower.then(below.node, layer.with_parameters(moved), below.axes)


def ratio(node: Node) -> float:
    """Of a Dropout: an input in newer files, an attribute in older ones."""
    return number(node, "ratio", 0.5) if node.constant(1) is None else float(weights(node, 1).ravel()[0])


def alone(node: Node, below: Value) -> Value:
    """A Concat of one value is that value."""
    if len(node.constants) > 1:
        raise FileError("joins maps with constants; expected maps alone")
    return below


OPERATORS: dict[str, Callable[[Node, Value], Layer | Value]] = {
    "Conv": convolution,
    "Relu": lambda node, below: ground.ReLU(),
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda node, below: below if below.is_flat else ground.GlobalAveragePool(),
    "LRN": local_response_norm,
    "BatchNormalization": batch_norm,
    "Gemm": gemm,
    "MatMul": lambda node, below: FullyConnected(np.ascontiguousarray(weights(node, 1, ndim=2).T)),
    "Flatten": flattened,
    "Reshape": reshaped,
    "Unsqueeze": unsqueezed,
    **dict.fromkeys(("ReduceMean", "Squeeze"), spatial),
    "Pad": padded,
    "Concat": alone,
    "Dropout": lambda node, below: ground.Dropout(ratio(node)),
    **dict.fromkeys(("Identity", "Cast"), lambda node, below: below),
    **dict.fromkeys(("Add", "Sum", "Sub", "Mul", "Div"), affine),
}
