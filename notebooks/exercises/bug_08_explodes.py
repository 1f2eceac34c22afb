"""The first step is perfect, then the picture explodes

Lesson 3, easy, 5 minutes

Meant to be: the direction of steepest ascent for the class model, argmax_I S_c(I) − λ‖I‖² (paper, section 2).

Symptom: at the zero image the direction agrees with finite differences to the last digit. After some twenty steps the
picture is garish, after a few hundred its values are beyond all measure. A larger λ makes it worse.

Hint: which of the two terms is silent at the zero image?
"""

import numpy as np

from minicnn.gradient_check import check_gradient
from minicnn.network import one_hot
from notebooks.exercises.tiny import SHAPE, tiny_network


def direction(net, I, c, decay):
    """∂/∂I of S_c(I) − λ‖I‖², for one image I (1, C, h, w); decay is λ."""
    trace = net.forward(I)
    gradient = net.backward(trace, one_hot(trace.scores, c))
    return gradient + 2 * decay * I


def check(direction=direction):
    rng = np.random.default_rng(0)
    net, I = tiny_network(rng), rng.standard_normal((1, *SHAPE))
    for decay in (0, 0.3):

        def objective(I, decay=decay):
            return net.scores(I)[0, 1] - decay * np.sum(I**2)

        claimed = direction(net, I, 1, decay)
        numeric = check_gradient(objective, I, claimed, rng)
        slope = (objective(I + 1e-6 * claimed) - objective(I - 1e-6 * claimed)) / 2e-6
        assert numeric.verdict == "ok", (
            f"with λ = {decay}, the direction is not the gradient of S_c − λ‖I‖² (relative error {numeric.error:.2g}); "
            f"along it the objective changes at a rate of {slope:.3g}, and {np.sum(claimed**2):.3g} was promised"
        )
