"""Batch normalisation of a trained network:  X_{n+1} = γ · (X_n − μ) / √(σ² + ε) + β   [Ioffe2015].

μ and σ² are the running statistics of the training images and constants now, so the layer is an affine map for each
channel,

    X_{n+1} = a · X_n + c,      a = γ / √(σ² + ε),      c = β − a · μ,

and the way down (backward pass), DeconvNet included, is a multiplication by a.
"""

from __future__ import annotations

from .arrays import Array, floating, in_dtype_of
from .layer import Layer, ShapeError


class BatchNorm(Layer):
    """X_{n+1} = γ · (X_n − μ) / √(σ² + ε) + β, channel by channel;  maps (N, C, H, W) or features (N, C).

    gamma, beta, mean, variance: (C,).  The first two are trainable, the last two running statistics: they are
    parameters too (a weight file holds them), but `parameter_gradients` has nothing to say about them.
    """

    parameter_names = ("gamma", "beta", "mean", "variance")
    statistics = ("mean", "variance")

    def __init__(self, gamma: Array, beta: Array, mean: Array, variance: Array, eps: float = 1e-5) -> None:
        self.gamma, self.beta, self.mean, self.variance, self.eps = gamma, beta, mean, variance, float(eps)
        shapes = [array.shape for array in self.parameters.values()]
        if gamma.ndim != 1 or len(set(shapes)) > 1:
            raise ShapeError(self, f"expects gamma, beta, mean and variance of one shape (C,), got {shapes}")

    @property
    def slope(self) -> Array:
        """a = γ / √(σ² + ε): (C,)."""
        return self.gamma / (self.variance + self.eps) ** 0.5

    @property
    def offset(self) -> Array:
        """c = β − a · μ: (C,)."""
        return self.beta - self.slope * self.mean

    def forward(self, x: Array) -> tuple[Array, Array]:
        """X_{n+1} = a · X_n + c."""
        if x.ndim < 2 or x.shape[1] != len(self.gamma):
            raise ShapeError(self, f"expects {len(self.gamma)} channels, got {x.shape}")
        x = floating(x)
        return x * along_channels(self.slope, x) + along_channels(self.offset, x), x

    def backward(self, grad: Array, x: Array) -> Array:
        """∂f/∂X_n = a · ∂f/∂X_{n+1}."""
        grad = floating(grad)
        return grad * along_channels(self.slope, grad)

    deconv = guided = backward  # linear but for c, which no way down sees: as with a convolution's bias

    def parameter_gradients(self, grad: Array, x: Array) -> dict[str, Array]:
        """∂f/∂γ = Σ grad · (X_n − μ) / √(σ² + ε),   ∂f/∂β = Σ grad,   over images and positions."""
        grad, x = floating(grad), floating(x)
        spread = along_channels((self.variance + self.eps) ** 0.5, x)
        normalised = (x - along_channels(self.mean, x)) / spread
        everywhere = (0, *range(2, x.ndim))
        return {"gamma": (grad * normalised).sum(axis=everywhere), "beta": grad.sum(axis=everywhere)}

    def __repr__(self) -> str:
        return f"BatchNorm({len(self.gamma)} channels)"


def along_channels(a: Array, x: Array) -> Array:
    """One number for each channel, (C,) → (C, 1, 1) for maps or (C,) for features, in the dtype of x."""
    return in_dtype_of(x, a).reshape(-1, *[1] * (x.ndim - 2))
