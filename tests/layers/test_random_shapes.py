"""Layers against the naive oracles on shapes that nobody would think of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, event, example, given
from hypothesis import strategies as st

from layers import AveragePool, Conv, MaxPool
from layers.engine import numpy_engine
from tests import oracles
from tests.devices import assert_close, equal

small = st.integers(1, 3)
sizes = st.integers(1, 9)
strides = st.tuples(st.integers(1, 5), st.integers(1, 5))
fourfold = st.tuples(*[st.integers(0, 4)] * 4)


@st.composite
def convolutions(draw: Callable) -> dict:
    case = {
        "x_shape": (draw(st.integers(0, 2)), draw(small), draw(sizes), draw(sizes)),
        "kernel": (draw(small), draw(st.integers(1, 4)), draw(st.integers(1, 4))),
        "stride": draw(strides),
        "pad": draw(fourfold),
        "seed": draw(st.integers(0, 99)),
    }
    (_, _, H, W), (_, kh, kw), (top, bottom, left, right) = case["x_shape"], case["kernel"], case["pad"]
    assume(top + H + bottom >= kh and left + W + right >= kw)
    return case


@pytest.mark.parametrize("strip_bytes", [numpy_engine.STRIP, 1])
@given(case=convolutions())
@example(case={"x_shape": (1, 1, 1, 1), "kernel": (1, 1, 1), "stride": (1, 1), "pad": (0, 0, 0, 0), "seed": 0})
@example(case={"x_shape": (0, 2, 5, 5), "kernel": (3, 3, 3), "stride": (1, 1), "pad": (1, 1, 1, 1), "seed": 0})
@example(case={"x_shape": (1, 2, 3, 3), "kernel": (2, 1, 2), "stride": (1, 1), "pad": (4, 4, 4, 4), "seed": 0})
@example(case={"x_shape": (2, 1, 1, 9), "kernel": (2, 2, 3), "stride": (5, 4), "pad": (4, 0, 0, 3), "seed": 0})
def test_convolution_is_six_loops(on, case, strip_bytes):
    """With strips of one row, too: then some strips see nothing but padding."""
    rng = np.random.default_rng(case["seed"])
    x, (M, kh, kw), geometry = rng.standard_normal(case["x_shape"]), case["kernel"], (case["stride"], case["pad"])
    K, b = rng.standard_normal((M, x.shape[1], kh, kw)), rng.standard_normal(M)
    conv = on(Conv(K, b, *geometry))
    event(f"stride > kernel: {case['stride'][0] > kh or case['stride'][1] > kw}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_engine, "STRIP", strip_bytes)
        patch.setattr(numpy_engine, "ROWS", min(strip_bytes, numpy_engine.ROWS))
        y, cache = conv.forward(on(x))
        grad = rng.standard_normal(y.shape)
        below, gradients = conv.backward(on(grad), cache), conv.parameter_gradients(on(grad), cache)

    close = {"rtol": 1e-12, "atol": 1e-12, "strict": True}
    assert_close(y, oracles.convolution(x, K, b, *geometry), **close)
    assert_close(below, oracles.convolution_input_gradient(grad, x, K, *geometry), **close)
    assert_close(gradients["K"], oracles.convolution_kernel_gradient(grad, x, K, *geometry), **close)
    assert_close(gradients["b"], grad.sum((0, 2, 3)), **close)


@st.composite
def pools(draw: Callable) -> dict:
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    pad = [draw(st.integers(0, k - 1)) for k in (size[0], size[0], size[1], size[1])]
    case = {
        "x_shape": (draw(st.integers(0, 2)), draw(small), draw(sizes), draw(sizes)),
        "geometry": (size, draw(strides), tuple(pad), draw(st.booleans())),
        "seed": draw(st.integers(0, 99)),
    }
    _, _, H, W = case["x_shape"]
    starts = [
        oracles.starts_of_windows(n, k, s, before, after, case["geometry"][3])
        for n, k, s, before, after in zip((H, W), size, case["geometry"][1], pad[::2], pad[1::2], strict=True)
    ]
    assume(all(starts))
    case["y_shape"] = (*case["x_shape"][:2], len(starts[0]), len(starts[1]))
    return case


@pytest.mark.parametrize("strip_bytes", [numpy_engine.STRIP, 1, 999])
@given(case=pools())
def test_max_pool_is_a_loop_over_windows_and_winners(on, case, strip_bytes):
    """With strips of single rows of windows, too."""
    rng = np.random.default_rng(case["seed"])
    x = rng.integers(-3, 4, case["x_shape"]).astype(float)  # few values: many ties
    max_pool = MaxPool(*case["geometry"])
    expected, winners = oracles.max_pool(x, oracles.windows(x, *case["geometry"]), case["y_shape"])
    grad = rng.integers(-9, 10, case["y_shape"]).astype(float)
    below = np.zeros(x.shape)
    for p, s in winners.items():
        below[s] += grad[p]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numpy_engine, "STRIP", strip_bytes)
        y, cache = max_pool.forward(on(x))
        ways_down = [rule(on(grad), cache) for rule in (max_pool.backward, max_pool.deconv, max_pool.guided)]

    assert y.shape == case["y_shape"]
    assert equal(y, expected)
    for found in ways_down:
        assert equal(found, below)


@given(case=pools())
def test_average_pool_is_a_loop_over_windows(on, case):
    rng = np.random.default_rng(case["seed"])
    x = rng.standard_normal(case["x_shape"])
    pool = AveragePool(*case["geometry"])
    seen = oracles.windows(x, *case["geometry"])

    y, cache = pool.forward(on(x))
    assert_close(y, oracles.average_pool(x, seen, case["y_shape"]), rtol=1e-12, atol=1e-14, strict=True)

    grad = rng.standard_normal(y.shape)
    below = np.zeros(x.shape)
    for p, places in seen.items():
        for q in places:
            below[q] += grad[p] / len(places)
    for rule in (pool.backward, pool.deconv, pool.guided):
        assert_close(rule(on(grad), cache), below, rtol=1e-12, atol=1e-13, strict=True)
