"""Fully connected:  X_{n+1} = W X_n + b,   and back:  ∂f/∂X_n = Wᵀ ∂f/∂X_{n+1}.

A DeconvNet proper has no such layer; the paper's point (end of section 4) is that the gradient exists for any layer, so
the visualisation of DeconvNets carries over to this one.

Images are rows here, so the formulas read the other way round: each row x gives x Wᵀ + b.
"""

from __future__ import annotations

from .arrays import Array, array_module, floating, in_dtype_of
from .engine import accelerated
from .layer import Layer, ShapeError


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
        """X_{n+1} = W X_n + b."""
        if x.ndim != 2 or x.shape[1] != self.W.shape[1]:
            raise ShapeError(self, f"expects features (N, {self.W.shape[1]}), got {x.shape}")
        x = floating(x)
        return affine(x, in_dtype_of(x, self.W), in_dtype_of(x, self.b)), x

    def backward(self, grad: Array, x: Array) -> Array:
        """∂f/∂X_n = Wᵀ ∂f/∂X_{n+1}."""
        grad = floating(grad)
        return affine_transposed(grad, in_dtype_of(grad, self.W))

    deconv = guided = backward

    def parameter_gradients(self, grad: Array, x: Array) -> dict[str, Array]:
        """∂f/∂W = Σ_n ∂f/∂X_{n+1} X_nᵀ,   ∂f/∂b = Σ_n ∂f/∂X_{n+1}."""
        grad = floating(grad)
        return {"W": matrix_gradient(grad, x), "b": grad.sum(axis=0)}

    def __repr__(self) -> str:
        return f"FullyConnected({self.W.shape[1]}→{self.W.shape[0]})"


@accelerated
def affine(x: Array, W: Array, b: Array) -> Array:
    """Y = W x + b for each row x: (N, D_in) → (N, D_out)."""
    return x @ W.T + b


@accelerated
def affine_transposed(grad: Array, W: Array) -> Array:
    """∂f/∂x = Wᵀ ∂f/∂Y for each row: (N, D_out) → (N, D_in)."""
    return grad @ W


@accelerated
def matrix_gradient(grad: Array, x: Array) -> Array:
    """∂f/∂W = Σ_n ∂f/∂Y_n x_nᵀ, each image's gradient by its features: (N, D_out), (N, D_in) → (D_out, D_in)."""
    return grad.T @ x
