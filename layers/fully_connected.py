"""Fully connected:  X_{n+1} = W X_n + b,   and back:  ∂f/∂X_n = Wᵀ ∂f/∂X_{n+1}.

A DeconvNet proper has no such layer; the paper's point (end of section 4) is that the gradient exists for any layer, so
the visualisation of DeconvNets carries over to this one.
"""

from __future__ import annotations

from .arrays import Array, array_module, in_dtype_of
from .layer import Layer, ShapeError
from .products import product, product_of_sparse


class FullyConnected(Layer):
    """X_{n+1} = W X_n + b for each image of the batch.

    W: (D_out, D_in), b: (D_out,) (zero if left out); X_n: (N, D_in) → X_{n+1}: (N, D_out).
    """

    parameter_names = ("W", "b")

    def __init__(self, W: Array, b: Array | None = None) -> None:
        if W.ndim != 2:
            raise ShapeError(self, f"expects a matrix W of shape (D_out, D_in), got {W.shape}")
        self.W = W
        self.b = array_module(W).zeros(W.shape[0], dtype=W.dtype) if b is None else b
        if self.b.shape != W.shape[:1]:
            raise ShapeError(self, f"expects one bias for each of its {W.shape[0]} outputs, got {self.b.shape}")

    def forward(self, x: Array) -> tuple[Array, Array]:
        if x.ndim != 2 or x.shape[1] != self.W.shape[1]:
            raise ShapeError(self, f"expects features (N, {self.W.shape[1]}), got {x.shape}")
        return product(x, in_dtype_of(x, self.W).T) + in_dtype_of(x, self.b), x

    def backward(self, grad: Array, x: Array) -> Array:
        """∂f/∂X_n = Wᵀ ∂f/∂X_{n+1} (written for rows: grad · W)."""
        return product_of_sparse(grad, in_dtype_of(grad, self.W))

    deconv = guided = backward

    def parameter_gradients(self, grad: Array, x: Array) -> dict[str, Array]:
        """∂f/∂W = Σ_n ∂f/∂X_{n+1} X_nᵀ,   ∂f/∂b = Σ_n ∂f/∂X_{n+1}."""
        return {"W": product(grad.T, x), "b": grad.sum(axis=0)}

    def __repr__(self) -> str:
        return f"FullyConnected({self.W.shape[1]}→{self.W.shape[0]})"
