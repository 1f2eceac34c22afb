"""What a layer needs besides the maps themselves is bounded, whatever the size of the image and of the batch."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from layers import Conv, FullyConnected, MaxPool
from layers.engine import engine

SCRATCH = 64 << 20
ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is Linux's")
@pytest.mark.parametrize("threshold", [None, "131072"])
def test_maps_are_made_of_memory_that_was_freed_before(threshold):
    """Page faults of a trace: few, unless the environment says what malloc should keep (here what it would anyway)."""
    program = """
import resource
import numpy as np
from layers import Conv, ReLU
from minicnn import Network
net = Network({"conv1": Conv(np.ones((64, 3, 3, 3), np.float32)), "relu1": ReLU(), "relu2": ReLU()})
x = np.ones((1, 3, 224, 224), np.float32)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    net.forward(x)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults() for _ in range(5)][-1])
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    around = kept | {"MINICNN_ENGINE": "numpy"} | ({"MALLOC_TRIM_THRESHOLD_": threshold} if threshold else {})
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=around, capture_output=True, text=True)
    faults, pages = int(ended.stdout), 3 * 64 * 222 * 222 * 4 // 4096
    assert (faults > pages / 10) == bool(threshold), ended.stderr
