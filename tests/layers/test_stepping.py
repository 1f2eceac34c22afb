"""What stepping costs: how many of the project's lines run for one call of a layer, the definitions computing.

A learner who steps into a layer meets the check of the shape, the seam and the equation, and little else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from layers import Conv, FullyConnected, MaxPool, ReLU, plain
from minicnn import Network

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = tuple(str(ROOT / folder) for folder in ("layers", "minicnn", "visualize"))

MAPS = np.random.default_rng(0).standard_normal((1, 2, 6, 6))
LAYERS = {
    "Conv": (Conv(np.ones((3, 2, 3, 3)), stride=2, pad=1), MAPS),
    "MaxPool": (MaxPool(2), MAPS),
    "FullyConnected": (FullyConnected(np.ones((4, 5))), MAPS[0, 0, :, :5]),
    "ReLU": (ReLU(), MAPS),
}


def lines(call: Callable[[], object]) -> list[tuple[str, str]]:
    """(file, function) of every line of the project's packages that the call executes."""
    met: list[tuple[str, str]] = []

    def watch(frame, event, argument):
        if event == "line" and frame.f_code.co_filename.startswith(FOLDERS):
            met.append((Path(frame.f_code.co_filename).name, frame.f_code.co_name))
        return watch

    before = sys.gettrace()
    with plain():
        sys.settrace(watch)
        try:
            call()
        finally:
            sys.settrace(before)
    return met


@pytest.mark.parametrize(
    ("layer", "method", "most"),
    [
        ("Conv", "forward", 40),
        ("Conv", "backward", 40),
        ("Conv", "parameter_gradients", 30),
        ("MaxPool", "forward", 36),
        ("MaxPool", "backward", 60),
        ("FullyConnected", "forward", 8),
        ("FullyConnected", "backward", 6),
        ("ReLU", "forward", 3),  # the seam, the equation, and whose arrays they are
        ("ReLU", "backward", 2),
        ("ReLU", "deconv", 2),
        ("ReLU", "guided", 2),
    ],
)
def test_a_layer_is_stepped_through_in_few_lines(layer, method, most):
    layer, x = LAYERS[layer]
    y, cache = layer.forward(x)
    call = (lambda: layer.forward(x)) if method == "forward" else (lambda: getattr(layer, method)(y, cache))
    met = lines(call)
    assert 0 < len(met) <= most, f"{len(met)} lines: {met}"


def test_from_the_network_to_its_first_layer_it_is_a_few_lines():
    net = Network({"relu": ReLU(), "again": ReLU()})
    met = lines(lambda: net.forward(MAPS))
    assert met.index(("relu.py", "forward")) <= 12, met


def test_the_equation_is_among_the_lines():
    conv, x = LAYERS["Conv"]
    assert ("convolution.py", "correlate") in lines(lambda: conv.forward(x))
    pool, _ = LAYERS["MaxPool"]
    assert ("max_pool.py", "max_pool") in lines(lambda: pool.forward(x))
