"""Winograd's way against six loops, against strips, and against its own identities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from layers import Conv, correlation, tiles, winograd
from layers.correlation import correlate
from tests import oracles


@pytest.fixture
def rng():
    """NumPy's alone: other arrays do not take this way."""
    return np.random.default_rng(0)


@pytest.fixture
def always(monkeypatch):
    def possible(x, M, kernel, stride, I, J, held=1):
        return kernel == (3, 3) and stride == (1, 1)

    monkeypatch.setattr(winograd, "pays", possible)


@pytest.fixture
def counted(monkeypatch):
    """How often Winograd's way was taken."""
    calls = []
    for name in ("correlate", "kernel_gradient"):
        original = getattr(winograd, name)
        monkeypatch.setattr(winograd, name, lambda *given, f=original: calls.append(1) or f(*given))
    return calls


sides = st.tuples(*[st.integers(-2, 4)] * 4)


@pytest.mark.parametrize("count", [1, 5, 256])
@given(
    N=st.integers(0, 3),
    C=st.integers(1, 3),
    M=st.integers(1, 3),
    H=st.integers(1, 9),
    W=st.integers(1, 9),
    pad=sides,
    seed=st.integers(0, 99),
)
def test_it_is_six_loops(count, N, C, M, H, W, pad, seed):
    """Whatever the portions; a negative side crops."""
    top, bottom, left, right = pad
    assume(min(top + H + bottom, left + W + right) >= 3)
    assume(min(H + min(top, 0) + min(bottom, 0), W + min(left, 0) + min(right, 0)) >= 1)
    rng = np.random.default_rng(seed)
    x, K, b = rng.standard_normal((N, C, H, W)), rng.standard_normal((M, C, 3, 3)), rng.standard_normal(M)
    cropped = x[:, :, max(-top, 0) : H + min(bottom, 0), max(-left, 0) : W + min(right, 0)]
    expected = oracles.convolution(cropped, K, b, (1, 1), tuple(max(side, 0) for side in pad))
    y = np.full(expected.shape, np.nan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "TILES", count)
        winograd.correlate(x, K, pad, b, y)
        grad = rng.standard_normal(y.shape)
        K_gradient = winograd.kernel_gradient(grad, x, pad)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    framed = tuple(max(side, 0) for side in pad)
    expected = oracles.convolution_kernel_gradient(grad, cropped, K, (1, 1), framed)
    np.testing.assert_allclose(K_gradient, expected, rtol=1e-12, atol=1e-12)


def test_one_row_of_taps_over_six_pixels_is_six_products(rng):
    """The identity of the file's head, by itself."""
    A, B, G = winograd.values(4, np).T, np.linalg.inv(winograd.values(6, np)).T, winograd.values(3, np)
    d, g = rng.standard_normal(6), rng.standard_normal(3)
    np.testing.assert_allclose(A @ ((G @ g) * (B @ d)), np.correlate(d, g, "valid"), rtol=1e-12)


def test_the_product_of_two_polynomials_is_known_by_its_values(rng):
    g, y = rng.standard_normal(3), rng.standard_normal(4)
    product = np.polynomial.polynomial.polymul(g, y)
    values = (winograd.values(3, np) @ g) * (winograd.values(4, np) @ y)
    np.testing.assert_allclose(winograd.values(6, np) @ product, values, rtol=1e-12)


@pytest.mark.usefixtures("always")
def test_convolutions_take_it_up_and_down(rng, counted):
    x, grad = rng.standard_normal((2, 3, 7, 8)), rng.standard_normal((2, 4, 7, 8))
    conv = Conv(rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4), pad=1)
    y, cache = conv.forward(x)
    np.testing.assert_allclose(y, oracles.convolution(x, conv.K, conv.b, (1, 1), conv.pad), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        conv.backward(grad, cache),
        oracles.convolution_input_gradient(grad, x, conv.K, (1, 1), conv.pad),
        rtol=1e-12,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        conv.parameter_gradients(grad, cache)["K"],
        oracles.convolution_kernel_gradient(grad, x, conv.K, (1, 1), conv.pad),
        rtol=1e-12,
        atol=1e-12,
    )
    assert len(counted) == 3


@pytest.mark.parametrize(("C", "M", "size"), [(64, 64, 56), (256, 192, 28), (512, 512, 28)])
def test_wide_layers_take_it_and_are_as_exact_in_float32(rng, counted, C, M, size):
    x = rng.standard_normal((1, C, size, size), dtype=np.float32)
    K = rng.standard_normal((M, C, 3, 3), dtype=np.float32)
    y = correlate(x, K, pad=(1, 1, 1, 1))
    assert counted
    assert y.dtype == np.float32
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "pays", lambda *_, **__: False)
        exact = correlate(x[:, :, :9, :9].astype(float), K.astype(float))
    assert np.abs(y[:, :, 1:8, 1:8] - exact).max() <= 1e-5 * np.abs(exact).max()


def test_the_gradient_of_wide_kernels_is_as_exact_in_float32(rng, counted):
    x, grad = (rng.standard_normal((8, 64, 16, 16), dtype=np.float32) for _ in range(2))
    found = correlation.kernel_gradient(grad, x, (3, 3), (1, 1), (1, 1, 1, 1))
    assert counted
    assert found.dtype == np.float32
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "pays", lambda *_, **__: False)
        exact = correlation.kernel_gradient(grad.astype(float), x.astype(float), (3, 3), (1, 1), (1, 1, 1, 1))
    assert np.abs(found - exact).max() <= 1e-5 * np.abs(exact).max()


def test_results_are_the_same_from_run_to_run(rng, counted):
    x, grad = (rng.standard_normal((5, 64, 30, 26), dtype=np.float32) for _ in range(2))
    conv = Conv(rng.standard_normal((64, 64, 3, 3), dtype=np.float32), pad=1)

    def run():
        y, cache = conv.forward(x)
        return y, conv.backward(grad, cache), conv.parameter_gradients(grad, cache)["K"]

    first = run()
    for _ in range(5):
        assert all(np.array_equal(a, b) for a, b in zip(first, run(), strict=True))
    assert len(counted) == 18


@pytest.mark.parametrize(
    ("C", "M", "kernel", "stride"), [(8, 64, 3, 1), (256, 256, 3, 2), (256, 256, 1, 1), (128, 128, 5, 1)]
)
def test_narrow_layers_strides_and_other_kernels_do_not(rng, counted, C, M, kernel, stride):
    conv = Conv(rng.standard_normal((M, C, kernel, kernel), dtype=np.float32), stride=stride)
    conv.forward(rng.standard_normal((1, C, 30, 30), dtype=np.float32))
    assert not counted
