"""Max-pooling:  X_{n+1}(p) = max_{q∈Ω(p)} X_n(q),   and back through the *switches* (paper, section 4).

The switch of output p is the place s of the winner in its window Ω(p).  The gradient goes where the winner was; that is
what a DeconvNet's "unpooling" does too.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module, floating
from .engine import accelerated
from .pool import Pool
from .windows import Pair, Sides, padded, taps, unpadded, windows


class MaxPool(Pool):
    """X_{n+1}(p) = max_{q∈Ω(p)} X_n(q), with Ω(p) the kh×kw window of output p.  Padding is −∞ and never wins."""

    def forward(self, x: Array) -> tuple[Array, tuple[tuple[int, ...], Array]]:
        """The maximum of each window, and which tap it was: the cache is (shape of X_n, switches)."""
        y, switches = max_pool(floating(x), self.size, self.stride, self.padding(x.shape))
        return y, (x.shape, switches)

    def backward(self, grad: Array, cache: tuple[tuple[int, ...], Array]) -> Array:
        """∂f/∂X_n(s) = Σ_p ∂f/∂X_{n+1}(p) · 1(s = argmax_{q∈Ω(p)} X_n(q)).  Overlapping windows add up."""
        shape, switches = cache
        return unpool(floating(grad), switches, shape, self.size, self.stride, self.padding(shape))

    deconv = guided = backward  # the argmax *is* the DeconvNet's switch


@accelerated
def max_pool(x: Array, size: Pair, stride: Pair, pad: Sides) -> tuple[Array, Array]:
    """Y(p) = max_{q∈Ω(p)} X(q), and the switches argmax_{q∈Ω(p)} X(q): of equals the first wins.

    A switch is a tap, 0 … kh·kw − 1 in row-major order.  Shapes: x (N, C, H, W) → twice (N, C, I, J).
    """
    seen = windows(padded(x, *pad, fill=-np.inf), size, stride)  # (N, C, I, J, kh, kw)
    seen = seen.reshape(*seen.shape[:4], size[0] * size[1])
    return seen.max(axis=-1), seen.argmax(axis=-1).astype(np.min_scalar_type(size[0] * size[1] - 1))


@accelerated
def unpool(grad: Array, switches: Array, shape: tuple[int, ...], size: Pair, stride: Pair, pad: Sides) -> Array:
    """∂f/∂X(s) = Σ_p ∂f/∂Y(p) · 1(s = argmax_{q∈Ω(p)} X(q)): where windows overlap, one pixel may win several.

    Shapes: grad, switches (N, C, I, J) → `shape`, (N, C, H, W).
    """
    below = padded(array_module(grad).zeros_like(grad, shape=shape), *pad)
    for q, seen in enumerate(taps(below, size, stride, grad.shape[2:])):
        seen += grad * (switches == q)  # 1(s = argmax): only the winner passes the gradient
    return unpadded(below, *pad)
