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


class MyConv(Conv):
    """X_{n+1} = X_n ⋆ K + b, with stride 1."""

    def backward(self, grad, x):
        """∂f/∂X_n = ∂f/∂X_{n+1} ⋆ K̂."""
        kh, kw = self.K.shape[2:]
        top, bottom, left, right = self.pad
        K_hat = self.K.transpose(1, 0, 2, 3)
        return correlate(grad, K_hat, pad=(kh - 1 - top, kh - 1 - bottom, kw - 1 - left, kw - 1 - right))
