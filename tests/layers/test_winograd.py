"""Winograd's way against six loops, against strips, and against its own identities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from layers import Conv, winograd
from layers.correlation import correlate
from tests import oracles


@pytest.fixture
def rng():
    """NumPy's alone: other arrays do not take this way."""
    return np.random.default_rng(0)


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(winograd, "WORTH_IT", 0)
    monkeypatch.setattr(winograd, "FEWEST_POSITIONS", 0)


@pytest.fixture
def counted(monkeypatch):
    """How often Winograd's way was taken."""
    calls = []
    original = winograd.correlate
    monkeypatch.setattr(winograd, "correlate", lambda *arguments: calls.append(1) or original(*arguments))
    return calls


sides = st.tuples(*[st.integers(-2, 4)] * 4)


@pytest.mark.parametrize("tiles", [1, 5, 256])
@given(
    N=st.integers(0, 3),
    C=st.integers(1, 3),
    M=st.integers(1, 3),
    H=st.integers(1, 9),
    W=st.integers(1, 9),
    pad=sides,
    seed=st.integers(0, 99),
)
def test_it_is_six_loops(tiles, N, C, M, H, W, pad, seed):
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
        patch.setattr(winograd, "TILES", tiles)
        winograd.correlate(x, K, pad, b[:, None, None], y)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


def test_one_row_of_taps_over_four_pixels_is_four_products(rng):
    """The identity of the file's head, by itself."""
    d, g = rng.standard_normal((4, 1)), rng.standard_normal((3, 1))
    m = winograd.four_of_four(*d) * winograd.three_to_four(g)
    np.testing.assert_allclose(winograd.four_to_two(m)[:, 0], np.correlate(d[:, 0], g[:, 0], "valid"), rtol=1e-12)


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
    assert len(counted) == 2


@pytest.mark.parametrize(("C", "M", "size"), [(64, 64, 56), (256, 192, 28), (512, 512, 28)])
def test_wide_layers_take_it_and_are_as_exact_in_float32(rng, counted, C, M, size):
    x = rng.standard_normal((1, C, size, size), dtype=np.float32)
    K = rng.standard_normal((M, C, 3, 3), dtype=np.float32)
    y = correlate(x, K, pad=(1, 1, 1, 1))
    assert counted
    assert y.dtype == np.float32
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "pays", lambda *_: False)
        exact = correlate(x[:, :, :9, :9].astype(float), K.astype(float))
    assert np.abs(y[:, :, 1:8, 1:8] - exact).max() <= 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize(
    ("C", "M", "kernel", "stride"), [(16, 64, 3, 1), (256, 256, 3, 2), (256, 256, 1, 1), (128, 128, 5, 1)]
)
def test_narrow_layers_strides_and_other_kernels_do_not(rng, counted, C, M, kernel, stride):
    conv = Conv(rng.standard_normal((M, C, kernel, kernel), dtype=np.float32), stride=stride)
    conv.forward(rng.standard_normal((1, C, 30, 30), dtype=np.float32))
    assert not counted
