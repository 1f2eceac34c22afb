"""Convolution and its two gradients: which loops do them, with how much scratch."""

from __future__ import annotations

import numpy as np

from ...windows import Pair, Sides
from . import winograd
from .layout import K01, NONE, SCRATCH, Array, flat, planes, rows_of, run, scratch, spanned
from .patches import (
    correlate_strips,
    count_needed,
    kernel_gradient_parts,
    product,
    rearrange_kernels,
    spread_bands,
)
from .safety import cores

STRIP = 512 << 10  # bytes of patches copied at a time, but
ROWS = 128  # … a product of fewer rows is not worth its call
SMALL = 1_000_000  # multiplications; BLAS does no more without copying both matrices into its own order first
MANY = 0.5  # of the channels; if no more are non-zero, the others are left out
SUMS = 32 << 20  # bytes of the partial sums of a kernel gradient


def as_matrix(K: Array) -> tuple[Array, bool, int]:
    """K (M, C, kh, kw) as a matrix (kh·kw·C, M): (numbers, transposed, leading dimension)."""
    M, C, kh, kw = K.shape
    if K.size * ROWS <= SMALL:  # BLAS is a quarter faster so
        return run(K.transpose(2, 3, 1, 0)), False, M
    if K.transpose(0, 2, 3, 1).flags.c_contiguous:
        return run(K.transpose(0, 2, 3, 1)), True, kh * kw * C
    return rearranged(K, flip=False), True, kh * kw * C


def rearranged(K: Array, flip: bool) -> Array:
    """(m, u, v, c), or K̂ as a matrix (kh·kw·M, C)."""
    (source, strides), out = spanned(K), np.empty(K.size, K.dtype)
    rearrange_kernels(source, *strides, *K.shape, flip, out, cores())
    return out


def strip(rows: int, J: int, L: int, M: int, itemsize: int, T: int) -> int:
    """How many rows of positions a strip has, for products L × M: all cores get as many strips."""
    positions = SMALL // (L * M)
    if positions < ROWS:
        positions = max(ROWS, STRIP // (L * itemsize))
    most, share = -(-positions // J), -(-rows // T)
    return max(1, -(-share // -(-share // most)))


def tasks(J: int, L: int, itemsize: int) -> int:
    """A task for each core, as far as the scratch reaches."""
    return max(1, min(cores(), SCRATCH // max(1, L * itemsize * max(J, ROWS))))


def is_pixel(kernel: Pair, stride: Pair, pad: Sides) -> bool:
    """Whether a patch is a pixel: then nothing is copied."""
    return (*kernel, *stride) == (1, 1, 1, 1) and not any(pad)


def correlate(x: Array, K: Array, b: Array | None = None, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0)) -> Array:
    """Y = X ⋆ K + b."""
    (N, C, H, W), (M, _, kh, kw), (top, bottom, left, right) = x.shape, K.shape, pad
    I, J = (top + H + bottom - kh) // stride[0] + 1, (left + W + right - kw) // stride[1] + 1
    if winograd.pays(N, C, M, (kh, kw), stride, I, J, x.itemsize):
        y = winograd.correlate(x, K, b, pad, I, J)
        if y is not None:
            return y
    biases = NONE[x.dtype] if b is None else run(b)
    if is_pixel((kh, kw), stride, pad):
        return multiplied(*rows_of(x), as_matrix(K), biases, (N, I, J, M))
    return correlated(flat(x), x.shape, as_matrix(K), biases, (N, I, J, M), ((kh, kw), stride, (top, left)))


def multiplied(x: Array, ld: int, K: tuple[Array, bool, int], b: Array, shape: tuple[int, ...]) -> Array:
    """Y = X·K + b, the kernels being of one pixel; `ld` numbers from one pixel of x to the next."""
    (numbers, transposed, ldk), (N, I, J, M) = K, shape
    y, P, C = np.empty(N * I * J * M, x.dtype), N * I * J, numbers.size // M
    product(K01[x.dtype], x, ld, False, numbers, ldk, transposed, y, M, P, C, M, b, P < M, cores())
    return planes(y, N, I, J, M)


def correlated(x: Array, shape: tuple[int, ...], K: tuple[Array, bool, int], b: Array, out: tuple[int, ...],
               windows: tuple[Pair, Pair, Pair]) -> Array:  # fmt: skip
    """Y = X ⋆ K + b in strips: `shape` is X's, `out` (N, I, J, M), `windows` (kernel, stride, (top, left))."""
    (N, C, H, W), (_, I, J, M), (kernel, stride, corner) = shape, out, windows
    numbers, transposed, ldk = K
    y, L = np.empty(N * I * J * M, x.dtype), kernel[0] * kernel[1] * C
    T = tasks(J, L, x.itemsize)
    R = strip(N * I, J, L, M, x.itemsize, T)
    geometry = (I, J, M, *kernel, *stride, *corner, R, T, scratch(T * R * J * L, x.dtype))
    correlate_strips(K01[x.dtype], x, N, H, W, C, numbers, transposed, ldk, b, y, *geometry)
    return planes(y, N, I, J, M)


def correlate_transposed(grad: Array, K: Array, shape: tuple[int, ...], stride: Pair, pad: Sides) -> Array:
    """∂f/∂X = ∂f/∂Y ⋆ K̂; where strides are not 1 or X has few channels, each gradient spreads its kernel."""
    grad, K = without_zero_channels(grad, K)
    (N, C, H, W), (M, _, kh, kw), (I, J), (top, _, left, _) = shape, K.shape, grad.shape[2:], pad
    if is_pixel((kh, kw), stride, pad):
        numbers, transposed, ldk = as_matrix(K)
        (g, ld), P, y, none = rows_of(grad), N * H * W, np.empty(N * H * W * C, grad.dtype), NONE[grad.dtype]
        by_columns, kernels = C > P, (numbers, ldk, not transposed)
        product(K01[grad.dtype], g, ld, False, *kernels, y, C, P, M, C, none, by_columns, cores())
        return planes(y, N, H, W, C)
    corner = (kh - 1 - top, kw - 1 - left)
    if stride == (1, 1) and 2 * C > M:
        if winograd.pays(N, M, C, (kh, kw), stride, H, W, grad.itemsize):
            below = winograd.correlate(grad, K, None, (corner[0], 0, corner[1], 0), H, W, flip=True)
            if below is not None:
                return below
        K_hat = (rearranged(K, flip=True), False, C)
        windows = ((kh, kw), (1, 1), corner)
        return correlated(flat(grad), grad.shape, K_hat, NONE[grad.dtype], (N, H, W, C), windows)
    numbers, transposed, ldk = as_matrix(K)
    T, L, out = tasks(J, kh * kw * C, grad.itemsize), kh * kw * C, np.empty(N * H * W * C, grad.dtype)
    bands = 1 if N >= 4 * T else -(-T // N)
    R = strip(max(1, N * I // T), J, L, M, grad.itemsize, 1)
    geometry = (kh, kw, *stride, top, left, bands, R, T, scratch(T * R * J * L, grad.dtype))
    spread_bands(K01[grad.dtype], *rows_of(grad), N, I, J, M, numbers, not transposed, ldk, out, H, W, C, *geometry)
    return planes(out, N, H, W, C)


def without_zero_channels(grad: Array, K: Array) -> tuple[Array, Array]:
    """Channels of ∂f/∂Y that are zero everywhere, as above a class score, change no sum: they and their kernels go."""
    (N, M, I, J), needed = grad.shape, np.empty(grad.shape[1], np.uint8)
    if M < 32 or count_needed(*rows_of(grad), N * I * J, M, int(MANY * M), needed) > MANY * M:
        return grad, K
    kept = needed.nonzero()[0] if needed.any() else np.zeros(1, int)
    pixels = grad.transpose(0, 2, 3, 1).take(kept, axis=3)
    return pixels.transpose(0, 3, 1, 2), K.transpose(0, 2, 3, 1)[kept].transpose(0, 3, 1, 2)


def kernel_gradient(grad: Array, x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂K = Σ over positions of patchesᵀ · ∂f/∂Y."""
    (N, C, H, W), (_, M, I, J), (kh, kw), dtype = x.shape, grad.shape, kernel, x.dtype
    if winograd.pays(N, C, M, kernel, stride, I, J, x.itemsize):
        found = winograd.kernel_gradient(grad, x, pad)
        if found is not None:
            return found
    L = kh * kw * C
    parts = max(1, min(8, N * I, SUMS // (L * M * dtype.itemsize)))
    sums, T = scratch(parts * L * M, dtype, "kernels"), tasks(J, L, dtype.itemsize)
    R = strip(-(-N * I // parts), J, L, M, dtype.itemsize, 1)
    geometry = (I, J, M, kh, kw, *stride, pad[0], pad[2], parts, R, T, scratch(T * R * J * L, dtype))
    kernel_gradient_parts(K01[dtype], flat(x), N, H, W, C, flat(grad), *geometry, sums)
    total: Array = sums[: parts * L * M].reshape(parts, L * M).sum(axis=0)
    return total.reshape(kh, kw, C, M).transpose(3, 2, 0, 1)
