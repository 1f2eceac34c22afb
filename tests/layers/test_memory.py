"""What a layer needs besides the maps themselves is bounded, whatever the size of the image and of the batch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from layers import Conv, FullyConnected, MaxPool
from layers.engine import engine

SCRATCH = 64 << 20


@pytest.fixture(autouse=True)
def of_the_numpy_engine():
    """Bounded memory is an engine's promise; the definitions look at all windows of a batch at once."""
    with engine("numpy"):
        yield


def held_at_once(run) -> int:
    """The most bytes that NumPy held at once above what it held before, less what `run` returns."""
    tracemalloc.start()
    try:
        result = run()
        return tracemalloc.get_traced_memory()[1] - sum(array.nbytes for array in result)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("C", "M", "kernel", "stride", "shape"),
    [
        (3, 64, 11, 4, (1, 896, 896)),  # the paper's first layer, of a large image
        (64, 64, 3, 1, (1, 448, 448)),  # VGG's second: Winograd's way
        (512, 512, 3, 1, (2, 28, 28)),  # the widest kernels
        (48, 192, 3, 1, (64, 14, 14)),  # many small images
        (256, 48, 1, 1, (16, 56, 56)),
    ],
)
def test_a_convolution_up_down_and_to_its_kernels(C, M, kernel, stride, shape):
    N, H, W = shape
    conv = Conv(np.zeros((M, C, kernel, kernel), np.float32), stride=stride, pad=kernel // 2)
    x = np.zeros((N, C, H, W), np.float32)
    y, cache = conv.forward(x)
    assert held_at_once(lambda: conv.forward(x)[:1]) <= SCRATCH
    assert held_at_once(lambda: [conv.backward(y, cache)]) <= SCRATCH
    assert held_at_once(lambda: conv.parameter_gradients(y, cache).values()) <= SCRATCH


def test_pooling_and_full_connections():
    x = np.zeros((16, 64, 112, 112), np.float32)
    pool = MaxPool(3, stride=2)
    y, cache = pool.forward(x)
    assert held_at_once(lambda: (pool.forward(x)[0], cache[1])) <= SCRATCH
    assert held_at_once(lambda: [pool.backward(y, cache)]) <= SCRATCH
    dense = FullyConnected(np.zeros((4096, 9216), np.float32))
    features = np.zeros((16, 9216), np.float32)
    scores, _ = dense.forward(features)
    scores[:, ::3] = 1
    assert held_at_once(lambda: [dense.forward(features)[0]]) <= SCRATCH
    assert held_at_once(lambda: [dense.backward(scores, features)]) <= SCRATCH
