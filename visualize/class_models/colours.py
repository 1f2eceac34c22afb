"""Decorrelated colours, and a sigmoid that keeps pixels in 0 … 255.

In photographs red, green and blue are correlated.  Along the principal axes of their colours (bright–dark, orange–blue,
green–magenta) they are not ([Olah2017]; the axes are those of their program, Lucid, computed on ImageNet):

    P = 255 · σ(A x),     σ(a) = 1 / (1 + exp(−a)),

at each pixel, x its three numbers along the axes, in the columns of A.  As σ' = σ (1 − σ), by the chain rule

    ∂f/∂x = Aᵀ ( ∂f/∂P ∘ P (1 − P/255) ).
"""

from __future__ import annotations

import numpy as np

from layers.arrays import Array, array_module
from minicnn.loss import sigmoid

AXES = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])  # rows: red, green, blue
AXES = AXES / np.sqrt((AXES**2).sum(axis=0)).max()


class Colours:
    """Pixels 0 … 255 in the network's order of channels, from maps along the colours' axes; both (N, C, h, w)."""

    def __init__(self, like: Array, order: str) -> None:
        """order: "RGB", "BGR" or "L", which has a single axis."""
        A = {"RGB": AXES, "BGR": AXES[::-1], "L": np.ones((1, 1))}[order]
        self.A = array_module(like).asarray(A.astype(like.dtype))

    def pixels(self, x: Array) -> Array:
        """P = 255 · σ(A x)."""
        return 255 * sigmoid(mixed(self.A, x))

    def adjoint(self, grad: Array, P: Array) -> Array:
        """∂f/∂x = Aᵀ ( ∂f/∂P ∘ P (1 − P/255) )."""
        return mixed(self.A.T, grad * P * (1 - P / 255))


def mixed(A: Array, x: Array) -> Array:
    """A x at each pixel: (C, D) and (N, D, h, w) → (N, C, h, w)."""
    N, D, h, w = x.shape
    return (A @ x.reshape(N, D, h * w)).reshape(N, len(A), h, w)
