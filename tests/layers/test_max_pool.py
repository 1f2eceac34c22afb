"""Max-pooling by hand: the maxima, the switches, and the way down through them."""

from __future__ import annotations

import numpy as np
import pytest

from layers import MaxPool, ShapeError
from tests.devices import equal

RULES = ["backward", "deconv", "guided"]


def table(rows):
    return np.array(rows, dtype=float)[None, None]


@pytest.fixture
def maps(on):
    """Rows as maps of one image and one channel, (1, 1, H, W)."""
    return lambda rows: on(table(rows))


TIES = table([[1, 1,  0,  3],
              [1, 0,  3,  3],
              [0, 0, -1, -2],
              [0, 0, -2, -1]])  # fmt: skip


def test_of_equals_the_first_in_row_major_order_wins(on):
    y, (shape, switches) = MaxPool(2).forward(on(TIES))
    assert equal(y[0, 0], [[1,  3],
                           [0, -1]])  # fmt: skip
    assert shape == (1, 1, 4, 4)
    assert equal(switches[0, 0], [[0, 1],
                                  [0, 0]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_only_the_winner_passes_what_comes_down(on, maps, rule):
    pool = MaxPool(2)
    _, cache = pool.forward(on(TIES))
    down = maps([[5, 6],
                 [7, 8]])  # fmt: skip
    assert equal(getattr(pool, rule)(down, cache)[0, 0], [[5, 0, 0, 6],
                                                          [0, 0, 0, 0],
                                                          [7, 0, 8, 0],
                                                          [0, 0, 0, 0]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_overlapping_windows_add_up(maps, rule):
    pool = MaxPool(3, stride=1)
    y, cache = pool.forward(maps([[1, 2, 3, 4],
                                  [9, 5, 6, 7],
                                  [3, 2, 8, 0],
                                  [0, 1, 2, 2]]))  # fmt: skip
    assert equal(y[0, 0], [[9, 8],
                           [9, 8]])  # fmt: skip
    assert equal(cache[1][0, 0], [[3, 7],
                                  [0, 4]])  # fmt: skip
    down = maps([[1, 2],
                 [3, 4]])  # fmt: skip
    assert equal(getattr(pool, rule)(down, cache)[0, 0], [[0, 0, 0, 0],
                                                          [4, 0, 0, 0],
                                                          [0, 0, 6, 0],
                                                          [0, 0, 0, 0]])  # fmt: skip


def test_padding_is_minus_infinity_and_never_wins_over_negative_maps(maps):
    pool = MaxPool(2, pad=1)
    y, cache = pool.forward(maps([[ -1,  -2,  -3,  -4],
                                  [ -5,  -6,  -7,  -8],
                                  [ -9, -10, -11, -12],
                                  [-13, -14, -15, -16]]))  # fmt: skip
    assert equal(y[0, 0], [[ -1,  -2,  -4],
                           [ -5,  -6,  -8],
                           [-13, -14, -16]])  # fmt: skip
    assert equal(cache[1][0, 0], [[3, 2, 2],
                                  [1, 0, 0],
                                  [1, 0, 0]])  # fmt: skip
    down = maps([[1, 2, 3],
                 [4, 5, 6],
                 [7, 8, 9]])  # fmt: skip
    assert equal(pool.deconv(down, cache)[0, 0], [[1, 2, 0, 3],
                                                  [4, 5, 0, 6],
                                                  [0, 0, 0, 0],
                                                  [7, 8, 0, 9]])  # fmt: skip


COUNT = table([[ 1,  2,  3,  4],
              [ 5,  6,  7,  8],
              [ 9, 10, 11, 12],
              [13, 14, 15, 16]])  # fmt: skip


def test_without_ceil_a_remainder_is_not_looked_at(on):
    y, _ = MaxPool(3, stride=2).forward(on(COUNT))
    assert equal(y[0, 0], [[11]])


def test_with_ceil_the_last_windows_are_incomplete(on, maps):
    pool = MaxPool(3, stride=2, ceil=True)
    y, cache = pool.forward(on(COUNT))
    assert equal(y[0, 0], [[11, 12],
                           [15, 16]])  # fmt: skip
    assert equal(cache[1][0, 0], [[8, 7],
                                  [5, 4]])  # fmt: skip
    down = maps([[1, 2],
                 [3, 4]])  # fmt: skip
    assert equal(pool.backward(down, cache)[0, 0], [[0, 0, 0, 0],
                                                    [0, 0, 0, 0],
                                                    [0, 0, 1, 2],
                                                    [0, 0, 3, 4]])  # fmt: skip


def test_with_ceil_no_window_starts_in_the_padding_on_the_right_or_below(on):
    y, _ = MaxPool(2, pad=(0, 1, 0, 1), ceil=True).forward(on(COUNT))  # a third window would see padding alone
    assert equal(y[0, 0], [[ 6,  8],
                           [14, 16]])  # fmt: skip


def test_with_ceil_a_map_smaller_than_the_window_has_one_incomplete_window(on):
    y, _ = MaxPool(3, stride=2, ceil=True).forward(on(COUNT)[:, :, :2, :2])
    assert equal(y[0, 0], [[6]])


def test_switches_are_small_integers(xp):
    """3×3 windows have places 0 … 8: a byte does, and the cache of a large network stays small."""
    assert MaxPool(3).forward(xp.ones((1, 1, 9, 9)))[1][1].dtype == np.uint8
    assert MaxPool(17).forward(np.arange(17.0 * 17).reshape(1, 1, 17, 17))[1][1].item() == 17 * 17 - 1


def test_the_argmax_is_the_switch_so_all_three_ways_down_are_one_function():
    assert MaxPool.deconv is MaxPool.guided is MaxPool.backward


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"size": 0}, "MaxPool expects a size and a stride of 1 or more, got size 0"),
        ({"size": 2, "stride": 0}, "MaxPool expects a size and a stride of 1 or more, got size 2, stride 0"),
        ({"size": 2, "pad": 2}, "MaxPool expects a padding smaller than its window, got pad 2, size 2"),
        ({"size": (3, 2), "pad": (0, 0, 2, 0)}, "padding smaller than its window"),
        ({"size": 2, "pad": -1}, "padding must not be negative, got -1"),
    ],
)
def test_impossible_pools_are_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        MaxPool(**arguments)


def test_maps_that_do_not_fit_are_refused_with_their_shape(xp):
    with pytest.raises(ShapeError, match=r"^MaxPool finds no room for a 3×3 window in \(1, 1, 2, 4\)$"):
        MaxPool(3).forward(xp.ones((1, 1, 2, 4)))
    with pytest.raises(ShapeError, match=r"^MaxPool expects maps \(N, C, H, W\), got \(4, 4\)$"):
        MaxPool(3).forward(xp.ones((4, 4)))
