"""6. The class model's ascent

Lesson 4; the paper's section 2. `gradient` is a function: gradient(I) is ∂S_c/∂I at the images I (1, C, H, W), in the
same shape.
With NumPy alone.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a6_class_model.py
"""

import numpy as np


def direction(gradient, I, decay):
    """The way up of S_c(I) − λ‖I‖²:   ∂S_c/∂I − 2 λ I,   λ = decay.

    Shapes: I (1, C, H, W) → the same.

    Hint: the derivative of x² is 2x.
    """
    raise NotImplementedError  # your code here


def ascend(gradient, shape, steps, step, decay, momentum):
    """Gradient ascent with momentum from the zero image:   v ← momentum · v + direction(I),   I ← I + step · v.

    Shapes: → the image I after `steps` steps, of `shape` (1, C, H, W).

    Hint: v begins at 0, too.  Both are new arrays in every step.
    """
    raise NotImplementedError  # your code here


def posterior_slope(scores, c):
    """∂P_c/∂S_k = P_c · (1(k = c) − P_k),   P = softmax(S): what the ascent of the *posterior* sends down.

    Shapes: scores (N, K) → (N, K).

    Hint: take the largest score away before exp; nothing changes but that it does not overflow.
    """
    raise NotImplementedError  # your code here
