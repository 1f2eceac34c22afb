"""Addition:  X_{n+1} = f_1(X_n) + f_2(X_n) + …,   branches on one input, their outputs added.

Back: each branch gets the whole signal and sends it down by the rules of its own layers; at X_n the signals add up.
With an empty branch, X_{n+1} = f(X_n) + X_n, this is the residual block of [He2016]: its gradient is
∂f/∂X_n = (∂f_1/∂X_n)ᵀ grad + grad, so what comes down always arrives.
"""

from __future__ import annotations

from .arrays import Array
from .branches import Branches
from .layer import Cache, ShapeError


class Add(Branches):
    """X_{n+1} = f_1(X_n) + f_2(X_n) + …:  `Add([[Conv(…), ReLU(), Conv(…)], []])`.

    The branches must agree in the shape of what they give.
    """

    def join(self, outputs: list[Array], caches: list[list[Cache]]) -> tuple[Array, list[list[Cache]]]:
        """f_1(X_n) + f_2(X_n) + …; the cache holds those of each branch's layers."""
        if len({y.shape for y in outputs}) > 1:
            raise ShapeError(self, f"expects branches of one shape, got {', '.join(str(y.shape) for y in outputs)}")
        return sum(outputs[1:], start=outputs[0]), caches

    def backward(self, grad: Array, caches: list[list[Cache]]) -> Array:
        """∂f/∂X_n = Σ_k (∂f_k/∂X_n)ᵀ · ∂f/∂X_{n+1}."""
        return self.run_down("backward", [grad] * len(caches), caches)

    def deconv(self, R: Array, caches: list[list[Cache]]) -> Array:
        """R_n = Σ_k (the DeconvNet of branch k applied to R_{n+1})."""
        return self.run_down("deconv", [R] * len(caches), caches)

    def guided(self, G: Array, caches: list[list[Cache]]) -> Array:
        """G_n = Σ_k (the guided pass of branch k applied to G_{n+1})."""
        return self.run_down("guided", [G] * len(caches), caches)

    def parameter_gradients(self, grad: Array, caches: list[list[Cache]]) -> dict[str, Array]:
        return self.branch_gradients([grad] * len(caches), caches)
