"""A convolution copies its patches a strip at a time; where the strips begin and end must not show."""

from __future__ import annotations

import numpy as np
import pytest

from layers import Conv, correlation
from layers.correlation import Patches
from tests.devices import assert_close, host


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("strip_bytes", [1, 10**4, 4 * 10**5])
def test_strips_of_any_size_give_the_same_maps_and_gradients(monkeypatch, rng, strip_bytes, stride):
    """Single rows; a few rows; several images at once."""
    x = rng.standard_normal((5, 3, 23, 17))
    conv = Conv(rng.standard_normal((4, 3, 3, 5)), rng.standard_normal(4), stride=stride, pad=(1, 2, 3, 0))

    def all_results():
        y, cache = conv.forward(x)
        return y, conv.backward(y, cache), *conv.parameter_gradients(y, cache).values()

    monkeypatch.setattr(correlation, "STRIP_BYTES", 10**9)
    in_one_piece = all_results()
    monkeypatch.setattr(correlation, "STRIP_BYTES", strip_bytes)
    for whole, in_strips in zip(in_one_piece, all_results(), strict=True):
        assert_close(in_strips, whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("strip_bytes", [1, 2000, 10**5])
@pytest.mark.parametrize("kernels", [1, 10**6])  # few: one core's work; many: to be shared
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("pad", [(0, 0, 0, 0), (1, 0, 2, 1), (-1, 2, 0, -2)])
def test_strips_tile_the_output_and_hold_the_patches_that_were_asked_for(
    monkeypatch, host_rng, on, strip_bytes, stride, pad, kernels
):
    x = host_rng.standard_normal((3, 2, 9, 8))
    monkeypatch.setattr(correlation, "STRIP_BYTES", strip_bytes)
    top, bottom, left, right = pad
    framed = np.pad(x, [(0, 0), (0, 0), (max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))])
    framed = framed[:, :, max(-top, 0) :, max(-left, 0) :]
    framed = framed[:, :, : 9 + top + bottom, : 8 + left + right]
    I, J = (framed.shape[2] - 2) // stride + 1, (framed.shape[3] - 3) // stride + 1

    seen = []
    patches_of = Patches(on(x), kernels, (2, 3), (stride, stride), pad)
    assert (patches_of.I, patches_of.J) == (I, J)
    for strip in patches_of.strips():
        (images, rows), patches = strip, host(patches_of.by(strip))
        assert patches.shape == ((images.stop - images.start) * (rows.stop - rows.start) * J, 2 * 3 * 2)
        patches = patches.reshape(images.stop - images.start, rows.stop - rows.start, J, 2, 3, 2)
        for n in range(images.start, images.stop):
            for i in range(rows.start, rows.stop):
                for j in range(J):
                    expected = framed[n, :, stride * i : stride * i + 2, stride * j : stride * j + 3]
                    found = patches[n - images.start, i - rows.start, j]
                    assert np.array_equal(found, expected.transpose(1, 2, 0))  # pixel by pixel
                    seen.append((n, i, j))
    assert seen == list(np.ndindex(3, I, J))


def test_strips_of_maps_that_do_not_lie_in_order_in_memory(rng, xp):
    """Turned, mirrored and broadcast maps: a run along a row must not leave it."""
    maps = rng.standard_normal((2, 3, 7, 9))
    conv = Conv(rng.standard_normal((4, 3, 3, 2)), pad=(1, 1, 0, 0))
    for x in (maps[:, :, ::-1], maps[..., ::-1], maps.transpose(0, 1, 3, 2), maps[:, :1].repeat(3, axis=1)[..., 2:-1]):
        assert_close(conv.forward(x)[0], conv.forward(x.copy())[0], rtol=1e-12)
    flat = xp.broadcast_to(maps[:, :, :1, :1], maps.shape)
    assert_close(conv.forward(flat)[0], conv.forward(flat.copy())[0], rtol=1e-12)


def test_what_lies_beyond_the_end_of_a_row_does_not_reach_the_kernels_gradient(rng):
    x = rng.standard_normal((1, 1, 6, 9))
    x[..., 6:] = np.nan
    grad = rng.standard_normal((1, 1, 4, 4))
    conv = Conv(rng.standard_normal((1, 1, 3, 3)))
    found = conv.parameter_gradients(grad, x[..., :6])["K"]
    assert_close(found, conv.parameter_gradients(grad, x[..., :6].copy())["K"], rtol=1e-12)


def test_the_patches_of_a_large_image_and_of_a_large_batch_are_never_all_in_memory():
    for shape in ((1, 64, 112, 112), (256, 64, 8, 8)):
        patches_of = Patches(np.zeros(shape, np.float32), 64, (3, 3), (1, 1), (1, 1, 1, 1))
        patches = [patches_of.by(strip) for strip in patches_of.strips()]
        assert len(patches) > 5
        assert max(p.nbytes for p in patches) <= correlation.STRIP_BYTES
