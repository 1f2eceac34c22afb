"""Concatenation:  X_{n+1} = [f_1(X_n), f_2(X_n), …],   branches on one input, their channels joined.

Back: each branch takes its share of the channels and sends it down by the rules of its own layers; at X_n the signals
add up.  The paper's network is a chain without branches; SqueezeNet's "fire" modules have two.
"""

from __future__ import annotations

from .arrays import Array, array_module
from .branches import Branches
from .engine import accelerated
from .layer import Cache, ShapeError


class Concat(Branches):
    """X_{n+1} = [f_1(X_n), f_2(X_n), …]:  `Concat([[Conv(…)], [Conv(…), ReLU()]])`.

    X_n: (N, C, H, W) → X_{n+1}: (N, C_1 + C_2 + …, I, J); the branches must agree in I and J.
    """

    def join(self, outputs: list[Array], caches: list[list[Cache]]) -> tuple[Array, Cache]:
        """[f_1(X_n), f_2(X_n), …]; the cache is (channels of each branch, caches of each branch)."""
        if len({(y.shape[0], *y.shape[2:]) for y in outputs}) > 1:
            raise ShapeError(self, f"expects branches of one size, got {', '.join(str(y.shape) for y in outputs)}")
        return join_channels(*outputs), ([y.shape[1] for y in outputs], caches)

    def share(self, signal: Array, cache: Cache) -> tuple[list[Array], list[list[Cache]]]:
        """Each branch gets the channels that it gave."""
        channels, caches = cache
        return split(signal, channels), caches


@accelerated
def join_channels(*outputs: Array) -> Array:
    """[y_1, y_2, …]:  one (N, C_k, I, J) for each branch → (N, C_1 + C_2 + …, I, J)."""
    return array_module(outputs[0]).concatenate(outputs, axis=1)


def split(x: Array, channels: list[int]) -> list[Array]:
    """Undoes the joining: (N, C_1 + C_2 + …, I, J) → one (N, C_k, I, J) for each branch."""
    ends = [sum(channels[: k + 1]) for k in range(len(channels))]
    return [x[:, end - count : end] for end, count in zip(ends, channels, strict=True)]
