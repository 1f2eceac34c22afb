"""ReLU by hand: what came up decides, what comes down decides, both decide."""

from __future__ import annotations

import numpy as np

from layers import ReLU
from tests.devices import equal

X = np.array([[ 1., -2.,  0.,  3.],
              [-1.,  0.,  2., -3.],
              [ 0.,  4., -4.,  1.],
              [ 2., -1.,  5.,  0.]])  # fmt: skip

DOWN = np.array([[ 1.,  1.,  1., -1.],
                 [ 2., -2., -2.,  2.],
                 [-3.,  3.,  3.,  0.],
                 [-1., -1.,  1.,  5.]])  # fmt: skip


def test_forward_keeps_what_is_positive(on):
    y, _ = ReLU().forward(on(X))
    assert equal(y, [[1, 0, 0, 3],
                     [0, 0, 2, 0],
                     [0, 4, 0, 1],
                     [2, 0, 5, 0]])  # fmt: skip


def test_backward_passes_where_x_is_positive_and_is_closed_at_exactly_0(on):
    _, cache = ReLU().forward(on(X))
    assert equal(ReLU().backward(on(DOWN), cache), [[ 1, 0,  0, -1],
                                                    [ 0, 0, -2,  0],
                                                    [ 0, 3,  0,  0],
                                                    [-1, 0,  1,  0]])  # fmt: skip


def test_deconv_passes_where_the_signal_is_positive_and_does_not_read_x(on):
    _, cache = ReLU().forward(on(X))
    expected = [[1, 1, 1, 0],
                [2, 0, 0, 2],
                [0, 3, 3, 0],
                [0, 0, 1, 5]]  # fmt: skip
    assert equal(ReLU().deconv(on(DOWN), cache), expected)
    assert equal(ReLU().deconv(on(DOWN), None), expected)


def test_guided_passes_where_both_are_positive(on):
    _, cache = ReLU().forward(on(X))
    assert equal(ReLU().guided(on(DOWN), cache), [[1, 0, 0, 0],
                                                  [0, 0, 0, 0],
                                                  [0, 3, 0, 0],
                                                  [0, 0, 1, 0]])  # fmt: skip
