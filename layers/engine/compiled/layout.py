"""How maps lie in memory: channels last, all channels of a pixel side by side, and what brings them there.

Number c of pixel (n, r, q) is x(((n·H + r)·W + q)·C + c).  To all others the maps are (N, C, H, W) as ever: views.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numba import njit, prange
from numpy.lib.stride_tricks import as_strided

from .kernel import PARALLEL, copy
from .safety import cores

Array: TypeAlias = np.ndarray[Any, Any]

SCRATCH = 24 << 20  # bytes of scratch at most, all cores together
NONE = {np.dtype(t): np.empty(0, t) for t in ("f4", "f8")}  # no biases
K01 = {np.dtype(t): np.array([0, 1], t) for t in ("f4", "f8")}

_scratch: dict[Any, Array] = {}


def scratch(numbers: int, dtype: Any, use: str = "") -> Array:
    """Memory for the length of a call, kept for the next: fresh memory costs a page fault every 4 KiB."""
    kept, needed = _scratch.get(use), numbers * np.dtype(dtype).itemsize
    if kept is None or kept.size < needed:
        kept = _scratch[use] = np.empty(-(-needed // 64) * 64, np.uint8)
    return kept.view(dtype)


class _Memory:
    """An array's memory as writable: Numba would compile all kernels once more for arrays that are not."""

    def __init__(self, a: Array) -> None:
        self.owner, self.__array_interface__ = a, {**a.__array_interface__, "data": (a.ctypes.data, False)}


def run(a: Array) -> Array:
    """The numbers of an array in their order, (size,), as kernels take them; a copy if they lie otherwise."""
    a = np.ascontiguousarray(a) if a.flags.aligned else a.copy()
    return a.reshape(-1) if a.flags.writeable else np.asarray(_Memory(a)).reshape(-1)


def spanned(a: Array) -> tuple[Array, list[int]]:
    """All numbers from the first of an array to its last, and its strides counted in numbers."""
    if min(a.strides) < 0 or any(s % a.itemsize for s in a.strides) or not a.flags.aligned:
        a = a.copy()
    strides = [s // a.itemsize for s in a.strides]
    span = 1 + sum((n - 1) * s for n, s in zip(a.shape, strides, strict=True))
    return run(as_strided(a, (span,), (a.itemsize,))), strides


def rows_of(x: Array) -> tuple[Array, int]:
    """(numbers, from pixel to pixel) of the maps channels last; not copied if they lie so, perhaps among others."""
    pixels = x.transpose(0, 2, 3, 1)
    if pixels.flags.carray:
        return pixels.reshape(-1), x.shape[1]
    (N, C, H, W), (sn, sc, sh, sw), item = x.shape, x.strides, x.itemsize
    channels_last = x.flags.aligned and (C == 1 or sc == item) and sw >= C * item and sw % item == 0
    if channels_last and (H == 1 or sh == W * sw) and (N == 1 or sn == H * W * sw):
        ld = sw // item
        return run(as_strided(x, ((N * H * W - 1) * ld + C,), (item,))), ld
    source, strides = spanned(x)
    out = np.empty(x.size, x.dtype)
    to_pixels(source, *strides, N, C, H, W, out, cores())
    return out, C


def flat(x: Array) -> Array:
    """The maps' numbers, channels last, (N·H·W·C,); copied if they lie otherwise."""
    (N, C, H, W), (source, ld) = x.shape, rows_of(x)
    if ld == C:
        return source
    out = np.empty(x.size, x.dtype)
    copy_channels(source, ld, out, C, N * H * W, C, cores())
    return out


def maps(y: Array, N: int, I: int, J: int, M: int) -> Array:
    """Numbers that lie channels last as maps (N, M, I, J), a view."""
    return y.reshape(N, I, J, M).transpose(0, 3, 1, 2)


def planes(y: Array, N: int, I: int, J: int, M: int) -> Array:
    """The same, but maps of few channels are put into planes, as photographs lie: what follows is NumPy's."""
    return np.ascontiguousarray(maps(y, N, I, J, M)) if M <= 4 else maps(y, N, I, J, M)


@njit(**PARALLEL)
def to_pixels(x, s0, s1, s2, s3, N, C, H, W, out, T):
    """Maps that lie in any other way, copied channels last."""
    for t in prange(T):
        for g in range(N * H * t // T, N * H * (t + 1) // T):
            n, r = g // H, g % H
            for w in range(W if s1 == 1 else 0):  # channels lie side by side: a pixel at once
                copy(x, n * s0 + r * s2 + w * s3, out, (g * W + w) * C, C)
            for c in range(0 if s1 == 1 else C):
                for w in range(W):
                    out[(g * W + w) * C + c] = x[n * s0 + c * s1 + r * s2 + w * s3]


@njit(**PARALLEL)
def copy_channels(x, ldx, y, ldy, pixels, C, T):
    """C channels of each pixel, from among ldx channels to among ldy (x and y begin with the first)."""
    for t in prange(T):
        for p in range(pixels * t // T, pixels * (t + 1) // T):
            copy(x, p * ldx, y, p * ldy, C)
