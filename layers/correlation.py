"""Correlation of maps with kernels, `X ⋆ K`: what convolutions do, up, down, and back to their kernels.

    Y(n, m, i, j) = Σ_{c,u,v} K(m, c, u, v) · X(n, c, s·i + u, s·j + v) + b(m)

The sum over (c, u, v) is a product of two matrices: the patches of X, one a row, and the kernels, one a column.

Two things make it fast.  The patches of all positions are large (kh·kw copies of X), so they are copied a *strip* at a
time: some rows of an image, or several small images, few enough positions that their patches are still in the
processor's cache when multiplied.  And maps lie in memory pixel by pixel ("channels last", windows.py): then a row of a
patch is one run of kw·C numbers, and a product is written where it belongs, with nothing left to rearrange.

(Where 3×3 kernels have many channels, Winograd's way takes a quarter of the multiplications: winograd.py.)
"""

from __future__ import annotations

import numpy as np

from . import winograd
from .arrays import Array, array_module
from .cores import CORES, in_parallel
from .portions import Portion, portions, shares, shares_to_sum
from .windows import Pair, Sides, empty_maps, framed, pixelwise, window_count

STRIP_BYTES = 2 << 20  # the patches of a strip take about so much memory: at most one row of positions more
STRIP_BYTES_ON_A_GPU = 64 << 20  # a GPU wants large pieces
WORTH_SHARING = 2 * 10**7  # multiplications; fewer are done before another core has woken up


def correlate(x: Array, K: Array, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0), b: Array | None = None) -> Array:
    """Y = X ⋆ K + b with X framed by `pad` (top, bottom, left, right; a negative side crops).

    Shapes: x (N, C, H, W), K (M, C, kh, kw), b (M,) → (N, M, I, J).
    """
    xp = array_module(x)
    M, _, kh, kw = K.shape
    seen = Patches(x, M, (kh, kw), stride, pad)
    y = empty_maps(xp, (x.shape[0], M, seen.I, seen.J), xp.result_type(x, K))
    if not y.size:
        return y
    if x.dtype == K.dtype and winograd.pays(x, M, (kh, kw), stride, seen.I, seen.J):
        winograd.correlate(x, K, pad, b, y)
        return y
    kernels = kernel_columns(K)

    def multiply(strip: Portion) -> None:
        images, rows = strip
        sums = pixelwise(y)[images, rows].reshape(-1, M)  # a view
        xp.matmul(seen.by(strip), kernels, out=sums)
        if b is not None:
            sums += b

    in_parallel(multiply, seen.strips(), x, shared=seen.worth_sharing)
    return y


def kernel_gradient(grad: Array, x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂K(m, c, u, v) = Σ_{n,i,j} ∂f/∂Y(n, m, i, j) · X(n, c, s·i + u, s·j + v): the patches once more.

    Shapes: grad (N, M, I, J), x (N, C, H, W) → (M, C, kh, kw).
    """
    M, C, (kh, kw) = grad.shape[1], x.shape[1], kernel
    seen = Patches(x, M, kernel, stride, pad)
    if x.dtype == grad.dtype and winograd.pays(x, M, kernel, stride, seen.I, seen.J, held=2):
        return winograd.kernel_gradient(grad, x, pad)
    strips = seen.strips()
    shared = shares_to_sum(len(strips), M * C * kh * kw * x.itemsize)
    sums = array_module(x).zeros((len(shared), M, kh * kw * C), dtype=grad.dtype)

    def add_up(share: int) -> None:
        for images, rows in strips[shared[share]]:
            arrived = pixelwise(grad)[images, rows].reshape(-1, M)
            sums[share] += arrived.T @ seen.by((images, rows))

    in_parallel(add_up, range(len(shared)), x, shared=seen.worth_sharing)
    return sums.sum(axis=0).reshape(M, kh, kw, C).transpose(0, 3, 1, 2)


def kernel_columns(K: Array) -> Array:
    """(M, C, kh, kw) → (kh·kw·C, M), a kernel a column, in the order of a patch; copied unless they lie so already."""
    xp, M = array_module(K), K.shape[0]
    lying_so = K.transpose(2, 3, 1, 0)
    if lying_so.flags.c_contiguous or K.size < 10**5 or not isinstance(K, np.ndarray):
        return xp.ascontiguousarray(lying_so).reshape(-1, M)
    columns = xp.empty(lying_so.shape, dtype=K.dtype)

    def copy(some: slice) -> None:
        columns[..., some] = lying_so[..., some]

    in_parallel(copy, shares(M, -(-M // 16)), K)  # 16 numbers, a line of the cache, are written side by side
    return columns.reshape(-1, M)


def correlation_size(x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Pair:
    """(I, J), the number of rows and columns of X ⋆ K."""
    H, W = x.shape[2:]
    top, bottom, left, right = pad
    return (
        window_count(H, kernel[0], stride[0], top, bottom),
        window_count(W, kernel[1], stride[1], left, right),
    )


class Patches:
    """What the output positions (N, I, J) of X ⋆ K see, for M kernels, a strip at a time."""

    def __init__(self, x: Array, M: int, kernel: Pair, stride: Pair, pad: Sides) -> None:
        self.x, self.M, self.kernel, self.stride, self.pad = x, M, kernel, stride, pad
        self.I, self.J = correlation_size(x, kernel, stride, pad)
        self.length = kernel[0] * kernel[1] * x.shape[1]  # of a patch
        self.pointwise = kernel == stride == (1, 1) and not any(pad)  # a 1×1 patch is a pixel: nothing to copy
        self.worth_sharing = x.shape[0] * self.I * self.J * self.length * M >= WORTH_SHARING

    def strips(self) -> list[Portion]:
        """(images, rows) of each strip: some rows of one image, or several small images."""
        N, bytes_each = self.x.shape[0], max(1, self.length * self.x.itemsize)
        if not isinstance(self.x, np.ndarray):
            return list(portions(N, self.I, self.J, most=STRIP_BYTES_ON_A_GPU // bytes_each))
        cores = CORES if self.worth_sharing else 1
        rounds = max(1, -(-N * self.I * self.J * bytes_each // (cores * STRIP_BYTES)))  # for each core, or nearly
        return list(portions(N, self.I, self.J, most=-(-N * self.I // (cores * rounds)) * self.J))

    def by(self, strip: Portion) -> Array:
        """The patches of a strip, one a row, each pixel by pixel: (images · rows · J, kh·kw·C)."""
        xp, (images, rows), (C, H) = array_module(self.x), strip, self.x.shape[1:3]
        if self.pointwise:
            return pixelwise(self.x)[images, rows].reshape(-1, C)
        (kh, kw), (sh, sw), (top, _, left, right) = self.kernel, self.stride, self.pad
        first, last = sh * rows.start - top, sh * (rows.stop - 1) + kh - top  # the rows of X that the strip sees
        pixels = pixelwise(framed(self.x[images], -first, last - H, left, right))
        pixel_rows = xp.ascontiguousarray(pixels).reshape(*pixels.shape[:2], -1)  # all numbers of a row side by side
        to_image, to_row, to_number = pixel_rows.strides
        windows = xp.lib.stride_tricks.as_strided(
            pixel_rows,
            (images.stop - images.start, rows.stop - rows.start, self.J, kh, kw * C),
            (to_image, sh * to_row, sw * C * to_number, to_row, to_number),
        )
        return windows.reshape(-1, self.length)
