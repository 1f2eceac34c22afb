"""The check of exercise 9: a cat on the left has a ghost on the right."""

import numpy as np

from notebooks.exercises.tiny import SHAPE, linear_network, tiny_network
from visualize import saliency


def check(two_view_map):
    rng = np.random.default_rng(0)
    net, x = tiny_network(rng), rng.standard_normal(SHAPE)
    of_image, of_mirrored = two_view_map(net, x, 1), two_view_map(net, x[:, :, ::-1], 1)
    assert np.allclose(of_mirrored, of_image[:, ::-1]), (
        "the map of an image in the mirror should be its map in the mirror: both are made from the same two views"
    )
    total = sum(saliency(net, view, 1).sum() for view in (x, x[:, :, ::-1])) / 2
    assert np.isclose(of_image.sum(), total), "the map's total is not the mean of the two views' totals"
    w = np.array([[[1.0, 2.0, 6.0]]])
    M = two_view_map(linear_network(w), np.ones(w.shape), 0)[0]
    assert np.allclose(M, [3.5, 2, 3.5]), f"for S = ⟨w, I⟩ with w = (1, 2, 6) the mean of the two views is {M.tolist()}"
