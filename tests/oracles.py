"""Naive oracles: the formulas as loops over single numbers, slow and hard to get wrong.  Nothing here calls a layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]

# ---------------------------------------------------------------------- convolution


def taps_of_convolution(x_shape, K_shape, stride: Pair, pad: Sides) -> Iterator[tuple[tuple, tuple, tuple]]:
    """Every (place in Y, place in K, place in X) that convolution joins: Y += K · X, one product after the other."""
    (N, C, H, W), (M, _, kh, kw), (sh, sw), (top, bottom, left, right) = x_shape, K_shape, stride, pad
    I, J = (top + H + bottom - kh) // sh + 1, (left + W + right - kw) // sw + 1
    for n, m, i, j in product(range(N), range(M), range(I), range(J)):
        for c, u, v in product(range(C), range(kh), range(kw)):
            row, column = sh * i + u - top, sw * j + v - left
            if 0 <= row < H and 0 <= column < W:
                yield (n, m, i, j), (m, c, u, v), (n, c, row, column)


def convolution(x: np.ndarray, K: np.ndarray, b: np.ndarray, stride: Pair, pad: Sides) -> np.ndarray:
    I = (pad[0] + x.shape[2] + pad[1] - K.shape[2]) // stride[0] + 1
    J = (pad[2] + x.shape[3] + pad[3] - K.shape[3]) // stride[1] + 1
    y = np.zeros((x.shape[0], K.shape[0], I, J)) + b[:, None, None]
    for p, k, q in taps_of_convolution(x.shape, K.shape, stride, pad):
        y[p] += K[k] * x[q]
    return y


def convolution_input_gradient(grad: np.ndarray, x: np.ndarray, K: np.ndarray, stride: Pair, pad: Sides) -> np.ndarray:
    grad_x = np.zeros(x.shape)
    for p, k, q in taps_of_convolution(x.shape, K.shape, stride, pad):
        grad_x[q] += K[k] * grad[p]
    return grad_x


def convolution_kernel_gradient(grad: np.ndarray, x: np.ndarray, K: np.ndarray, stride: Pair, pad: Sides) -> np.ndarray:
    grad_K = np.zeros(K.shape)
    for p, k, q in taps_of_convolution(x.shape, K.shape, stride, pad):
        grad_K[k] += grad[p] * x[q]
    return grad_K


# ---------------------------------------------------------------------- pooling


def starts_of_windows(size: int, k: int, stride: int, before: int, after: int, ceil: bool) -> list[int]:
    """Where the windows along one axis begin, by walking: in the image's coordinates, padding at negative ones.

    A window counts if it ends inside the padded image.  With `ceil` one more counts, if it is needed to see the last
    of the padded image and starts inside the image or its left padding (Caffe's rule).
    """
    starts, start = [], -before
    while start + k <= size + after:
        starts.append(start)
        start += stride
    seen = start - stride + k  # the end of the last whole window (if there was none: where one before the first ends)
    if ceil and seen < size + after and start < size:
        starts.append(start)
    return starts


def windows(x: np.ndarray, size: Pair, stride: Pair, pad: Sides, ceil: bool) -> dict[tuple, list[tuple]]:
    """For every output place the places of X in its window, row by row; padding is not listed."""
    N, C, H, W = x.shape
    rows = starts_of_windows(H, size[0], stride[0], pad[0], pad[1], ceil)
    columns = starts_of_windows(W, size[1], stride[1], pad[2], pad[3], ceil)
    return {
        (n, c, i, j): [
            (n, c, row, column)
            for row, column in product(range(top, top + size[0]), range(left, left + size[1]))
            if 0 <= row < H and 0 <= column < W
        ]
        for n, c, (i, top), (j, left) in product(range(N), range(C), enumerate(rows), enumerate(columns))
    }


def max_pool(x: np.ndarray, seen: dict[tuple, list[tuple]], shape: tuple) -> tuple[np.ndarray, dict[tuple, tuple]]:
    """The maxima, and where each winner was: of equals the first (Python's `max` keeps the first it meets)."""
    y, winners = np.zeros(shape), {}
    for p, places in seen.items():
        winners[p] = max(places, key=lambda q: x[q])
        y[p] = x[winners[p]]
    return y, winners


def average_pool(x: np.ndarray, seen: dict[tuple, list[tuple]], shape: tuple) -> np.ndarray:
    y = np.zeros(shape)
    for p, places in seen.items():
        y[p] = sum(x[q] for q in places) / len(places)
    return y


# ---------------------------------------------------------------------- derivatives


def slope_by_slope(f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """∂f/∂x, one component after the other, by central differences."""
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place] += h
        down[place] -= h
        gradient[place] = (f(up) - f(down)) / (2 * h)
    return gradient
