"""Max-pooling and its way back through the switches."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from ...windows import Pair, Sides
from .kernel import PARALLEL, zero
from .layout import Array, flat, maps
from .safety import Unsuited, cores


@njit(**PARALLEL)
def max_of_windows(x, N, H, W, C, y, s, I, J, kh, kw, sh, sw, top, left, T):
    """y(i, j) = max over u, v of x(sh·i + u − top, sw·j + v − left), s its first tap; NaN is the largest."""
    lowest = x.dtype.type(-np.inf)
    for t in prange(T):
        for g in range(N * I * t // T, N * I * (t + 1) // T):
            n, i = g // I, g % I
            for j in range(J):
                o = (g * J + j) * C
                best, winner = y[o : o + C], s[o : o + C]
                for c in range(C):
                    best[c] = lowest  # as the padding is; nothing lower can win
                    winner[c] = 0
                for u in range(max(0, top - i * sh), min(kh, H + top - i * sh)):
                    for v in range(max(0, left - j * sw), min(kw, W + left - j * sw)):
                        p = ((n * H + i * sh + u - top) * W + j * sw + v - left) * C
                        seen, tap = x[p : p + C], np.uint8(u * kw + v)
                        for c in range(C):
                            a, b = seen[c], best[c]
                            wins = (a > b) | ((a != a) & (b == b))
                            best[c] = a if wins else b
                            winner[c] = tap if wins else winner[c]


@njit(**PARALLEL)
def collect_from_windows(g, s, N, I, J, C, out, H, W, kh, kw, sh, sw, top, left, T):
    """Each pixel adds up g(i, j) · 1(s(i, j) = its tap) over the windows that it was in, always in the same order."""
    none = g.dtype.type(0)
    for t in prange(T):
        for q in range(N * H * t // T, N * H * (t + 1) // T):
            n, r = q // H, q % H
            zero(out, q * W * C, W * C)
            for i in range(max(0, (r + top - kh + sh) // sh), min(I - 1, (r + top) // sh) + 1):
                u = r + top - i * sh
                for j in range(J):
                    a = ((n * I + i) * J + j) * C
                    for v in range(max(0, left - j * sw), min(kw, W + left - j * sw)):
                        o, tap = (q * W + j * sw + v - left) * C, np.uint8(u * kw + v)
                        below, grad, winner = out[o : o + C], g[a : a + C], s[a : a + C]
                        for c in range(C):
                            below[c] += grad[c] if winner[c] == tap else grad[c] * none


def max_pool(x: Array, size: Pair, stride: Pair, pad: Sides) -> tuple[Array, Array]:
    """Y(p) = max_{q∈Ω(p)} X(q), and the switches."""
    (N, C, H, W), (top, bottom, left, right) = x.shape, pad
    I, J = (top + H + bottom - size[0]) // stride[0] + 1, (left + W + right - size[1]) // stride[1] + 1
    if size[0] * size[1] > 256:
        raise Unsuited  # switches are bytes
    y, s = np.empty(N * I * J * C, x.dtype), np.empty(N * I * J * C, np.uint8)
    max_of_windows(flat(x), N, H, W, C, y, s, I, J, *size, *stride, top, left, cores())
    return maps(y, N, I, J, C), maps(s, N, I, J, C)


def unpool(grad: Array, switches: Array, shape: tuple[int, ...], size: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂X(s) = Σ_p ∂f/∂Y(p) · 1(s = argmax)."""
    if switches.dtype != np.uint8:
        raise Unsuited
    (N, C, H, W), (I, J), out = shape, grad.shape[2:], np.empty(int(np.prod(shape)), grad.dtype)
    below = (N, I, J, C, out, H, W, *size, *stride, pad[0], pad[2])
    collect_from_windows(flat(grad), flat(switches), *below, cores())
    return maps(out, N, H, W, C)
