"""X_{n+1} = mask · X_n, with the mask 1 in a trained network and random in training."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Dropout
from minicnn.gradient_check import check_layer
from tests.devices import assert_close, assert_equal, equal, host

RULES = ["backward", "deconv", "guided"]


def test_a_trained_network_does_not_drop_anything(rng):
    layer = Dropout(0.5)
    x, signal = rng.standard_normal((2, 2, 3, 4, 5))
    y, cache = layer.forward(x)
    assert_equal(y, x)
    for rule in RULES:
        assert_equal(getattr(layer, rule)(signal, cache), signal)
    assert check_layer(layer, x, rng).ok


@pytest.mark.parametrize("rule", RULES)
def test_in_training_the_way_down_meets_the_mask_of_the_way_up(xp, rule, rng):
    layer = Dropout(0.4)
    x = xp.ones((50, 40))
    y, mask = layer.forward_training(x, rng)
    assert set(np.unique(host(y))) == {0, 1 / (1 - 0.4)}
    signal = rng.standard_normal(x.shape)
    assert_equal(getattr(layer, rule)(signal, mask), signal * y)


def test_in_training_forward_and_backward_are_adjoint(rng):
    """⟨mask·x, g⟩ = ⟨x, mask·g⟩."""
    layer = Dropout(0.5)
    x, grad = rng.standard_normal((2, 3, 7))
    y, mask = layer.forward_training(x, rng)
    assert_close((y * grad).sum(), (x * layer.backward(grad, mask)).sum())


@pytest.mark.parametrize("p", [0, 0.2, 0.5, 0.9])
def test_training_keeps_the_mean(xp, p, rng):
    """The share of zeros is p and the mean remains, within five standard deviations."""
    x = xp.ones(100_000)
    y, _ = Dropout(p).forward_training(x, rng)
    deviation = 5 * (p * (1 - p) / x.size) ** 0.5
    assert float((y == 0).mean()) == pytest.approx(p, abs=deviation)
    assert float(y.mean()) == pytest.approx(1, abs=deviation / (1 - p))


def test_the_same_generator_gives_the_same_mask(xp):
    layer, x = Dropout(0.5), xp.ones((4, 6))
    first, _ = layer.forward_training(x, np.random.default_rng(3))
    again, _ = layer.forward_training(x, np.random.default_rng(3))
    other, _ = layer.forward_training(x, np.random.default_rng(4))
    assert_equal(first, again)
    assert not equal(first, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_dtype_and_arguments(dtype, rng):
    layer = Dropout(np.float64(0.5))
    x = rng.standard_normal((3, 7)).astype(dtype)
    before = x.copy()
    for y, cache in (layer.forward(x), layer.forward_training(x, rng)):
        assert y.dtype == layer.backward(x, cache).dtype == dtype
    assert_equal(x, before)


@pytest.mark.parametrize("p", [-0.1, 1, float("nan")])
def test_a_probability_out_of_range_is_refused(p):
    with pytest.raises(ValueError, match="expects a probability 0 ≤ p < 1"):
        Dropout(p)


def test_its_text_shows_its_probability():
    assert repr(Dropout(0.5)) == "Dropout(0.5)"
