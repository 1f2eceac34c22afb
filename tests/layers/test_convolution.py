"""Convolution by hand on a 4×4 map: X_{n+1} = X_n ⋆ K + b, and down through the flipped kernel."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Conv, ShapeError
from layers.arrays import to_host
from layers.convolution import correlate, correlate_transposed
from tests.devices import assert_close, equal

X = np.array([[1., 2., 0., 1.],
              [0., 1., 3., 2.],
              [2., 0., 1., 1.],
              [1., 3., 0., 2.]])[None, None]  # fmt: skip

K = np.array([[1.,  0.],
              [2., -1.]])[None, None]  # fmt: skip

RULES = ["backward", "deconv", "guided"]


def test_forward_adds_the_bias_to_every_patch_times_the_kernel(xp, on):
    y, _ = Conv(on(K), xp.array([1.0])).forward(on(X))  # top left: 1·1 + 0·2 + 2·0 − 1·1 + 1 = 1
    assert equal(y[0, 0], [[1, 2,  5],
                           [5, 1,  5],
                           [2, 7,  0]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_on_the_way_down_every_output_pastes_the_kernel_where_it_looked(xp, on, rule):
    grad = xp.array([[1.,  0., 2.],
                     [0., -1., 0.],
                     [3.,  0., 1.]])[None, None]  # fmt: skip
    conv = Conv(on(K), xp.array([1.0]))
    _, cache = conv.forward(on(X))
    assert equal(getattr(conv, rule)(grad, cache)[0, 0], [[1,  0, 2,  0],
                                                          [2, -2, 4, -2],
                                                          [3, -2, 2,  0],
                                                          [6, -3, 2, -1]])  # fmt: skip


def test_forward_with_stride_2_takes_every_second_patch(xp, on):
    y, _ = Conv(on(K), xp.array([1.0]), stride=2).forward(on(X))
    assert equal(y[0, 0], [[1, 5],
                           [2, 0]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_down_with_stride_2_the_kernels_lie_side_by_side(xp, on, rule):
    conv = Conv(on(K), stride=2)
    _, cache = conv.forward(on(X))
    grad = xp.array([[1.,  2.],
                     [3., -1.]])[None, None]  # fmt: skip
    assert equal(getattr(conv, rule)(grad, cache)[0, 0], [[1,  0,  2,  0],
                                                          [2, -1,  4, -2],
                                                          [3,  0, -1,  0],
                                                          [6, -3, -2,  1]])  # fmt: skip


def test_the_gradient_of_the_kernel_is_the_sum_of_the_patches_it_saw(xp, on):
    conv = Conv(on(K), stride=2)
    _, cache = conv.forward(on(X))
    grad = xp.array([[1.,  2.],
                     [3., -1.]])[None, None]  # fmt: skip
    gradients = conv.parameter_gradients(grad, cache)  # top left: 1·1 + 2·0 + 3·2 − 1·1 = 6
    assert equal(gradients["K"][0, 0], [[6,  3],
                                        [9, 12]])  # fmt: skip
    assert equal(gradients["b"], [5])


PLUS = np.array([[0., 1.,  0.],
                 [1., 2.,  0.],
                 [0., 0., -1.]])[None, None]  # fmt: skip


def test_padding_is_zero(on):
    y, _ = Conv(on(PLUS), stride=2, pad=1).forward(on(X))  # top left: the kernel's middle lies on the image's corner
    assert equal(y[0, 0], [[1, 0],
                           [1, 3]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_down_with_stride_2_and_padding_kernels_overlap_and_what_falls_outside_is_lost(xp, on, rule):
    conv = Conv(on(PLUS), stride=2, pad=1)
    _, cache = conv.forward(on(X))
    grad = xp.array([[1.,  2.],
                     [3., -1.]])[None, None]  # fmt: skip
    assert equal(getattr(conv, rule)(grad, cache)[0, 0], [[2,  2,  4,  0],
                                                          [3, -1, -1, -2],
                                                          [6, -1, -2,  0],
                                                          [0, -3,  0,  1]])  # fmt: skip


def test_padding_of_four_sides_is_top_bottom_left_right(xp):
    one = Conv(xp.ones((1, 1, 1, 1)), pad=(1, 0, 2, 3))
    y, _ = one.forward(xp.array([[[[7.0]]]]))
    assert equal(y[0, 0], [[0, 0, 0, 0, 0, 0],
                           [0, 0, 7, 0, 0, 0]])  # fmt: skip


def test_a_pair_of_strides_is_vertical_horizontal(xp, on):
    y, _ = Conv(xp.ones((1, 1, 1, 1)), stride=(3, 2)).forward(on(X))
    assert equal(y[0, 0], [[1, 0],
                           [1, 0]])  # fmt: skip


def test_channels_are_mixed_upwards_by_K_and_downwards_by_its_transpose(xp):
    mix = xp.array([[1.0, 2.0], [0.0, -1.0], [3.0, 0.0]])  # three kernels of 1×1 on two channels
    conv = Conv(mix[:, :, None, None], xp.array([0.0, 10.0, 0.0]))
    y, cache = conv.forward(xp.array([5.0, 7.0]).reshape(1, 2, 1, 1))
    assert equal(y.ravel(), [5 + 14, 10 - 7, 15])
    assert equal(conv.backward(xp.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1), cache).ravel(), [10, 0])


def test_the_way_down_is_a_correlation_with_the_flipped_kernel_channels_exchanged(rng):
    """K̂(c, m, u, v) = K(m, c, kh−1−u, kw−1−v), gradients padded by kh − 1 and kw − 1."""
    K, grad = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((1, 2, 6, 7))
    K_hat = K[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    below = correlate_transposed(grad, K, (1, 3, 9, 11), (1, 1), (0, 0, 0, 0))
    assert_close(below, correlate(grad, K_hat, pad=(3, 3, 4, 4)), rtol=1e-12, atol=1e-12)


def test_deconv_and_backward_are_one_function():
    assert Conv.deconv is Conv.backward
    assert Conv.guided is Conv.backward


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        ((1, 4, 8, 8), r"Conv expects 3 channels, got 4: \(1, 4, 8, 8\)"),
        ((3, 8, 8), r"Conv expects maps \(N, 3, H, W\), got \(3, 8, 8\)"),
        ((1, 3, 4, 8), r"Conv finds no room for a 5×5 kernel with padding \(0, 0, 0, 0\) in \(1, 3, 4, 8\)"),
    ],
)
def test_maps_that_do_not_fit_are_refused_with_their_shape(xp, shape, complaint):
    with pytest.raises(ShapeError, match=f"^{complaint}$"):
        Conv(xp.ones((2, 3, 5, 5))).forward(xp.ones(shape))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"K": np.ones((3, 5, 5))}, r"Conv expects kernels K of shape \(M, C, kh, kw\), got \(3, 5, 5\)"),
        ({"K": np.ones((3, 5, 0, 1))}, r"Conv expects kernels K .*\(3, 5, 0, 1\)"),
        ({"K": np.ones((2, 1, 3, 3)), "b": np.ones(3)}, r"one bias for each of its 2 kernels, got \(3,\)"),
        ({"K": np.ones((2, 1, 3, 3)), "stride": 0}, "stride of 1 or more, got 0"),
        ({"K": np.ones((2, 1, 3, 3)), "pad": -1}, "padding must not be negative, got -1"),
    ],
)
def test_impossible_convolutions_are_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Conv(**arguments)


@pytest.mark.parametrize("used", [[], [3], [0, 6], list(range(7))])
@pytest.mark.parametrize("stride", [1, 2])
def test_channels_that_are_zero_are_left_out_and_not_missed(rng, used, stride):
    K = rng.standard_normal((7, 3, 3, 3))
    conv = Conv(K, stride=stride, pad=1)
    y, cache = conv.forward(rng.standard_normal((2, 3, 9, 8)))
    grad = y * 0
    for m in used:
        grad[1, m, 2, 1] = 1.5
    alone = [Conv(K[m : m + 1], stride=stride, pad=1).backward(grad[:, m : m + 1], cache) for m in range(7)]
    np.testing.assert_allclose(
        to_host(conv.backward(grad, cache)), to_host(sum(alone[1:], start=alone[0])), rtol=1e-12, atol=1e-12
    )
