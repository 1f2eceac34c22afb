"""Correlation of maps with kernels, `X ⋆ K`: the one place where the arithmetic of a convolutional network is done.

    Y(n, m, i, j) = Σ_{c,u,v} K(m, c, u, v) · X(n, c, s·i + u, s·j + v) + b(m)

The sum over (c, u, v) is a product of two matrices: the kernels, one a row, and the patches of X, one a column.  The
patches of all positions are large (kh·kw copies of X), so they are copied a *strip* at a time: some rows of an image,
or several small images, few enough positions that their patches are still in the processor's cache when multiplied.
"""

from __future__ import annotations

import numpy as np

from . import winograd
from .arrays import Array, array_module
from .cores import CORES, Portion, in_parallel, portions, shares
from .windows import Pair, Sides, framed, window_count

STRIP_COLUMNS = 640  # positions in a strip; measured: products of 300 to 700 columns are fastest
STRIP_BYTES = 4 << 20  # and its patches take at most so much memory, unless one row of positions takes more
STRIP_BYTES_ON_A_GPU = 64 << 20  # a GPU wants large pieces
SUM_BYTES = 24 << 20  # the partial sums of a kernel's gradient take so much at most, unless one takes more
WORTH_SHARING = 10**7  # multiplications; fewer are done before another core has woken up


def correlate(x: Array, K: Array, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0), b: Array | None = None) -> Array:
    """Y = X ⋆ K + b with X framed by `pad` (top, bottom, left, right; a negative side crops).

    Shapes: x (N, C, H, W), K (M, C, kh, kw), b (M,) → (N, M, I, J).
    """
    xp = array_module(x)
    M, C, kh, kw = K.shape
    seen = Patches(x, M, (kh, kw), stride, pad)
    y = xp.empty((x.shape[0], M, seen.I, seen.J), dtype=xp.result_type(x, K))
    bias = xp.zeros((M, 1, 1), dtype=y.dtype) if b is None else b[:, None, None]
    if stride == (1, 1) and winograd.pays(x, K, seen.I, seen.J):
        winograd.correlate(x, K, pad, bias, y)
        return y
    K_rows = K.reshape(M, C * kh * kw)

    def multiply(strip: Portion) -> None:
        images, rows = strip
        patches = seen.by(strip)
        products = (K_rows @ patches.reshape(C * kh * kw, -1)).reshape(M, *patches.shape[1:])
        xp.add(products[..., : seen.J].transpose(1, 0, 2, 3), bias, out=y[images, :, rows])

    in_parallel(multiply, seen.strips(), x)
    return y


def kernel_gradient(grad: Array, x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂K(m, c, u, v) = Σ_{n,i,j} ∂f/∂Y(n, m, i, j) · X(n, c, s·i + u, s·j + v): the patches once more.

    Shapes: grad (N, M, I, J), x (N, C, H, W) → (M, C, kh, kw).
    """
    M, C, (kh, kw) = grad.shape[1], x.shape[1], kernel
    seen = Patches(x, M, kernel, stride, pad)
    strips = seen.strips()
    sums_at_once = min(CORES, len(strips), SUM_BYTES // max(1, M * C * kh * kw * x.itemsize))
    shared = shares(len(strips), max(1, sums_at_once))  # each core sums up a share of its own
    sums = array_module(x).zeros((len(shared), C * kh * kw, M), dtype=grad.dtype)

    def add_up(share: int) -> None:
        for images, rows in strips[shared[share]]:
            patches = seen.by((images, rows))
            arrived = framed(grad[images, :, rows].transpose(1, 0, 2, 3), 0, 0, 0, seen.L - seen.J)
            sums[share] += patches.reshape(C * kh * kw, -1) @ arrived.reshape(M, -1).T  # (faster than the other way)

    in_parallel(add_up, range(len(shared)), x)
    return sums.sum(axis=0).T.reshape(M, C, kh, kw)


def correlation_size(x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Pair:
    """(I, J), the number of rows and columns of X ⋆ K."""
    H, W = x.shape[2:]
    top, bottom, left, right = pad
    return (
        window_count(H, kernel[0], stride[0], top, bottom),
        window_count(W, kernel[1], stride[1], left, right),
    )


class Patches:
    """What the output positions (N, I, J) of X ⋆ K see, for M kernels, a strip at a time.

    A row of patches has L ≥ J columns.  With a stride of 1 the rows of the framed image may be copied whole, one after
    the other, which makes one long run out of many short ones; at the L − J columns after each row there is no
    position, and the product is wasted on them.  With many kernels a product costs more than a short run.
    """

    def __init__(self, x: Array, M: int, kernel: Pair, stride: Pair, pad: Sides) -> None:
        self.x, self.M, self.kernel, self.stride, self.pad = x, M, kernel, stride, pad
        self.I, self.J = correlation_size(x, kernel, stride, pad)
        framed_width = pad[2] + x.shape[3] + pad[3]
        self.L = framed_width if stride == (1, 1) and M * (framed_width - self.J) < 512 else self.J
        self.pointwise = kernel == stride == (1, 1) and not any(pad)  # a 1×1 patch is a pixel: nothing to copy

    def strips(self) -> list[Portion]:
        """(images, rows) of each strip: some rows of one image, or several small images."""
        N, height = self.x.shape[0], self.x.shape[1] * self.kernel[0] * self.kernel[1]
        if not isinstance(self.x, np.ndarray):
            most = STRIP_BYTES_ON_A_GPU // max(1, height * self.x.itemsize)
        else:
            most = min(STRIP_COLUMNS, STRIP_BYTES // max(1, height * self.x.itemsize))
            if N * self.I * self.L * height * self.M >= WORTH_SHARING:
                most = min(most, -(-N * self.I // CORES) * self.L)  # something for everybody
        return list(portions(N, self.I, self.L, most, several=not self.pointwise))

    def by(self, strip: Portion) -> Array:
        """The patches of a strip (C·kh·kw, images, rows, L): the one at (i, j) of image n is [:, n, i, j]."""
        (images, rows), C, H = strip, self.x.shape[1], self.x.shape[2]
        if self.pointwise:
            return self.x[images, :, rows].transpose(1, 0, 2, 3)
        xp = array_module(self.x)
        (kh, kw), (sh, sw), (top, _, left, right) = self.kernel, self.stride, self.pad
        first, last = sh * rows.start - top, sh * (rows.stop - 1) + kh - top  # the rows of X that the strip sees
        rows_seen = framed(self.x[images], -first, last + 1 - H, left, right)  # and one, in which the last run ends
        rows_seen = xp.ascontiguousarray(rows_seen)
        to_image, to_channel, to_row, to_column = rows_seen.strides
        windows = xp.lib.stride_tricks.as_strided(
            rows_seen,
            (C, kh, kw, images.stop - images.start, rows.stop - rows.start, self.L),
            (to_channel, to_row, to_column, to_image, sh * to_row, sw * to_column),
        )
        return windows.reshape(C * kh * kw, *windows.shape[3:])
