"""X_{n+1}(c) = X_n(c) / (κ + α Σ_{j∈Ω(c)} X_n(j)²)^β: the formula, its derivative, and everyone's conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import LocalResponseNorm, ShapeError
from minicnn.gradient_check import check_layer
from tests.devices import assert_close, assert_equal, host


def naive(x, window, kappa, alpha, beta):
    """The formula, one number after the other.  window(c): the channels that c is divided by."""
    y = np.empty_like(x)
    for n, c, i, j in np.ndindex(x.shape):
        squares = sum(x[n, k, i, j] ** 2 for k in window(c) if 0 <= k < x.shape[1])
        y[n, c, i, j] = x[n, c, i, j] / (kappa + alpha * squares) ** beta
    return y


def naive_gradient(grad, x, window, kappa, alpha, beta):
    """∂X_{n+1}(c)/∂X_n(j), one number after the other, by the product rule."""
    below = np.zeros_like(x)
    for n, c, i, j in np.ndindex(x.shape):
        neighbours = [k for k in window(c) if 0 <= k < x.shape[1]]
        D = kappa + alpha * sum(x[n, k, i, j] ** 2 for k in neighbours)
        below[n, c, i, j] += grad[n, c, i, j] * D**-beta
        for k in neighbours:
            slope = -beta * D ** (-beta - 1) * 2 * alpha * x[n, k, i, j]
            below[n, k, i, j] += grad[n, c, i, j] * x[n, c, i, j] * slope
    return below


def matconvnet_window(N):
    """c − ⌊(N−1)/2⌋ … c + ⌈(N−1)/2⌉: MatConvNet's, and ONNX's, which differs from PyTorch's where N is even."""
    return lambda c: range(c - (N - 1) // 2, c + N // 2 + 1)


def pytorch_window(N):
    return lambda c: range(c - N // 2, c + (N - 1) // 2 + 1)


def test_by_hand(xp):
    layer = LocalResponseNorm(3, kappa=1, alpha=1, beta=0.5)
    x = xp.array([2.0, 2, 4, 1]).reshape(1, 4, 1, 1)
    y, _ = layer.forward(x)
    by_hand = [2 / 9**0.5, 2 / 25**0.5, 4 / 22**0.5, 1 / 18**0.5]  # e.g. 25 = 1 + 2² + 2² + 4²; the edges see two
    assert_close(y.ravel(), by_hand, rtol=1e-15)


def test_gradient_by_hand(xp):
    """One channel: y = x (1 + x²)^(−1/2), so dy/dx = (1 + x²)^(−3/2)."""
    layer = LocalResponseNorm(1, kappa=1, alpha=1, beta=0.5)
    x = xp.array([0.0, 1, -2, 3]).reshape(1, 1, 2, 2)
    _, cache = layer.forward(x)
    assert_close(layer.backward(xp.ones_like(x), cache), (1 + x**2) ** -1.5, rtol=1e-14)


@given(N=st.integers(1, 9), C=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
def test_is_the_formula_up_and_down_for_odd_and_even_windows(on, N, C, seed):
    rng = np.random.default_rng(seed)
    x, grad = rng.standard_normal((2, 2, C, 2, 3))
    constants = (1.5, 0.4, 0.75)
    layer = LocalResponseNorm(N, *constants)
    y, cache = layer.forward(on(x))
    assert_close(y, naive(x, matconvnet_window(N), *constants), rtol=1e-12)
    expected = naive_gradient(grad, x, matconvnet_window(N), *constants)
    assert_close(layer.backward(on(grad), cache), expected, rtol=1e-11, atol=1e-13)
    assert_equal(layer.guided(on(grad), cache), layer.backward(on(grad), cache))


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5, 6, 20])
def test_averaging_divides_alpha_by_the_window_even_where_it_shrinks(N, rng):
    x = rng.standard_normal((1, 5, 2, 2))
    y, _ = LocalResponseNorm.averaging(N, kappa=2, alpha=0.3, beta=0.75).forward(x)
    assert_close(y, naive(host(x), matconvnet_window(N), 2, 0.3 / N, 0.75), rtol=1e-13)


@pytest.mark.parametrize("N", [2, 4, 6])
def test_pytorchs_even_windows_lie_the_other_way_round(N, host_rng):
    x = host_rng.standard_normal((1, 5, 2, 2))
    y, _ = LocalResponseNorm.averaging((N // 2, N // 2 - 1), kappa=2, alpha=0.3, beta=0.75).forward(x)
    np.testing.assert_allclose(y, naive(x, pytorch_window(N), 2, 0.3 / N, 0.75), rtol=1e-13)
    other, _ = LocalResponseNorm.averaging(N, kappa=2, alpha=0.3, beta=0.75).forward(x)
    assert np.abs(other - y).max() > 1e-3


@pytest.mark.parametrize("N", [1, 2, 3, 4, 5, 8, 17])
def test_agrees_with_pytorch(N, host_rng):
    torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
    x, grad = host_rng.standard_normal((2, 2, 6, 3, 4))
    there = torch.tensor(x, requires_grad=True)
    theirs = torch.nn.functional.local_response_norm(there, N, alpha=0.5, beta=0.75, k=1.2)
    (their_gradient,) = torch.autograd.grad(theirs, there, torch.tensor(grad))

    layer = LocalResponseNorm.averaging((N // 2, (N - 1) // 2), kappa=1.2, alpha=0.5, beta=0.75)
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(layer.backward(grad, cache), their_gradient.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("N", [1, 4, 5, (0, 2), (3, 0)])
def test_gradient_against_central_differences(N, rng):
    layer = LocalResponseNorm(N, kappa=1, alpha=0.5, beta=0.75)
    report = check_layer(layer, rng.standard_normal((2, 6, 3, 4)), rng)
    assert report.ok, report


def test_gradient_is_a_linear_map_and_symmetric(rng):
    """∂y(c)/∂x(j) = δ_cj D^(−β) − 2αβ x(c) x(j) D(c)^(−β−1): with a window over all channels D is one number and
    the matrix is symmetric, so ⟨J u, v⟩ = ⟨u, J v⟩."""
    layer = LocalResponseNorm((5, 5), kappa=1, alpha=0.5, beta=0.75)
    x, u, v = rng.standard_normal((3, 2, 6, 3, 4))
    _, cache = layer.forward(x)
    assert_close((layer.backward(u, cache) * v).sum(), (u * layer.backward(v, cache)).sum(), rtol=1e-12)


def test_deconvnet_reconstructs_without_normalisation(xp, rng):
    """The signal passes as it is: it is not the gradient, unlike in every layer of the paper but ReLU."""
    layer = LocalResponseNorm(5, kappa=2, alpha=0.5, beta=0.75)
    x, R = rng.standard_normal((2, 2, 6, 3, 4))
    _, cache = layer.forward(x)
    assert_equal(layer.deconv(R, cache), R)
    assert xp.abs(layer.backward(R, cache) - R).max() > 0.1


def test_a_net_with_it_is_not_linear_in_pieces(xp, rng):
    """Why b = Σ ⟨bias, ∂S_c/∂bias⟩ fails with LRN: no zero-offset linear map meets it, y(2x) ≠ 2 y(x)."""
    layer = LocalResponseNorm(5, kappa=2, alpha=0.5, beta=0.75)
    x = rng.standard_normal((1, 6, 2, 2))
    assert xp.abs(layer.forward(2 * x)[0] - 2 * layer.forward(x)[0]).max() > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keeps_dtype_and_arguments(dtype, rng):
    layer = LocalResponseNorm(5, kappa=2, alpha=np.float64(1e-4), beta=0.75)
    x, grad = rng.standard_normal((2, 2, 6, 3, 4)).astype(dtype)
    before = x.copy(), grad.copy()
    y, cache = layer.forward(x)
    assert y.dtype == layer.backward(grad, cache).dtype == dtype
    layer.deconv(grad, cache)
    assert_equal((x, grad), before)


def test_features_and_an_empty_batch(xp):
    layer = LocalResponseNorm(3, kappa=1, alpha=1, beta=0.5)
    assert_close(layer.forward(xp.array([[1.0, 2, 2]]))[0], [[1 / 6**0.5, 2 / 10**0.5, 2 / 9**0.5]])
    assert layer.forward(xp.zeros((0, 3, 4, 4)))[0].shape == (0, 3, 4, 4)


def test_wrong_settings_are_refused(xp):
    with pytest.raises(ValueError, match="1 channel or more, got 0"):
        LocalResponseNorm(0, 1, 1, 1)
    with pytest.raises(ValueError, match="kappa > 0"):
        LocalResponseNorm(5, 0, 1, 1)
    with pytest.raises(ShapeError, match=r"LocalResponseNorm expects maps \(N, C, H, W\), got \(3,\)"):
        LocalResponseNorm(5, 1, 1, 1).forward(xp.zeros(3))


def test_its_text_shows_its_constants():
    assert (
        repr(LocalResponseNorm(5, 2, 1e-4, 0.75)) == "LocalResponseNorm(5 channels, kappa=2, alpha=0.0001, beta=0.75)"
    )
    assert "4 channels (−2 … +1)" in repr(LocalResponseNorm((2, 1), 2, 1e-4, 0.75))
