"""The class model stops growing as soon as the network is sure

Lesson 4, medium, 10 minutes

Meant to be: the slope that a class model climbs, ∂S_c/∂I, of the unnormalised score S_c (paper, section 2).

Symptom: the first steps look fine. Then they become smaller and smaller, and the picture stays a faint, noisy shadow.
The surer the network is of a class, the less it tells about it.

Hint: of which quantity is this the gradient? Read the paper's section 2 once more, down to "not visually prominent".
"""

import numpy as np

from minicnn.loss import softmax
from minicnn.network import one_hot


def slope(net, I, c):
    """∂S_c/∂I at the images I (N, C, h, w), in the same shape."""
    trace = net.forward(I)
    P = softmax(trace.scores)
    seed = P[:, [c]] * (one_hot(P, c) - P)
    return net.backward(trace, seed)
