"""Winograd's way to correlate with 3×3 kernels: a quarter of the multiplications (Lavin & Gray 2015, arXiv 1509.09308).

Four neighbouring positions of a row see six pixels d through three taps g, which is twelve products.  Six are enough.
For the product of two polynomials, with 3 and 4 coefficients, has 6: it is known by its values at 6 points,

    E_6 (g · y) = (E_3 g) ∘ (E_4 y),      E_n: the values of a polynomial with n coefficients at the points.

So multiplying y by g is the matrix E_6⁻¹ diag(E_3 g) E_4, and correlating d with g is its transpose:

    d ⋆ g = A [(G g) ∘ (B d)],            G = E_3,    B = E_6⁻ᵀ,    A = E_4ᵀ.

In two dimensions, rows and columns alike, a tile of 4×4 positions takes 36 products and not 144.  Written for tiles and
kernels as columns of 36, 16 and 9 numbers, with ⊗ the Kronecker product, all of it is products of matrices:

    V = (B ⊗ B) X,    U = (G ⊗ G) K,    P_q = V_q U_q for each of the 36 points q,    Y = (A ⊗ A) P.

The sums over channels are in the middle.  It pays where they are long, that is where there are many channels, and
where there are enough positions to be worth transforming the kernels.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from .arrays import Array, array_module
from .cores import CORES, in_parallel
from .portions import Portion, shares, shares_to_sum
from .products import product
from .tiles import Tiles
from .windows import Pair, Sides

POINTS = (0, 3 / 4, -3 / 4, 3 / 2, -3 / 2)  # and ∞.  These leave errors a third of those that 0, ±1, ±2 leave
KERNELS_WORTH_SHARING = 1 << 15  # kernels of one channel; fewer are transformed before another core has woken up
KERNEL_BYTES = 40 << 20  # the transformed kernels take so much at most


def values(n: int, xp: ModuleType) -> Array:
    """E_n: (6, n), the values of 1, t, … tⁿ⁻¹ at the points; at ∞ a polynomial counts for its highest coefficient."""
    return xp.concatenate([xp.vander(xp.asarray(POINTS), n, increasing=True), xp.eye(n)[-1:]])


@cache
def transforms(xp: ModuleType, dtype: Any) -> tuple[Array, Array, Array]:
    """A ⊗ A (16, 36), B ⊗ B (36, 36), G ⊗ G (36, 9).

    What a row of B is multiplied by, that row of G may be divided by; rounding hurts least with rows of length 1 in B.
    """
    A, B, G = values(4, xp).T, xp.linalg.inv(values(6, xp)).T, values(3, xp)
    lengths = xp.linalg.norm(B, axis=1, keepdims=True)
    return tuple(xp.kron(T, T).astype(dtype) for T in (A, B / lengths, G * lengths))


def pays(x: Array, M: int, kernel: Pair, stride: Pair, I: int, J: int, held: int = 1) -> bool:
    """Whether M kernels at I×J positions of x are faster this way: `correlate`, or `kernel_gradient` with held = 2.

    Counted in multiplications: those of the products, and of the transforms of maps and kernels, which run less fast.
    held: how many arrays as large as the transformed kernels are needed at once.
    """
    N, C = x.shape[:2]
    tiles = N * -(-I // 4) * -(-J // 4)
    here = 36 * C * M * tiles + 2 * 36 * (36 * C + 16 * M) * tiles + 4 * 36 * 9 * C * M
    return (
        isinstance(x, np.ndarray)
        and x.dtype in (np.float32, np.float64)
        and kernel == (3, 3)
        and stride == (1, 1)
        and here < 0.85 * 9 * C * M * N * I * J
        and held * 36 * C * M * x.itemsize <= KERNEL_BYTES
    )


def correlate(x: Array, K: Array, pad: Sides, b: Array | None, y: Array) -> None:
    """Y = X ⋆ K + b, written into y.  Shapes: x (N, C, H, W), K (M, C, 3, 3), b (M,), y (N, M, I, J)."""
    xp, M = array_module(x), len(K)
    tiles = Tiles(x, M, y.shape[2:], pad)
    AA, BB, _ = transforms(xp, y.dtype)
    U = transformed_kernels(K)

    def multiply(task: tuple[Portion, slice]) -> None:
        portion, kernels = task
        V, U_here = BB @ tiles.pixels(portion), U[:, :, kernels]
        P = xp.empty((len(V), 36, U_here.shape[2]), dtype=y.dtype)
        xp.matmul(V.swapaxes(0, 1), U_here.swapaxes(0, 1), out=P.swapaxes(0, 1))
        Y = AA @ P
        for sums, below in tiles.positions(portion, Y, y[:, kernels]):
            xp.add(sums, 0 if b is None else b[kernels], out=below)

    parts = tiles.portions()
    kernel_shares = shares(M, CORES if len(parts) == 1 else 1)  # something for every core
    in_parallel(multiply, [(portion, kernels) for portion in parts for kernels in kernel_shares], x)


def kernel_gradient(grad: Array, x: Array, pad: Sides) -> Array:
    """∂f/∂K = (G ⊗ G)ᵀ ∂f/∂U,   ∂f/∂U_q = Σ_tiles V_q ∂f/∂P_qᵀ,   ∂f/∂P = (A ⊗ A)ᵀ ∂f/∂Y: each step back, transposed.

    Shapes: grad (N, M, I, J), x (N, C, H, W) → (M, C, 3, 3).
    """
    xp, M, C = array_module(x), grad.shape[1], x.shape[1]
    AA, BB, GG = transforms(xp, grad.dtype)
    tiles = Tiles(x, M, grad.shape[2:], pad)
    parts = tiles.portions()
    shared = shares_to_sum(len(parts), 36 * C * M * x.itemsize)
    sums = xp.zeros((len(shared), 36, C, M), dtype=grad.dtype)

    def add_up(share: int) -> None:
        for portion in parts[shared[share]]:
            V = BB @ tiles.pixels(portion)
            Y = xp.zeros((len(V), 16, M), dtype=grad.dtype)
            for into, below in tiles.positions(portion, Y, grad):
                into[...] = below
            P = AA.T @ Y
            sums[share] += V.transpose(1, 2, 0) @ P.swapaxes(0, 1)

    in_parallel(add_up, range(len(shared)), x)
    taps = product(GG.T, sums.sum(axis=0).reshape(36, C * M))
    return taps.reshape(3, 3, C, M).transpose(3, 2, 0, 1)


def transformed_kernels(K: Array) -> Array:
    """U = (G ⊗ G) K: (M, C, 3, 3) → (C, 36, M)."""
    xp, (M, C) = array_module(K), K.shape[:2]
    GG = transforms(xp, K.dtype)[2]
    U = xp.empty((C, 36, M), dtype=K.dtype)

    def transform(channels: slice) -> None:
        taps = xp.ascontiguousarray(K[:, channels].transpose(1, 2, 3, 0)).reshape(-1, 9, M)
        xp.matmul(GG, taps, out=U[channels])

    in_parallel(transform, shares(C, -(-C // 16)), K, shared=C * M >= KERNELS_WORTH_SHARING)
    return U
