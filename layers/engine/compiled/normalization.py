"""Local response normalisation, one pass a pixel:  D = κ + α Σ x²,  y = x · D^(−β)."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from .kernel import PARALLEL, SERIAL, add_to, copy
from .layout import Array, flat, maps
from .safety import Unsuited, cores


@njit(**SERIAL)
def times_power(x, D, beta, y):
    """y = x · D^(−β); the β = ¾ of every published network by two square roots."""
    if beta == 0.75:
        for c in range(x.size):
            root = np.sqrt(D[c])
            y[c] = x[c] / (root * np.sqrt(root))
    else:
        for c in range(x.size):
            y[c] = x[c] * D[c] ** (-beta)


@njit(**SERIAL)
def window_sums(x, before, after, sums):
    """sums(c) = Σ x(j), j = c − before … c + after."""
    C = x.size
    copy(x, 0, sums, 0, C)
    for k in range(1, min(before, C - 1) + 1):
        add_to(x, 0, sums, k, C - k)
    for k in range(1, min(after, C - 1) + 1):
        add_to(x, k, sums, 0, C - k)


@njit(**PARALLEL)
def normalized(x, pixels, C, before, after, kappa, alpha, beta, y, D, T):
    """D(c) = κ + α Σ_{j∈Ω(c)} x(j)²,  y = x · D^(−β)."""
    for t in prange(T):
        squares = np.empty(C, x.dtype)
        for p in range(pixels * t // T, pixels * (t + 1) // T):
            X, Y, d = x[p * C : p * C + C], y[p * C : p * C + C], D[p * C : p * C + C]
            for c in range(C):
                squares[c] = X[c] * X[c]
            window_sums(squares, before, after, d)
            for c in range(C):
                d[c] = kappa + alpha * d[c]
            times_power(X, d, beta, Y)


@njit(**PARALLEL)
def normalized_back(g, x, D, pixels, C, before, after, alpha, beta, y, T):
    """y = own − 2αβ x · Σ_{c: j∈Ω(c)} own(c) · x(c) / D(c),  own = g · D^(−β)."""
    factor = x.dtype.type(2) * alpha * beta
    for t in prange(T):
        own, ratio, taken = np.empty(C, x.dtype), np.empty(C, x.dtype), np.empty(C, x.dtype)
        for p in range(pixels * t // T, pixels * (t + 1) // T):
            G, X, Y, d = g[p * C : p * C + C], x[p * C : p * C + C], y[p * C : p * C + C], D[p * C : p * C + C]
            times_power(G, d, beta, own)
            for c in range(C):
                ratio[c] = own[c] * X[c] / d[c]
            window_sums(ratio, after, before, taken)
            for c in range(C):
                Y[c] = own[c] - factor * X[c] * taken[c]


def normalize(x: Array, before: int, after: int, kappa: float, alpha: float, beta: float) -> tuple[Array, Array]:
    """(y, D)."""
    if x.ndim != 4:
        raise Unsuited
    (N, C, H, W), real = x.shape, x.dtype.type
    y, D = np.empty(x.size, x.dtype), np.empty(x.size, x.dtype)
    normalized(flat(x), N * H * W, C, before, after, real(kappa), real(alpha), real(beta), y, D, cores())
    return maps(y, N, H, W, C), maps(D, N, H, W, C)


def normalize_gradient(grad: Array, x: Array, D: Array, before: int, after: int, alpha: float, beta: float) -> Array:
    """∂f/∂X."""
    if x.ndim != 4:
        raise Unsuited
    (N, C, H, W), real, y = x.shape, x.dtype.type, np.empty(x.size, x.dtype)
    given = (flat(grad), flat(x), flat(D), N * H * W, C)
    normalized_back(*given, before, after, real(alpha), real(beta), y, cores())
    return maps(y, N, H, W, C)
