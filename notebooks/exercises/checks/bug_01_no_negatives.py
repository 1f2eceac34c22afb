"""The check of exercise 1: a convolution that never answers below zero."""

import numpy as np

from layers import Conv
from minicnn import Network
from minicnn.gradient_check import check_layer


def check(MyReLU):
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
