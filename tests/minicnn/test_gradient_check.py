"""The checker itself, checked: it must fail what is wrong, pass what is right, and say when it cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Concat, Conv, Flatten, FullyConnected, Layer, MaxPool, ReLU
from layers.windows import taps
from minicnn import Network
from minicnn.gradient_check import check_gradient, check_layer, check_network, check_pullback
from tests.examples import every_layer, random_conv, trainable_parameters


@pytest.fixture
def rng(draws):
    return draws


def spoilt(layer: Layer, method: str, spoil) -> Layer:
    """A copy of the layer in which what `method` returns goes through `spoil`."""
    right = getattr(layer, method)
    twin = layer.map_parameters(lambda p: p.copy())
    setattr(twin, method, lambda signal, cache: spoil(right(signal, cache)))
    return twin


def times_1_001(gradient):
    return {k: 1.001 * g for k, g in gradient.items()} if isinstance(gradient, dict) else 1.001 * gradient


@pytest.mark.parametrize("name", every_layer())
def test_a_gradient_wrong_by_a_thousandth_fails(on, name, rng):
    layer, shape = on(every_layer()[name])
    x = rng.standard_normal(shape)
    assert check_layer(layer, x, rng).ok
    report = check_layer(spoilt(layer, "backward", times_1_001), x, rng)
    assert report.checks[0].verdict == "WRONG"
    assert report.checks[0].error == pytest.approx(0.001, rel=0.9)  # the error's size is told, too
    if layer.parameters:
        report = check_layer(spoilt(layer, "parameter_gradients", times_1_001), x, rng)
        assert [check.verdict for check in report.checks] == ["ok"] + ["WRONG"] * len(trainable_parameters(layer))


@pytest.mark.parametrize("name", every_layer())
def test_a_single_entry_wrong_by_a_thousandth_fails(xp, on, name, rng):
    layer, shape = on(every_layer()[name])

    def one_entry(gradient):
        gradient = gradient.copy()
        gradient[np.unravel_index(int(xp.abs(gradient).argmax()), gradient.shape)] *= 1.001
        return gradient

    report = check_layer(spoilt(layer, "backward", one_entry), rng.standard_normal(shape), rng)
    assert not report.ok
    assert report.checks[0].verdict == "WRONG"


def test_the_usual_mistakes_are_found(xp, rng):
    conv, x = random_conv(rng, 3, 3, 3, 3, pad=1), rng.standard_normal((1, 3, 6, 6))
    unflipped = Conv(conv.K[:, :, ::-1, ::-1], pad=1)
    assert not check_layer(spoilt(conv, "backward", lambda g: g[..., ::-1, ::-1]), x, rng).ok
    assert not check_layer(spoilt(conv, "backward", xp.zeros_like), x, rng).ok
    assert not check_layer(spoilt(conv, "backward", xp.negative), x, rng).ok
    forgot_to_flip = conv.map_parameters(lambda p: p.copy())
    forgot_to_flip.backward = unflipped.backward
    assert not check_layer(forgot_to_flip, x, rng).ok

    class DeconvInsteadOfGradient(ReLU):
        backward = ReLU.deconv

    assert not check_layer(DeconvInsteadOfGradient(), x, rng).ok

    class Overwrites(MaxPool):
        """Overlapping windows assign instead of adding up."""

        def backward(self, grad, cache):
            below = xp.zeros(cache[0])
            for q, seen in enumerate(taps(below, self.size, self.stride, grad.shape[2:])):
                seen[...] = xp.where(cache[1] == q, grad, seen)
            return below

    assert check_layer(Overwrites(2), x, rng).ok
    assert not check_layer(Overwrites(3, stride=1), x, rng).ok


def test_a_gradient_that_only_a_plain_sum_of_outputs_would_pass_is_found(xp, rng):
    """Random cotangents tell the outputs apart: turned round, a gradient of nothing but ones would look the same."""
    assert not check_layer(spoilt(Flatten(), "backward", xp.flip), rng.standard_normal((2, 3, 4, 4)), rng).ok


def test_relus_at_exactly_0_are_undecided_and_not_ok(xp, rng):
    report = check_layer(ReLU(), xp.zeros((2, 3)), rng)
    (check,) = report.checks
    assert check.verdict == "undecided"
    assert (check.kinks, check.probes, check.left_out) == (4, 4, 1.0)
    assert np.isnan(check.error)
    assert not report.ok


def test_ties_in_a_max_pool_are_undecided(xp, rng):
    (check,) = check_layer(MaxPool(2), xp.ones((1, 1, 4, 4)), rng).checks
    assert check.verdict == "undecided"


def test_some_kinks_are_left_out_and_counted_and_the_rest_is_compared(rng):
    x = rng.standard_normal((10, 10))
    x[:, :3] = 0
    (check,) = check_layer(ReLU(), x, rng).checks
    assert check.verdict == "ok"
    assert check.kinks == 0
    assert check.left_out == pytest.approx(0.3)


def test_kinks_do_not_hide_what_is_wrong_elsewhere(rng):
    x = rng.standard_normal((10, 10))
    x[:, :3] = 0
    (check,) = check_layer(spoilt(ReLU(), "backward", times_1_001), x, rng).checks
    assert check.verdict == "WRONG"


def test_close_to_a_kink_a_smaller_step_is_tried(xp, rng):
    check = check_gradient(lambda x: xp.maximum(x, 0).sum(), xp.full(1, 1e-7), xp.ones(1), rng)
    assert check.verdict == "ok"


def test_round_off_is_not_taken_for_a_kink(xp, rng):
    """Outputs of size 100 with slopes of size 7: their last digits jitter."""
    A = xp.ones((50, 20))
    check = check_pullback(lambda x: 100 + x @ A, rng.standard_normal((30, 50)), lambda r: r @ A.T, rng)
    assert check.verdict == "ok"
    assert check.left_out == 0


@pytest.mark.parametrize("nonsense", [np.nan, np.inf])
def test_a_gradient_that_is_no_number_is_wrong(nonsense, rng):
    x = rng.standard_normal(5)
    gradient = 2 * x
    gradient[2] = nonsense
    assert check_gradient(lambda x: (x**2).sum(), x, 2 * x, rng).verdict == "ok"
    assert check_gradient(lambda x: (x**2).sum(), x, gradient, rng).verdict == "WRONG"


def test_a_gradient_of_the_wrong_shape_is_an_error(xp, rng):
    with pytest.raises(ValueError, match=r"^the gradient of input has shape \(5, 1\), expected \(5,\)$"):
        check_gradient(lambda x: (x**2).sum(), xp.ones(5), xp.ones((5, 1)), rng)


def test_a_learner_s_own_function_is_checked_in_one_line(xp, rng):
    x = rng.standard_normal((3, 4)).astype(np.float32)
    assert check_gradient(lambda x: xp.sin(x).sum(), x, xp.cos(x.astype(float)), rng, name="sine").verdict == "ok"
    assert check_gradient(lambda x: xp.sin(x).sum(), x, -xp.cos(x.astype(float)), rng).verdict == "WRONG"


def test_a_gradient_that_is_zero_and_should_be_is_ok(xp, rng):
    assert check_gradient(lambda x: 7.0, xp.ones(3), xp.zeros(3), rng).error == 0
    assert check_gradient(lambda x: 7.0, xp.ones(3), xp.full(3, 1e-3), rng).verdict == "WRONG"


def test_an_empty_batch_has_nothing_to_complain_about(xp, rng):
    assert check_layer(ReLU(), xp.ones((0, 3)), rng).ok


def small_network(rng: np.random.Generator) -> Network:
    return Network(
        {
            "conv1": random_conv(rng, 4, 3, 3, 3, stride=2),
            "relu1": ReLU(),
            "fire2": Concat({"narrow": [random_conv(rng, 2, 4, 1, 1)], "wide": [random_conv(rng, 2, 4, 3, 3, pad=1)]}),
            "pool2": MaxPool(2),
            "flatten": Flatten(),
            "full3": FullyConnected(rng.standard_normal((5, 16)), rng.standard_normal(5)),
        }
    )


def test_a_network_is_checked_to_the_image_and_to_every_parameter(rng):
    net = small_network(rng).astype(np.float32)
    report = check_network(net, rng.standard_normal((2, 3, 9, 9)).astype(np.float32), rng)
    assert [check.name for check in report.checks] == ["input", *net.parameters]
    assert report.ok, f"\n{report}"
    assert net["conv1"].K.dtype == np.float32  # the check ran on a copy


def test_the_layer_that_is_wrong_is_named(rng):
    net = small_network(rng)
    net.layers["conv1"] = spoilt(net["conv1"], "parameter_gradients", lambda g: {**g, "K": 1.001 * g["K"]})
    report = check_network(net, rng.standard_normal((2, 3, 9, 9)), rng)
    assert [check.name for check in report.checks if check.verdict == "WRONG"] == ["conv1.K"]


def test_a_wrong_layer_spoils_the_gradients_below_it_only(rng):
    net = small_network(rng)
    net.layers["pool2"] = spoilt(net["pool2"], "backward", times_1_001)
    verdicts = {c.name: c.verdict for c in check_network(net, rng.standard_normal((2, 3, 9, 9)), rng).checks}
    assert {name for name, verdict in verdicts.items() if verdict == "ok"} == {"full3.W", "full3.b"}


def test_the_report_reads_as_a_table(xp, rng):
    net = small_network(rng)
    net.layers["conv1"] = spoilt(net["conv1"], "parameter_gradients", lambda g: {**g, "K": 1.001 * g["K"]})
    printed, *explanations = str(check_network(net, rng.standard_normal((2, 3, 9, 9)), rng)).split("\n\n")
    lines = printed.splitlines()
    assert [text.split(":")[0] for text in explanations] == ["conv1.K"]
    assert lines[0].split("  ")[0] == "gradient"
    for column in ("shape", "relative error", "probes", "kinks", "left out", "verdict"):
        assert column in lines[0]
    assert len(lines) == 1 + 1 + len(net.parameters)
    assert [line.split()[-1] for line in lines[1:]] == ["ok", "WRONG", *["ok"] * (len(net.parameters) - 1)]
    assert "(4, 3, 3, 3)" in lines[2]
    assert len({len(line) - len(line.split()[-1]) for line in lines}) == 1  # the verdicts stand below each other
    assert "undecided" in str(check_layer(ReLU(), xp.zeros(3), rng))


def test_a_gradient_of_nan_is_wrong_even_where_nothing_changes(xp, rng):
    check = check_gradient(lambda x: 0.0, xp.ones(3), xp.full(3, np.nan), rng)
    assert check.verdict == "WRONG"
