"""After one class model, the network gives other scores

Lesson 4, medium, 10 minutes

Meant to be: a class model whose pixels are kept within ±limit. After each step along ∂S_c/∂I what lies beyond the limit
is clipped. (Not in the paper, but in many programs.) The weights are fixed.

Symptom: the first class model is odd, the second is odder. After them the network classifies photographs worse than
before, until it is loaded afresh.

Hint: print `abs(p).max()` of a layer's kernels before and after a call, and the same of the picture.
"""

import numpy as np

from minicnn.network import one_hot


def climb(net, c, shape, steps, step, limit):
    """The image I (1, C, h, w) after so many steps along ∂S_c/∂I from the zero image, each pixel within ±limit."""
    I = np.zeros((1, *shape))
    for _ in range(steps):
        trace = net.forward(I)
        I = I + step * net.backward(trace, one_hot(trace.scores, c))
        for p in net.parameters.values():
            np.clip(p, -limit, limit, out=p)
    return I
