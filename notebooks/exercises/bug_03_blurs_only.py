"""The gradient is right for a blur and wrong for an edge detector

Lesson 2, medium, 10 minutes

Meant to be: the way down through a convolution with stride 1, ∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂.

Symptom: the gradient passes every test with a Gaussian or an average as the kernel. With trained kernels, saliency maps
look plausible, a bit soft, and finite differences say that they are wrong.

Hint: work out on paper what the pixels get in one dimension, with the kernel (1, 2, 3) and a single 1 coming down.
"""

import numpy as np

from layers import Conv
from layers.convolution import correlate
from minicnn.gradient_check import check_layer


class MyConv(Conv):
    """X_{n+1} = X_n ⋆ K + b, with stride 1."""

    def backward(self, grad, x):
        """∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂."""
        kh, kw = self.K.shape[2:]
        top, bottom, left, right = self.pad
        K_hat = self.K.transpose(1, 0, 2, 3)
        return correlate(grad, K_hat, pad=(kh - 1 - top, kh - 1 - bottom, kw - 1 - left, kw - 1 - right))


def check(MyConv=MyConv):
    rng = np.random.default_rng(0)
    blur = np.full((2, 2, 3, 3), 1 / 9)
    for kind, K in {"a blur": blur, "random kernels": rng.standard_normal((4, 2, 3, 5))}.items():
        conv = MyConv(K, pad=1)
        x = rng.standard_normal((1, 2, 7, 8))
        y, cache = conv.forward(x)
        r = rng.standard_normal(y.shape)
        up, down = np.sum(y * r), np.sum(x * conv.backward(r, cache))
        assert np.isclose(up, down), (
            f"with {kind}, ⟨Ax, r⟩ = {up:.4f} and ⟨x, Aᵀr⟩ = {down:.4f}: what comes down is not the transpose of what "
            f"went up"
        )
        assert check_layer(conv, x, rng).ok, f"with {kind}, the gradient does not agree with finite differences"
