"""[X¹ ⋆ K¹ + b¹, X² ⋆ K² + b², …]: a convolution with zeros between its groups, the zeros left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import Conv, GroupedConv, ShapeError
from layers.arrays import array_module
from minicnn.gradient_check import check_layer
from tests.devices import Draws, assert_close, assert_equal

RULES = ["backward", "deconv", "guided"]


def random_grouped(rng, groups, M, C, **geometry) -> GroupedConv:
    """C and M: channels of each group."""
    K, b = rng.standard_normal((groups * M, C, 3, 2)), rng.standard_normal(groups * M)
    return GroupedConv(K, b, groups, **geometry)


def with_zeros(layer: GroupedConv) -> Conv:
    """The ordinary convolution that does the same: kernel m sees zeros outside its group."""
    M, C = layer.K.shape[0], layer.K.shape[1]
    K = array_module(layer.K).zeros((M, C * layer.groups, *layer.K.shape[2:]))
    for m in range(M):
        g = m * layer.groups // M
        K[m, g * C : (g + 1) * C] = layer.K[m]
    return Conv(K, layer.b, layer.stride, layer.pad)


def test_by_hand(xp):
    """Two groups of one 1×1 kernel each: channel 0 times 2, channel 1 times 3 plus 10."""
    layer = GroupedConv(xp.array([2.0, 3]).reshape(2, 1, 1, 1), xp.array([0.0, 10]), groups=2)
    x = xp.array([[[[1.0, 2]], [[3, 4]]]])
    y, cache = layer.forward(x)
    assert_equal(y, [[[[2, 4]], [[19, 22]]]])
    grad = xp.array([[[[1.0, 0]], [[0, 1]]]])
    assert_equal(layer.backward(grad, cache), [[[[2, 0]], [[0, 3]]]])
    grads = layer.parameter_gradients(grad, cache)
    assert_equal(grads["K"].ravel(), [1, 4])
    assert_equal(grads["b"], [1, 1])


@given(
    groups=st.integers(1, 4),
    M=st.integers(1, 3),
    C=st.integers(1, 3),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_is_the_convolution_with_zeros_between_its_groups(xp, groups, M, C, stride, pad, seed):
    rng = Draws(xp, seed)
    layer = random_grouped(rng, groups, M, C, stride=stride, pad=pad)
    full = with_zeros(layer)
    x = rng.standard_normal((2, groups * C, 6, 5))
    y, cache = layer.forward(x)
    assert_close(y, full.forward(x)[0], rtol=1e-12, atol=1e-12)
    grad = rng.standard_normal(y.shape)
    for rule in RULES:
        assert_close(getattr(layer, rule)(grad, cache), full.backward(grad, x), rtol=1e-11, atol=1e-12)
    grads, theirs = layer.parameter_gradients(grad, cache), full.parameter_gradients(grad, x)
    assert_close(grads["b"], theirs["b"])
    for m in range(groups * M):
        g = m // M
        assert_close(grads["K"][m], theirs["K"][m, g * C : (g + 1) * C], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("geometry", [{}, {"stride": 2, "pad": 1}, {"pad": (0, 1, 2, 0)}])
def test_gradients_against_central_differences(geometry, rng):
    report = check_layer(random_grouped(rng, 2, 3, 2, **geometry), rng.standard_normal((2, 4, 6, 5)), rng)
    assert report.ok, report
    assert [check.name for check in report.checks] == ["input", "K", "b"]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_the_adjoint_of_its_linear_part(rule, rng):
    layer = random_grouped(rng, 2, 3, 2, stride=2, pad=1)
    x = rng.standard_normal((2, 4, 6, 5))
    y, cache = layer.forward(x)
    R = rng.standard_normal(y.shape)
    linear = y - layer.b[:, None, None]
    assert_close((linear * R).sum(), (x * getattr(layer, rule)(R, cache)).sum(), rtol=1e-12)


@pytest.mark.parametrize(("groups", "C"), [(2, 3), (3, 2), (6, 1)])
def test_agrees_with_pytorch(groups, C, host_rng):
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    layer = random_grouped(host_rng, groups, 2, C, stride=2, pad=1)
    x = host_rng.standard_normal((2, 6, 7, 6))
    there, K, b = (torch.tensor(a, requires_grad=True) for a in (x, layer.K, layer.b))
    theirs = torch.nn.functional.conv2d(there, K, b, stride=2, padding=1, groups=groups)
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)
    grad = host_rng.standard_normal(y.shape)
    ours = (layer.backward(grad, cache), *layer.parameter_gradients(grad, cache).values())
    for our, their in zip(ours, torch.autograd.grad(theirs, (there, K, b), torch.tensor(grad)), strict=True):
        np.testing.assert_allclose(our, their.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_dtype_and_arguments(dtype, rng):
    layer = random_grouped(rng, 2, 3, 2)
    x = rng.standard_normal((2, 4, 6, 5)).astype(dtype)
    before = x.copy(), layer.K.copy()
    y, cache = layer.forward(x)
    assert y.dtype == layer.backward(y, cache).dtype == dtype
    assert {g.dtype for g in layer.parameter_gradients(y, cache).values()} == {np.dtype(dtype)}
    assert_equal(x, before[0])
    assert_equal(layer.K, before[1])


def test_new_kernels_reach_every_group(xp, rng):
    layer = random_grouped(rng, 2, 3, 2)
    twin = layer.with_parameters({"K": xp.zeros_like(layer.K), "b": xp.zeros_like(layer.b)})
    assert not twin.forward(xp.ones((1, 4, 6, 5)))[0].any()


def test_wrong_shapes_are_named(xp):
    K = xp.ones((6, 2, 3, 3))
    with pytest.raises(ShapeError, match=r"GroupedConv cannot share its kernels \(6, 2, 3, 3\) among 4 groups"):
        GroupedConv(K, groups=4)
    with pytest.raises(ShapeError, match="among 0 groups"):
        GroupedConv(K, groups=0)
    with pytest.raises(ShapeError, match=r"GroupedConv expects maps \(N, 6, H, W\), got \(1, 2, 5, 5\)"):
        GroupedConv(K, groups=3).forward(xp.ones((1, 2, 5, 5)))


def test_its_text_shows_all_of_its_channels(xp):
    layer = GroupedConv(xp.ones((6, 2, 3, 3)), groups=3)
    assert repr(layer) == "GroupedConv(6→6, 3×3, 3 groups, stride=(1, 1), pad=(0, 0, 0, 0))"
