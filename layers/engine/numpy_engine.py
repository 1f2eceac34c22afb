"""The NumPy engine: the same sums in strips that stay in the processor's cache.  No threads but those of NumPy's BLAS.

Maps (N, C, H, W) that are made here lie channels last in memory.  Then row u of a kh×kw window is one run of kw·C
numbers, patches are copied run by run, and a product of matrices writes where its result belongs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..windows import Pair, Sides, taps, unpadded
from . import ACCELERATED

Maps: TypeAlias = np.ndarray[Any, Any]

STRIP = 2 << 20  # bytes of windows copied at a time
ROWS = 128  # a product of fewer rows is not worth its call


def pixels(x: Maps) -> Maps:
    """(N, C, H, W) → (N, H, W, C), a view."""
    return x.transpose(0, 2, 3, 1)


def maps(p: Maps) -> Maps:
    """(N, H, W, C) → (N, C, H, W), a view: undoes `pixels`."""
    return p.transpose(0, 3, 1, 2)


def padded_pixels(x: Maps, pad: Sides, fill: float = 0.0) -> Maps:
    """The maps with `fill` around them, (N, …, …, C), contiguous; a negative side cuts rows or columns away."""
    p, (top, bottom, left, right) = pixels(x), pad
    if not any(pad):
        return np.ascontiguousarray(p)
    N, H, W, C = p.shape
    larger = np.full((N, top + H + bottom, left + W + right, C), fill, x.dtype)
    kept = p[:, max(-top, 0) : H + min(bottom, 0), max(-left, 0) : W + min(right, 0)]
    top, left = max(top, 0), max(left, 0)
    larger[:, top : top + kept.shape[1], left : left + kept.shape[2]] = kept
    return larger


def strips(N: int, I: int, bytes_per_row: int, least: int = 1) -> Iterator[tuple[slice, slice]]:
    """(images, rows): some whole images, or at least `least` rows of one, of about STRIP bytes."""
    if 2 * I * bytes_per_row <= STRIP:
        images, rows = STRIP // max(1, I * bytes_per_row), I
    else:
        images, rows = 1, max(least, STRIP // bytes_per_row)
    for n, i in product(range(0, N, images), range(0, I, rows)):
        yield slice(n, min(n + images, N)), slice(i, min(i + rows, I))


def patches(x: Maps, kernel: Pair, stride: Pair, pad: Sides) -> tuple[tuple[int, ...], Iterator[tuple[Any, Maps]]]:
    """The positions (N, I, J), and strips: where among the positions each lies, and its patches, (…, kh·kw·C)."""
    (kh, kw), (sh, sw), p = kernel, stride, padded_pixels(x, pad)
    (N, H, W, C), number = p.shape, p.itemsize
    (I, J), pixel, row = ((H - kh) // sh + 1, (W - kw) // sw + 1), C * number, W * C * number
    seen = as_strided(p, (N, I, J, kh, kw * C), (H * row, sh * row, sw * pixel, row, number), writeable=False)
    whole = iter([(slice(0, N), slice(0, I))][:N])  # a patch is a pixel: nothing to copy; none without images
    where = whole if seen.flags.c_contiguous else strips(N, I, J * kh * kw * pixel, least=-(-ROWS // J))
    return (N, I, J), ((strip, seen[strip].reshape(-1, kh * kw * C)) for strip in where)


def columns(K: Maps) -> Maps:
    """(kh·kw·C, M): a column for each kernel, copied so that those channels stay side by side that lie nearest."""
    if K.strides[1] <= K.strides[0]:
        return np.ascontiguousarray(K.transpose(0, 2, 3, 1)).reshape(len(K), -1).T
    return np.ascontiguousarray(K.transpose(2, 3, 1, 0)).reshape(-1, len(K))


def correlate(x: Maps, K: Maps, b: Maps | None = None, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0)) -> Maps:
    """Y = X ⋆ K + b: in each strip, patches (positions, kh·kw·C) times kernels (kh·kw·C, M)."""
    positions, strips_of_patches = patches(x, K.shape[2:], stride, pad)
    y = np.empty((*positions, len(K)), x.dtype)
    kernels = columns(K) if len(x) else K  # of no images the shape alone is asked for
    for strip, seen in strips_of_patches:
        rows = y[strip].reshape(-1, len(K))
        np.matmul(seen, kernels, out=rows)
        if b is not None:
            rows += b
    return maps(y)


def correlate_transposed(grad: Maps, K: Maps, shape: tuple[int, ...], stride: Pair, pad: Sides) -> Maps:
    """∂f/∂X = ∂f/∂Y ⋆ K̂ where strides are 1; otherwise, or if X has few channels, each gradient spreads its kernel."""
    grad, K = without_zero_channels(grad, K)
    (M, C, kh, kw), (H, W), (I, J), (top, _, left, _) = K.shape, shape[2:], grad.shape[2:], pad
    if stride != (1, 1) or 2 * C <= M:
        return spread(grad, K, shape, stride, pad)
    K_hat = K[:, :, ::-1, ::-1].swapaxes(0, 1)
    return correlate(grad, K_hat, pad=(kh - 1 - top, H + top - I, kw - 1 - left, W + left - J))


def spread(grad: Maps, K: Maps, shape: tuple[int, ...], stride: Pair, pad: Sides) -> Maps:
    """∂f/∂X(s·i + u, s·j + v) += ∂f/∂Y(i, j) · K(u, v): a product for each strip, added where each patch lay."""
    (M, C, kh, kw), (sh, sw), (top, bottom, left, right), (N, _, I, J) = K.shape, stride, pad, grad.shape
    height, width = top + shape[2] + bottom, max(left + shape[3] + right, sw * (J - 1 + -(-kw // sw)))
    below = np.zeros((N, height, width * C), grad.dtype)
    kernels, arrived = columns(K).T, np.ascontiguousarray(pixels(grad))
    for images, rows in strips(N, I, J * kh * kw * C * grad.itemsize, least=-(-ROWS // max(J, 1))):
        here = arrived[images, rows]
        patch = (here.reshape(-1, M) @ kernels).reshape(*here.shape[:3], kh, kw * C)
        for u, v in product(range(kh), range(0, kw, sw)):  # sw taps at once: they lie side by side
            run = slice(v * C, min(v + sw, kw) * C)
            seen = below[images, u + sh * rows.start : u + sh * (rows.stop - 1) + 1 : sh, v * C : (v + sw * J) * C]
            seen.reshape(*here.shape[:3], sw * C)[..., : run.stop - run.start] += patch[..., u, run]
    return unpadded(maps(below.reshape(N, height, width, C)), top, bottom, left, width - left - shape[3])


def kernel_gradient(grad: Maps, x: Maps, kernel: Pair, stride: Pair, pad: Sides) -> Maps:
    """∂f/∂K = Σ over strips of patchesᵀ (kh·kw·C, positions) times gradients (positions, M)."""
    M, C, arrived = grad.shape[1], x.shape[1], np.ascontiguousarray(pixels(grad))
    total = np.zeros((math.prod(kernel) * C, M), grad.dtype)
    for strip, seen in patches(x, kernel, stride, pad)[1]:
        total += seen.T @ arrived[strip].reshape(-1, M)
    return total.reshape(*kernel, C, M).transpose(3, 2, 0, 1)


def without_zero_channels(grad: Maps, K: Maps) -> tuple[Maps, Maps]:
    """Channels of ∂f/∂Y that are zero everywhere, as above a class score, change no sum: they and their kernels go."""
    rows, most = pixels(grad).reshape(-1, len(K)), 0.8 * len(K)
    if rows[::64].any(axis=0).sum() > most:  # a look at some pixels is often enough
        return grad, K
    needed = np.flatnonzero(rows.any(axis=0))
    return (maps(pixels(grad).take(needed, axis=3)), K[needed]) if 0 < needed.size <= most else (grad, K)


def max_pool(x: Maps, size: Pair, stride: Pair, pad: Sides) -> tuple[Maps, Maps]:
    """Max and argmax of a strip of windows, one tap after the other: of equals the first keeps its place."""
    p = maps(padded_pixels(x, pad, fill=-np.inf))
    N, C, H, W = p.shape
    I, J = (H - size[0]) // stride[0] + 1, (W - size[1]) // stride[1] + 1
    y = maps(np.full((N, I, J, C), -np.inf, x.dtype))
    switches = np.zeros_like(y, np.min_scalar_type(math.prod(size) - 1))
    for images, rows in strips(N, I, J * C * math.prod(size) * x.itemsize):
        best, winner = y[images, :, rows], switches[images, :, rows]
        for q, seen in enumerate(taps(p[images, :, stride[0] * rows.start :], size, stride, best.shape[2:])):
            np.maximum(winner, (seen > best) * switches.dtype.type(q), out=winner)  # q only grows: the last winner's
            np.maximum(best, seen, out=best)
    if np.isnan(y).any():  # no number compares with it: the definition knows the first
        return ACCELERATED["max_pool"](x, size, stride, pad)
    return y, switches


def unpool(grad: Maps, switches: Maps, shape: tuple[int, ...], size: Pair, stride: Pair, pad: Sides) -> Maps:
    """∂f/∂X(s) = Σ_p ∂f/∂Y(p) · 1(s = argmax), a strip at a time."""
    (N, C, H, W), (top, bottom, left, right), (I, J) = shape, pad, grad.shape[2:]
    below = maps(np.zeros((N, top + H + bottom, left + W + right, C), grad.dtype))
    for images, rows in strips(N, I, J * C * math.prod(size) * grad.itemsize):
        here, winner = grad[images, :, rows], switches[images, :, rows]
        for q, seen in enumerate(taps(below[images, :, stride[0] * rows.start :], size, stride, here.shape[2:])):
            seen += here * (winner == q)
    return unpadded(below, *pad)


def affine_transposed(grad: Maps, W: Maps) -> Maps:
    """Wᵀ ∂f/∂Y, by a few rows of W alone if no others meet anything, as above a class score."""
    needed = np.flatnonzero(grad.any(axis=0))
    return grad[:, needed] @ W[needed] if needed.size < len(W) // 8 else grad @ W


ALL = (correlate, correlate_transposed, kernel_gradient, max_pool, unpool, affine_transposed)
FUNCTIONS: dict[str, Callable[..., Any]] = {f.__name__: f for f in ALL}
