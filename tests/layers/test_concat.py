"""Concatenation by hand: branches side by side going up, added where they meet going down."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Concat, Conv, Flatten, MaxPool, ReLU, ShapeError
from tests.devices import equal

X = np.array([[ 1., -2.,  3., -4.],
              [-1.,  2., -3.,  4.],
              [ 0.,  1.,  0., -1.],
              [ 2.,  0., -2.,  0.]])[None, None]  # fmt: skip
DOWN = np.array([[ 1.,  1., 1., 1.],
                 [-1., -1., 2., 2.],
                 [ 3., -3., 0., 0.],
                 [ 0.,  5., 5., 0.]])[None, None]  # fmt: skip

twice = Conv(np.full((1, 1, 1, 1), 2.0))


def test_the_channels_of_the_branches_are_joined_in_their_order(on):
    y, _ = Concat([[on(twice)], [], [on(twice), ReLU()]]).forward(on(X))
    assert equal(y[0], [2 * on(X)[0, 0], on(X)[0, 0], 2 * on(X)[0, 0] * (on(X)[0, 0] > 0)])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("backward", [[4, 1, 4, 1], [-1, -4, 2, 8], [3, -12, 0, 0], [0, 5, 5, 0]]),  # 1·DOWN + 3·DOWN where X > 0
        ("deconv", [[4, 4, 4, 4], [-1, -1, 8, 8], [12, -3, 0, 0], [0, 20, 20, 0]]),  # 1·DOWN + 3·DOWN where DOWN > 0
        ("guided", [[4, 1, 4, 1], [-1, -1, 2, 8], [3, -3, 0, 0], [0, 5, 5, 0]]),  # … where both are
    ],
)
def test_each_branch_keeps_its_own_rule_and_at_x_the_signals_add_up(xp, on, rule, expected):
    layer = Concat([[], [ReLU()]])
    _, cache = layer.forward(on(X))
    down = xp.concatenate([on(DOWN), 3 * on(DOWN)], axis=1)
    assert equal(getattr(layer, rule)(down, cache)[0, 0], expected)


def test_each_branch_gets_its_own_channels(xp, on):
    layer = Concat([[Conv(xp.array([1.0, 10.0]).reshape(2, 1, 1, 1))], [Conv(xp.full((1, 1, 1, 1), 100.0))]])
    _, cache = layer.forward(on(X)[:, :, :1, :1])
    assert layer.backward(xp.array([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1), cache).item() == 1 + 20 + 300


def test_parameters_are_named_by_branch_place_and_letter(xp, on):
    anonymous = Concat([[ReLU(), on(twice)], [on(twice)]])
    assert set(anonymous.parameters) == {"0.1.K", "0.1.b", "1.0.K", "1.0.b"}
    named = Concat({"narrow": [on(twice)], "wide": [ReLU(), on(twice)]})
    assert set(named.parameters) == {"narrow.0.K", "narrow.0.b", "wide.1.K", "wide.1.b"}
    assert set(named.parameter_gradients(xp.concatenate([on(DOWN), on(DOWN)], 1), named.forward(on(X))[1])) == set(
        named.parameters
    )


def test_new_parameters_go_into_a_copy_and_unknown_ones_are_refused(xp, on):
    layer = Concat([[on(twice)], [on(twice)]])
    other = layer.with_parameters({"1.0.K": xp.full((1, 1, 1, 1), 5.0)})
    assert equal(other.forward(on(X))[0][0], [2 * on(X)[0, 0], 5 * on(X)[0, 0]])
    assert equal(layer.forward(on(X))[0][0], [2 * on(X)[0, 0], 2 * on(X)[0, 0]])
    with pytest.raises(ValueError, match=r"Concat has no parameter '2\.0\.K'"):
        layer.with_parameters({"2.0.K": xp.ones((1, 1, 1, 1))})


def test_branches_of_different_sizes_are_refused_with_their_shapes(on):
    with pytest.raises(ShapeError, match=r"^Concat expects branches of one size, got \(1, 1, 4, 4\), \(1, 1, 2, 2\)$"):
        Concat([[], [MaxPool(2)]]).forward(on(X))
    with pytest.raises(ShapeError, match="Concat expects branches of one size"):
        Concat([[], [Flatten()]]).forward(on(X))


def test_a_concatenation_of_nothing_is_refused():
    with pytest.raises(ValueError, match="Concat expects at least one branch"):
        Concat([])
