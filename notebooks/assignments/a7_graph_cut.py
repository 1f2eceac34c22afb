"""7. The terms of the graph cut

Lesson 5; the paper's section 3.2. A labelling L (H, W) holds 1 for object and 0 for background. With NumPy alone.

Check your work at any time:  python -m notebooks.grade notebooks/assignments/a7_graph_cut.py
"""

import numpy as np


def seeds(saliency, high, low):
    """The pixels that teach the two colour models: those above the quantile `high`, and those below the quantile `low`.

    By rank: exactly round((1 − high) · H·W) pixels of the highest saliency and round(low · H·W) of the lowest, also
    where many are
    equal (of equals the first in reading order count as lower).

    Shapes: saliency (H, W) → two masks (H, W) of Booleans, object and background.

    Hint: np.argsort(…, kind="stable") of the flattened map.
    """
    raise NotImplementedError  # your code here


def unary_terms(log_p0, log_p1):
    """U_p(L) = −log P(L | x_p),   P(1 | x) = p_1(x) / (p_0(x) + p_1(x)): what each label costs at each pixel.

    Shapes: log p_0 and log p_1 (H, W), the background's and the object's log densities → (2, H, W): U[0] is the cost
    of background.

    Hint: U[1] = log(1 + p_0/p_1); np.logaddexp(0, z) is log(1 + exp z), and never overflows.
    """
    raise NotImplementedError  # your code here


def pairwise_terms(colours, strength):
    """V_pq = strength · exp(−β ‖x_p − x_q‖²) of neighbours,   β = 1 / (2 · mean of ‖x_p − x_q‖² over all neighbours).

    Shapes: colours (H, W, 3) → V to the right (H, W−1) and V downwards (H−1, W).

    Hint: one mean over the pairs of both directions together.  In a picture of one colour β is 0.
    """
    raise NotImplementedError  # your code here


def energy(labels, unary, across, down):
    """E(L) = Σ_p U_p(L_p) + Σ_{neighbours p, q} V_pq · 1(L_p ≠ L_q).

    Shapes: labels (H, W), unary (2, H, W), across (H, W−1), down (H−1, W) → a number.

    Hint: each pair counts once.
    """
    raise NotImplementedError  # your code here
