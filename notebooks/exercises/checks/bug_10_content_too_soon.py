"""The check of exercise 10: the class model stops growing as soon as the network is sure."""

import numpy as np

from minicnn.gradient_check import check_gradient
from notebooks.exercises.tiny import SHAPE, tiny_network


def check(slope):
    rng = np.random.default_rng(0)
    net = tiny_network(rng)
    I = rng.standard_normal((1, *SHAPE))
    numeric = check_gradient(lambda I: net.scores(I)[0, 1], I, slope(net, I, 1), rng)
    assert numeric.verdict == "ok", f"finite differences of S_c give another slope (relative error {numeric.error:.2g})"
    raised = {"fc3.b": net["fc3"].b + np.array([0, 50, 0])}  # S_c + 50 has the slope of S_c
    assert np.allclose(slope(net.with_parameters(raised), I, 1), slope(net, I, 1)), (
        "a constant added to S_c changes no slope; here it does"
    )
