"""2. The ReLU: up, and down by three rules

Lessons 2 and 6. One line each, with NumPy alone.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a2_relu.py
"""

import numpy as np


def relu(x):
    """X_{n+1} = max(X_n, 0).

    Shapes: x of any shape → the same.

    Hint: np.maximum. Make a new array; x is still needed on the way down.
    """
    raise NotImplementedError  # your code here


def relu_backward(grad, x):
    """The gradient: ∂f/∂X_n = ∂f/∂X_{n+1} · 1(X_n > 0).  What came *up* decides; at exactly 0 the ReLU is closed.

    Shapes: grad and x → the same.

    Hint: a comparison is an array of True and False, and counts as 1 and 0.
    """
    raise NotImplementedError  # your code here


def relu_deconv(R, x):
    """The DeconvNet: R_n = R_{n+1} · 1(R_{n+1} > 0).  What comes *down* decides.

    Shapes: R and x → the same.

    Hint: x is not even read.
    """
    raise NotImplementedError  # your code here


def relu_guided(G, x):
    """Guided back-propagation: G_n = G_{n+1} · 1(X_n > 0) · 1(G_{n+1} > 0).  Both must agree.

    Shapes: G and x → the same.

    Hint: the two rules above, one after the other.
    """
    raise NotImplementedError  # your code here
