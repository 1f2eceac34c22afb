"""The NumPy engine: the same sums in strips that stay in the processor's cache.  No threads but those of NumPy's BLAS.

Maps have the shape (N, C, H, W) as everywhere, but those made here lie channels last in memory, all channels of a pixel
side by side.  Then row u of a kh×kw window is one run of kw·C numbers, patches are copied run by run, and a product of
matrices writes where its result belongs.  Maps that lie otherwise, a photograph's say, are copied once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..windows import Pair, Sides, taps, unpadded
from . import ACCELERATED

Maps: TypeAlias = np.ndarray[Any, Any]

STRIP = 2 << 20  # bytes of windows copied at a time
ROWS = 128  # a product of fewer rows is not worth its call
MANY = 0.8  # of the channels; if no more are non-zero, the others are left out


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
        step = STRIP // max(1, I * bytes_per_row)
        yield from ((slice(n, min(n + step, N)), slice(0, I)) for n in range(0, N, step))
    else:
        step = max(least, STRIP // bytes_per_row)
        yield from ((slice(n, n + 1), slice(i, min(i + step, I))) for n in range(N) for i in range(0, I, step))


def patches(x: Maps, kernel: Pair, stride: Pair, pad: Sides) -> Maps:
    """What each position sees: (N, I, J, kh, kw·C), a view."""
    (kh, kw), (sh, sw), p = kernel, stride, padded_pixels(x, pad)
    (N, H, W, C), number = p.shape, p.itemsize
    pixel, row = C * number, W * C * number  # bytes from one to the next
    strides = (H * row, sh * row, sw * pixel, row, number)
    return as_strided(p, (N, (H - kh) // sh + 1, (W - kw) // sw + 1, kh, kw * C), strides, writeable=False)


def strips_of(seen: Maps) -> Iterator[tuple[slice, slice]]:
    """Strips of patches; all at once where a patch is a pixel, for then nothing is copied."""
    N, I, J, kh, length = seen.shape
    if seen.flags.c_contiguous:
        return iter([(slice(0, N), slice(0, I))])
    return strips(N, I, J * kh * length * seen.itemsize, least=-(-ROWS // J))


def correlate(x: Maps, K: Maps, b: Maps | None = None, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0)) -> Maps:
    """Y = X ⋆ K + b: in each strip, patches (positions, kh·kw·C) times kernels (kh·kw·C, M)."""
    seen, M, length = patches(x, K.shape[2:], stride, pad), len(K), math.prod(K.shape[1:])
    y = np.empty((*seen.shape[:3], M), x.dtype)
    if not y.size:  # a batch of no images, which asks for shapes alone
        return maps(y)
    kernels = np.ascontiguousarray(K.transpose(2, 3, 1, 0)).reshape(length, M)
    for strip in strips_of(seen):
        rows = y[strip].reshape(-1, M)
        np.matmul(seen[strip].reshape(len(rows), length), kernels, out=rows)
        if b is not None:
            rows += b
    return maps(y)


def correlate_transposed(grad: Maps, K: Maps, shape: tuple[int, ...], stride: Pair, pad: Sides) -> Maps:
    """∂f/∂X = ∂f/∂Y ⋆ K̂ where strides are 1; otherwise, or if X has few channels, each gradient spreads its kernel."""
    grad, K = without_zero_channels(grad, K)
    (M, C, kh, kw), (H, W), (I, J), (top, _, left, _) = K.shape, shape[2:], grad.shape[2:], pad
    if stride != (1, 1) or 4 * C <= M:
        return spread(grad, K, shape, stride, pad)
    K_hat = K[:, :, ::-1, ::-1].swapaxes(0, 1)
    return correlate(grad, K_hat, pad=(kh - 1 - top, H + top - I, kw - 1 - left, W + left - J))


def spread(grad: Maps, K: Maps, shape: tuple[int, ...], stride: Pair, pad: Sides) -> Maps:
    """∂f/∂X(s·i + u, s·j + v) += ∂f/∂Y(i, j) · K(u, v): a product for each strip, added where each patch lay."""
    (M, C, kh, kw), (top, bottom, left, right), (N, _, I, J) = K.shape, pad, grad.shape
    kernels = np.ascontiguousarray(K.transpose(0, 2, 3, 1)).reshape(M, -1)
    arrived = np.ascontiguousarray(pixels(grad))
    below = maps(np.zeros((N, top + shape[2] + bottom, left + shape[3] + right, C), grad.dtype))
    for images, rows in strips(N, I, J * kh * kw * C * grad.itemsize, least=-(-ROWS // max(J, 1))):
        here = arrived[images, rows]
        spreads = (here.reshape(-1, M) @ kernels).reshape(*here.shape[:3], kh * kw, C)
        for q, seen in enumerate(taps(below[images, :, stride[0] * rows.start :], (kh, kw), stride, here.shape[1:3])):
            seen += maps(spreads[..., q, :])
    return unpadded(below, *pad)


def kernel_gradient(grad: Maps, x: Maps, kernel: Pair, stride: Pair, pad: Sides) -> Maps:
    """∂f/∂K = Σ over strips of patchesᵀ (kh·kw·C, positions) times gradients (positions, M)."""
    seen, M, C = patches(x, kernel, stride, pad), grad.shape[1], x.shape[1]
    arrived, length = np.ascontiguousarray(pixels(grad)), math.prod(kernel) * C
    total = np.zeros((length, M), grad.dtype)
    for strip in strips_of(seen):
        here = arrived[strip].reshape(-1, M)
        total += seen[strip].reshape(len(here), length).T @ here
    return total.reshape(*kernel, C, M).transpose(3, 2, 0, 1)


def without_zero_channels(grad: Maps, K: Maps) -> tuple[Maps, Maps]:
    """Channels of ∂f/∂Y that are zero everywhere, as above a class score, change no sum: they and their kernels go."""
    rows, most = pixels(grad).reshape(-1, len(K)), MANY * len(K)
    if rows[::64].any(axis=0).sum() > most:  # a look at some pixels is often enough
        return grad, K
    needed = np.flatnonzero(rows.any(axis=0))
    return (maps(pixels(grad).take(needed, axis=3)), K[needed]) if 0 < needed.size <= most else (grad, K)


def max_pool(x: Maps, size: Pair, stride: Pair, pad: Sides) -> tuple[Maps, Maps]:
    """Max and argmax of a strip of windows, one tap after the other: of equals the first keeps its place."""
    p = maps(padded_pixels(x, pad, fill=-np.inf))
    N, C, H, W = p.shape
    I, J = (H - size[0]) // stride[0] + 1, (W - size[1]) // stride[1] + 1
    y = maps(np.empty((N, I, J, C), x.dtype))
    switches = np.zeros_like(y, np.min_scalar_type(math.prod(size) - 1))
    for images, rows in strips(N, I, J * C * math.prod(size) * x.itemsize):
        best, winner = y[images, :, rows], switches[images, :, rows]
        for q, seen in enumerate(taps(p[images, :, stride[0] * rows.start :], size, stride, best.shape[2:])):
            if q == 0:
                best[...] = seen
                continue
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
    """Wᵀ ∂f/∂Y by the rows of W alone that meet anything: fetching the others takes longer than the product."""
    needed = np.flatnonzero(grad.any(axis=0))
    if needed.size > MANY * len(W):
        return grad @ W
    total = np.zeros((len(grad), W.shape[1]), grad.dtype)
    for start in range(0, needed.size, 64):
        rows = needed[start : start + 64]
        total += grad[:, rows] @ W[rows]
    return total


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (correlate, correlate_transposed, kernel_gradient, max_pool, unpool, affine_transposed)
}
