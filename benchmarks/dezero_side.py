"""The same work in DeZero, a framework of this size that is taught with, too.

It has convolution, max-pooling, ReLU and fully connected layers, and no switch that spares the gradients of weights.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layers import Conv, Dropout, Flatten, FullyConnected, MaxPool, ReLU
from minicnn import Network


def graph(net: Network) -> Callable:
    """The chain of `net`'s layers as a function of DeZero's variables."""
    if not hasattr(np, "int"):
        np.int = int  # type: ignore[attr-defined]  # DeZero still wants it as it is imported
    import dezero.functions as F
    from dezero import Variable

    weights = []

    def held(p: np.ndarray):
        weights.append(Variable(np.ascontiguousarray(p)))
        return weights[-1]

    def made(layer) -> Callable:
        match layer:
            case Conv():
                K, b = held(layer.K), held(layer.b)
                return lambda x: F.conv2d(x, K, b, layer.stride, layer.pad[::2])
            case FullyConnected():
                W, b = held(layer.W.T), held(layer.b)
                return lambda x: F.linear(x, W, b)
            case MaxPool():
                return lambda x: F.pooling(x, layer.size, layer.stride, layer.pad[::2])
            case ReLU():
                return F.relu
            case Flatten():
                return lambda x: F.reshape(x, (x.shape[0], -1))
            case Dropout():
                return lambda x: x
        raise NotImplementedError(f"DeZero has no {type(layer).__name__}")

    steps = [made(layer) for layer in net.layers.values()]

    def run(x):
        for p in weights:
            p.cleargrad()
        for step in steps:
            x = step(x)
        return x

    return run


def gradient_of(net: Network, x: np.ndarray, c: int) -> Callable[[], np.ndarray]:
    from_image = graph(net)
    from dezero import Variable
    from dezero import functions as F

    def run() -> np.ndarray:
        I = Variable(x)
        F.sum(from_image(I)[:, c]).backward()
        return I.grad.data

    return run


def training_step(net: Network, x: np.ndarray, labels: np.ndarray) -> Callable[[], np.ndarray]:
    """Up and down, all gradients; without the step itself, which is the smallest part.  Gives the loss."""
    from_image = graph(net)
    from dezero import Variable
    from dezero import functions as F

    def run() -> np.ndarray:
        loss = F.softmax_cross_entropy(from_image(Variable(x)), labels)
        loss.backward()
        return loss.data

    return run
