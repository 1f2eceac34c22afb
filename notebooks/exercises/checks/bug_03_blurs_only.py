"""The check of exercise 3: the gradient is right for a blur and wrong for an edge detector."""

import numpy as np

from minicnn.gradient_check import check_layer


def check(MyConv):
    rng = np.random.default_rng(0)
    blur = np.full((2, 2, 3, 3), 1 / 9)
    for kind, K in {"a blur": blur, "random kernels": rng.standard_normal((4, 2, 3, 5))}.items():
        conv = MyConv(K, pad=1)
        x = rng.standard_normal((1, 2, 7, 8))
        y, cache = conv.forward(x)
        r = rng.standard_normal(y.shape)
        up, down = np.sum(y * r), np.sum(x * conv.backward(r, cache))
        assert np.isclose(up, down), (
            f"with {kind}, ⟨Ax, r⟩ = {up:.4f} and ⟨x, Aᵀr⟩ = {down:.4f}: what comes down is not the transpose of what "
            f"went up"
        )
        assert check_layer(conv, x, rng).ok, f"with {kind}, the gradient does not agree with finite differences"
