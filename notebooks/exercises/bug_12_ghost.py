"""A cat on the left has a ghost on the right

Lesson 4, medium, 10 minutes

Meant to be: a map that is steadier than that of one image. The image and its mirror image each get a map, and the mean
of the two is laid over the image (the paper does this with ten crops, five of them mirrored).

Symptom: the map shows the object twice, the second time faintly and the wrong way round.

Hint: in which image's coordinates is each of the two maps?
"""

import numpy as np

from notebooks.exercises.tiny import SHAPE, linear_network, tiny_network
from visualize import saliency


def two_view_map(net, x, c):
    """The mean saliency (H, W) of class c over the image x (C, H, W) and its mirror image, as a map over x."""
    mirrored = x[:, :, ::-1]
    maps = saliency(net, np.stack([x, mirrored]), c)
    return maps.mean(axis=0)


def check(two_view_map=two_view_map):
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
