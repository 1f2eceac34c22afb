"""The check of exercise 15: a DeconvNet that draws something from nothing."""

import numpy as np


def check(MyConv):
    rng = np.random.default_rng(0)
    conv = MyConv(rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4), stride=2, pad=1)
    x = rng.standard_normal((1, 3, 9, 8))
    y, cache = conv.forward(x)
    R = rng.standard_normal(y.shape)
    assert not conv.deconv(np.zeros(y.shape), cache).any(), "R_{n+1} = 0 comes down as something else than 0"
    assert np.allclose(conv.deconv(2 * R, cache), 2 * conv.deconv(R, cache)), (
        "twice the signal does not come down as twice the picture"
    )
    up, down = np.sum((y - conv.forward(0 * x)[0]) * R), np.sum(x * conv.deconv(R, cache))
    assert np.isclose(up, down), f"⟨Ax, R⟩ = {up:.4f} and ⟨x, AᵀR⟩ = {down:.4f}: what comes down is not the transpose"
