"""X_{n+1} = f_1(X_n) + f_2(X_n) + …: residual blocks, up and down."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Add, BatchNorm, Conv, MaxPool, ReLU, ShapeError
from minicnn.gradient_check import check_layer
from tests.devices import assert_close, assert_equal

RULES = ["backward", "deconv", "guided"]


def random_conv(rng, M, C, k, **geometry) -> Conv:
    return Conv(rng.standard_normal((M, C, k, k)), rng.standard_normal(M), **geometry)


def residual_block(rng) -> Add:
    """f(X) + X, with f as in a network of He et al."""
    norm = BatchNorm(*rng.uniform(0.5, 2, (4, 3)))
    return Add([[random_conv(rng, 3, 3, 3, pad=1), norm, ReLU(), random_conv(rng, 3, 3, 3, pad=1)], []])


def test_by_hand(xp):
    """f(x) = 3x beside x itself: y = 4x, and every signal comes down four times as large."""
    layer = Add([[Conv(xp.full((1, 1, 1, 1), 3.0))], []])
    x = xp.array([[[[1.0, -2], [3, 4]]]])
    y, cache = layer.forward(x)
    assert_equal(y, 4 * x)
    for rule in RULES:
        assert_equal(getattr(layer, rule)(x, cache), 4 * x)


def test_rules_differ_at_the_relus_of_a_branch(xp):
    """max(x, 0) + x.  Gradient: gate by x; DeconvNet: by the signal; guided: by both.  The identity always passes."""
    layer = Add([[ReLU()], []])
    x, signal = xp.array([[[[1.0, 1], [-1, -1]]]]), xp.array([[[[2.0, -2], [2, -2]]]])
    _, cache = layer.forward(x)
    assert_equal(layer.backward(signal, cache), [[[[4, -4], [2, -2]]]])
    assert_equal(layer.deconv(signal, cache), [[[[4, -2], [4, -2]]]])
    assert_equal(layer.guided(signal, cache), [[[[4, -2], [2, -2]]]])


@pytest.mark.parametrize("rule", RULES)
def test_is_the_sum_of_its_branches_up_and_down(rule, rng):
    block = residual_block(rng)
    x, signal = rng.standard_normal((2, 2, 3, 4, 5))
    y, caches = block.forward(x)
    up, down = x, signal
    seen = []
    for layer in block.branches["0"]:
        up, cache = layer.forward(up)
        seen.append(cache)
    for layer, cache in zip(block.branches["0"][::-1], seen[::-1], strict=True):
        down = getattr(layer, rule)(down, cache)
    assert_close(y, up + x, rtol=1e-13)
    assert_close(getattr(block, rule)(signal, caches), down + signal, rtol=1e-13)


def test_gradients_against_central_differences(rng):
    shrinking = Add(
        {"main": [random_conv(rng, 4, 3, 3, stride=2, pad=1)], "shortcut": [random_conv(rng, 4, 3, 1, stride=2)]}
    )
    for layer in (residual_block(rng), shrinking):
        report = check_layer(layer, rng.standard_normal((2, 3, 5, 4)), rng)
        assert report.ok, report
        assert [check.name for check in report.checks] == ["input", *layer.trainable]


@pytest.mark.parametrize("rule", RULES)
def test_without_relus_every_rule_is_the_adjoint(xp, rule, rng):
    layer = Add([[random_conv(rng, 3, 3, 3, pad=1)], []])
    x, R = rng.standard_normal((2, 2, 3, 4, 5))
    y, cache = layer.forward(x)
    linear = y - layer.forward(xp.zeros_like(x))[0]
    assert_close((linear * R).sum(), (x * getattr(layer, rule)(R, cache)).sum(), rtol=1e-12)


def test_agrees_with_pytorch(host_rng):
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    first, second = random_conv(host_rng, 3, 3, 3, pad=1), random_conv(host_rng, 3, 3, 3, pad=1)
    layer = Add([[first, ReLU(), second], []])
    x, grad = host_rng.standard_normal((2, 2, 3, 5, 4))
    there = torch.tensor(x, requires_grad=True)
    conv = torch.nn.functional.conv2d
    between = torch.relu(conv(there, torch.tensor(first.K), torch.tensor(first.b), padding=1))
    theirs = conv(between, torch.tensor(second.K), torch.tensor(second.b), padding=1) + there
    (their_gradient,) = torch.autograd.grad(theirs, there, torch.tensor(grad))
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(layer.backward(grad, cache), their_gradient.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_dtype_and_arguments(dtype, rng):
    layer = residual_block(rng)
    x = rng.standard_normal((2, 3, 4, 5)).astype(dtype)
    before = x.copy()
    y, cache = layer.forward(x)
    for rule in RULES:
        assert getattr(layer, rule)(x, cache).dtype == y.dtype == dtype
    assert_equal(x, before)
    again, _ = layer.forward(x)
    assert_equal(again, y)


def test_branches_of_two_shapes_are_refused(xp):
    with pytest.raises(ShapeError, match=r"Add expects branches of one shape, got \(1, 3, 2, 2\), \(1, 3, 4, 4\)"):
        Add([[MaxPool(2)], []]).forward(xp.zeros((1, 3, 4, 4)))


def test_its_text_shows_its_branches():
    assert (
        repr(Add([[ReLU(), MaxPool(1)], []]))
        == "Add(ReLU() → MaxPool(1×1, stride=(1, 1), pad=(0, 0, 0, 0)) | identity)"
    )
