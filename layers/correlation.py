"""Correlation of maps with kernels, `X ⋆ K`: the one place where the arithmetic of a convolutional network is done.

    Y(n, m, i, j) = Σ_{c,u,v} K(m, c, u, v) · X(n, c, s·i + u, s·j + v) + b(m)

The sum over (c, u, v) is a product of two matrices: the kernels, one a row, and the patches of X, one a column.  The
patches of all positions are large (kh·kw copies of X), so they are copied a *strip* at a time: some rows of an image,
or several small images, few enough positions that their patches are still in the processor's cache when multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from .arrays import Array, array_module
from .windows import Pair, Sides, framed, window_count

STRIP_COLUMNS = 640  # positions in a strip; measured: products of 300 to 700 columns are fastest
STRIP_BYTES = 4 << 20  # and its patches take at most so much memory, unless one row of positions takes more

Strip = tuple[slice, slice]  # some images, and some of their rows of output positions


def correlate(x: Array, K: Array, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0), b: Array | None = None) -> Array:
    """Y = X ⋆ K + b with X framed by `pad` (top, bottom, left, right; a negative side crops).

    Shapes: x (N, C, H, W), K (M, C, kh, kw), b (M,) → (N, M, I, J).
    """
    xp = array_module(x)
    M, C, kh, kw = K.shape
    I, J = correlation_size(x, (kh, kw), stride, pad)
    y = xp.empty((x.shape[0], M, I, J), dtype=xp.result_type(x, K))
    K_rows = K.reshape(M, C * kh * kw)
    bias = xp.zeros((M, 1, 1), dtype=y.dtype) if b is None else b[:, None, None]
    for images, rows, patches in strips(x, (kh, kw), stride, pad):
        products = (K_rows @ patches.reshape(C * kh * kw, -1)).reshape(M, *patches.shape[1:])
        xp.add(products[..., :J].transpose(1, 0, 2, 3), bias, out=y[images, :, rows])
    return y


def kernel_gradient(grad: Array, x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂K(m, c, u, v) = Σ_{n,i,j} ∂f/∂Y(n, m, i, j) · X(n, c, s·i + u, s·j + v): the patches once more.

    Shapes: grad (N, M, I, J), x (N, C, H, W) → (M, C, kh, kw).
    """
    M, J = grad.shape[1], grad.shape[3]
    C, (kh, kw) = x.shape[1], kernel
    total = array_module(x).zeros((M, C * kh * kw), dtype=grad.dtype)
    for images, rows, patches in strips(x, kernel, stride, pad):
        beyond = patches.shape[3] - J
        arrived = framed(grad[images, :, rows].transpose(1, 0, 2, 3), 0, 0, 0, beyond)  # 0 where there is no position
        total += arrived.reshape(M, -1) @ patches.reshape(C * kh * kw, -1).T
    return total.reshape(M, C, kh, kw)


def correlation_size(x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Pair:
    """(I, J), the number of rows and columns of X ⋆ K."""
    H, W = x.shape[2:]
    top, bottom, left, right = pad
    return (
        window_count(H, kernel[0], stride[0], top, bottom),
        window_count(W, kernel[1], stride[1], left, right),
    )


def strips(x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Iterator[tuple[slice, slice, Array]]:
    """What every output position sees, a strip at a time: (images, rows, patches).

    patches (C·kh·kw, images, rows, L): the patch at position (i, j) is patches[:, n, i, j].  L ≥ J: with a stride of 1
    the rows of the framed image are copied whole, one after the other, which makes long runs out of short ones; at
    the L − J columns after each row there is no position.
    """
    xp = array_module(x)
    C, H, W = x.shape[1:]
    (kh, kw), (sh, sw), (top, _, left, right) = kernel, stride, pad
    I, J = correlation_size(x, kernel, stride, pad)
    pointwise = kernel == stride == (1, 1) and not any(pad)  # a 1×1 patch is a pixel: the image is its own patches
    L = left + W + right if stride == (1, 1) else J

    for images, rows in plan(x.shape[0], I, L, C * kh * kw * x.itemsize, one_by_one=pointwise):
        if pointwise:
            yield images, rows, x[images, :, rows].transpose(1, 0, 2, 3)
            continue
        first, last = sh * rows.start - top, sh * (rows.stop - 1) + kh - top  # the rows of X that this strip sees
        seen = xp.ascontiguousarray(framed(x[images], -first, last + 1 - H, left, right))  # and one that runs end in
        to_image, to_channel, to_row, to_column = seen.strides
        windows = xp.lib.stride_tricks.as_strided(
            seen,
            (C, kh, kw, images.stop - images.start, rows.stop - rows.start, L),
            (to_channel, to_row, to_column, to_image, sh * to_row, sw * to_column),
        )
        yield images, rows, windows.reshape(C * kh * kw, *windows.shape[3:])


def plan(N: int, I: int, L: int, column_bytes: int, one_by_one: bool = False) -> Iterator[Strip]:
    """The strips of N images with I rows of L positions: whole images as long as they fit, or else parts of one."""
    columns = min(STRIP_COLUMNS, STRIP_BYTES // max(1, column_bytes))
    if columns >= I * L:
        count = 1 if one_by_one else columns // max(1, I * L)
        for n in range(0, N, count):
            yield slice(n, min(n + count, N)), slice(0, I)
    else:
        for n in range(N):
            for rows in shares(I, min(I, -(-I * L // columns))):
                yield slice(n, n + 1), rows


def shares(count: int, parts: int) -> list[slice]:
    """0 … count − 1 in about equal parts, one after the other."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(ends)]
