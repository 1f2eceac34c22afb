"""Average-pooling by hand: every pixel of a window has an equal share, up and down."""

from __future__ import annotations

import numpy as np
import pytest

from layers import AveragePool, GlobalAveragePool, PaddedAveragePool, ShapeError
from tests.devices import close, equal

RULES = ["backward", "deconv", "guided"]


def table(rows):
    return np.array(rows, dtype=float)[None, None]


@pytest.fixture
def maps(on):
    """Rows as maps of one image and one channel, (1, 1, H, W)."""
    return lambda rows: on(table(rows))


COUNT = table([[ 1,  2,  3,  4],
               [ 5,  6,  7,  8],
               [ 9, 10, 11, 12],
               [13, 14, 15, 16]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_windows_side_by_side(maps, on, rule):
    pool = AveragePool(2)
    y, cache = pool.forward(on(COUNT))
    assert equal(y[0, 0], [[ 3.5,  5.5],
                           [11.5, 13.5]])  # fmt: skip
    down = maps([[ 4,  8],
                 [12, 16]])  # fmt: skip
    assert equal(getattr(pool, rule)(down, cache)[0, 0], [[1, 1, 2, 2],
                                                          [1, 1, 2, 2],
                                                          [3, 3, 4, 4],
                                                          [3, 3, 4, 4]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_overlapping_windows_add_up(maps, on, rule):
    pool = AveragePool(3, stride=1)
    y, cache = pool.forward(on(COUNT))
    assert equal(y[0, 0], [[ 6,  7],
                           [10, 11]])  # fmt: skip
    down = maps([[ 9, 18],
                 [27, 36]])  # fmt: skip
    assert equal(getattr(pool, rule)(down, cache)[0, 0], [[1,  3,  3, 2],
                                                          [4, 10, 10, 6],
                                                          [4, 10, 10, 6],
                                                          [3,  7,  7, 4]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_padding_is_not_counted(maps, on, rule):
    pool = AveragePool(2, pad=1)  # windows of 1, 2 and 4 pixels
    y, cache = pool.forward(on(COUNT))
    assert equal(y[0, 0], [[ 1,  2.5,  4],
                           [ 7,  8.5, 10],
                           [13, 14.5, 16]])  # fmt: skip
    down = maps([[1,  2, 3],
                 [4,  8, 6],
                 [7, 10, 9]])  # fmt: skip
    assert equal(getattr(pool, rule)(down, cache)[0, 0], [[1, 1, 1, 3],
                                                          [2, 2, 2, 3],
                                                          [2, 2, 2, 3],
                                                          [7, 5, 5, 9]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_padding_is_counted_where_asked(maps, on, rule):
    pool = PaddedAveragePool(2, pad=1)  # every window has 4 pixels
    y, cache = pool.forward(4 * on(COUNT))
    assert equal(y[0, 0], [[ 1,  5,  4],
                           [14, 34, 20],
                           [13, 29, 16]])  # fmt: skip
    down = maps([[4,  8, 12],
                 [4,  8, 12],
                 [4, 16,  4]])  # fmt: skip
    assert equal(getattr(pool, rule)(down, cache)[0, 0], [[1, 2, 2, 3],
                                                          [1, 2, 2, 3],
                                                          [1, 2, 2, 3],
                                                          [1, 4, 4, 1]])  # fmt: skip


def test_an_incomplete_window_counts_the_padding_but_nothing_beyond_it(xp):
    y, _ = PaddedAveragePool(3, stride=3, pad=(0, 1, 0, 1), ceil=True).forward(xp.ones((1, 1, 3, 3)))
    assert equal(y[0, 0], [[1]])  # a second window would begin in the padding
    y, _ = PaddedAveragePool(3, stride=2, pad=(1, 0, 0, 1), ceil=True).forward(xp.ones((1, 1, 4, 3)))
    assert close(y[0, 0], [[6 / 9, 2 / 6], [9 / 9, 3 / 6]])  # the windows on the right have 2 columns each


def test_with_ceil_the_last_windows_are_incomplete_and_average_what_they_have(on):
    y, _ = AveragePool(3, stride=2, ceil=True).forward(on(COUNT))
    assert equal(y[0, 0], [[ 6,  7.5],
                           [12, 13.5]])  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_the_global_average_of_a_map_is_one_number_and_every_pixel_has_a_sixteenth(xp, on, rule):
    y, cache = GlobalAveragePool().forward(on(COUNT))
    assert equal(y, [[8.5]])
    assert equal(getattr(GlobalAveragePool(), rule)(xp.array([[16.0]]), cache), xp.ones((1, 1, 4, 4)))


@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 0, 4)])
def test_a_global_average_needs_maps_of_at_least_one_pixel(xp, shape):
    with pytest.raises(ShapeError, match=r"^GlobalAveragePool expects maps \(N, C, H, W\) of at least one pixel, got"):
        GlobalAveragePool().forward(xp.ones(shape))
