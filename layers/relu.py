"""ReLU:  X_{n+1} = max(X_n, 0).   Where gradient and DeconvNet part ways (paper, section 4)."""

from __future__ import annotations

from .arrays import Array, array_module
from .engine import accelerated
from .layer import Layer


class ReLU(Layer):
    """X_{n+1} = max(X_n, 0), element by element; any shape.  At exactly 0 the gate is closed."""

    @accelerated
    def forward(self, x: Array) -> tuple[Array, Array]:
        return array_module(x).maximum(x, 0), x

    @accelerated
    def backward(self, grad: Array, x: Array) -> Array:
        """∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0): what came *up* decides."""
        return grad * (x > 0)

    @accelerated
    def deconv(self, R: Array, x: Array) -> Array:
        """R_n = R_{n+1} · 1(R_{n+1} > 0): what comes *down* decides; X_n is not even read."""
        return R * (R > 0)

    @accelerated
    def guided(self, G: Array, x: Array) -> Array:
        """G_n = G_{n+1} · 1(X_n > 0) · 1(G_{n+1} > 0): both must agree ([Springenberg2014]; not in the paper)."""
        return G * (x > 0) * (G > 0)
