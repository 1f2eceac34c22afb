"""A cat on the left has a ghost on the right

Lesson 3, medium, 10 minutes

Meant to be: a map that is steadier than that of one image. The image and its mirror image each get a map, and the mean
of the two is laid over the image (the paper does this with ten crops, five of them mirrored).

Symptom: the map shows the object twice, the second time faintly and the wrong way round.

Hint: in which image's coordinates is each of the two maps?
"""

import numpy as np

from visualize import saliency


def two_view_map(net, x, c):
    """The mean saliency (H, W) of class c over the image x (C, H, W) and its mirror image, as a map over x."""
    mirrored = x[:, :, ::-1]
    maps = saliency(net, np.stack([x, mirrored]), c)
    return maps.mean(axis=0)
