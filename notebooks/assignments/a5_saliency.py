"""5. Saliency maps

Lesson 3; the paper's section 3. `gradient` is a function: gradient(x) is ∂S_c/∂I at the images x (N, C, H, W), in the
same shape;
score(x) is S_c (N,). With NumPy alone.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a5_saliency.py
"""

import numpy as np


def taylor_model(score, gradient, x):
    """S_c(I) ≈ ⟨w, I⟩ + b near x:   w = ∂S_c/∂I at x,   b = S_c(x) − ⟨w, x⟩.

    Shapes: x (1, C, H, W) → w (1, C, H, W) and b, a number.

    Hint: ⟨w, x⟩ is the sum of all products.
    """
    raise NotImplementedError  # your code here


def saliency_map(w):
    """M_ij = max over the channels c of |w_cij|: first the absolute value, then the maximum.

    Shapes: w (N, C, H, W) → (N, H, W).

    Hint: axis=1.
    """
    raise NotImplementedError  # your code here


def mean_of_crops(maps, corners, mirrored, shape):
    """The mean of the maps of several crops, each put back where its crop came from; where no crop was, 0.

    A pixel's mean is over the crops that saw it.  Maps of mirrored crops are mirrored back first.

    Shapes: maps (T, h, w), corners (T, 2) with (row, column) of each crop's upper left pixel, mirrored (T,) Booleans
    → `shape`, (H, W).

    Hint: one array for the sums, one for how many crops saw each pixel.
    """
    raise NotImplementedError  # your code here
