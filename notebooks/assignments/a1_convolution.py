"""1. Convolution: up, and down by K̂

Lesson 2. Write each function with NumPy alone; loops are welcome, speed is not asked for.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a1_convolution.py
"""

import numpy as np


def convolution(x, K, b, stride, pad):
    """Y(n, m, i, j) = b(m) + Σ_{c,u,v} K(m, c, u, v) · X(n, c, s·i + u, s·j + v), with X padded by `pad` zeros on
    each side.

    Shapes: x (N, C, H, W), K (M, C, kh, kw), b (M,) → (N, M, I, J) with I = (H + 2·pad − kh) // stride + 1.

    Hint: np.pad, then two loops over i and j; of each patch, np.tensordot or einsum with K.
    """
    raise NotImplementedError  # your code here


def flipped(K):
    """K̂(c, m, u, v) = K(m, c, kh−1−u, kw−1−v): turned by half, and its channels exchanged.

    Shapes: K (M, C, kh, kw) → (C, M, kh, kw).

    Hint: K[..., ::-1] runs backwards along the last axis; swapaxes exchanges two.
    """
    raise NotImplementedError  # your code here


def convolution_backward(grad, K, shape, stride, pad):
    """∂f/∂X from grad = ∂f/∂Y: every pixel collects from each output that read it, by the tap that read it.

    Shapes: grad (N, M, I, J), K (M, C, kh, kw) → `shape`, that of x (N, C, H, W).

    Hint: for stride 1 it is the convolution of grad with K̂.  For any stride: make zeros of the padded shape, and in
    the same
    two loops as upwards *add* what each output sends to its patch; then cut the padding off.
    """
    raise NotImplementedError  # your code here


def convolution_parameter_gradients(grad, x, K, stride, pad):
    """∂f/∂K(m, c, u, v) = Σ_{n,i,j} ∂f/∂Y(n, m, i, j) · X(n, c, s·i + u, s·j + v), and ∂f/∂b(m) = Σ_{n,i,j} ∂f/∂Y(n,
    m, i, j).

    Shapes: grad (N, M, I, J), x (N, C, H, W), K (M, C, kh, kw) → {"K": (M, C, kh, kw), "b": (M,)}.

    Hint: the same loops over i and j once more; sums over images, and over places, none of them a mean.
    """
    raise NotImplementedError  # your code here
