"""Turn the score upside down, and the map is another one

Lesson 3, easy, 5 minutes

Meant to be: the class saliency map, M_ij = max over the channels of |w|, w = ∂S_c/∂I (paper, section 3.1): how strongly
each pixel moves the score, in whichever direction.

Symptom: the map looks like one, but parts of the object are missing. The maps of S_c and of −S_c should be equal: a
pixel that moves the one moves the other as much. They are not.

Hint: which entries of w can never win this maximum?
"""

import numpy as np

from visualize import linearize


def saliency_map(net, x, c):
    """M (H, W) of class c at the image x (C, H, W)."""
    w, _ = linearize(net, x, c)
    return w.max(axis=0)
