"""A convolution that never answers below zero

Lesson 1, easy, 5 minutes

Meant to be: the ReLU X_{n+1} = max(X_n, 0), and the cache that its way down needs, which is X_n.

Symptom: the scores of the network are right, and so are its gradients. But whoever looks into the trace finds no
negative value in any map: not even in those of a convolution, whose kernels have weights of both signs.

Hint: ask for `trace["conv"]` before and after the ReLU has run. Whose array is it?
"""

import numpy as np

from layers import Conv, ReLU
from minicnn import Network
from minicnn.gradient_check import check_layer


class MyReLU(ReLU):
    """X_{n+1} = max(X_n, 0)."""

    def forward(self, x):
        return np.maximum(x, 0, out=x), x


def check(MyReLU=MyReLU):
    rng = np.random.default_rng(0)
    conv = Conv(rng.standard_normal((4, 3, 3, 3)))
    image = rng.standard_normal((1, 3, 8, 8))
    alone, _ = conv.forward(image)
    trace = Network({"conv": conv, "relu": MyReLU()}).forward(image)
    by_hand = [[max(float(value), 0.0) for value in row] for row in alone.reshape(-1, 6)]
    assert np.array_equal(trace["relu"].reshape(-1, 6), by_hand), "the output is not max(X_n, 0)"
    assert np.array_equal(trace["conv"], alone), (
        f"asked alone, the convolution gives {np.sum(alone < 0)} negative values; "
        f"the trace claims that it gave {np.sum(trace['conv'] < 0)}"
    )
    assert check_layer(MyReLU(), image, rng).ok, "the gradient does not agree with finite differences of the output"
