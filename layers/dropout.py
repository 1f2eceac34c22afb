"""Dropout:  X_{n+1} = mask · X_n.   In training the mask is drawn at random, afterwards it is 1.

Training zeroes each unit with probability p and makes the others larger by 1/(1 − p), so that X_{n+1} equals X_n on
average, and nothing remains to be done when the network is used [Srivastava2014].
"""

from __future__ import annotations

from typing import Any

from .arrays import Array, array_module, floating
from .layer import Layer


class Dropout(Layer):
    """X_{n+1} = mask · X_n.  `forward` is the trained network's: mask = 1.  `forward_training` draws the mask.

    The mask is the cache, so all ways down serve both: what a unit did not send up does not come back down to it.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout expects a probability 0 ≤ p < 1, got {p}")
        self.p = float(p)

    def forward(self, x: Array) -> tuple[Array, int]:
        """X_{n+1} = X_n: mask = 1."""
        return x, 1

    def forward_training(self, x: Array, rng: Any) -> tuple[Array, Array]:
        """X_{n+1} = mask · X_n, where mask is 0 with probability p and 1/(1 − p) otherwise.

        rng: NumPy's random generator, so that a seed means the same on every device.
        """
        xp, x = array_module(x), floating(x)
        kept = xp.asarray(rng.random(x.shape) >= self.p)
        mask = kept.astype(x.dtype) / (1 - self.p)
        return x * mask, mask

    def backward(self, grad: Array, mask: Array | int) -> Array:
        """∂f/∂X_n = mask · ∂f/∂X_{n+1}."""
        return grad * mask

    deconv = guided = backward

    def __repr__(self) -> str:
        return f"Dropout({self.p:g})"
