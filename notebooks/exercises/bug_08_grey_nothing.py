"""Pixels that do not matter are grey, not black

Lesson 3, medium, 10 minutes

Meant to be: the saliency map as a picture from 0 to 1. M_ij = max over the channels of |w|, then divided by its largest
value: 0 is a pixel on which the score does not depend at all, 1 the one on which it depends most.

Symptom: all maps are grey and flat, the object hardly stands out, and the border, which the network does not even see,
is as grey as everything else.

Hint: follow a pixel with w = 0 through the lines, one by one.
"""

import numpy as np

from visualize import linearize


def saliency_picture(net, x, c):
    """M / max M (H, W) of class c at the image x (C, H, W)."""
    w, _ = linearize(net, x, c)
    w = (w - w.min()) / (w.max() - w.min())
    return np.abs(w).max(axis=0)
