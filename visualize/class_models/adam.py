"""Adam [Kingma2015]: steps whose size does not depend on the gradient's.

    m ← β₁ m + (1 − β₁) g,       v ← β₂ v + (1 − β₂) g²,
    z ← z + rate · m̂ / (√v̂ + ε),       m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)

m is a running mean of the gradients, √v of their size.  m̂ and v̂ correct the bias of starting at zero.
"""

from __future__ import annotations

from layers.arrays import Array, array_module

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # the authors' defaults


class Adam:
    """Adam for gradient *ascent*: steps along the gradient."""

    def __init__(self, rate: float) -> None:
        self.rate, self.t = rate, 0
        self.m: Array = 0.0
        self.v: Array = 0.0

    def step(self, z: Array, g: Array) -> Array:
        """z after a step along g = ∂f/∂z; neither is written into."""
        self.t += 1
        self.m = BETA_1 * self.m + (1 - BETA_1) * g
        self.v = BETA_2 * self.v + (1 - BETA_2) * g**2
        mean, size = self.m / (1 - BETA_1**self.t), array_module(g).sqrt(self.v / (1 - BETA_2**self.t))
        return z + self.rate * mean / (size + EPSILON)
