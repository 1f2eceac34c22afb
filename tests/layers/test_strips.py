"""A convolution copies its patches a strip of rows at a time; how tall the strips are must not show."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Conv, correlation
from layers.correlation import strips
from tests.devices import assert_close, equal


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_strips_of_any_height_give_the_same_maps_and_gradients(monkeypatch, rng, rows, stride):
    x = rng.standard_normal((2, 3, 23, 17))
    conv = Conv(rng.standard_normal((4, 3, 3, 5)), rng.standard_normal(4), stride=stride, pad=(1, 2, 3, 0))

    def all_results():
        y, cache = conv.forward(x)
        return y, conv.backward(y, cache), *conv.parameter_gradients(y, cache).values()

    in_one_piece = all_results()
    bytes_of_a_row = 3 * 3 * 5 * in_one_piece[0].shape[3] * 8
    monkeypatch.setattr(correlation, "STRIP_BYTES", rows * bytes_of_a_row)
    for whole, in_strips in zip(in_one_piece, all_results(), strict=True):
        assert_close(in_strips, whole, rtol=1e-12, atol=1e-12)


def test_strips_tile_the_output_and_hold_the_patches_that_were_asked_for(monkeypatch, rng):
    x = rng.standard_normal((2, 3, 9, 8))
    monkeypatch.setattr(correlation, "STRIP_BYTES", 2 * (3 * 2 * 3 * 6 * 8))  # two rows of 6 patches of 3·2·3 numbers
    seen = {0: [], 1: []}
    for n, positions, patches in strips(x, (2, 3), (1, 1), (0, 0, 0, 0)):
        seen[n] += range(positions.start, positions.stop)
        assert patches.shape == (18, 12)
        for column, p in enumerate(range(positions.start, positions.stop)):
            i, j = divmod(p, 6)
            assert equal(patches[:, column], x[n, :, i : i + 2, j : j + 3].ravel())
    assert seen == {0: list(range(48)), 1: list(range(48))}


def test_a_wide_image_is_really_cut_into_several_strips(xp):
    """A strip takes about STRIP_BYTES, so the patches of a large image are never all in memory."""
    x = xp.zeros((1, 64, 112, 112), np.float32)
    patches = [p for _, _, p in strips(x, (3, 3), (1, 1), (1, 1, 1, 1))]
    assert len(patches) > 5
    assert max(p.nbytes for p in patches) <= correlation.STRIP_BYTES
