"""Concatenation by hand: branches side by side going up, added where they meet going down."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Concat, Conv, Flatten, MaxPool, ReLU, ShapeError

X = np.array([[ 1., -2.,  3., -4.],
              [-1.,  2., -3.,  4.],
              [ 0.,  1.,  0., -1.],
              [ 2.,  0., -2.,  0.]])[None, None]  # fmt: skip
DOWN = np.array([[ 1.,  1., 1., 1.],
                 [-1., -1., 2., 2.],
                 [ 3., -3., 0., 0.],
                 [ 0.,  5., 5., 0.]])[None, None]  # fmt: skip

twice = Conv(np.full((1, 1, 1, 1), 2.0))


def test_the_channels_of_the_branches_are_joined_in_their_order():
    y, _ = Concat([[twice], [], [twice, ReLU()]]).forward(X)
    assert np.array_equal(y[0], [2 * X[0, 0], X[0, 0], 2 * X[0, 0] * (X[0, 0] > 0)])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("backward", [[4, 1, 4, 1], [-1, -4, 2, 8], [3, -12, 0, 0], [0, 5, 5, 0]]),  # 1·DOWN + 3·DOWN where X > 0
        ("deconv", [[4, 4, 4, 4], [-1, -1, 8, 8], [12, -3, 0, 0], [0, 20, 20, 0]]),  # 1·DOWN + 3·DOWN where DOWN > 0
        ("guided", [[4, 1, 4, 1], [-1, -1, 2, 8], [3, -3, 0, 0], [0, 5, 5, 0]]),  # … where both are
    ],
)
def test_each_branch_keeps_its_own_rule_and_at_x_the_signals_add_up(rule, expected):
    layer = Concat([[], [ReLU()]])
    _, cache = layer.forward(X)
    down = np.concatenate([DOWN, 3 * DOWN], axis=1)
    assert np.array_equal(getattr(layer, rule)(down, cache)[0, 0], expected)


def test_each_branch_gets_its_own_channels():
    layer = Concat([[Conv(np.array([1.0, 10.0]).reshape(2, 1, 1, 1))], [Conv(np.full((1, 1, 1, 1), 100.0))]])
    _, cache = layer.forward(X[:, :, :1, :1])
    assert layer.backward(np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1), cache).item() == 1 + 20 + 300


def test_parameters_are_named_by_branch_place_and_letter():
    anonymous = Concat([[ReLU(), twice], [twice]])
    assert set(anonymous.parameters) == {"0.1.K", "0.1.b", "1.0.K", "1.0.b"}
    named = Concat({"narrow": [twice], "wide": [ReLU(), twice]})
    assert set(named.parameters) == {"narrow.0.K", "narrow.0.b", "wide.1.K", "wide.1.b"}
    assert set(named.parameter_gradients(np.concatenate([DOWN, DOWN], 1), named.forward(X)[1])) == set(named.parameters)


def test_new_parameters_go_into_a_copy_and_unknown_ones_are_refused():
    layer = Concat([[twice], [twice]])
    other = layer.with_parameters({"1.0.K": np.full((1, 1, 1, 1), 5.0)})
    assert np.array_equal(other.forward(X)[0][0], [2 * X[0, 0], 5 * X[0, 0]])
    assert np.array_equal(layer.forward(X)[0][0], [2 * X[0, 0], 2 * X[0, 0]])
    with pytest.raises(ValueError, match=r"Concat has no parameter '2\.0\.K'"):
        layer.with_parameters({"2.0.K": np.ones((1, 1, 1, 1))})


def test_branches_of_different_sizes_are_refused_with_their_shapes():
    with pytest.raises(ShapeError, match=r"^Concat expects branches of one size, got \(1, 1, 4, 4\), \(1, 1, 2, 2\)$"):
        Concat([[], [MaxPool(2)]]).forward(X)
    with pytest.raises(ShapeError, match="Concat expects branches of one size"):
        Concat([[], [Flatten()]]).forward(X)


def test_a_concatenation_of_nothing_is_refused():
    with pytest.raises(ValueError, match="Concat expects at least one branch"):
        Concat([])
