"""The loops of a convolution: patches are copied a strip at a time, and BLAS multiplies while they are in the cache.

T tasks, one a core; task t takes strips t, t + T, ….  A patch is a row (u, v, c) of L = kh·kw·C numbers.
"""

from __future__ import annotations

from numba import njit, prange

from .kernel import PARALLEL, SERIAL, add_to, copy, fill_rows, gemm, zero


@njit(**SERIAL)
def copy_edge(x, base, W, C, kw, q, out, o):
    """kw pixels of a row of maps from column q on; beyond the edges are zeros."""
    for v in range(kw):
        if q + v < 0 or q + v >= W:
            zero(out, o + v * C, C)
        else:
            copy(x, base + (q + v) * C, out, o + v * C, C)


@njit(**SERIAL)
def copy_patches(x, H, W, C, I, J, kh, kw, sh, sw, top, left, first, last, out):
    """out(p, u, v, c) = x(c, sh·i + u − top, sw·j + v − left), positions p = (i, j) of rows first … last − 1 of N·I."""
    run, L = kw * C, kh * kw * C
    inside = min(J, max(0, -(-left // sw)))  # from here to beyond no patch meets an edge on the left or right
    beyond = max(inside, min(J, (W - kw + left) // sw + 1))
    for g in range(first, last):
        n, i = g // I, g % I
        for u in range(kh):
            r, o = i * sh + u - top, (g - first) * J * L + u * run
            if r < 0 or r >= H:
                for j in range(J):
                    zero(out, o + j * L, run)
                continue
            base = (n * H + r) * W * C
            for j in range(inside):
                copy_edge(x, base, W, C, kw, j * sw - left, out, o + j * L)
            for j in range(inside, beyond):
                copy(x, base + (j * sw - left) * C, out, o + j * L, run)
            for j in range(beyond, J):
                copy_edge(x, base, W, C, kw, j * sw - left, out, o + j * L)


@njit(**PARALLEL)
def correlate_strips(k01, x, N, H, W, C, K, tb, ldk, b, y, I, J, M, kh, kw, sh, sw, top, left, R, T, scratch):
    """y (positions × M) = patches (positions × L) · K (L × M) + b, R rows of positions at a time."""
    L, rows, share = kh * kw * C, N * I, scratch.size // T
    strips = (rows + R - 1) // R
    for t in prange(T):
        seen = scratch[t * share : (t + 1) * share]
        for s in range(t, strips, T):
            first, last = s * R, min(rows, s * R + R)
            o, positions = first * J * M, (last - first) * J
            copy_patches(x, H, W, C, I, J, kh, kw, sh, sw, top, left, first, last, seen)
            fill_rows(b, y, o, positions, M)
            gemm(k01, seen, 0, L, False, K, 0, ldk, tb, y, o, M, positions, L, M, b.size > 0)


@njit(**PARALLEL)
def spread_bands(k01, g, ldg, N, I, J, M, K, tb, ldk, out, H, W, C, kh, kw, sh, sw, top, left, bands, R, T, scratch):
    """out(sh·i + u − top, sw·j + v − left) += g(i, j) · K(u, v).  A task has a band of pixel rows to itself."""
    L, share = kh * kw * C, scratch.size // T
    for t in prange(T):
        spread = scratch[t * share : (t + 1) * share]
        for task in range(t, N * bands, T):
            n, band = task // bands, task % bands
            r0, r1 = H * band // bands, H * (band + 1) // bands
            zero(out, (n * H + r0) * W * C, (r1 - r0) * W * C)
            first, last = max(0, -((-(r0 + top - kh + 1)) // sh)), min(I, (r1 - 1 + top) // sh + 1)
            for i in range(first, last, R):
                end = min(last, i + R)
                gemm(k01, g, (n * I + i) * J * ldg, ldg, False, K, 0, ldk, tb, spread, 0, L, (end - i) * J, M, L, False)
                for a in range(i, end):
                    for u in range(max(0, r0 - a * sh + top), min(kh, r1 - a * sh + top)):
                        base = (n * H + a * sh + u - top) * W * C
                        for j in range(J):
                            q, o = j * sw - left, ((a - i) * J + j) * L + u * kw * C
                            v0, v1 = max(0, -q), min(kw, W - q)
                            if v1 > v0:
                                add_to(spread, o + v0 * C, out, base + (q + v0) * C, (v1 - v0) * C)


@njit(**PARALLEL)
def kernel_gradient_parts(k01, x, N, H, W, C, g, I, J, M, kh, kw, sh, sw, top, left, parts, R, T, scratch, sums):
    """sums(part) (L × M) = patchesᵀ (L × positions) · g (positions × M); parts do not depend on the cores."""
    L, rows, share = kh * kw * C, N * I, scratch.size // T
    for t in prange(T):
        seen = scratch[t * share : (t + 1) * share]
        for part in range(t, parts, T):
            begin, end = rows * part // parts, rows * (part + 1) // parts
            for first in range(begin, end, R):
                last = min(end, first + R)
                copy_patches(x, H, W, C, I, J, kh, kw, sh, sw, top, left, first, last, seen)
                o, positions = first * J * M, (last - first) * J
                gemm(k01, seen, 0, L, True, g, o, M, False, sums, part * L * M, M, L, positions, M, first > begin)


@njit(**PARALLEL)
def product(k01, A, lda, ta, B, ldb, tb, C, ldc, rows, inner, cols, b, by_columns, T):
    """C = A·B + b, each core its share of the rows or of the columns."""
    for t in prange(T):
        if by_columns:
            q, end = cols * t // T, cols * (t + 1) // T
            if end > q:
                fill_rows(b[q : min(end, b.size)] if b.size else b, C, q, rows, ldc)
                gemm(k01, A, 0, lda, ta, B, q * ldb if tb else q, ldb, tb, C, q, ldc, rows, inner, end - q, b.size > 0)
        else:
            r, end = rows * t // T, rows * (t + 1) // T
            if end > r:
                o = r if ta else r * lda
                fill_rows(b, C, r * ldc, end - r, ldc)
                gemm(k01, A, o, lda, ta, B, 0, ldb, tb, C, r * ldc, ldc, end - r, inner, cols, b.size > 0)


@njit(**PARALLEL)
def rearrange_kernels(K, s0, s1, s2, s3, M, C, kh, kw, flip, out, T):
    """K by its strides → (m, u, v, c), or if `flip` K̂: (u, v, m, c), taps flipped.  A kernel's numbers are near."""
    for t in prange(T):
        for m in range(M * t // T, M * (t + 1) // T):
            for u in range(kh):
                for v in range(kw):
                    if flip:
                        base, o = m * s0 + (kh - 1 - u) * s2 + (kw - 1 - v) * s3, ((u * kw + v) * M + m) * C
                    else:
                        base, o = m * s0 + u * s2 + v * s3, ((m * kh + u) * kw + v) * C
                    row = out[o : o + C]
                    for c in range(C):
                        row[c] = K[base + c * s1]


@njit(**SERIAL)
def count_needed(g, ldg, pixels, C, most, needed):
    """How many channels are not zero everywhere, marked in `needed`; stops where there are more than `most`."""
    needed[:] = 0
    for first in range(0, pixels, 32):
        for p in range(first, min(first + 32, pixels)):
            G = g[p * ldg : p * ldg + C]
            for c in range(C):
                needed[c] |= G[c] != 0
        if needed.sum() > most:
            break
    return needed.sum()
