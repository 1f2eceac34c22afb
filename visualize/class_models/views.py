"""Random views of a picture, slightly shifted, rotated and scaled, and their adjoint for the gradient.

Over many views, structures that depend on single pixels average out, and large ones remain ([Mordvintsev2015]: shifts;
[Olah2017]: rotations and scalings, too).

    view(X) = T( R X Cᵀ )

Each row of R and C holds the two weights of a linear interpolation: they shift, scale and crop.  The picture is
periodic, as its waves are.  T rotates, by three shears [Paeth1986],

    ( cos α  −sin α )   ( 1  −tan α/2 ) (   1    0 ) ( 1  −tan α/2 )
    ( sin α   cos α ) = ( 0      1    ) ( sin α  1 ) ( 0      1    )

and a shear shifts each row by its own distance.  All of it is linear in X, so the gradient goes through the adjoint:

    ∂f/∂X = Rᵀ T'( ∂f/∂view ) C,

and T' rotates back: for each row, the adjoint of a shift by d is the shift by −d (`moved`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from layers.arrays import Array, array_module


@dataclass(frozen=True)
class View:
    """A view: its size (h, w), its middle (y, x) in the picture, its scale, and its rotation in radians."""

    size: tuple[int, int]
    middle: tuple[float, float]
    scale: float = 1.0
    turn: float = 0.0

    @property
    def margin(self) -> int:
        """The pixels around the view that its rotation needs."""
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
        around = array_module(grad).pad(grad, ((0, 0), (0, 0), (m, m), (m, m)))  # the adjoint of cropping by m
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
    """The matrix (n, N) that reads n values, 1/scale apart around `middle`, off a periodic row of N.

    Row i reads at p = middle + (i − (n − 1)/2) / scale:  1 − f of the value ⌊p⌋ and f of the next, f = p − ⌊p⌋.
    """
    p = middle + (np.arange(n) - (n - 1) / 2) / scale
    first, A, i = np.floor(p).astype(int), np.zeros((n, N)), np.arange(n)
    A[i, first % N] += 1 - (p - first)
    A[i, (first + 1) % N] += p - first
    return A


def turned(X: Array, angle: float) -> Array:
    """The periodic pictures rotated about their middle, by three shears."""
    if not angle:
        return X
    X = sheared(X, -np.tan(angle / 2))
    X = sheared(X.swapaxes(2, 3), np.sin(angle)).swapaxes(2, 3)
    return sheared(X, -np.tan(angle / 2))


def sheared(X: Array, slope: float) -> Array:
    """Each row shifted by slope · its distance from the middle row."""
    H = X.shape[2]
    return moved(X, slope * (np.arange(H) - (H - 1) / 2))


def moved(X: Array, distances: np.ndarray) -> Array:
    """Y(i, j) = (1 − f_i) X(i, j − k_i) + f_i X(i, j − k_i − 1),  k_i + f_i the distance of row i, rows being periodic.

    The adjoint of a shift by d = k + f.  A whole step is a permutation, its adjoint the step back, so

        Y'(i, j) = (1 − f_i) X(i, j + k_i) + f_i X(i, j + k_i + 1),

    which is a shift by −d = −(k + 1) + (1 − f).
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
