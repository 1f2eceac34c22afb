"""Maps of whole numbers give what the same maps give in float64: a mean is not rounded, a square does not overflow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import Add, AveragePool, GlobalAveragePool, LocalResponseNorm, MaxPool
from tests.devices import assert_close
from tests.examples import every_layer

LAYERS = every_layer()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
@pytest.mark.parametrize("name", LAYERS)
@given(seed=st.integers(0, 99))
def test_every_layer_computes_with_whole_numbers_as_with_floats(on, name, dtype, seed):
    layer, shape = LAYERS[name]
    layer, rng = on(layer), np.random.default_rng(seed)
    x = rng.integers(0, 256, shape).astype(dtype)
    (y, cache), (expected, other) = layer.forward(on(x)), layer.forward(on(x.astype(np.float64)))
    assert_close(y, expected, rtol=1e-14)
    grad = rng.integers(0, 256, expected.shape).astype(dtype)
    for rule in ("backward", "deconv", "guided"):
        below = getattr(layer, rule)(on(grad), cache)
        assert_close(below, getattr(layer, rule)(on(grad.astype(np.float64)), other), rtol=1e-12, atol=1e-12)
    found = layer.parameter_gradients(on(grad), cache)
    for letter, expected in layer.parameter_gradients(on(grad.astype(np.float64)), other).items():
        assert_close(found[letter], expected, rtol=1e-12)


def test_by_hand_where_bytes_used_to_overflow(on):
    x = np.array([[[[255, 200], [155, 200]]]], np.uint8)
    assert float(AveragePool(2).forward(on(x))[0].ravel()[0]) == 202.5
    assert float(GlobalAveragePool().forward(on(x))[0].ravel()[0]) == 202.5
    normalised, _ = LocalResponseNorm(1, 1.0, 1.0, 1.0).forward(on(x[..., :1, :1]))
    assert float(normalised.ravel()[0]) == pytest.approx(255 / (1 + 255**2))
    y, cache = Add([[], []]).forward(on(x))
    assert float(y.max()) == float(Add([[], []]).backward(on(x), cache).max()) == 510
    assert float(MaxPool(2, stride=1, pad=1).forward(on(x))[0].max()) == 255
