"""Pooling loses gradient, but only where its windows overlap

Lesson 2, medium, 10 minutes

Meant to be: the way down through a max-pool, ∂f/∂X_n(s) = Σ_p ∂f/∂X_{n+1}(p) · 1(s = argmax_{q∈Ω(p)} X_n(q)).

Symptom: with windows of 2×2 and stride 2 all is well. With the 3×3 windows and stride 2 of AlexNet, CNN-F and
SqueezeNet, part of the gradient never arrives, and of a DeconvNet's picture the brightest spots.

Hint: where windows overlap, one pixel can win several of them. The formula has a Σ.
"""

import numpy as np

from layers import MaxPool
from layers.windows import padded, taps, unpadded


class MyMaxPool(MaxPool):
    """X_{n+1}(p) = max_{q∈Ω(p)} X_n(q)."""

    def backward(self, grad, cache):
        """∂f/∂X_n(s) = Σ_p ∂f/∂X_{n+1}(p) · 1(s = argmax_{q∈Ω(p)} X_n(q))."""
        shape, switches = cache
        pad = self.padding(shape)
        below = padded(np.zeros(shape), *pad)
        for q, seen in enumerate(taps(below, self.size, self.stride, grad.shape[2:])):  # tap q of every window, a view
            won = switches == q
            seen[won] = grad[won]
        return unpadded(below, *pad)
