"""A max-pool whose gradient is right behind a ReLU and wrong without one

Lesson 2, medium, 10 minutes

Meant to be: max-pooling (here without padding) and its switches, s = argmax_{q∈Ω(p)} X_n(q): the place in each window
whose pixel won, which is where the gradient will go.

Symptom: the forward pass is right everywhere. The gradient is right too, as long as a ReLU lies in front of the pool.
Where the pool comes straight after a convolution, finite differences disagree.

Hint: what does a ReLU in front of the pool guarantee about the values in a window?
"""

import numpy as np

from layers import MaxPool
from layers.windows import windows
from minicnn.gradient_check import check_layer


class MyMaxPool(MaxPool):
    """X_{n+1}(p) = max_{q∈Ω(p)} X_n(q), without padding; the cache is (shape of X_n, switches)."""

    def forward(self, x):
        seen = windows(x, self.size, self.stride)  # (N, C, I, J, kh, kw)
        seen = seen.reshape(*seen.shape[:4], -1)
        switches = np.abs(seen).argmax(axis=-1)
        return seen.max(axis=-1), (x.shape, switches)


def check(MyMaxPool=MyMaxPool):
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
