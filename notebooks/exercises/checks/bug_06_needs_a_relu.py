"""The check of exercise 6: a max-pool whose gradient is right behind a ReLU and wrong without one."""

import numpy as np

from minicnn.gradient_check import check_layer


def check(MyMaxPool):
    rng = np.random.default_rng(0)
    pool = MyMaxPool(2)
    for kind, x in {
        "positive maps": rng.random((1, 2, 6, 6)),
        "maps of both signs": rng.standard_normal((1, 2, 6, 6)),
    }.items():
        y, cache = pool.forward(x)
        cells = x.reshape(1, 2, 3, 2, 3, 2)
        assert np.array_equal(y, cells.max(axis=(3, 5))), f"on {kind}, the output is not the maximum of each window"
        receives = pool.backward(np.ones(y.shape), cache).reshape(cells.shape)
        wrong = int(np.sum((receives * cells).sum(axis=(3, 5)) != y))
        assert wrong == 0, (
            f"on {kind}, {wrong} of {y.size} outputs send their gradient to a pixel of another value than theirs"
        )
        assert check_layer(pool, x, rng).ok, f"on {kind}, the gradient does not agree with finite differences"
