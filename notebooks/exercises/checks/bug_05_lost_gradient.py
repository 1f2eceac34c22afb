"""The check of exercise 5: pooling loses gradient, but only where its windows overlap."""

import numpy as np

from minicnn.gradient_check import check_layer


def check(MyMaxPool):
    rng = np.random.default_rng(0)
    for size, stride in ((2, 2), (3, 2), (3, 1)):
        pool = MyMaxPool(size, stride)
        x = rng.standard_normal((2, 3, 7, 9))
        y, cache = pool.forward(x)
        arrived = pool.backward(np.ones(y.shape), cache).sum()
        where = f"with {size}×{size} windows and stride {stride}"
        assert np.isclose(arrived, y.size), (
            f"{where}, {y.size} outputs each send a gradient of 1 to the pixel that won; {arrived:g} arrive"
        )
        assert check_layer(pool, x, rng).ok, f"{where}, the gradient does not agree with finite differences"
