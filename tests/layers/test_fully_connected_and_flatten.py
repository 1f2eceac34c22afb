"""Fully connected layers and flattening by hand."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Flatten, FullyConnected, ShapeError
from tests.devices import equal

RULES = ["backward", "deconv", "guided"]

W = np.array([[1.,  2., 0.],
              [0., -1., 3.]])  # fmt: skip
x = np.array([[1., 2.,  3.],
              [0., 1., -1.]])  # fmt: skip
grad = np.array([[ 1., 2.],
                 [-1., 0.]])  # fmt: skip


def test_forward_is_W_x_plus_b_for_each_image(xp, on):
    y, _ = FullyConnected(on(W), xp.array([1.0, -1.0])).forward(on(x))
    assert equal(y, [[6,  6],
                     [3, -5]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_way_down_is_W_transposed(xp, on, rule):
    layer = FullyConnected(on(W), xp.array([1.0, -1.0]))
    _, cache = layer.forward(on(x))
    assert equal(getattr(layer, rule)(on(grad), cache), [[ 1,  0, 6],
                                                         [-1, -2, 0]])  # fmt: skip


def test_the_gradient_of_W_is_the_sum_of_outer_products(on):
    layer = FullyConnected(on(W))
    _, cache = layer.forward(on(x))
    gradients = layer.parameter_gradients(on(grad), cache)
    assert equal(gradients["W"], [[1, 1, 4],
                                  [2, 4, 6]])  # fmt: skip
    assert equal(gradients["b"], [0, 2])


@pytest.mark.parametrize("shape", [(2, 4), (3,), (1, 3, 1, 1)])
def test_features_that_do_not_fit_are_refused_with_their_shape(xp, on, shape):
    with pytest.raises(ShapeError) as error:
        FullyConnected(on(W)).forward(xp.ones(shape))
    assert str(error.value) == f"FullyConnected expects features (N, 3), got {shape}"


@pytest.mark.parametrize(("W", "b"), [(np.ones(3), None), (np.ones((2, 3)), np.ones(3))])
def test_impossible_matrices_are_refused(on, W, b):
    with pytest.raises(ShapeError, match="FullyConnected expects"):
        FullyConnected(on(W), b)


@pytest.mark.parametrize("rule", RULES)
def test_flatten_lists_channels_then_rows_then_columns_and_back(xp, rule):
    maps = xp.array([[[[1., 2.],
                       [3., 4.]],
                      [[5., 6.],
                       [7., 8.]]]])  # fmt: skip
    y, cache = Flatten().forward(maps)
    assert equal(y, [[1, 2, 3, 4, 5, 6, 7, 8]])
    assert equal(getattr(Flatten(), rule)(10 * y, cache), 10 * maps)


def test_flatten_keeps_a_batch_of_no_images(xp):
    y, cache = Flatten().forward(xp.ones((0, 2, 3, 4)))
    assert y.shape == (0, 24)
    assert Flatten().backward(y, cache).shape == (0, 2, 3, 4)


@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.79, 0.81, 1])
@pytest.mark.parametrize("images", [1, 3])
def test_rows_that_meet_a_zero_need_not_be_read_and_are_not_missed(host_rng, share, images):
    W = host_rng.standard_normal((1001, 1203))
    grad = host_rng.standard_normal((images, 1001)) * (host_rng.random(1001) < share)
    W[~grad.any(axis=0)] *= 1e3
    before = grad.copy(), W.copy()
    down = FullyConnected(W).backward(grad, None)
    np.testing.assert_allclose(down, np.einsum("no,oi->ni", grad, W), rtol=1e-10, atol=1e-9)
    assert down.shape == (images, 1203)
    assert np.array_equal(grad, before[0])
    assert np.array_equal(W, before[1])
