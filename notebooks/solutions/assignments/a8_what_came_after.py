"""8. Beside the paper, and after it: four ways to explain a score

Each is a few lines. `gradient` is a function: gradient(x) is ∂S_c/∂I at the images x (N, C, H, W), in the same shape;
score(x) is S_c (N,).
With NumPy alone. When your functions pass, try them on a photograph (lesson 3 has a network), and compare the maps.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a8_what_came_after.py
"""

import numpy as np


def smoothgrad(gradient, x, noise):
    """SmoothGrad [Smilkov2017]: the mean over k of ∂S_c/∂I at x + noise_k.

    Shapes: x (1, C, H, W), noise (T, C, H, W) → (1, C, H, W).

    Hint: all of x + noise is one batch.
    """
    return gradient(x + noise).mean(axis=0, keepdims=True)


def integrated_gradients(gradient, x, baseline, steps):
    """Integrated gradients [Sundararajan2017]:   (x − x') · ∫_0^1 ∂S_c/∂I at x' + t (x − x') dt,   x' =
    baseline.

    The integral by the midpoint rule: the mean over t = (k + ½)/steps, k = 0 … steps−1.

    Shapes: x and baseline (1, C, H, W) → the same.

    Hint: check completeness: the sum of the result is S_c(x) − S_c(x'), nearly.
    """
    t = (np.arange(steps) + 0.5) / steps
    path = baseline + t[:, None, None, None] * (x - baseline)
    return (x - baseline) * gradient(path).mean(axis=0, keepdims=True)


def grad_cam(maps, gradients):
    """Grad-CAM [Selvaraju2017]:   max(Σ_m a_m · X_m, 0),   a_m = the mean over the places of ∂S_c/∂X_m.

    Shapes: maps X of one layer and their gradients, both (N, M, H, W) → (N, H, W).

    Hint: the ReLU comes last, after the sum over the maps.
    """
    a = gradients.mean(axis=(2, 3), keepdims=True)
    return np.maximum((a * maps).sum(axis=1), 0)


def occlusion(score, x, size, stride, value):
    """Occlusion [Zeiler2014]: how much the score falls when a square is covered,   S_c(x) − S_c(x with
    the square = value).

    Entry (i, j) is of the square of `size` × `size` pixels whose upper left corner is at (stride·i, stride·j), in all
    channels.

    Shapes: x (1, C, H, W) → (I, J) with I = (H − size) // stride + 1.

    Hint: copy x for each square; x itself stays as it is.
    """
    I, J = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    falls = np.zeros((I, J))
    for i in range(I):
        for j in range(J):
            covered = x.copy()
            covered[:, :, stride * i : stride * i + size, stride * j : stride * j + size] = value
            falls[i, j] = (score(x) - score(covered))[0]
    return falls
