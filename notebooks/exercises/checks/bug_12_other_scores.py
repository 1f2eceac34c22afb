"""The check of exercise 12: after one class model, the network gives other scores."""

import numpy as np

from notebooks.exercises.tiny import SHAPE, tiny_network


def check(climb):
    rng = np.random.default_rng(0)
    net, photo = tiny_network(rng), rng.standard_normal((1, *SHAPE))
    before, start = net.scores(photo), net.scores(np.zeros((1, *SHAPE)))[0, 1]
    I = climb(net, 1, SHAPE, steps=50, step=0.1, limit=0.25)
    drift = np.abs(net.scores(photo) - before).max()
    assert drift == 0, f"the scores of an image that has nothing to do with it moved by up to {drift:.3g}"
    largest = np.abs(I).max()
    assert largest <= 0.25, f"a pixel is {largest:.3g}, and the limit is 0.25"
    assert largest > 0.24, f"no pixel goes further than {largest:.3g}, though the steps lead beyond the limit of 0.25"
    assert net.scores(I)[0, 1] > start + 1, "the score hardly rises"
