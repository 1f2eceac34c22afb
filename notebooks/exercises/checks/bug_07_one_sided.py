"""The check of exercise 7: turn the score upside down, and the map is another one."""

import numpy as np

from notebooks.exercises.tiny import SHAPE, linear_network, tiny_network


def check(saliency_map):
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
