"""The arithmetic of windows: how many fit, what they see, and the padding around the maps."""

from __future__ import annotations

import numpy as np
import pytest

from layers.windows import four_sides, padded, pair, taps, unpadded, window_count, windows
from tests.devices import equal

X = np.array([[1., 2.],
              [3., 4.]])  # fmt: skip


@pytest.mark.parametrize(
    ("size", "k", "stride", "before", "after", "whole", "with_ceil"),
    [
        (4, 2, 2, 0, 0, 2, 2),
        (5, 2, 2, 0, 0, 2, 3),  # a remainder of one pixel
        (227, 3, 2, 0, 0, 113, 113),  # SqueezeNet's conv1
        (113, 3, 2, 0, 0, 56, 56),  # … and its pools
        (56, 3, 2, 0, 0, 27, 28),
        (224, 11, 4, 0, 0, 54, 55),  # CNN-F's first layer
        (2, 3, 2, 0, 0, 0, 1),  # smaller than the window
        (1, 3, 2, 0, 0, 0, 0),  # … by a stride or more: no room at all
        (4, 2, 2, 0, 1, 2, 2),  # the third would start in the padding behind
        (4, 2, 2, 1, 1, 3, 3),
        (1, 1, 5, 0, 0, 1, 1),
    ],
)
def test_how_many_windows_fit(size, k, stride, before, after, whole, with_ceil):
    assert window_count(size, k, stride, before, after) == whole
    assert window_count(size, k, stride, before, after, ceil=True) == with_ceil


def test_padding_surrounds_the_maps(on):
    assert equal(padded(on(X), 1, 0, 0, 2, fill=9), [[9, 9, 9, 9],
                                                     [1, 2, 9, 9],
                                                     [3, 4, 9, 9]])  # fmt: skip


def test_without_padding_the_maps_are_not_copied(xp, on):
    x = on(X)
    assert xp.shares_memory(padded(x, 0, 0, 0, 0), x)


def test_unpadded_undoes_padded(rng):
    x = rng.standard_normal((2, 3, 4, 5))
    assert equal(unpadded(padded(x, 1, 2, 3, 4), 1, 2, 3, 4), x)


def test_windows_and_taps_see_the_same_pixels(on):
    """By hand: 2×2 windows a step of 2 apart over three columns, of which the last is left over."""
    x = on(np.arange(12.0).reshape(1, 1, 4, 3))
    seen = windows(x, (2, 2), (2, 2))
    assert equal(seen, [[[[[[0, 1], [3, 4]]], [[[6, 7], [9, 10]]]]]])
    for q, tap in enumerate(taps(x, (2, 2), (2, 2), (2, 1))):
        assert equal(tap, seen[..., q // 2, q % 2])


def test_numbers_stand_for_both_directions_and_for_all_sides():
    assert pair(3) == (3, 3)
    assert pair((2, 5)) == (2, 5)
    assert four_sides(1) == (1, 1, 1, 1)
    assert four_sides((0, 1, 2, 3)) == (0, 1, 2, 3)
    with pytest.raises(ValueError, match=r"padding must not be negative, got \(0, 0, -1, 0\)"):
        four_sides((0, 0, -1, 0))
