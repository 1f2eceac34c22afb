"""A look at a part of a picture, slightly shifted, turned and scaled; and the gradient on its way back.

What is still there in each of many such looks is large and robust; what depends on single pixels averages out
([Mordvintsev2015]: shifts; [Olah2017]: turns and scalings, too).

    view(X) = T( R X Cᵀ )

R and C hold in each row the two weights of a linear interpolation: they shift, scale and cut out.  The picture goes on
beyond its borders where it began, as its waves do.  T turns.  A turn is three shears [Paeth1986],

    ( cos α  −sin α )   ( 1  −tan α/2 ) (   1    0 ) ( 1  −tan α/2 )
    ( sin α   cos α ) = ( 0      1    ) ( sin α  1 ) ( 0      1    )

and a shear moves each row by a distance of its own.  All of it is linear in X, so its gradient is its adjoint:

    ∂f/∂X = Rᵀ T'( ∂f/∂view ) C,

and T' turns back: row by row, the adjoint of moving by d is moving by −d (`moved`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layers.arrays import Array, array_module


@dataclass(frozen=True)
class View:
    """Where to look: the view's size (h, w), its middle (y, x) in the picture, its scale and its turn in radians."""

    size: tuple[int, int]
    middle: tuple[float, float]
    scale: float = 1.0
    turn: float = 0.0

    @property
    def margin(self) -> int:
        """Pixels around the view that the turn brings in, or spoils."""
        return int(np.ceil(abs(np.tan(self.turn)) * max(self.size) / 2)) + 1 if self.turn else 0

    def of(self, X: Array) -> Array:
        """T( R X Cᵀ ): pictures (N, C, H, W) → (N, C, h, w)."""
        R, C = self.matrices(X, X.shape)
        m, (h, w) = self.margin, self.size
        return turned(R @ X @ C.T, self.turn)[:, :, m : m + h, m : m + w]

    def adjoint(self, grad: Array, shape: tuple[int, ...]) -> Array:
        """Rᵀ T'( grad ) C: (N, C, h, w) → (N, C, H, W), `shape`."""
        R, C = self.matrices(grad, shape)
        m = self.margin
        around = array_module(grad).pad(grad, ((0, 0), (0, 0), (m, m), (m, m)))  # cutting m off has this adjoint
        return R.T @ turned(around, -self.turn) @ C

    def matrices(self, like: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """R (h + 2m, H) and C (w + 2m, W)."""
        found = (
            interpolation(n + 2 * self.margin, N, middle, self.scale)
            for n, N, middle in zip(self.size, shape[2:], self.middle, strict=True)
        )
        R, C = (array_module(like).asarray(A.astype(like.dtype)) for A in found)
        return R, C


def interpolation(n: int, N: int, middle: float, scale: float) -> np.ndarray:
    """The matrix (n, N) that reads n values, 1/scale apart around `middle`, off a row of N that is closed to a ring.

    Row i reads at p = middle + (i − (n − 1)/2) / scale:  1 − f of the value ⌊p⌋ and f of the next, f = p − ⌊p⌋.
    """
    p = middle + (np.arange(n) - (n - 1) / 2) / scale
    first, A, i = np.floor(p).astype(int), np.zeros((n, N)), np.arange(n)
    A[i, first % N] += 1 - (p - first)
    A[i, (first + 1) % N] += p - first
    return A


def turned(X: Array, angle: float) -> Array:
    """The pictures turned about their middle, each of them closed to a ring both ways: three shears."""
    if not angle:
        return X
    X = sheared(X, -np.tan(angle / 2))
    X = sheared(X.swapaxes(2, 3), np.sin(angle)).swapaxes(2, 3)
    return sheared(X, -np.tan(angle / 2))


def sheared(X: Array, slope: float) -> Array:
    """Each row moved by slope · its distance from the middle row."""
    H = X.shape[2]
    return moved(X, slope * (np.arange(H) - (H - 1) / 2))


def moved(X: Array, distances: np.ndarray) -> Array:
    """Y(i, j) = (1 − f_i) X(i, j − k_i) + f_i X(i, j − k_i − 1),  k_i + f_i the distance of row i, rows being rings.

    The adjoint of moving by d = k + f.  A whole step along a ring is a permutation, its adjoint the step back, so

        Y'(i, j) = (1 − f_i) X(i, j + k_i) + f_i X(i, j + k_i + 1),

    which is moving by −d = −(k + 1) + (1 − f).
    """
    xp, (N, C, H, W) = array_module(X), X.shape
    k = np.floor(distances).astype(int)[:, None]
    f = xp.asarray((distances[:, None] - k).astype(X.dtype))
    rows, columns = np.arange(H)[:, None], np.arange(W)
    pixels = X.reshape(N, C, H * W)
    whole, next_one = (
        xp.take(pixels, xp.asarray((rows * W + (columns - step) % W).ravel()), axis=2).reshape(X.shape)
        for step in (k, k + 1)
    )
    return (1 - f) * whole + f * next_one
