"""3×3 convolution by Winograd's minimal filtering F(4×4, 3×3): 36 products for 16 positions in place of 144.

A tile is 4×4 positions and the 6×6 pixels d that they see:  Y = Aᵀ [(G K Gᵀ) ⊙ (Bᵀ d B)] A  [Lavin2016].
Summed over channels, ⊙ is one product of matrices (tiles × C) · (C × M) for each of the 36 entries.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from ...windows import Pair, Sides
from .kernel import PARALLEL, SERIAL, copy, gemm, zero
from .layout import K01, NONE, SCRATCH, Array, flat, maps, run, scratch, spanned
from .patches import copy_edge, product
from .safety import cores

# Aᵀ, Bᵀ and G from the five points and ∞ where polynomials are evaluated; B's rows are scaled to length 1, G's against.
POINTS = np.array([0, 0.75, -0.75, 1.5, -1.5])


def _values(n: int) -> Array:
    return np.concatenate([np.vander(POINTS, n, increasing=True), np.eye(n)[-1:]])


_B = np.linalg.inv(_values(6)).T
_LENGTH = np.linalg.norm(_B, axis=1, keepdims=True)
ABG = {
    np.dtype(t): tuple(np.ascontiguousarray(m.astype(t)) for m in (_values(4).T, _B / _LENGTH, _values(3) * _LENGTH))
    for t in ("f4", "f8")
}
GG = {t: np.kron(G, G).reshape(-1) for t, (_, _, G) in ABG.items()}

TILES = 128  # at once, where the scratch allows
CHUNKS = 4  # partial sums of a kernel gradient; how many does not depend on the number of cores
MEMORY = 36 << 20  # bytes of the transformed kernels


def pays(N: int, C: int, M: int, kernel: Pair, stride: Pair, I: int, J: int, itemsize: int) -> bool:
    """Channels and tiles enough, and few positions of tiles wasted at the edges."""
    tiles = N * -(-I // 4) * -(-J // 4)
    enough = kernel == (3, 3) and stride == (1, 1) and min(C, M) >= 32 and tiles >= 40
    return enough and 16 * tiles < 1.6 * N * I * J and 36 * C * M * itemsize <= MEMORY


# ---------------------------------------------------------------------- loops of one output: LLVM is wary of aliases


@njit(**SERIAL)
def mix3(s, o, step, n, a, row, out, p):
    """out = Σ_k a(row, k) · (the k-th of three runs of n numbers, `step` apart)."""
    a0, a1, a2, y = a[row, 0], a[row, 1], a[row, 2], out[p : p + n]
    s0, s1, s2 = s[o : o + n], s[o + step : o + step + n], s[o + 2 * step : o + 2 * step + n]
    for q in range(n):
        y[q] = a0 * s0[q] + a1 * s1[q] + a2 * s2[q]


@njit(**SERIAL)
def mix4(s, o, step, n, a, column, out, p):
    """out = Σ_k a(k, column) · (the k-th of four runs)."""
    a0, a1, a2, a3, y = a[0, column], a[1, column], a[2, column], a[3, column], out[p : p + n]
    s0, s1 = s[o : o + n], s[o + step : o + step + n]
    s2, s3 = s[o + 2 * step : o + 2 * step + n], s[o + 3 * step : o + 3 * step + n]
    for q in range(n):
        y[q] = a0 * s0[q] + a1 * s1[q] + a2 * s2[q] + a3 * s3[q]


@njit(**SERIAL)
def mix6(s, o, step, n, a, row, out, p):
    """out = Σ_k a(row, k) · (the k-th of six runs)."""
    a0, a1, a2, a3, a4, a5 = a[row, 0], a[row, 1], a[row, 2], a[row, 3], a[row, 4], a[row, 5]
    s0, s1, s2 = s[o : o + n], s[o + step : o + step + n], s[o + 2 * step : o + 2 * step + n]
    o += 3 * step
    s3, s4, s5 = s[o : o + n], s[o + step : o + step + n], s[o + 2 * step : o + 2 * step + n]
    y = out[p : p + n]
    for q in range(n):
        y[q] = a0 * s0[q] + a1 * s1[q] + a2 * s2[q] + a3 * s3[q] + a4 * s4[q] + a5 * s5[q]


@njit(**PARALLEL)
def transform_kernels(K, along_rows, along_n, s2, s3, rows, n, flip, G, U, T):
    """U (36, rows, n) = G K Gᵀ, K's taps flipped or not."""
    for t in prange(T):
        taps, E = np.empty(9 * n, K.dtype), np.empty(18 * n, K.dtype)
        for m in range(rows * t // T, rows * (t + 1) // T):
            for tap in range(9):
                u, v = (2 - tap // 3, 2 - tap % 3) if flip else (tap // 3, tap % 3)
                base, row = m * along_rows + u * s2 + v * s3, taps[tap * n : (tap + 1) * n]
                if along_n == 1:
                    copy(K, base, taps, tap * n, n)
                else:
                    for c in range(n):
                        row[c] = K[base + c * along_n]
            for a in range(6):
                mix3(taps, 0, 3 * n, 3 * n, G, a, E, a * 3 * n)
            for a in range(6):
                for d in range(6):
                    mix3(E, a * 3 * n, n, n, G, d, U, ((a * 6 + d) * rows + m) * n)


@njit(**SERIAL)
def transform_tile(x, n, H, W, C, r0, q0, B, d, E, V, tile, tiles):
    """V(:, tile) = Bᵀ d B of the 6×6 pixels from (r0, q0) on of image n; beyond the edges are zeros."""
    for u in range(6):
        r = r0 + u
        if r < 0 or r >= H:
            zero(d, u * 6 * C, 6 * C)
        elif q0 >= 0 and q0 + 6 <= W:
            copy(x, ((n * H + r) * W + q0) * C, d, u * 6 * C, 6 * C)
        else:
            copy_edge(x, (n * H + r) * W * C, W, C, 6, q0, d, u * 6 * C)
    for a in range(6):
        mix6(d, 0, 6 * C, 6 * C, B, a, E, a * 6 * C)
    for a in range(6):
        for e in range(6):
            mix6(E, a * 6 * C, C, C, B, e, V, ((a * 6 + e) * tiles + tile) * C)


@njit(**PARALLEL)
def correlate_tiles(k01, x, N, H, W, C, U, tb, b, y, I, J, M, top, left, A, B, at_once, T, scratch):
    """y = Aᵀ [U ⊙ Bᵀ d B] A + b, tile by tile; returns whether all is finite."""
    down, across = (I + 3) // 4, (J + 3) // 4
    tiles, share = N * down * across, scratch.size // T
    strips = (tiles + at_once - 1) // at_once
    odd = np.zeros(T, np.uint8)
    for t in prange(T):
        V = scratch[t * share : t * share + 36 * at_once * C]
        P = scratch[t * share + 36 * at_once * C : (t + 1) * share]
        d, E = np.empty(36 * C, x.dtype), np.empty(36 * C, x.dtype)
        F, Z, none = np.empty(24 * M, x.dtype), np.empty(M, x.dtype), x.dtype.type(0)
        for s in range(t, strips, T):
            first, last = s * at_once, min(tiles, s * at_once + at_once)
            n_ = last - first
            for q in range(first, last):
                r0, q0 = (q // across) % down * 4 - top, q % across * 4 - left
                transform_tile(x, q // (down * across), H, W, C, r0, q0, B, d, E, V, q - first, n_)
            for e in range(36):
                gemm(k01, V, e * n_ * C, C, False, U, e * C * M, C if tb else M, tb, P, e * n_ * M, M, n_, C, M, False)
            for q in range(first, last):
                n, i0, j0 = q // (down * across), (q // across) % down * 4, q % across * 4
                for i in range(4):
                    for e in range(6):
                        mix6(P, (e * n_ + q - first) * M, 6 * n_ * M, M, A, i, F, (i * 6 + e) * M)
                for i in range(min(4, I - i0)):
                    for j in range(min(4, J - j0)):
                        o = ((n * I + i0 + i) * J + j0 + j) * M
                        mix6(F, i * 6 * M, M, M, A, j, Z, 0)
                        Y = y[o : o + M]
                        wrong = np.uint8(0)
                        for m in range(M):
                            wrong |= np.uint8(Z[m] * none != none)
                            Y[m] = Z[m]
                        odd[t] |= wrong
                        if b.size:
                            for m in range(M):
                                Y[m] += b[m]
    return odd.sum() == 0


@njit(**PARALLEL)
def kernel_gradient_tiles(k01, x, N, H, W, C, g, I, J, M, top, left, A, B, at_once, chunks, T, scratch, sums):
    """sums(chunk) (36, C, M) = Σ over tiles of (Bᵀ d B)ᵀ · (A ∂f/∂Y Aᵀ): the gradient by U = G K Gᵀ."""
    down, across = (I + 3) // 4, (J + 3) // 4
    tiles, share = N * down * across, scratch.size // T
    for t in prange(T):
        V = scratch[t * share : t * share + 36 * at_once * C]
        P = scratch[t * share + 36 * at_once * C : (t + 1) * share]
        d, E = np.empty(36 * C, x.dtype), np.empty(36 * C, x.dtype)
        Y, F = np.empty(16 * M, x.dtype), np.empty(24 * M, x.dtype)
        for chunk in range(t, chunks, T):
            begin, end = tiles * chunk // chunks, tiles * (chunk + 1) // chunks
            for first in range(begin, end, at_once):
                last = min(end, first + at_once)
                n_ = last - first
                for q in range(first, last):
                    n, i0, j0 = q // (down * across), (q // across) % down * 4, q % across * 4
                    transform_tile(x, n, H, W, C, i0 - top, j0 - left, B, d, E, V, q - first, n_)
                    for i in range(4):
                        for j in range(4):
                            if i0 + i < I and j0 + j < J:
                                copy(g, ((n * I + i0 + i) * J + j0 + j) * M, Y, (i * 4 + j) * M, M)
                            else:
                                zero(Y, (i * 4 + j) * M, M)
                    for a in range(6):
                        mix4(Y, 0, 4 * M, 4 * M, A, a, F, a * 4 * M)
                    for a in range(6):
                        for e in range(6):
                            mix4(F, a * 4 * M, M, M, A, e, P, ((a * 6 + e) * n_ + q - first) * M)
                for e in range(36):
                    o = (chunk * 36 + e) * C * M
                    gemm(k01, V, e * n_ * C, C, True, P, e * n_ * M, M, False, sums, o, M, C, n_, M, first > begin)


# ---------------------------------------------------------------------- the functions


def tiles_at_once(tiles: int, C: int, M: int, itemsize: int, T: int) -> int:
    """So many that the scratch of all cores suffices, and all cores get as many."""
    most = max(8, min(TILES, SCRATCH // cores() // (36 * (C + M) * itemsize)))
    share = -(-tiles // T)
    return max(1, -(-share // -(-share // most)))


def correlate(x: Array, K: Array, b: Array | None, pad: Sides, I: int, J: int, flip: bool = False) -> Array | None:
    """X ⋆ K + b, or with `flip` X ⋆ K̂.  None where a NaN or ∞ is among the numbers, for a tile would spread it."""
    (N, _, H, W), (M, C), T, dtype = x.shape, K.shape[:2], cores(), x.dtype
    A, B, G = ABG[dtype]
    source, strides = spanned(K)
    by_kernel = strides[1] <= strides[0]  # U as K lies: rows are kernels, or channels
    rows, n, along_rows, along_n = (M, C, *strides[:2]) if by_kernel else (C, M, *strides[1::-1])
    U = scratch(36 * M * C, dtype, "kernels")
    transform_kernels(source, along_rows, along_n, *strides[2:], rows, n, flip, G, U, T)
    inner, outer = (M, C) if flip else (C, M)
    at_once = tiles_at_once(N * -(-I // 4) * -(-J // 4), C, M, dtype.itemsize, T)
    y, biases = np.empty(N * I * J * outer, dtype), NONE[dtype] if b is None else run(b)
    into = (y, I, J, outer, pad[0], pad[2], A, B, at_once, T, scratch(T * 36 * at_once * (C + M), dtype))
    finite = correlate_tiles(K01[dtype], flat(x), N, H, W, inner, U, by_kernel != flip, biases, *into)
    return maps(y, N, I, J, outer) if finite else None


def kernel_gradient(grad: Array, x: Array, pad: Sides) -> Array | None:
    """∂f/∂K = Gᵀ ∂f/∂U G.  None where a NaN or ∞ is among the numbers."""
    (N, C, H, W), (_, M, I, J), T, dtype = x.shape, grad.shape, cores(), x.dtype
    A, B, _ = ABG[dtype]
    chunks = max(1, min(CHUNKS, MEMORY // 2 // (36 * C * M * dtype.itemsize)))
    at_once = tiles_at_once(-(-N * -(-I // 4) * -(-J // 4) // chunks), C, M, dtype.itemsize, 1)
    sums, memory = scratch(chunks * 36 * C * M, dtype, "kernels"), scratch(T * 36 * at_once * (C + M), dtype)
    given = (flat(x), N, H, W, C, flat(grad), I, J, M, pad[0], pad[2], A, B, at_once, chunks, T, memory)
    kernel_gradient_tiles(K01[dtype], *given, sums)
    parts = sums[: chunks * 36 * C * M].reshape(chunks, 36 * C * M)
    total = parts.sum(axis=0) if chunks > 1 else parts[0]
    if not np.isfinite(total).all():
        return None
    out, sizes = np.empty(9 * C * M, dtype), (9, 36, C * M)  # not by NumPy's @, whose threads would spin on our cores
    product(K01[dtype], GG[dtype], 9, True, total, C * M, False, out, C * M, *sizes, NONE[dtype], True, T)
    return out.reshape(3, 3, C, M).transpose(3, 2, 0, 1)
