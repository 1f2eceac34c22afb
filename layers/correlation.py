"""Correlation of maps with kernels, `X ⋆ K`: the one place where the arithmetic of a convolutional network is done.

    Y(n, m, i, j) = Σ_{c,u,v} K(m, c, u, v) · X(n, c, s·i + u, s·j + v)

The sum over (c, u, v) is a product of two matrices: the kernels, one a row, and the patches of X, one a column.  The
patches of a whole image are large (kh·kw copies of it), so they are copied a *strip* of rows at a time, which stays
in the processor's cache until it has been multiplied.
"""

from __future__ import annotations

from collections.abc import Iterator

from .arrays import Array, array_module
from .windows import Pair, Sides, framed, window_count

STRIP_BYTES = 4 << 20  # the patches of one strip; measured: slower from 1 MiB down and from 32 MiB up


def correlate(x: Array, K: Array, stride: Pair = (1, 1), pad: Sides = (0, 0, 0, 0)) -> Array:
    """Y = X ⋆ K with X framed by `pad` (top, bottom, left, right; a negative side crops).

    Shapes: x (N, C, H, W), K (M, C, kh, kw) → (N, M, I, J).
    """
    M, C, kh, kw = K.shape
    I, J = correlation_size(x, (kh, kw), stride, pad)
    xp = array_module(x)
    y = xp.empty((x.shape[0], M, I * J), dtype=xp.result_type(x, K))
    for n, positions, patches in strips(x, (kh, kw), stride, pad):
        xp.matmul(K.reshape(M, C * kh * kw), patches, out=y[n, :, positions])
    return y.reshape(x.shape[0], M, I, J)


def kernel_gradient(grad: Array, x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂K(m, c, u, v) = Σ_{n,i,j} ∂f/∂Y(n, m, i, j) · X(n, c, s·i + u, s·j + v): the patches once more.

    Shapes: grad (N, M, I, J), x (N, C, H, W) → (M, C, kh, kw).
    """
    N, M, I, J = grad.shape
    C, (kh, kw) = x.shape[1], kernel
    grad = grad.reshape(N, M, I * J)
    total = array_module(x).zeros((M, C * kh * kw), dtype=grad.dtype)
    for n, positions, patches in strips(x, kernel, stride, pad):
        total += grad[n, :, positions] @ patches.T
    return total.reshape(M, C, kh, kw)


def correlation_size(x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Pair:
    """(I, J), the number of rows and columns of X ⋆ K."""
    H, W = x.shape[2:]
    top, bottom, left, right = pad
    return (
        window_count(H, kernel[0], stride[0], top, bottom),
        window_count(W, kernel[1], stride[1], left, right),
    )


def strips(x: Array, kernel: Pair, stride: Pair, pad: Sides) -> Iterator[tuple[int, slice, Array]]:
    """The patches of each image, a strip of output rows at a time: (n, positions, patches).

    Column p of `patches` (C·kh·kw, P) is the patch that output position positions[p] of image n sees.
    """
    xp = array_module(x)
    N, C, H = x.shape[:3]
    (kh, kw), (sh, sw) = kernel, stride
    I, J = correlation_size(x, kernel, stride, pad)

    if kernel == stride == (1, 1) and not any(pad):  # a 1×1 patch is a pixel: the image is its own patches
        for n in range(N):
            yield n, slice(0, I * J), x[n].reshape(C, I * J)
        return

    top, _, left, right = pad
    strip_rows = max(1, STRIP_BYTES // max(1, C * kh * kw * J * x.itemsize))
    for n in range(N):
        for i in range(0, I, strip_rows):
            rows = min(strip_rows, I - i)
            first, last = sh * i - top, sh * (i + rows - 1) + kh - top  # the rows of X that this strip sees
            seen = framed(x[n], -first, last - H, left, right)
            windows = xp.lib.stride_tricks.sliding_window_view(seen, (kh, kw), axis=(1, 2))
            windows = windows[:, ::sh, : (J - 1) * sw + 1 : sw]  # (C, rows, J, kh, kw)
            patches = windows.transpose(0, 3, 4, 1, 2).reshape(C * kh * kw, rows * J)
            yield n, slice(i * J, (i + rows) * J), patches
