"""ReLU and its three gates, the joining of channels and sums over pixels: one pass over the maps each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, prange

from .kernel import PARALLEL, add_to, zero
from .layout import Array, copy_channels, flat, maps, rows_of, run
from .safety import cores

SMALL = 1 << 13  # numbers; fewer are not shared among cores
PARTS = 16  # of a sum over pixels; how it is cut does not depend on the number of cores


@njit(**PARALLEL)
def relu(x, y, T):
    """y = max(x, 0); NaN stays NaN."""
    none = x.dtype.type(0)
    for t in prange(T):
        a, b = x[x.size * t // T : x.size * (t + 1) // T], y[x.size * t // T : x.size * (t + 1) // T]
        for i in range(a.size):
            b[i] = none if a[i] <= none else a[i]


@njit(**PARALLEL)
def gate(g, ldg, x, ldx, y, pixels, C, up, down, T):
    """y = g · 1(x > 0) if `up`, · 1(g > 0) if `down`: a product, so that NaN · 0 is NaN as in the definition."""
    none = g.dtype.type(0)
    for t in prange(T):
        for p in range(pixels * t // T, pixels * (t + 1) // T):
            G, X, Y = g[p * ldg : p * ldg + C], x[p * ldx : p * ldx + C], y[p * C : p * C + C]
            if up and down:
                for c in range(C):
                    Y[c] = G[c] if (X[c] > none) & (G[c] > none) else G[c] * none
            elif up:
                for c in range(C):
                    Y[c] = G[c] if X[c] > none else G[c] * none
            else:
                for c in range(C):
                    Y[c] = G[c] if G[c] > none else G[c] * none


@njit(**PARALLEL)
def sums_over_pixels(x, N, pixels, C, parts, sums, T):
    """sums(n, part, c) = Σ over the pixels of this part of x(n, pixel, c)."""
    for t in prange(T):
        for task in range(t, N * parts, T):
            n, part = task // parts, task % parts
            zero(sums, task * C, C)
            for p in range(pixels * part // parts, pixels * (part + 1) // parts):
                add_to(x, (n * pixels + p) * C, sums, task * C, C)


def forward(layer: Any, x: Array) -> tuple[Array, Array]:
    """max(x, 0), and x."""
    numbers = flat(x) if x.ndim == 4 else run(x)
    y = np.empty(x.size, x.dtype)
    relu(numbers, y, cores() if x.size > SMALL else 1)
    if x.ndim != 4:
        return y.reshape(x.shape), x
    N, C, H, W = x.shape
    return maps(y, N, H, W, C), x


def gated(grad: Array, x: Array, up: bool, down: bool) -> Array:
    y, T = np.empty(grad.size, grad.dtype), cores() if grad.size > SMALL else 1
    if grad.ndim != 4:
        gate(run(grad), grad.size, run(x if up else grad), grad.size, y, 1, grad.size, up, down, 1)
        return y.reshape(grad.shape)
    N, C, H, W = grad.shape
    g, ldg = rows_of(grad)
    gate(g, ldg, *(rows_of(x) if up else (g, ldg)), y, N * H * W, C, up, down, T)
    return maps(y, N, H, W, C)


def backward(layer: Any, grad: Array, x: Array) -> Array:
    """grad · 1(x > 0)."""
    return gated(grad, x, True, False)


def deconv(layer: Any, R: Array, x: Array) -> Array:
    """R · 1(R > 0)."""
    return gated(R, x, False, True)


def guided(layer: Any, G: Array, x: Array) -> Array:
    """G · 1(x > 0) · 1(G > 0)."""
    return gated(G, x, True, True)


def join_channels(*outputs: Array) -> Array:
    """[y_1, y_2, …] along the channels."""
    (N, _, H, W), total = outputs[0].shape, sum(y.shape[1] for y in outputs)
    out, begin = np.empty(N * H * W * total, outputs[0].dtype), 0
    for y in outputs:
        numbers, ld = rows_of(y)
        copy_channels(numbers, ld, out[begin:], total, N * H * W, y.shape[1], cores())
        begin += y.shape[1]
    return maps(out, N, H, W, total)


def position_sums(grad: Array) -> Array:
    """Σ over images and positions: (M,)."""
    (N, M, I, J), joined = grad.shape, 1 if grad.shape[1] >= 64 else math.gcd(grad.size // grad.shape[1], 16)
    sums = np.empty(PARTS * joined * M, grad.dtype)  # of few channels several pixels are one run
    sums_over_pixels(flat(grad), 1, N * I * J // joined, joined * M, PARTS, sums, cores())
    return sums.reshape(PARTS * joined, M).sum(axis=0)


def mean_over_pixels(x: Array) -> Array:
    """The mean of each map: (N, C)."""
    (N, C, H, W), sums = x.shape, np.empty(x.shape[0] * PARTS * x.shape[1], x.dtype)
    sums_over_pixels(flat(x), N, H * W, C, PARTS, sums, cores())
    return sums.reshape(N, PARTS, C).sum(axis=1) / x.dtype.type(H * W)
