"""Winograd's way to correlate with 3×3 kernels: 2.25 times fewer multiplications (Lavin & Gray 2015, arXiv 1509.09308).

Three taps g of a row at two neighbouring positions, over four pixels d, are six products.  Four are enough:

    y0 = d0·g0 + d1·g1 + d2·g2 = m0 + m1 + m2            m0 = (d0 − d2) · g0
    y1 = d1·g0 + d2·g1 + d3·g2 = m1 − m2 − m3            m1 = (d1 + d2) · (g0 + g1 + g2) / 2
                                                         m2 = (d2 − d1) · (g0 − g1 + g2) / 2
                                                         m3 = (d1 − d3) · g2

In two dimensions, rows and columns alike, a tile of 2×2 positions takes 16 products and not 36.  The sums over channels
are in the middle of it: 16 products of matrices, one for each place (i, j) of the 4×4,

    M_ij = U_ij V_ij,     U = G K Gᵀ (M, C) from the kernels,     V = Bᵀ X B (C, tiles) from the maps,     Y = Aᵀ M A.

It pays where the products are what takes the time: many channels, and many positions for each kernel's sake.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module
from .cores import CORES, Portion, in_parallel, portions, shares
from .windows import Sides, framed

WORTH_IT, FEWEST_POSITIONS = 64 * 14, 500  # measured: see `pays`
TILES = 256  # in a portion; as with strips, enough for a product to run at its full rate
KERNEL_BYTES = 24 << 20  # the transformed kernels take so much at most …
TILE_BYTES = min(4 << 20, (10 << 20) // CORES)  # … the transformed maps of a portion so much, and all else twice that


def pays(x: Array, K: Array, I: int, J: int) -> bool:
    """Whether X ⋆ K of I×J positions, with a stride of 1, is faster this way: the sums must be worth the products.

    What is spared grows with the channels; what is spent is less in long rows, and on kernels it is always the same.
    """
    M, C = K.shape[:2]
    return (
        isinstance(x, np.ndarray)
        and K.shape[2:] == (3, 3)
        and x.dtype.kind == K.dtype.kind == "f"
        and min(M, C) * -(-J // 2) >= WORTH_IT
        and x.shape[0] * I * J >= FEWEST_POSITIONS
        and 16 * M * C * K.itemsize <= KERNEL_BYTES
    )


def correlate(x: Array, K: Array, pad: Sides, bias: Array, y: Array) -> None:
    """Y = X ⋆ K + b, written into y.  Shapes: x (N, C, H, W), K (M, C, 3, 3), bias (M, 1, 1), y (N, M, I, J)."""
    xp, (N, M, I, J), C = array_module(x), y.shape, x.shape[1]
    rows_of_tiles, columns_of_tiles = -(-I // 2), -(-J // 2)
    U = transformed_kernels(K)

    def multiply(part: Portion) -> None:
        images, rows = part
        V = transformed_maps(x, images, rows, columns_of_tiles, pad)
        products = xp.matmul(U, V.reshape(16, C, -1)).reshape(4, 4, M, *V.shape[3:])  # [j, i]
        sums = four_to_two(four_to_two(products).swapaxes(0, 1))  # [i, j]
        for i in (0, 1):
            for j in (0, 1):
                below = y[images, :, 2 * rows.start + i : 2 * rows.stop : 2, j::2]
                tiles = sums[i, j].transpose(1, 0, 2, 3)[:, :, : below.shape[2], : below.shape[3]]
                xp.add(tiles, bias, out=below)

    most = max(1, min(TILES, TILE_BYTES // (16 * max(C, M, 1) * x.itemsize)))
    most = min(most, -(-N * rows_of_tiles // CORES) * columns_of_tiles)  # something for every core
    in_parallel(multiply, portions(N, rows_of_tiles, columns_of_tiles, most), x)


def transformed_kernels(K: Array) -> Array:
    """U = G K Gᵀ: (M, C, 3, 3) → (16, M, C)."""
    xp, (M, C) = array_module(K), K.shape[:2]
    U = xp.empty((4, 4, M, C), K.dtype)  # [j, i]

    def transform(kernels: slice) -> None:
        taps = xp.ascontiguousarray(K[kernels].transpose(2, 3, 0, 1))  # [u, v]
        U[:, :, kernels] = three_to_four(three_to_four(taps).swapaxes(0, 1))

    in_parallel(transform, shares(M, -(-M // 32)), K)
    return U.reshape(16, M, C)


def transformed_maps(x: Array, images: slice, rows: slice, columns: int, pad: Sides) -> Array:
    """V = Bᵀ X B for some rows of tiles of some images: (4, 4, C, images, rows, columns), the first two are [j, i]."""
    N, C, H = images.stop - images.start, x.shape[1], x.shape[2]
    top, _, left, _ = pad
    first, last, width = 2 * rows.start - top, 2 * rows.stop + 2 - top, 2 * columns + 2
    seen = framed(x[images], -first, last - H, left, width - left - x.shape[3])
    # Even and odd columns apart: then a tile's four columns are the neighbours (even, odd), (even, odd).
    pairs = seen.reshape(N, C, last - first, columns + 1, 2)
    even_odd = array_module(x).ascontiguousarray(pairs.transpose(4, 1, 0, 2, 3))
    V_rows = four_of_four(*(even_odd[:, :, :, i : i + 2 * (rows.stop - rows.start) - 1 : 2] for i in range(4)))
    even, odd = V_rows[:, 0], V_rows[:, 1]
    return four_of_four(even[..., :-1], odd[..., :-1], even[..., 1:], odd[..., 1:])


# ---------------------------------------------------------------------- in one dimension, along the first axis


def three_to_four(g: Array) -> Array:
    """G g = (g0, (g0 + g1 + g2) / 2, (g0 − g1 + g2) / 2, g2)."""
    outer, middle = (g[0] + g[2]) / 2, g[1] / 2
    return array_module(g).stack([g[0], outer + middle, outer - middle, g[2]])


def four_of_four(d0: Array, d1: Array, d2: Array, d3: Array) -> Array:
    """Bᵀ d = (d0 − d2, d1 + d2, d2 − d1, d1 − d3)."""
    xp = array_module(d0)
    four = xp.empty((4, *d0.shape), d0.dtype)
    xp.subtract(d0, d2, out=four[0])
    xp.add(d1, d2, out=four[1])
    xp.subtract(d2, d1, out=four[2])
    xp.subtract(d1, d3, out=four[3])
    return four


def four_to_two(m: Array) -> Array:
    """Aᵀ m = (m0 + m1 + m2, m1 − m2 − m3)."""
    xp = array_module(m)
    two = xp.empty((2, *m.shape[1:]), m.dtype)
    xp.add(m[0], m[1], out=two[0])
    two[0] += m[2]
    xp.subtract(m[1], m[2], out=two[1])
    two[1] -= m[3]
    return two
