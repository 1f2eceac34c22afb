"""The check of exercise 11: the first step is perfect, then the picture explodes."""

import numpy as np

from minicnn.gradient_check import check_gradient
from notebooks.exercises.tiny import SHAPE, tiny_network


def check(direction):
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
