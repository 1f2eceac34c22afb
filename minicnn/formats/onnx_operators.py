"""ONNX's operators as layers: one function for each, which reads the operator's attributes and weights.

Each gets the node and x, an empty batch of the maps that it meets (None where the file does not tell the images' size).
An operator that changes nothing for us gives None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from layers import (
    AveragePool,
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
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

from .empty_batch import LARGEST_STEP
from .errors import FileError
from .onnx_graph import Node


def convolution(node: Node, x: Array | None) -> Conv:
    K = weights(node, 1, ndim=4)
    b = weights(node, 2, ndim=1) if has(node, 2) else None
    refuse_dilation(node)
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


def biased(layer: Layer | None, node: Node) -> Layer:
    """The convolution or fully connected layer below an Add of a constant, with the constant in its bias."""
    if not isinstance(layer, (Conv, FullyConnected)):
        raise FileError("adds a constant to something else than a MatMul, Gemm or Conv")
    constant = next(array for array in node.constants if array is not None)
    shape = (1, len(layer.b), 1, 1) if isinstance(layer, Conv) else (1, len(layer.b))
    return layer.with_parameters({"b": layer.b + one_each(constant, shape).astype(layer.b.dtype)})


def flatten(node: Node, x: Array | None) -> Flatten:
    if whole(node, "axis", 1, default=1) != (1,):
        raise FileError("flattens from another axis than 1; expected features (N, D)")
    return Flatten()


def reshape(node: Node, x: Array | None) -> Flatten:
    """Only to (N, D).  Files made from a batch of one say (1, D), others (−1, D) or (0, −1)."""
    shape = node.attributes.get("shape")  # its place before 2017
    if shape is None:
        constant = node.constants[1] if len(node.constants) > 1 else None
        shape = None if constant is None else constant.tolist()
    if not isinstance(shape, list) or len(shape) != 2:
        raise FileError(f"reshapes to {'a computed shape' if shape is None else shape}; expected features (N, D)")
    return Flatten()


def dropout(node: Node, x: Array | None) -> Dropout:
    if has(node, 1):
        return Dropout(float(weights(node, 1).ravel()[0]))
    return Dropout(number(node, "ratio", 0.5))


OPERATORS: dict[str, Callable[[Node, Array | None], Layer | None]] = {
    "Conv": convolution,
    "Relu": lambda node, x: ReLU(),
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda node, x: GlobalAveragePool(),
    "LRN": local_response_norm,
    "BatchNormalization": batch_norm,
    "Gemm": gemm,
    "MatMul": matmul,
    "Flatten": flatten,
    "Reshape": reshape,
    "Dropout": dropout,
    "Identity": lambda node, x: None,
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


# ---------------------------------------------------------------------- weights


def has(node: Node, n: int) -> bool:
    return len(node.constants) > n and node.constants[n] is not None


def weights(node: Node, n: int, ndim: int | None = None) -> np.ndarray:
    """Input n, which the file must hold as numbers."""
    array = node.constants[n] if len(node.constants) > n else None
    if array is None:
        raise FileError(f"has no weights as input {n}; expected an array in the file")
    if array.dtype.kind != "f" or ndim not in (None, array.ndim):
        expected = "floating-point numbers" if ndim is None else f"{ndim} dimensions of floating-point numbers"
        raise FileError(f"has {array.dtype} of shape {array.shape} as input {n}; expected {expected}")
    return array


def scaled(array: np.ndarray, factor: float) -> np.ndarray:
    """factor · array, in the array's type; untouched for 1."""
    return np.ascontiguousarray(array if factor == 1 else array * array.dtype.type(factor))


def one_each(constant: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A constant that is added to maps or features of `shape`, as one number for each channel."""
    try:
        return np.broadcast_to(constant, shape).ravel()
    except ValueError:
        raise FileError(f"adds {constant.shape} numbers to {shape}; expected one for each channel") from None


# ---------------------------------------------------------------------- attributes


def whole(node: Node, key: str, count: int, default: int | None = None) -> tuple[int, ...]:
    """`count` whole numbers."""
    value: Any = node.attributes.get(key, [] if default is None else [default] * count)
    values = value if isinstance(value, list) else [value]
    if len(values) != count or not all(isinstance(v, int) and 0 <= v <= LARGEST_STEP for v in values):
        raise FileError(f"{key} is {value}; expected {count} whole numbers of 0 … {LARGEST_STEP}")
    return tuple(values)


def pair(node: Node, key: str, default: int | None = None) -> Pair:
    rows, columns = whole(node, key, 2, default)
    return rows, columns


def flag(node: Node, key: str, default: int = 0) -> bool:
    return whole(node, key, 1, default) != (0,)


def number(node: Node, key: str, default: float) -> float:
    value = node.attributes.get(key, default)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise FileError(f"{key} is {value}; expected a number")
    return float(value)
