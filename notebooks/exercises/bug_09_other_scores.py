"""After one class model, the network gives other scores

Lesson 3, medium, 10 minutes

Meant to be: a class model whose pixels are kept within ±limit. After each step along ∂S_c/∂I what lies beyond the limit
is clipped. (Not in the paper, but in many programs.) The weights are fixed.

Symptom: the first class model is odd, the second is odder. After them the network classifies photographs worse than
before, until it is loaded afresh.

Hint: print `abs(p).max()` of a layer's kernels before and after a call, and the same of the picture.
"""

import numpy as np

from minicnn.network import one_hot
from notebooks.exercises.tiny import SHAPE, tiny_network


def climb(net, c, shape, steps, step, limit):
    """The image I (1, C, h, w) after so many steps along ∂S_c/∂I from the zero image, each pixel within ±limit."""
    I = np.zeros((1, *shape))
    for _ in range(steps):
        trace = net.forward(I)
        I = I + step * net.backward(trace, one_hot(trace.scores, c))
        for p in net.parameters.values():
            np.clip(p, -limit, limit, out=p)
    return I


def check(climb=climb):
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
