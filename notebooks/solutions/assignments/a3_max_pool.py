"""3. Max-pooling, with its switches

Lesson 2. With NumPy alone; loops are welcome.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a3_max_pool.py
"""

import numpy as np


def max_pool(x, size, stride):
    """Y(p) = max_{q∈Ω(p)} X(q), and the switch argmax_{q∈Ω(p)} X(q): which pixel of the window won; of equals the
    first.

    A switch is a number 0 … size²−1, counted along the window's rows.  Windows that do not fit are left out.

    Shapes: x (N, C, H, W) → y and switches, both (N, C, I, J) with I = (H − size) // stride + 1.

    Hint: two loops over i and j; reshape the window to (N, C, size²), then max and argmax along the last axis.
    """
    N, C, H, W = x.shape
    I, J = (H - size) // stride + 1, (W - size) // stride + 1
    y, switches = np.zeros((N, C, I, J)), np.zeros((N, C, I, J), int)
    for i in range(I):
        for j in range(J):
            window = x[:, :, stride * i : stride * i + size, stride * j : stride * j + size].reshape(N, C, -1)
            y[:, :, i, j], switches[:, :, i, j] = window.max(axis=-1), window.argmax(axis=-1)
    return y, switches


def unpool(grad, switches, shape, size, stride):
    """∂f/∂X(s) = Σ_p ∂f/∂Y(p) · 1(s = argmax_{q∈Ω(p)} X(q)): the winner gets it all; who wins several windows gets
    the sum.

    Shapes: grad and switches (N, C, I, J) → `shape`, that of x (N, C, H, W).

    Hint: switch // size is the row within the window, switch % size the column.  The formula has a Σ: add, do not
    overwrite.
    """
    below = np.zeros(shape)
    for n, c, i, j in np.ndindex(*grad.shape):
        row, column = divmod(int(switches[n, c, i, j]), size)
        below[n, c, stride * i + row, stride * j + column] += grad[n, c, i, j]
    return below
