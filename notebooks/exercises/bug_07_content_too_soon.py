"""The class model stops growing as soon as the network is sure

Lesson 3, medium, 10 minutes

Meant to be: the slope that a class model climbs, ∂S_c/∂I, of the unnormalised score S_c (paper, section 2).

Symptom: the first steps look fine. Then they become smaller and smaller, and the picture stays a faint, noisy shadow.
The surer the network is of a class, the less it tells about it.

Hint: of which quantity is this the gradient? Read the paper's section 2 once more, down to "not visually prominent".
"""

import numpy as np

from minicnn.gradient_check import check_gradient
from minicnn.loss import softmax
from minicnn.network import one_hot
from notebooks.exercises.tiny import SHAPE, tiny_network


def slope(net, I, c):
    """∂S_c/∂I at the images I (N, C, h, w), in the same shape."""
    trace = net.forward(I)
    P = softmax(trace.scores)
    seed = P[:, [c]] * (one_hot(P, c) - P)
    return net.backward(trace, seed)


def check(slope=slope):
    rng = np.random.default_rng(0)
    net = tiny_network(rng)
    I = rng.standard_normal((1, *SHAPE))
    numeric = check_gradient(lambda I: net.scores(I)[0, 1], I, slope(net, I, 1), rng)
    assert numeric.verdict == "ok", f"finite differences of S_c give another slope (relative error {numeric.error:.2g})"
    raised = {"fc3.b": net["fc3"].b + np.array([0, 50, 0])}  # S_c + 50 has the slope of S_c
    assert np.allclose(slope(net.with_parameters(raised), I, 1), slope(net, I, 1)), (
        "a constant added to S_c changes no slope; here it does"
    )
