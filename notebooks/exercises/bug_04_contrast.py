"""Twice the contrast, twice the gradient

Lesson 2, easy, 5 minutes

Meant to be: the ReLU's gradient, ∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0).

Symptom: the zeros of the gradient are where they should be, its other values are not. They grow with the image's
contrast, and the more ReLUs lie on the way, the faster: after ten of them there is nothing but zeros, or NaN.

Hint: a gate is open or closed. Which values does this one have?
"""

import numpy as np

from layers import ReLU
from minicnn.gradient_check import check_layer


class MyReLU(ReLU):
    """X_{n+1} = max(X_n, 0); the cache is X_{n+1}, which is positive where X_n is."""

    def forward(self, x):
        y = np.maximum(x, 0)
        return y, y

    def backward(self, grad, y):
        """∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0)."""
        return grad * y


def check(MyReLU=MyReLU):
    rng = np.random.default_rng(0)
    relu = MyReLU()
    x, grad = rng.standard_normal((2, 1, 3, 4, 5))
    once, twice = (relu.backward(grad, relu.forward(contrast * x)[1]) for contrast in (1, 2))
    assert np.array_equal(once == 0, x <= 0), "the gradient is not zero just where X_n ≤ 0"
    assert np.allclose(once, twice), (
        "X_n and 2·X_n open the same ReLUs, so the same gradient should come down; "
        f"for 2·X_n it is {np.linalg.norm(twice) / np.linalg.norm(once):.2f} times as large"
    )
    report = check_layer(relu, x, rng)
    assert report.ok, f"the gradient does not agree with finite differences:\n{report}"
