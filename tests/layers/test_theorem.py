"""The theorem of section 4: a DeconvNet computes the gradient, bit for bit, but for its ReLUs."""

from __future__ import annotations

import numpy as np
import pytest

from layers import AveragePool, Concat, Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn import Network
from tests.devices import close, equal
from tests.examples import affine_layers, every_layer, layers_with_switches, random_conv


def small_network(rng: np.random.Generator) -> Network:
    """A little of everything: (2, 3, 21, 19) → 5 scores."""
    fire = {"narrow": [random_conv(rng, 3, 4, 1, 1)], "wide": [random_conv(rng, 5, 4, 3, 3, pad=1), ReLU()]}
    return Network(
        {
            "conv1": random_conv(rng, 4, 3, 3, 3, stride=2, pad=1),
            "relu1": ReLU(),
            "pool1": MaxPool(3, stride=2, ceil=True),
            "fire2": Concat(fire),
            "relu2": ReLU(),
            "pool2": AveragePool(2, stride=1),
            "flatten": Flatten(),
            "full3": FullyConnected(rng.standard_normal((6, 8 * 4 * 4)), rng.standard_normal(6)),
            "relu3": ReLU(),
            "full4": FullyConnected(rng.standard_normal((5, 6)), rng.standard_normal(5)),
        }
    )


@pytest.mark.parametrize("name", {**affine_layers(), **layers_with_switches()})
def test_a_layer_without_relu_has_one_way_down(on, name, rng):
    layer, shape = on(every_layer()[name])
    y, cache = layer.forward(rng.standard_normal(shape))
    R = rng.standard_normal(y.shape)
    gradient = layer.backward(R, cache)
    assert equal(layer.deconv(R, cache), gradient)
    assert equal(layer.guided(R, cache), gradient)
    assert gradient.any()


def test_relu_is_the_only_layer_where_deconv_is_not_the_gradient(rng):
    net = small_network(rng)
    trace = net.forward(rng.standard_normal((2, 3, 21, 19)))
    differ = set()
    for layer_name, layer, cache, y in zip(net.names, net.layers.values(), trace.caches, trace.maps[1:], strict=True):
        R = rng.standard_normal(y.shape)  # the same signal for both
        if not equal(layer.deconv(R, cache), layer.backward(R, cache)):
            differ.add(layer_name)
    assert differ == {"relu1", "fire2", "relu2", "relu3"}  # fire2 has a ReLU inside


def test_without_its_relus_a_network_s_deconv_is_its_gradient_exactly(rng):
    net = small_network(rng).without(ReLU)
    trace = net.forward(rng.standard_normal((2, 3, 21, 19)))
    R = rng.standard_normal(trace.scores.shape)
    gradient = net.backward(trace, R)
    assert equal(net.deconv(trace, R), gradient)
    assert equal(net.guided(trace, R), gradient)
    assert gradient.any()


def test_with_relus_the_three_ways_down_part(rng):
    net = small_network(rng)
    trace = net.forward(rng.standard_normal((2, 3, 21, 19)))
    R = rng.standard_normal(trace.scores.shape)
    gradient, deconv, guided = net.backward(trace, R), net.deconv(trace, R), net.guided(trace, R)
    assert not close(deconv, gradient)
    assert not close(guided, gradient)
    assert not close(guided, deconv)


def test_they_agree_down_to_the_first_relu_they_meet(rng):
    net = small_network(rng)
    trace = net.forward(rng.standard_normal((2, 3, 21, 19)))
    R = rng.standard_normal(trace.scores.shape)
    pairs = zip(net.descend("gradient", trace, R), net.descend("deconv", trace, R), strict=True)
    agree = [name for (name, gradient), (_, deconv) in pairs if equal(gradient, deconv)]
    assert agree == ["full4"]


def test_guided_lets_through_what_both_the_gradient_and_the_deconv_let_through(xp, rng):
    x, G = rng.standard_normal((2, 100))
    relu = ReLU()
    _, cache = relu.forward(x)
    gradient, deconv, guided = relu.backward(G, cache), relu.deconv(G, cache), relu.guided(G, cache)
    assert equal(guided, xp.where((gradient != 0) & (deconv != 0), G, 0))
    assert equal(guided, relu.deconv(gradient, cache))


def test_a_deconvnet_has_no_bias_to_add(xp, rng):
    K, b = rng.standard_normal((2, 3, 3, 3)), rng.standard_normal(2)
    x, R = rng.standard_normal((1, 3, 6, 6)), rng.standard_normal((1, 2, 4, 4))
    assert equal(Conv(K, b).deconv(R, x), Conv(K).deconv(R, x))
    assert not Conv(K, b).deconv(xp.zeros_like(R), x).any()
