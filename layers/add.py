"""Addition:  X_{n+1} = f_1(X_n) + f_2(X_n) + …,   branches on one input, their outputs added.

Back: each branch gets the whole signal and sends it down by the rules of its own layers; at X_n the signals add up.
With an empty branch, X_{n+1} = f(X_n) + X_n, this is the residual block of [He2016]: its gradient is
∂f/∂X_n = (∂f_1/∂X_n)ᵀ grad + grad, whose second term passes unchanged.
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

    def share(self, signal: Array, caches: list[list[Cache]]) -> tuple[list[Array], list[list[Cache]]]:
        """Each branch gets the whole signal."""
        return [signal] * len(caches), caches
