"""Pixels that do not matter are grey, not black

Lesson 4, medium, 10 minutes

Meant to be: the saliency map as a picture from 0 to 1. M_ij = max over the channels of |w|, then divided by its largest
value: 0 is a pixel on which the score does not depend at all, 1 the one on which it depends most.

Symptom: all maps are grey and flat, the object hardly stands out, and the border, which the network does not even see,
is as grey as everything else.

Hint: follow a pixel with w = 0 through the lines, one by one.
"""

import numpy as np

from notebooks.exercises.tiny import SHAPE, linear_network, tiny_network
from visualize import linearize


def saliency_picture(net, x, c):
    """M / max M (H, W) of class c at the image x (C, H, W)."""
    w, _ = linearize(net, x, c)
    w = (w - w.min()) / (w.max() - w.min())
    return np.abs(w).max(axis=0)


def check(saliency_picture=saliency_picture):
    w = np.array([[[2.0, 0.0, -8.0, 1.0]], [[-4.0, 0.0, 2.0, -2.0]]])  # two channels of four pixels
    picture = saliency_picture(linear_network(w), np.ones(w.shape), 0)[0]
    assert picture[1] == 0, (
        f"the score does not depend on the second pixel at all, and the picture says {picture[1]:.3g}"
    )
    assert np.allclose(picture, [0.5, 0, 1, 0.25]), (
        f"for S = ⟨w, I⟩, |w| is at most 4, 0, 8 and 2 in four pixels; the picture says {picture.round(3).tolist()}"
    )
    rng = np.random.default_rng(0)
    net, x = tiny_network(rng), rng.standard_normal(SHAPE)
    doubled = net.with_parameters({"fc3.W": -2 * net["fc3"].W})  # its slopes are −2w
    assert np.allclose(saliency_picture(net, x, 1), saliency_picture(doubled, x, 1)), (
        "the picture should be the same for w and for −2w, and is not"
    )
