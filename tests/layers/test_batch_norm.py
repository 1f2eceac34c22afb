"""X_{n+1} = γ · (X_n − μ) / √(σ² + ε) + β, for maps and features, alone and folded into a convolution."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Add, BatchNorm, ReLU, ShapeError
from minicnn import Network
from minicnn.gradient_check import check_layer, check_network
from tests.devices import assert_close, assert_equal, close


def random_norm(rng: np.random.Generator, C: int, eps: float = 1e-5) -> BatchNorm:
    gamma, beta, mean = rng.standard_normal((3, C))
    return BatchNorm(gamma, beta, mean, variance=rng.uniform(0.5, 2, C), eps=eps)


def test_by_hand(xp):
    gamma, beta, mean, variance = xp.array([[3.0, 1], [10, 20], [1, 0], [3, 8]])
    layer = BatchNorm(gamma, beta, mean, variance, eps=1)  # a = 3/2, 1/3
    x = xp.array([[[[1.0, 3], [5, 7]], [[0, 3], [6, 9]]]])
    y, cache = layer.forward(x)
    assert_close(y, [[[[10, 13], [16, 19]], [[20, 21], [22, 23]]]])
    assert_close(layer.backward(xp.ones_like(x), cache)[0, :, 0, 0], [3 / 2, 1 / 3])
    grads = layer.parameter_gradients(xp.ones_like(x), cache)
    assert_close(grads["gamma"], [(0 + 2 + 4 + 6) / 2, (0 + 3 + 6 + 9) / 3])
    assert_close(grads["beta"], [4, 4])


@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (6, 4)], ids=["maps", "features"])
def test_is_the_formula_one_number_after_the_other(shape, rng):
    layer = random_norm(rng, 4, eps=0.1)
    x = rng.standard_normal(shape)
    expected = np.empty(shape)
    for place in np.ndindex(shape):
        c = place[1]
        spread = (layer.variance[c] + 0.1) ** 0.5
        expected[place] = layer.gamma[c] * (x[place] - layer.mean[c]) / spread + layer.beta[c]
    assert_close(layer.forward(x)[0], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (6, 4)], ids=["maps", "features"])
def test_gradients_against_central_differences(shape, rng):
    report = check_layer(random_norm(rng, 4), rng.standard_normal(shape), rng)
    assert report.ok, report
    assert [check.name for check in report.checks] == ["input", "gamma", "beta"]


@pytest.mark.parametrize("rule", ["backward", "deconv", "guided"])
def test_every_rule_is_the_adjoint_of_its_linear_part(xp, rule, rng):
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩ with A x = layer(x) − layer(0)."""
    layer = random_norm(rng, 4)
    x, R = rng.standard_normal((2, 2, 4, 3, 5))
    y, cache = layer.forward(x)
    linear = y - layer.forward(xp.zeros_like(x))[0]
    assert_close((linear * R).sum(), (x * getattr(layer, rule)(R, cache)).sum(), rtol=1e-12)


@pytest.mark.parametrize("shape", [(2, 4, 3, 5), (6, 4)], ids=["maps", "features"])
def test_agrees_with_pytorch(shape, host_rng):
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    layer = random_norm(host_rng, 4, eps=1e-3)
    x, grad = host_rng.standard_normal((2, *shape))
    there = torch.tensor(x, requires_grad=True)
    gamma, beta, mean, variance = (torch.tensor(p, requires_grad=True) for p in layer.parameters.values())
    theirs = torch.nn.functional.batch_norm(there, mean.detach(), variance.detach(), gamma, beta, eps=1e-3)
    their_gradients = torch.autograd.grad(theirs, (there, gamma, beta), torch.tensor(grad))

    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-12, atol=1e-13)
    ours = (layer.backward(grad, cache), *layer.parameter_gradients(grad, cache).values())
    for our, their in zip(ours, their_gradients, strict=True):
        np.testing.assert_allclose(our, their.numpy(), rtol=1e-11, atol=1e-13)


def test_mean_and_variance_are_parameters_that_nobody_learns(xp, rng):
    """A weight file holds all four and `astype` converts all four; training sees two."""
    net = Network({"bn": random_norm(rng, 3), "block": Add([[random_norm(rng, 3)], []]), "relu": ReLU()})
    names = ["gamma", "beta", "mean", "variance"]
    assert list(net.parameters) == [f"bn.{n}" for n in names] + [f"block.0.0.{n}" for n in names]
    assert list(net.trainable) == [f"{layer}.{n}" for layer in ("bn", "block.0.0") for n in names[:2]]
    assert {p.dtype for p in net.astype(np.float32).parameters.values()} == {np.dtype(np.float32)}

    x = rng.standard_normal((2, 3, 4, 4))
    trace = net.forward(x)
    assert net.parameter_gradients(trace, xp.ones_like(trace.scores)).keys() == net.trainable.keys()
    assert check_network(net, x, rng).ok

    other = net.with_parameters({"block.0.0.mean": xp.ones(3)})
    assert not close(other.scores(x), trace.scores)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_dtype_and_arguments(dtype, rng):
    layer = random_norm(rng, 4)
    x, grad = rng.standard_normal((2, 2, 4, 3, 5)).astype(dtype)
    before = x.copy(), grad.copy(), [p.copy() for p in layer.parameters.values()]
    y, cache = layer.forward(x)
    assert y.dtype == layer.backward(grad, cache).dtype == dtype
    assert {g.dtype for g in layer.parameter_gradients(grad, cache).values()} == {np.dtype(dtype)}
    assert_equal((x, grad), before[:2])
    assert_equal(list(layer.parameters.values()), before[2])


def test_wrong_shapes_are_named(xp, rng):
    one, two = xp.ones(3), xp.ones(4)
    with pytest.raises(ShapeError, match=r"of one shape \(C,\), got \[\(3,\), \(4,\), \(3,\), \(3,\)\]"):
        BatchNorm(one, two, one, one)
    with pytest.raises(ShapeError, match=r"BatchNorm expects 4 channels, got \(1, 3, 2, 2\)"):
        random_norm(rng, 4).forward(xp.zeros((1, 3, 2, 2)))


def test_its_text_shows_its_channels(rng):
    assert repr(random_norm(rng, 4)) == "BatchNorm(4 channels)"
