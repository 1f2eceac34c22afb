"""Fully connected layers: a few images by a large matrix, where fetching the matrix takes the time."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from .kernel import PARALLEL, SUM, zero
from .layout import K01, NONE, Array, run
from .patches import product
from .safety import cores

FEW = 32  # images; for more BLAS is faster
SHARED = 1 << 15  # numbers of a matrix; a smaller one is not shared among cores
COLUMNS = 1024  # of Wᵀ·grad at a time, so that the sums of all images stay in the cache


@njit(**SUM)
def dot1(W, w, x, p, n):
    """Σ W(w + d) · x(p + d)."""
    total = W.dtype.type(0)
    a, b = W[w : w + n], x[p : p + n]
    for d in range(n):
        total += a[d] * b[d]
    return total


@njit(**SUM)
def dot4(W, w, x, p, n):
    """The same for four images at once: the row of W is fetched once."""
    e = f = g = h = W.dtype.type(0)
    a, q = W[w : w + n], x[p : p + n]
    r, s, t = x[p + n : p + 2 * n], x[p + 2 * n : p + 3 * n], x[p + 3 * n : p + 4 * n]
    for d in range(n):
        e += a[d] * q[d]
        f += a[d] * r[d]
        g += a[d] * s[d]
        h += a[d] * t[d]
    return e, f, g, h


@njit(**PARALLEL)
def rows_times(W, D_out, D_in, x, N, b, y, T):
    """y(n, m) = Σ_d W(m, d) · x(n, d) + b(m)."""
    for t in prange(T):
        for m in range(D_out * t // T, D_out * (t + 1) // T):
            for n in range(0, N - N % 4, 4):
                e, f, g, h = dot4(W, m * D_in, x, n * D_in, D_in)
                y[n * D_out + m], y[(n + 1) * D_out + m] = e + b[m], f + b[m]
                y[(n + 2) * D_out + m], y[(n + 3) * D_out + m] = g + b[m], h + b[m]
            for n in range(N - N % 4, N):
                y[n * D_out + m] = dot1(W, m * D_in, x, n * D_in, D_in) + b[m]


@njit(**PARALLEL)
def add_rows(W, D_in, g, D_out, N, needed, y, T):
    """y(n, d) = Σ_m g(n, m) · W(m, d) over the rows m that are needed, four at a time; each core has its columns."""
    for t in prange(T):
        begin, end = D_in * t // T, D_in * (t + 1) // T
        for d0 in range(begin, end, max(1, end - begin if N == 1 else COLUMNS)):
            d1 = end if N == 1 else min(end, d0 + COLUMNS)
            for n in range(N):
                zero(y, n * D_in + d0, d1 - d0)
            fours = needed.size - needed.size % 4
            for k in range(0, fours, 4):
                a, b, c, e = needed[k], needed[k + 1], needed[k + 2], needed[k + 3]
                A, B = W[a * D_in + d0 : a * D_in + d1], W[b * D_in + d0 : b * D_in + d1]
                C, E = W[c * D_in + d0 : c * D_in + d1], W[e * D_in + d0 : e * D_in + d1]
                for n in range(N):
                    Y, o = y[n * D_in + d0 : n * D_in + d1], n * D_out
                    ga, gb, gc, ge = g[o + a], g[o + b], g[o + c], g[o + e]
                    for d in range(d1 - d0):
                        Y[d] += ga * A[d] + gb * B[d] + gc * C[d] + ge * E[d]
            for a in needed[fours:]:
                A = W[a * D_in + d0 : a * D_in + d1]
                for n in range(N):
                    Y, ga = y[n * D_in + d0 : n * D_in + d1], g[n * D_out + a]
                    for d in range(d1 - d0):
                        Y[d] += ga * A[d]


def affine(x: Array, W: Array, b: Array) -> Array:
    """Y = x Wᵀ + b."""
    (N, D_in), D_out = x.shape, len(W)
    y, T = np.empty(N * D_out, x.dtype), cores() if W.size > SHARED else 1
    if N <= FEW:
        rows_times(run(W), D_out, D_in, run(x), N, run(b), y, T)
    else:
        sizes = (N, D_in, D_out)
        product(K01[x.dtype], run(x), D_in, False, run(W), D_in, True, y, D_out, *sizes, run(b), D_out > N, T)
    return y.reshape(N, D_out)


def affine_transposed(grad: Array, W: Array) -> Array:
    """∂f/∂x = ∂f/∂Y W, by the rows of W alone that meet anything."""
    (N, D_out), D_in = grad.shape, W.shape[1]
    needed = np.flatnonzero((grad != 0).any(axis=0))
    y, T = np.empty(N * D_in, grad.dtype), cores() if needed.size * D_in > SHARED else 1
    if N <= FEW or needed.size <= 8:
        add_rows(run(W), D_in, run(grad), D_out, N, needed, y, T)
        return y.reshape(N, D_in)
    if needed.size < 0.8 * D_out:
        grad, W, D_out = grad[:, needed], W[needed], needed.size
    sizes = (N, D_out, D_in)
    none = NONE[grad.dtype]
    product(K01[grad.dtype], run(grad), D_out, False, run(W), D_in, False, y, D_in, *sizes, none, D_in > N, T)
    return y.reshape(N, D_in)


def matrix_gradient(grad: Array, x: Array) -> Array:
    """∂f/∂W = ∂f/∂Yᵀ x."""
    (N, D_out), D_in = grad.shape, x.shape[1]
    out, none = np.empty(D_out * D_in, grad.dtype), NONE[grad.dtype]
    sizes = (D_out, N, D_in)
    product(K01[grad.dtype], run(grad), D_out, True, run(x), D_in, False, out, D_in, *sizes, none, False, cores())
    return out.reshape(D_out, D_in)
