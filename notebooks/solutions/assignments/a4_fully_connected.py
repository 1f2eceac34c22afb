"""4. The fully connected layer

Lesson 2. One line each, with NumPy alone.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a4_fully_connected.py
"""

import numpy as np


def fully_connected(x, W, b):
    """y = W x + b, for each row x.

    Shapes: x (N, D), W (M, D), b (M,) → (N, M).

    Hint: images are rows here, so it is x Wᵀ.
    """
    return x @ W.T + b


def fully_connected_backward(grad, W):
    """∂f/∂x = Wᵀ ∂f/∂y, for each row.

    Shapes: grad (N, M), W (M, D) → (N, D).

    Hint: rows again; look at the shapes.
    """
    return grad @ W


def fully_connected_parameter_gradients(grad, x):
    """∂f/∂W = Σ_n ∂f/∂y_n x_nᵀ and ∂f/∂b = Σ_n ∂f/∂y_n.

    Shapes: grad (N, M), x (N, D) → {"W": (M, D), "b": (M,)}.

    Hint: one product of matrices does the sum over n.
    """
    return {"W": grad.T @ x, "b": grad.sum(axis=0)}


def flatten_backward(grad, shape):
    """Flattening maps (N, C, H, W) to rows (N, C·H·W) moves no number; on the way down they go back to their places.

    Shapes: grad (N, C·H·W) → `shape`, (N, C, H, W).

    Hint: one method of an array.
    """
    return np.reshape(grad, shape)
