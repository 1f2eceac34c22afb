"""Section 4 of the paper, sentence by sentence: how a DeconvNet relates to the gradient, and where they part."""

from __future__ import annotations

import json

import numpy as np
import pytest

from layers import Concat, Conv, Dropout, Flatten, FullyConnected, Layer, LocalResponseNorm, MaxPool, ReLU
from layers.arrays import Array, array_module
from minicnn import pretrained
from minicnn.datasets.shapes import scenes
from minicnn.images import Preprocessing, save_picture
from minicnn.network import RULES, Network, Trace, input_of, one_hot
from minicnn.photographs import photograph
from minicnn.units import activation, find_unit, strongest_position, strongest_units, unit_text, unit_title
from tests.devices import Draws, assert_close, assert_equal, equal, host
from visualize import compare_rules, reconstruct
from visualize.cli import main
from visualize.comparison import compare_from, cosine
from visualize.deconvnet import seed_signal, send_down
from visualize.figures import SIGNED_PERCENTILE, deconv_figure, extent, in_colour, signed
from visualize.portrait import portrait, representative_layers, strongest_portraits
from visualize.saliency_maps import linearize
from visualize.vanished_signal import VanishedSignal
from visualize.way_down import way_down

EGYPTIAN_CAT, ESPRESSO = 285, 967


@pytest.fixture(scope="module")
def squeezenet(on) -> Network:
    return on(pretrained.squeezenet())


def x_of(net: Network, name: str) -> Array:
    return input_of(net, net.preprocessing.centre_crop(photograph(name)))


@pytest.fixture(scope="module")
def cat(squeezenet: Network) -> np.ndarray:
    return x_of(squeezenet, "chelsea")


@pytest.fixture(scope="module")
def cat_trace(squeezenet: Network, cat: np.ndarray) -> Trace:
    return squeezenet.forward(cat)


@pytest.fixture(scope="module")
def coffee_trace(squeezenet: Network) -> Trace:
    return squeezenet.forward(x_of(squeezenet, "coffee"))


def small_network(rng: Draws, classes: int = 1) -> Network:
    """Fully connected, for grey images of 4×5 pixels."""
    layers = {
        "flatten": Flatten(),
        "fc1": FullyConnected(rng.standard_normal((7, 20)), rng.standard_normal(7)),
        "relu1": ReLU(),
        "fc2": FullyConnected(rng.standard_normal((6, 7)), rng.standard_normal(6)),
        "relu2": ReLU(),
        "fc3": FullyConnected(rng.standard_normal((classes, 6)), rng.standard_normal(classes)),
    }
    return Network(layers, Preprocessing((4, 5), mean=(120.0,), scale=1 / 60, order="L"))


def network_with_branches(rng: Draws) -> Network:
    def conv(M: int, C: int, k: int) -> Conv:
        return Conv(rng.standard_normal((M, C, k, k)), rng.standard_normal(M), pad=k // 2)

    inner = Concat({"left": [ReLU(), conv(2, 2, 1)], "right": []})
    branches = {"narrow": [conv(2, 3, 1), ReLU(), inner], "wide": [conv(3, 3, 3), ReLU(), conv(2, 3, 3)]}
    return Network({"conv": conv(3, 2, 3), "relu": ReLU(), "fork": Concat(branches), "top": conv(1, 6, 1)})


# ---------------------------------------------------------------------- "equivalent … apart from the ReLU"


def test_without_relus_the_rules_agree_on_the_whole_squeezenet(xp, squeezenet, cat):
    linear = squeezenet.without(ReLU)
    signals = {rule: reconstruct(linear, cat, "pool10", EGYPTIAN_CAT, rule).signal for rule in RULES}
    largest = xp.abs(signals["gradient"]).max()
    assert largest > 0
    assert_close(signals["deconv"], signals["gradient"], atol=1e-6 * largest)
    assert_close(signals["guided"], signals["gradient"], atol=1e-6 * largest)
    comparison = compare_rules(linear, cat, "pool10", EGYPTIAN_CAT)
    assert comparison.first_divergence is None
    assert all(step.difference == 0 for step in comparison.steps)
    assert "the same all the way down" in str(comparison)


def first_relu_where_signs_and_gates_disagree(net: Network, trace: Trace, layer: str, unit, seed: float) -> str | None:
    """The sentence itself: follow the gradient down and look, at each ReLU, at its sign and at the sign of X_n."""
    signal = array_module(trace[layer]).zeros_like(trace[layer])
    signal[(0, *(unit if isinstance(unit, tuple) else (unit,)))] = seed
    for n in range(trace.names.index(layer), -1, -1):
        name = trace.names[n]
        if isinstance(net[name], ReLU):
            X_n = trace.maps[n]
            if ((signal < 0) & (X_n > 0)).any() or ((signal > 0) & (X_n <= 0)).any():
                return name
        signal = net[name].backward(signal, trace.caches[n])
    return None


@pytest.mark.parametrize("seed", [1.0, -1.0])
@pytest.mark.parametrize("layer", ["relu1", "fire2/expand", "fire3/relu_expand", "pool5", "fire8/squeeze1x1", "pool10"])
def test_the_rules_agree_down_to_the_first_relu_that_sees_the_wrong_sign(squeezenet, cat, cat_trace, layer, seed):
    units = strongest_units(cat_trace, layer, 12)[::11]
    for unit in units:
        comparison = compare_from(squeezenet, cat_trace, layer, unit, seed)
        expected = first_relu_where_signs_and_gates_disagree(squeezenet, cat_trace, layer, unit, seed)
        assert comparison.first_divergence == expected
        agreed = [step.same for step in comparison.steps]
        assert agreed == sorted(agreed, reverse=True)  # the same above, different everywhere below
    if seed == 1.0 and layer == "relu1":  # a fired unit of the lowest layer: nothing is left that could differ
        assert expected is None


@pytest.mark.parametrize(
    ("weight", "fires", "parted"),
    [
        (+1.0, True, None),  # a positive signal meets an open unit
        (-1.0, True, "relu1"),  # a negative signal meets an open unit
        (+1.0, False, "relu1"),  # a positive signal meets a closed unit
        (-1.0, False, None),  # a negative signal meets a closed unit
    ],
)
def test_the_four_cases_of_sign_and_gate(xp, weight, fires, parted):
    """Two units in relu1; the first is kept open under a positive weight, the second goes through the four cases."""
    net = Network(
        {
            "fc1": FullyConnected(xp.array([[1.0], [1.0 if fires else -1.0]])),
            "relu1": ReLU(),
            "fc2": FullyConnected(xp.array([[1.0, weight]]), xp.array([5.0])),
            "relu2": ReLU(),
        }
    )
    comparison = compare_rules(net, xp.array([2.0]))
    assert comparison.first_divergence == parted
    relu1 = next(step for step in comparison.steps if step.layer == "relu1")
    assert relu1.open == (1.0 if fires else 0.5)
    assert relu1.closed == {
        "gradient": 0.0 if fires else 0.5,
        "deconv": 0.0 if weight > 0 else 0.5,
        "guided": 0.0 if fires and weight > 0 else 0.5,
    }


def test_only_the_relus_treat_the_rules_differently(xp, squeezenet, cat_trace):
    """ "The rest of the layers … are equivalent": every other layer sends any signal down alike."""
    rng = Draws(xp, 0)
    for n, (name, layer) in enumerate(squeezenet.layers.items()):
        signal = rng.standard_normal(cat_trace.maps[n + 1].shape, dtype=np.float32)
        gradient = layer.backward(signal, cat_trace.caches[n])
        same = [equal(down(signal, cat_trace.caches[n]), gradient) for down in (layer.deconv, layer.guided)]
        assert same == [not isinstance(layer, ReLU)] * 2, name


def test_a_layer_that_is_no_relu_is_named_too_if_the_rules_part_there(xp):
    class Normalise(Layer):
        def forward(self, x):
            return 2 * x, None

        def backward(self, grad, cache):
            return 2 * grad

        def deconv(self, R, cache):
            return R  # as with LRN: a DeconvNet reconstructs without normalisation

        guided = backward

    net = Network({"relu": ReLU(), "normalise": Normalise(), "fc": FullyConnected(xp.ones((1, 3)))})
    assert compare_rules(net, xp.ones(3)).first_divergence == "normalise"


def test_at_a_response_normalisation_the_rules_part_too(xp, rng):
    """As CNN-F has it: conv, ReLU, norm, conv; from above, the norm is met before any ReLU."""
    layers = {
        "conv1": Conv(rng.standard_normal((4, 2, 3, 3))),
        "relu1": ReLU(),
        "norm1": LocalResponseNorm(5, kappa=2, alpha=0.1, beta=0.75),
        "conv2": Conv(rng.standard_normal((3, 4, 1, 1))),
    }
    net = Network({name: layer.map_parameters(xp.asarray) for name, layer in layers.items()})
    x = xp.asarray(rng.standard_normal((1, 2, 5, 5)))
    assert compare_rules(net, x, "conv2", (0, 1, 1)).first_divergence == "norm1"
    assert compare_rules(net.without(LocalResponseNorm), x, "conv2", (0, 1, 1)).first_divergence in (None, "relu1")


def test_guided_is_zero_wherever_the_relu_of_the_gradient_or_of_the_deconvnet_is_closed(squeezenet, cat_trace):
    top = seed_signal(cat_trace, "pool10", EGYPTIAN_CAT, 1.0)
    relus = [p for p in way_down(squeezenet, "guided", cat_trace, top, "pool10") if isinstance(p.layer, ReLU)]
    assert len(relus) == 18
    for passage in relus:
        gradient_closed = passage.layer.backward(passage.above, passage.cache) == 0
        deconv_closed = passage.layer.deconv(passage.above, passage.cache) == 0
        closed = gradient_closed | deconv_closed
        assert not passage.below[closed].any()
        assert equal(passage.below[~closed], passage.above[~closed])
    assert any(passage.below.any() for passage in relus)


@pytest.mark.parametrize("pool", ["pool1", "pool3", "pool5"])
@pytest.mark.parametrize("rule", list(RULES))
def test_the_switch_of_a_pool_is_the_argmax(xp, squeezenet, cat_trace, pool, rule):
    """What comes down from output p arrives at argmax_{q∈Ω(p)} X_n(q), the first of equals, and nowhere else."""
    n = cat_trace.names.index(pool)
    X_n, rng = host(cat_trace.maps[n][0]), np.random.default_rng(0)
    C, I, J = cat_trace[pool].shape[1:]
    for m, i, j in zip(*(rng.integers(0, size, 40) for size in (C, I, J)), strict=True):
        window = X_n[m, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        u, v = np.unravel_index(np.argmax(window), window.shape)
        signal = xp.zeros_like(cat_trace[pool])
        signal[0, m, i, j] = -1.5
        _name, arrived = next(squeezenet.descend(rule, cat_trace, signal, start=pool))
        assert np.argwhere(host(arrived)).tolist() == [[0, m, 2 * i + u, 2 * j + v]]
        assert arrived[0, m, 2 * i + u, 2 * j + v] == -1.5


# ---------------------------------------------------------------------- what people always ask


def test_a_deconvnet_picture_has_negative_values_for_the_lowest_convolution_is_not_rectified(xp, squeezenet, cat_trace):
    top = seed_signal(cat_trace, "pool10", EGYPTIAN_CAT, 1.0)
    below = dict(squeezenet.descend("deconv", cat_trace, top))
    assert (below["relu1"] >= 0).all()  # R_1, just above the lowest convolution …
    assert 0.3 < (below["conv1"] < 0).mean() < 0.7  # … and R_0 = R_1 ⋆ K̂, just below it

    conv1 = squeezenet["conv1"]
    positive = conv1.with_parameters({"K": xp.abs(conv1.K)})  # kernels without negative weights: no negative values
    assert (positive.deconv(below["relu1"], cat_trace.caches[0]) >= 0).all()


def correlation(a: Array, b: Array) -> float:
    return float(np.corrcoef(host(a).ravel(), host(b).ravel())[0, 1])


@pytest.mark.parametrize("shown", ["cat", "coffee"])
def test_squeezenets_deconvnet_picture_looks_alike_for_every_class_and_its_gradient_does_not(
    squeezenet, cat_trace, coffee_trace, shown
):
    """Measured: gradient 0.06 (cat) and 0.13 (coffee), DeconvNet 0.997 and 0.996, guided 0.98 and 0.94."""
    trace = {"cat": cat_trace, "coffee": coffee_trace}[shown]
    alike = {}
    for rule in RULES:
        cat, espresso = (send_down(squeezenet, trace, "pool10", c, rule) for c in (EGYPTIAN_CAT, ESPRESSO))
        alike[rule] = correlation(cat.signal, espresso.signal)
    assert abs(alike["gradient"]) < 0.2
    assert alike["deconv"] > 0.99
    assert 0.9 < alike["guided"] < 0.99


def test_in_the_network_for_scenes_it_is_the_guided_signals_that_are_alike_for_two_classes():
    """A finding about one network: first and second answer of sixty scenes, mean cosine 0.59, 0.45 and 0.96."""
    net = pretrained.load("shapes")
    alike: dict[str, list[float]] = {rule: [] for rule in RULES}
    for image in scenes(60, seed=3_000_000).images:
        trace = net.forward(net.preprocessing.to_input(image))
        one, other = (one_hot(trace.scores, c) for c in np.argsort(-trace.scores[0])[:2])
        for rule, cosines in alike.items():
            cosines.append(cosine(net.down(rule, trace, one), net.down(rule, trace, other)))
    means = {rule: np.mean(cosines) for rule, cosines in alike.items()}
    assert means["deconv"] < means["gradient"] < means["guided"] - 0.2


def test_three_relus_and_what_lies_between_make_two_classes_alike(squeezenet, cat_trace):
    """Below conv10 the classes are at right angles; three ReLUs later a DeconvNet has forgotten which is which.

    It is not the ReLUs alone: the convolution below the first of them does most, and the next ReLU takes a little back.
    """
    ways = [
        dict(squeezenet.descend("deconv", cat_trace, one_hot(cat_trace.scores, c))) for c in (EGYPTIAN_CAT, ESPRESSO)
    ]

    def cosine(layer: str) -> float:
        a, b = (host(way[layer]).astype(np.float64) for way in ways)
        return float((a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b))

    layers = ["conv10", "fire9/relu_expand", "fire9/relu_squeeze", "fire8/relu_expand"]
    angles = [cosine(layer) for layer in layers]
    assert abs(angles[0]) < 0.05
    assert angles == sorted(angles)
    assert angles[-1] > 0.9
    assert cosine("fire9/expand") > 0.9 > cosine("fire9/relu_squeeze")


# ---------------------------------------------------------------------- units and seeds


def test_the_gradient_of_a_class_score_is_the_saliency_maps_w(squeezenet, cat):
    w, _ = linearize(squeezenet, cat, ESPRESSO)
    found = reconstruct(squeezenet, cat[0], "pool10", ESPRESSO, "gradient")
    assert_equal(found.signal, w[0])
    assert (found.seed, found.unit, found.layer, found.rule) == (1.0, ESPRESSO, "pool10", "gradient")


def test_any_unit_of_a_fully_connected_network_on_grey_images_of_one_class(xp):
    """Hidden features and the only score, each against a product of matrices written out by hand."""
    net = small_network(Draws(xp, 0))
    x = Draws(xp, 1).standard_normal((1, 4, 5))
    W1, W2, W3 = (net[name].W for name in ("fc1", "fc2", "fc3"))
    a1 = W1 @ x.ravel() + net["fc1"].b
    a2 = W2 @ xp.maximum(a1, 0) + net["fc2"].b
    gates = {
        "gradient": lambda s, a: s * (a > 0),
        "deconv": lambda s, a: s * (s > 0),
        "guided": lambda s, a: s * (a > 0) * (s > 0),
    }
    for rule, gate in gates.items():
        hidden = reconstruct(net, x, "fc2", 3, rule).signal
        assert_close(hidden.ravel(), W1.T @ gate(W2[3], a1), atol=1e-12)
        score = reconstruct(net, x, "fc3", 0, rule).signal
        assert_close(score.ravel(), W1.T @ gate(W2.T @ gate(W3[0], a2), a1), atol=1e-12)
        assert score.shape == x.shape


def test_a_larger_seed_makes_a_larger_picture_and_no_other(xp, squeezenet, cat_trace):
    unit = strongest_units(cat_trace, "fire5/relu_expand")[0]
    for rule in RULES:
        one = send_down(squeezenet, cat_trace, "fire5/relu_expand", unit, rule, seed=1.0)
        own = send_down(squeezenet, cat_trace, "fire5/relu_expand", unit, rule, seed="activation")
        assert own.seed == own.activation == activation(cat_trace, "fire5/relu_expand", unit) > 0
        largest = xp.abs(own.signal).max()
        assert_close(own.signal, own.activation * one.signal, atol=1e-5 * largest)


def test_a_negative_seed_turns_the_gradient_round_but_dies_in_a_deconvnet(xp):
    net = small_network(Draws(xp, 0))
    x = Draws(xp, 1).standard_normal((1, 4, 5))
    up, down = (reconstruct(net, x, "relu1", 2, "gradient", seed=seed).signal for seed in (1.0, -1.0))
    assert_equal(down, -up)
    with pytest.warns(VanishedSignal, match=r"DeconvNet signal is zero .*: it vanished at layer relu1, ReLU\(\)"):
        assert not reconstruct(net, x, "relu1", 2, "deconv", seed=-1.0).signal.any()


def test_a_unit_that_did_not_fire_sends_nothing_down_and_says_so(xp):
    net = Network({"fc": FullyConnected(-xp.eye(2)), "relu": ReLU(), "top": FullyConnected(xp.ones((1, 2)))})
    x = xp.ones(2)
    with pytest.warns(VanishedSignal, match="the gradient is zero everywhere: it vanished at layer relu"):
        reconstruct(net, x, "top", 0, "gradient")
    with pytest.warns(VanishedSignal, match="guided signal is zero .*: it was zero from the start.* layer relu"):
        reconstruct(net, x, "relu", 1, "guided", seed="activation")


def test_the_table_says_which_signals_died_and_where(xp):
    net = Network({"fc": FullyConnected(-xp.eye(2)), "relu": ReLU(), "top": FullyConnected(xp.ones((1, 2)))})
    comparison = compare_rules(net, xp.ones(2))  # no unit fires, and the DeconvNet does not ask
    assert comparison.vanished == {"gradient": "relu", "guided": "relu"}
    last = comparison.steps[-1]
    assert (last.layer, last.cosine, last.difference) == ("fc", None, None)
    assert "–" in str(comparison)
    assert str(comparison).endswith("; the gradient vanished at layer relu; the guided signal vanished at layer relu")
    nothing = compare_rules(net, xp.ones(2), "relu", 0, seed=0.0)
    assert nothing.vanished == {}
    assert str(nothing).endswith("all signals are zero from the start, at the output of layer relu")
    assert compare_rules(net, -xp.ones(2)).vanished == {}


def test_a_branch_in_which_nothing_comes_down_is_no_death(xp):
    ones = xp.ones((1, 1, 1, 1))
    fork = Concat({"left": [Conv(ones), ReLU()], "right": [Conv(ones), ReLU()]})
    comparison = compare_rules(Network({"fork": fork}), xp.ones((1, 2, 2)), "fork", (0, 1, 1))
    assert [step.nonzero["gradient"] for step in comparison.steps] == [True, False, True]
    assert comparison.vanished == {}


def test_the_strongest_units(xp):
    maps = xp.zeros((1, 3, 2, 4))
    maps[0, 0, 1, 2], maps[0, 1, 0, 1], maps[0, 2, 1, 0] = 5, 9, 7
    maps[0, 1, 1, 3] = 9  # of equals the first
    trace = Trace(["layer"], [maps, maps], [None])
    assert strongest_position(trace, "layer", 1) == (1, 0, 1)
    assert strongest_units(trace, "layer", 2) == [(1, 0, 1), (2, 1, 0)]
    assert len(strongest_units(trace, "layer", 99)) == 3
    features = Trace(["layer"], [maps, xp.array([[3.0, 8.0, 8.0, 1.0]])], [None])
    assert strongest_units(features, "layer", 3) == [1, 2, 0]
    assert strongest_position(features, "layer", 2) == 2


@pytest.mark.parametrize(
    ("layer", "unit", "expected"),
    [
        ("conv", (3, 0, 0), "channel,row,column up to 2,4,3"),
        ("conv", (0, -1, 0), "channel,row,column up to 2,4,3"),
        ("conv", 1, "channel,row,column up to 2,4,3"),
        ("fc", 6, "a number 0 … 5"),
        ("fc", (1, 2, 3), "a number 0 … 5"),
    ],
)
def test_a_unit_that_is_not_there(xp, layer, unit, expected):
    net = Network(
        {"conv": Conv(xp.ones((3, 2, 1, 1))), "flatten": Flatten(), "fc": FullyConnected(xp.ones((6, 3 * 5 * 4)))}
    )
    with pytest.raises(ValueError, match=f"layer {layer} has no unit .*{expected}"):
        reconstruct(net, xp.ones((2, 5, 4)), layer, unit, "gradient")


def test_wrong_calls_are_named(xp):
    net = small_network(Draws(xp, 0))
    x = xp.ones((1, 4, 5))
    with pytest.raises(KeyError, match="no layer is called 'fc9'"):
        reconstruct(net, x, "fc9", 0, "gradient")
    with pytest.raises(ValueError, match="unknown rule 'backward': choose from gradient, deconv, guided"):
        reconstruct(net, x, "fc3", 0, "backward")
    with pytest.raises(ValueError, match="expected one image"):
        reconstruct(net, xp.ones((2, 1, 4, 5)), "fc3", 0, "gradient")


def test_units_as_people_type_them(squeezenet, cat_trace):
    assert find_unit(squeezenet, cat_trace, "relu1", "3,5,7") == (3, 5, 7)
    assert find_unit(squeezenet, cat_trace, "relu1", "3") == strongest_position(cat_trace, "relu1", 3)
    assert find_unit(squeezenet, cat_trace, "pool10", "espresso") == ESPRESSO
    assert find_unit(squeezenet, cat_trace, "pool10", "285") == EGYPTIAN_CAT
    assert unit_text((3, 5, 7)) == "3,5,7"
    assert unit_title(squeezenet, cat_trace, "relu1", (3, 5, 7)) == "relu1  3,5,7"
    assert unit_title(squeezenet, cat_trace, "pool10", EGYPTIAN_CAT) == "pool10  Egyptian cat"
    for query in ("1,2", "x", "", "1,2,3,4", "1.5"):
        with pytest.raises(
            ValueError, match=r"is no unit of layer relu1: expected channel,row,column up to 63,112,112"
        ):
            find_unit(squeezenet, cat_trace, "relu1", query)
    with pytest.raises(ValueError, match="layer relu1 has no unit 64,0,0"):
        find_unit(squeezenet, cat_trace, "relu1", "64,0,0")
    with pytest.raises(ValueError, match=r"layer relu1 has no channel 64: expected 0 … 63"):
        find_unit(squeezenet, cat_trace, "relu1", "64")


# ---------------------------------------------------------------------- the table


def test_by_default_the_best_class_goes_down(squeezenet, cat, cat_trace):
    comparison = compare_rules(squeezenet, cat)
    assert (comparison.layer, comparison.unit, comparison.seed) == ("pool10", EGYPTIAN_CAT, 1.0)
    assert comparison.activation == pytest.approx(float(cat_trace.scores[0, EGYPTIAN_CAT]))
    assert [step.layer for step in comparison.steps] == squeezenet.names[::-1]
    assert comparison.first_divergence == "fire9/relu_expand"


def test_the_numbers_of_the_table_are_what_they_say(squeezenet, cat, cat_trace):
    seed = one_hot(cat_trace.scores, EGYPTIAN_CAT)
    ways = {rule: dict(squeezenet.descend(rule, cat_trace, seed)) for rule in RULES}
    for above, step in zip([None, *squeezenet.names[:0:-1]], compare_rules(squeezenet, cat).steps, strict=True):
        grad, R = (host(ways[rule][step.layer]).astype(np.float64) for rule in ("gradient", "deconv"))
        assert step.shape == grad.shape[1:]
        assert step.kind == type(squeezenet[step.layer]).__name__
        assert step.cosine == pytest.approx((grad * R).sum() / np.linalg.norm(grad) / np.linalg.norm(R))
        assert step.difference == pytest.approx(np.linalg.norm(R - grad) / np.linalg.norm(grad))
        if step.kind == "ReLU":
            X_n = cat_trace.maps[squeezenet.names.index(step.layer)]
            assert step.open == pytest.approx(float((X_n > 0).mean()))
            for rule in RULES:
                came = host(ways[rule][above]) != 0
                assert step.closed[rule] == pytest.approx((host(ways[rule][step.layer])[came] == 0).mean())
        else:
            assert step.open is None
            assert set(step.closed.values()) == {None}


def test_the_printed_table_marks_the_layer_where_they_part(squeezenet, cat):
    lines = str(compare_rules(squeezenet, cat)).splitlines()
    marked = [line for line in lines if "here they part" in line]
    assert len(marked) == 1
    assert marked[0].startswith("fire9/relu_expand ")
    assert "512×14×14" in marked[0]
    assert lines[-1] == "gradient and DeconvNet are the same down to layer fire9/relu_expand, and part there"


def test_relus_within_branches_have_lines_of_their_own(xp):
    rng = Draws(xp, 3)
    net = network_with_branches(rng)
    comparison = compare_rules(net, rng.standard_normal((2, 5, 6)))
    names = ["top", "fork.narrow.2.left.0", "fork.narrow.1", "fork.wide.1", "fork", "relu", "conv"]
    assert [step.layer for step in comparison.steps] == names
    assert [step.layer for step in comparison.steps if step.kind == "ReLU"] == [names[1], names[2], names[3], "relu"]


def test_relus_within_branches_are_named_where_the_rules_part(xp):
    """One branch keeps every sign positive; in the other a negative signal meets open units."""
    ones, K = xp.ones((1, 1, 1, 1)), xp.array([1.0, -1.0]).reshape(1, 2, 1, 1)
    branches = {"harmless": [Conv(ones), ReLU()], "harmful": [Conv(ones), ReLU()]}
    net = Network({"conv": Conv(ones), "relu": ReLU(), "fork": Concat(branches), "top": Conv(K)})
    comparison = compare_rules(net, xp.ones((1, 2, 2)))
    assert comparison.first_divergence == "fork.harmful.1"
    assert {step.layer: step.same for step in comparison.steps}["fork.harmless.1"]
    assert compare_rules(net, xp.ones((1, 2, 2)), "fork", (0, 0, 0)).first_divergence is None
    assert compare_rules(net, xp.ones((1, 2, 2)), "fork", (1, 0, 0), seed=-1.0).first_divergence == "fork.harmful.1"


def test_watching_changes_nothing(xp):
    rng = Draws(xp, 3)
    net = network_with_branches(rng)
    trace = net.forward(rng.standard_normal((1, 2, 5, 6)))
    top = rng.standard_normal(trace.scores.shape)
    for rule in RULES:
        expected = dict(net.descend(rule, trace, top))
        seen = {passage.name: passage.below for passage in way_down(net, rule, trace, top, "top")}
        assert all(equal(seen[name], signal) for name, signal in expected.items())
    assert type(net["fork"].branches["narrow"][1]) is ReLU  # the network itself is as it was


# ---------------------------------------------------------------------- an independent oracle


def test_deconvnet_and_guided_signals_on_squeezenet_as_pytorch_computes_them():
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")

    class DeconvReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, grad):
            return grad.clamp(min=0)

    class GuidedReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return torch.where(x > 0, grad.clamp(min=0), torch.zeros_like(grad))

    relus = {"gradient": torch.relu, "deconv": DeconvReLU.apply, "guided": GuidedReLU.apply}

    def up(x, layer, relu):
        if isinstance(layer, Conv):
            K, b = torch.from_numpy(layer.K), torch.from_numpy(layer.b)
            return torch.nn.functional.conv2d(x, K, b, stride=layer.stride, padding=(layer.pad[0], layer.pad[2]))
        if isinstance(layer, ReLU):
            return relu(x)
        if isinstance(layer, Dropout):
            return x  # nothing is dropped from a trained network
        if isinstance(layer, MaxPool):
            return torch.nn.functional.max_pool2d(x, layer.size, layer.stride, ceil_mode=layer.ceil)
        if isinstance(layer, Concat):
            return torch.cat([up(x, chain[0], relu) for chain in layer.branches.values()], dim=1)
        return x.mean(dim=(2, 3))

    net = pretrained.squeezenet().astype(np.float64)  # in float32, rounding opens and closes ReLUs that are almost at 0
    cat = x_of(net, "chelsea").astype(np.float64)
    trace = net.forward(cat)
    for rule, relu in relus.items():
        for last, unit in (
            ("pool10", ESPRESSO),
            ("fire5/relu_expand", strongest_units(trace, "fire5/relu_expand")[0]),
        ):
            image = torch.from_numpy(cat).requires_grad_()
            y = image
            for name, layer in net.layers.items():
                y = up(y, layer, relu)
                if name == last:
                    break
            y[(0, *(unit if isinstance(unit, tuple) else (unit,)))].backward()
            expected = image.grad[0].numpy()
            found = send_down(net, trace, last, unit, rule).signal
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())


# ---------------------------------------------------------------------- portraits and their figure


def test_outside_its_receptive_field_every_signal_of_a_unit_is_zero(squeezenet, cat_trace):
    for layer in ("relu1", "fire3/relu_expand", "fire7/expand"):
        for unit in strongest_portraits(squeezenet, cat_trace, layer, 2):
            x0, y0, x1, y1 = unit.field
            for signal in unit.signals.values():
                inside = signal[:, y0:y1, x0:x1].copy()
                assert inside.any()
                assert np.count_nonzero(signal) == np.count_nonzero(inside)


def test_representative_layers_are_the_last_relu_of_each_size_and_the_scores(xp, squeezenet, cat_trace):
    chosen = representative_layers(squeezenet, cat_trace)
    assert chosen == ["fire3/relu_expand", "fire5/relu_expand", "relu10", "pool10"]
    small = small_network(Draws(xp, 0))
    assert representative_layers(small, small.forward(xp.ones((1, 1, 4, 5)))) == ["fc3"]


def test_signed_signals_are_drawn_about_mid_grey():
    signal = np.linspace(-2, 1, 31)
    light = signed(signal)
    assert_close(light, np.clip(0.5 + 0.5 * signal / np.percentile(np.abs(signal), SIGNED_PERCENTILE), 0, 1))
    assert light[signal == 0] == 0.5
    assert (signed(np.zeros((2, 2))) == 0.5).all()
    rare = np.zeros(1000)
    rare[3] = -4.0
    assert extent(rare) == 4.0
    assert signed(rare)[3] == 0.0


def test_colours_come_out_in_the_order_red_green_blue():
    signal = np.arange(12.0).reshape(3, 2, 2)
    assert_equal(in_colour(signal, "RGB")[0, 1], signal[:, 0, 1])
    assert_equal(in_colour(signal, "BGR")[0, 1], signal[::-1, 0, 1])
    assert_equal(in_colour(signal[:1], "L"), signal[0])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_figure_has_five_panels_for_each_unit(xp, count):
    net = small_network(Draws(xp, 0), classes=3)
    photo = np.random.default_rng(1).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    crop = net.preprocessing.centre_crop(photo)
    trace = net.forward(input_of(net, crop))
    figure = deconv_figure(photo, crop, strongest_portraits(net, trace, "fc3", count), "L")
    assert sum(bool(panel.images) for panel in figure.axes) == 5 * count


def test_a_unit_that_sees_nothing_but_padding_can_be_drawn(xp):
    conv = Conv(xp.ones((1, 1, 1, 1)), xp.ones(1), pad=1)
    net = Network({"conv": conv}, Preprocessing((4, 5), mean=(255.0,), order="L"))
    photo = np.zeros((4, 5, 3), np.uint8)
    crop = net.preprocessing.centre_crop(photo)
    trace = net.forward(input_of(net, crop))
    with pytest.warns(VanishedSignal):
        unit = portrait(net, trace, "conv", strongest_units(trace, "conv")[0])
    assert unit.field == (0, 0, 0, 0)
    deconv_figure(photo, crop, [unit], "L").canvas.draw()


# ---------------------------------------------------------------------- commands


@pytest.fixture
def small(xp, monkeypatch: pytest.MonkeyPatch) -> Network:
    net = small_network(Draws(xp, 0), classes=3)
    net.classes = ["lion", "mouse, rodent", "owl"]
    monkeypatch.setitem(pretrained.NETWORKS, "small", lambda: net)
    return net


@pytest.fixture
def photo_path(tmp_path):
    path = tmp_path / "photo.png"
    save_picture(path, np.random.default_rng(1).integers(0, 256, (9, 14, 3)))
    return str(path)


def test_trace_prints_the_table(small, photo_path, capsys):
    assert main(["trace", photo_path, "--network", "small", "--unit", "rodent"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{photo_path}: fc3  mouse, rodent"
    assert lines[1].startswith("from fc3, unit 1: activation ")
    assert [line.split()[0] for line in lines[4:-1]] == small.names[::-1]


def test_trace_prints_json_one_object_a_line(small, photo_path, capsys):
    assert main(["trace", photo_path, "--network", "small", "--layer", "relu2", "--unit", "4", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["layer"] for record in records] == ["relu2", "fc2", "relu1", "fc1", "flatten"]
    assert {(record["photo"], record["from"], record["unit"], record["seed"]) for record in records} == {
        (photo_path, "relu2", 4, 1.0)
    }
    assert sum(record["first_divergence"] for record in records) <= 1
    assert set(records[0]["closed"]) == set(RULES)


def test_deconv_writes_what_is_needed_to_make_the_figure_again(small, photo_path, tmp_path, capsys):
    out = tmp_path / "pictures"
    arguments = ["deconv", photo_path, "--network", "small", "--layers", "relu2,fc3", "--units", "2"]
    assert main([*arguments, "--seed", "activation", "--out", str(out), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in out.iterdir()) == ["photo-deconv.json", "photo-deconv.npz", "photo-deconv.png"]
    assert json.loads((out / "photo-deconv.json").read_text(encoding="utf-8")) == record
    with np.load(record["signals"]) as stored:
        x = input_of(small, stored["crop"])
        assert stored["signals"].shape == (4, 3, 1, 4, 5)
        for unit, signals in zip(record["units"], stored["signals"], strict=True):
            assert unit["seed"] == "activation"
            assert unit["patch"] == record["crop"]
            for rule, signal in zip(record["rules"], signals, strict=True):
                again = reconstruct(small, x, unit["layer"], unit["unit"], rule, unit["seed"])
                assert_equal(again.signal, signal)
                assert again.activation == unit["activation"]


@pytest.mark.parametrize(
    ("arguments", "named", "right"),
    [
        (["trace", "--layer", "nope"], "--layer nope: there is no such layer", "choose from flatten, fc1, relu1"),
        (["trace", "--layer", "fc2", "--unit", "6"], "--unit 6: layer fc2 has no", "0 … 5"),
        (["trace", "--layer", "fc2", "--unit", "1,2"], "--unit 1,2: '1,2' is no unit of layer fc2", "a number 0 … 5"),
        (["trace", "--unit", "lynx"], "--unit lynx: there is no class 'lynx'", ""),
        (["trace", "--unit", "3"], "--unit 3: there is no class 3", "0 … 2"),
        (["trace", "--seed", "2"], "--seed", "choose from"),
        (["deconv", "--layers", "fc1,nope"], "--layers nope: there is no such layer", "choose from flatten, fc1"),
        (["deconv", "--units", "0"], "--units 0", "expected 1 or more"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(small, photo_path, tmp_path, capsys, arguments, named, right):
    command, *options = arguments
    try:
        code = main([command, photo_path, "--network", "small", *options])
    except SystemExit as exit:  # argparse leaves by itself
        code = exit.code
    output = capsys.readouterr()
    assert code == 2
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert named in output.err
    assert right in output.err
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]  # nothing was written


@pytest.mark.parametrize("command", ["trace", "deconv"])
def test_the_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as exit:
        main([command, "--help"])
    assert exit.value.code == 0
    assert f"example: minicnn {command} " in capsys.readouterr().out
