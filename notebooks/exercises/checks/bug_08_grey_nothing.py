"""The check of exercise 8: pixels that do not matter are grey, not black."""

import numpy as np

from notebooks.exercises.tiny import SHAPE, linear_network, tiny_network


def check(saliency_picture):
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
