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


class MyMaxPool(MaxPool):
    """X_{n+1}(p) = max_{q∈Ω(p)} X_n(q), without padding; the cache is (shape of X_n, switches)."""

    def forward(self, x):
        seen = windows(x, self.size, self.stride)  # (N, C, I, J, kh, kw)
        seen = seen.reshape(*seen.shape[:4], -1)
        switches = np.abs(seen).argmax(axis=-1)
        return seen.max(axis=-1), (x.shape, switches)
