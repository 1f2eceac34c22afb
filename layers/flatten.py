"""Flatten:  X_{n+1} = vec(X_n),   and back:  the same numbers in their old shape."""

from __future__ import annotations

import math

from .arrays import Array
from .layer import Layer


class Flatten(Layer):
    """X_{n+1} = vec(X_n): maps (N, C, H, W) → features (N, C·H·W), in the order channel, row, column."""

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        return x.reshape(x.shape[0], math.prod(x.shape[1:])), x.shape

    def backward(self, grad: Array, shape: tuple[int, ...]) -> Array:
        """∂f/∂X_n = vec⁻¹(∂f/∂X_{n+1})."""
        return grad.reshape(shape)

    deconv = guided = backward
