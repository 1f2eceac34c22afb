"""Turn the score upside down, and the map is another one

Lesson 4, easy, 5 minutes

Meant to be: the class saliency map, M_ij = max over the channels of |w|, w = ∂S_c/∂I (paper, section 3.1): how strongly
each pixel moves the score, in whichever direction.

Symptom: the map looks like one, but parts of the object are missing. The maps of S_c and of −S_c should be equal: a
pixel that moves the one moves the other as much. They are not.

Hint: which entries of w can never win this maximum?
"""

import numpy as np

from notebooks.exercises.tiny import SHAPE, linear_network, tiny_network
from visualize import linearize


def saliency_map(net, x, c):
    """M (H, W) of class c at the image x (C, H, W)."""
    w, _ = linearize(net, x, c)
    return w.max(axis=0)


def check(saliency_map=saliency_map):
    rng = np.random.default_rng(0)
    net, x = tiny_network(rng), rng.standard_normal(SHAPE)
    upside_down = net.with_parameters({"fc3.W": -net["fc3"].W, "fc3.b": -net["fc3"].b})  # its scores are −S
    up, down = saliency_map(net, x, 1), saliency_map(upside_down, x, 1)
    assert up.shape == SHAPE[1:], f"the map has shape {up.shape}, the image has {SHAPE[1:]} pixels"
    assert up.min() >= 0, f"a saliency map says how much, and cannot be negative; its least value is {up.min():.3g}"
    assert np.allclose(up, down), "the maps of S_c and of −S_c differ"
    w = np.array([[[1.0, -5.0]], [[2.0, 0.0]], [[-3.0, 1.0]]])  # three channels of two pixels
    M = saliency_map(linear_network(w), np.ones(w.shape), 0)
    assert M.tolist() == [[3, 5]], (
        f"for S = ⟨w, I⟩ with the pixels w = (1, 2, −3) and (−5, 0, 1), the map is {M.tolist()}"
    )
