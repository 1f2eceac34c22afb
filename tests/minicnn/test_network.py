"""The network: up with a memory, down by three rules between any two layers, and what it says of wrong input."""

from __future__ import annotations

import numpy as np
import pytest

from layers import (
    AveragePool,
    Concat,
    Conv,
    Flatten,
    FullyConnected,
    GlobalAveragePool,
    MaxPool,
    ReLU,
    ShapeError,
    convolution,
)
from minicnn import Network
from minicnn.network import one_hot
from tests.devices import close, equal, frozen
from tests.examples import random_conv

LAYER_TYPES = [AveragePool, Concat, Conv, Flatten, FullyConnected, GlobalAveragePool, MaxPool, ReLU]
RULES = ["backward", "deconv", "guided"]


@pytest.fixture
def rng(draws):
    return draws


@pytest.fixture
def net(rng) -> Network:
    return Network(
        {
            "conv1": random_conv(rng, 4, 3, 3, 3),
            "relu1": ReLU(),
            "pool1": MaxPool(2),
            "conv2": random_conv(rng, 5, 4, 3, 3),
            "relu2": ReLU(),
            "flatten": Flatten(),
            "full3": FullyConnected(rng.standard_normal((6, 45)), rng.standard_normal(6)),
        },
        classes=list("abcdef"),
    )


@pytest.fixture
def x(rng) -> np.ndarray:
    return rng.standard_normal((2, 3, 12, 12))


# ---------------------------------------------------------------------- up


def test_a_trace_remembers_every_map_by_number_and_by_name(net, x):
    trace = net.forward(x)
    shapes = [(2, 3, 12, 12), (2, 4, 10, 10), (2, 4, 10, 10), (2, 4, 5, 5), (2, 5, 3, 3), (2, 5, 3, 3), (2, 45), (2, 6)]
    assert [y.shape for y in trace.maps] == shapes
    assert trace.maps[0] is x
    assert trace["conv1"] is trace.maps[1]
    assert trace["full3"] is trace.scores is trace.maps[-1]
    assert equal(net.scores(x), trace.scores)


def test_the_maps_are_what_the_layers_say_one_after_the_other(net, x):
    trace = net.forward(x)
    for below, (name, layer) in zip(trace.maps, net.layers.items(), strict=False):
        assert equal(trace[name], layer.forward(below)[0])


def test_a_network_needs_a_layer():
    with pytest.raises(ValueError, match="at least one layer"):
        Network({})


# ---------------------------------------------------------------------- down


@pytest.mark.parametrize("rule", RULES)
def test_down_from_start_to_stop_is_the_layers_from_the_one_to_the_other_both_included(rule, net, x, rng):
    trace = net.forward(x)
    signal = rng.standard_normal(trace["relu2"].shape)
    expected = signal
    for name in ["relu2", "conv2", "pool1"]:
        expected = getattr(net[name], rule)(expected, trace.caches[net.names.index(name)])
    assert expected.shape == trace["relu1"].shape  # the input of pool1
    assert equal(getattr(net, rule)(trace, signal, start="relu2", stop="pool1"), expected)


@pytest.mark.parametrize("rule", RULES)
def test_without_start_and_stop_it_is_from_the_scores_to_the_image(rule, net, x, rng):
    trace = net.forward(x)
    signal = rng.standard_normal(trace.scores.shape)
    down = getattr(net, rule)
    assert down(trace, signal).shape == x.shape
    assert equal(down(trace, signal), down(trace, signal, start="full3", stop="conv1"))
    halfway = down(trace, signal, stop="conv2")
    assert equal(down(trace, signal), down(trace, halfway, start="pool1"))


def test_descending_shows_every_signal_on_the_way(net, x, rng):
    trace = net.forward(x)
    signal = rng.standard_normal(trace.scores.shape)
    steps = list(net.descend("gradient", trace, signal))
    assert [name for name, _ in steps] == net.names[::-1]
    for name, arriving in steps:
        assert equal(arriving, net.backward(trace, signal, stop=name))


def test_one_trace_serves_all_rules_in_any_order(net, x, rng):
    trace = net.forward(x)
    signal = rng.standard_normal(trace.scores.shape)
    first = {rule: getattr(net, rule)(trace, signal) for rule in RULES}
    for rule in ["guided", "backward", "deconv", "deconv", "backward", "guided"]:
        assert equal(getattr(net, rule)(trace, signal), first[rule])


def calls(monkeypatch, method: str) -> list:
    """From now on, the layers on which `method` is called, one entry a call."""
    seen = []

    def counting(right):
        return lambda layer, signal, cache: seen.append(layer) or right(layer, signal, cache)

    for kind in LAYER_TYPES:
        monkeypatch.setattr(kind, method, counting(getattr(kind, method)))
    return seen


def test_down_to_the_image_no_gradient_of_a_parameter_is_computed(xp, monkeypatch, net, x, rng):
    asked = calls(monkeypatch, "parameter_gradients")
    products = []
    right = convolution.kernel_gradient
    monkeypatch.setattr("layers.convolution.kernel_gradient", lambda *a: products.append(a) or right(*a))
    trace = net.forward(x)
    for rule in RULES:
        getattr(net, rule)(trace, xp.ones((2, 6)))
    assert (asked, products) == ([], [])
    net.parameter_gradients(trace, xp.ones((2, 6)))  # now it is asked for, and the counters count
    assert (len(asked), len(products)) == (7, 2)


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_computed_below_stop_or_above_start(xp, monkeypatch, rule, net, x):
    trace = net.forward(x)
    visited = calls(monkeypatch, rule)
    getattr(net, rule)(trace, xp.ones((2, 5, 3, 3)), start="relu2", stop="pool1")
    assert visited == [net["relu2"], net["conv2"], net["pool1"]]


def test_parameter_gradients_do_not_go_down_to_the_image(xp, monkeypatch, net, x):
    trace = net.forward(x)
    visited = calls(monkeypatch, "backward")
    gradients = net.parameter_gradients(trace, xp.ones((2, 6)))
    assert net["conv1"] not in visited
    assert {name: g.shape for name, g in gradients.items()} == {name: p.shape for name, p in net.parameters.items()}


def test_the_network_writes_into_nothing(net, x, rng):
    net = net.map_layers(lambda layer: layer.map_parameters(lambda p: p.copy()))
    signal = rng.standard_normal((2, 6))
    for array in [x, signal, *net.parameters.values()]:
        frozen(array)
    trace = net.forward(x)
    for y in trace.maps:
        frozen(y)
    for rule in RULES:
        getattr(net, rule)(trace, signal)
    net.parameter_gradients(trace, signal)


# ---------------------------------------------------------------------- what it says


def test_a_layer_that_is_given_the_wrong_maps_is_named(xp, net):
    with pytest.raises(ShapeError) as error:
        net.forward(xp.zeros((1, 4, 12, 12)))
    assert str(error.value) == "Conv conv1 expects 3 channels, got 4: (1, 4, 12, 12)"
    with pytest.raises(ShapeError, match=r"^FullyConnected full3 expects features \(N, 45\), got \(1, 125\)$"):
        net.scores(xp.zeros((1, 3, 16, 16)))
    with pytest.raises(ShapeError, match=r"^Conv conv2 finds no room for a 3×3 kernel"):
        net.forward(xp.zeros((1, 3, 6, 6)))


def test_the_real_network_names_its_first_layer(xp, squeezenet):
    with pytest.raises(ValueError, match=r"^Conv conv1 expects 3 channels, got 4: \(1, 4, 227, 227\)$"):
        squeezenet.forward(xp.zeros((1, 4, 227, 227), np.float32))


def test_an_unknown_layer_is_refused_and_the_layers_are_listed(xp, net, x):
    trace = net.forward(x)
    signal = xp.ones((2, 6))
    for ask in [
        lambda: net["conv9"],
        lambda: trace["conv9"],
        lambda: net.backward(trace, signal, start="conv9"),
        lambda: net.deconv(trace, signal, stop="conv9"),
    ]:
        with pytest.raises(KeyError, match=r"no layer is called 'conv9'; the layers are conv1, relu1, pool1, conv2"):
            ask()


def test_nobody_can_go_down_to_a_layer_above(xp, net, x):
    trace = net.forward(x)
    with pytest.raises(ValueError, match="cannot go down from layer 'conv1' to 'pool1', which is above it"):
        net.backward(trace, xp.ones((2, 4, 10, 10)), start="conv1", stop="pool1")


def test_a_signal_of_the_wrong_shape_is_refused(xp, net, x):
    trace = net.forward(x)
    with pytest.raises(ShapeError, match=r"expects a signal of shape \(2, 6\), got \(1, 6\)$"):
        net.backward(trace, xp.ones((1, 6)))
    with pytest.raises(ShapeError, match=r"expects a signal of shape \(2, 4, 5, 5\), got \(2, 6\)$"):
        net.deconv(trace, xp.ones((2, 6)), start="pool1")


def test_an_unknown_rule_is_refused(xp, net, x):
    with pytest.raises(ValueError, match="unknown rule 'magic': choose from gradient, deconv, guided"):
        list(net.descend("magic", net.forward(x), xp.ones((2, 6))))


def test_a_network_prints_one_layer_a_line(net):
    lines = repr(net).splitlines()
    assert len(lines) == 7
    assert lines[0].split() == ["conv1", "Conv(3→4,", "3×3,", "stride=(1,", "1),", "pad=(0,", "0,", "0,", "0))"]


# ---------------------------------------------------------------------- copies


def test_parameters_are_named_by_layer_and_letter(net):
    assert list(net.parameters) == ["conv1.K", "conv1.b", "conv2.K", "conv2.b", "full3.W", "full3.b"]
    assert net.parameters["conv1.K"] is net["conv1"].K


def test_with_parameters_makes_a_copy(net, x):
    before = net.scores(x)
    other = net.with_parameters({"full3.b": net["full3"].b + 1})
    assert close(other.scores(x), before + 1)
    assert equal(net.scores(x), before)
    assert other.classes == net.classes
    assert other["conv1"].K is net["conv1"].K  # what is not replaced is shared


def test_unknown_and_ill_shaped_parameters_are_refused(xp, net):
    with pytest.raises(ValueError, match=r"the network has no parameter 'conv9\.K'"):
        net.with_parameters({"conv9.K": xp.ones(3)})
    with pytest.raises(ShapeError, match=r"^Conv conv1 expects K of shape \(4, 3, 3, 3\), got \(4, 3, 5, 5\)$"):
        net.with_parameters({"conv1.K": xp.ones((4, 3, 5, 5))})


def test_astype_changes_every_parameter_of_a_copy_in_branches_too(rng):
    net = Network({"fire": Concat([[random_conv(rng, 2, 3, 1, 1)]]), "conv": random_conv(rng, 2, 2, 1, 1)})
    small = net.astype(np.float32)
    assert {p.dtype for p in small.parameters.values()} == {np.dtype(np.float32)}
    assert {p.dtype for p in net.parameters.values()} == {np.dtype(np.float64)}


def test_without_relu_no_relu_is_left_not_even_inside_a_branch(net, x, rng):
    assert net.without(ReLU).names == ["conv1", "pool1", "conv2", "flatten", "full3"]
    assert "relu1" in net.names
    inner = Concat([[random_conv(rng, 2, 3, 1, 1), ReLU()], [Concat([[ReLU()], []])]])
    branched = Network({"inner": inner, "relu": ReLU()})
    linear = branched.without(ReLU)
    assert close(linear.scores(x) + linear.scores(-x), 2 * linear.scores(0 * x))  # affine
    assert not close(branched.scores(x) + branched.scores(-x), 2 * branched.scores(0 * x))
    assert len(inner.branches["0"]) == 2  # the original has kept its ReLU


def test_one_hot_picks_one_class_for_all_or_one_for_each(xp):
    scores = xp.zeros((2, 3), np.float32)
    assert equal(one_hot(scores, 1), [[0, 1, 0], [0, 1, 0]])
    assert equal(one_hot(scores, [2, 0]), [[0, 0, 1], [1, 0, 0]])
    assert one_hot(scores, 1).dtype == np.float32
    with pytest.raises(ValueError, match="there is no class 3: expected 0 … 2"):
        one_hot(scores, 3)
    with pytest.raises(ValueError, match="there is no class -1"):
        one_hot(scores, [0, -1])
