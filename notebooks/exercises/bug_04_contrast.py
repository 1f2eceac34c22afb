"""Twice the contrast, twice the gradient

Lesson 2, easy, 5 minutes

Meant to be: the ReLU's gradient, ∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0).

Symptom: the zeros of the gradient are where they should be, its other values are not. They grow with the image's
contrast, and the more ReLUs lie on the way, the faster: after ten of them there is nothing but zeros, or NaN.

Hint: a gate is open or closed. Which values does this one have?
"""

import numpy as np

from layers import ReLU


class MyReLU(ReLU):
    """X_{n+1} = max(X_n, 0); the cache is X_{n+1}, which is positive where X_n is."""

    def forward(self, x):
        y = np.maximum(x, 0)
        return y, y

    def backward(self, grad, y):
        """∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0)."""
        return grad * y
