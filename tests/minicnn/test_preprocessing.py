"""X_0 = (pixels − mean) · scale, and back: each number to its place, in the network's order of channels."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.images import Crop, Preprocessing

RED = np.array([[[200, 100, 50]]], np.uint8)  # one pixel


def test_rgb_by_hand():
    x = Preprocessing((1, 1), mean=(100, 100, 100)).to_input(RED)
    assert x.shape == (1, 3, 1, 1)
    assert x.dtype == np.float32
    assert np.array_equal(x.ravel(), [100, 0, -50])


def test_bgr_by_hand_the_mean_and_the_scale_are_in_the_network_s_order():
    x = Preprocessing((1, 1), mean=(10, 20, 30), scale=(1, 2, 3), order="BGR").to_input(RED)
    assert np.array_equal(x.ravel(), [(50 - 10) * 1, (100 - 20) * 2, (200 - 30) * 3])


def test_grey_by_hand():
    grey = np.array([[7, 9]], np.uint8)
    x = Preprocessing((1, 2), mean=(5,), scale=0.5, order="L").to_input(grey)
    assert x.shape == (1, 1, 1, 2)
    assert np.array_equal(x.ravel(), [1, 2])


def test_a_full_mean_image_is_subtracted_pixel_by_pixel():
    mean = np.arange(12.0).reshape(3, 2, 2)
    x = Preprocessing((2, 2), mean=mean).to_input(np.full((2, 2, 3), 100, np.uint8))
    assert np.array_equal(x[0], 100 - mean)


def test_several_crops_make_a_batch(rng):
    pre = Preprocessing((4, 5), mean=(1, 2, 3))
    pixels = rng.integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    crop = Crop(pixels[0], (0, 0, 5, 4))
    batch = pre.to_input(crop, pixels[1])
    assert batch.shape == (2, 3, 4, 5)
    assert np.array_equal(batch, np.concatenate([pre.to_input(pixels[0]), pre.to_input(pixels[1])]))
    assert batch.flags.c_contiguous


CASES = {
    "RGB": {"mean": (123.68, 116.779, 103.939)},
    "BGR": {"mean": (104.006, 116.669, 122.679), "order": "BGR"},
    "one scale": {"mean": (127.5,) * 3, "scale": 1 / 127.5},
    "a scale for each channel": {"mean": (124, 116, 104), "scale": (1 / 58.4, 1 / 57.1, 1 / 57.4), "order": "BGR"},
    "a full mean image": {"mean": np.random.default_rng(1).uniform(90, 130, (3, 6, 7)), "order": "BGR"},
    "grey": {"mean": (33.3,), "scale": 1 / 78.6, "order": "L"},
    "grey with a full mean image": {"mean": np.random.default_rng(1).uniform(0, 90, (1, 6, 7)), "order": "L"},
}


@pytest.mark.parametrize("name", CASES)
def test_back_to_pixels_is_the_exact_inverse(name, rng):
    pre = Preprocessing((6, 7), **CASES[name])
    shape = (2, 6, 7) if pre.order == "L" else (2, 6, 7, 3)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    back = pre.to_pixels(pre.to_input(*pixels))
    assert back.shape == pixels.shape
    assert np.abs(back - pixels).max() < 1e-4  # the rounding of float32, not of bytes


@pytest.mark.parametrize("name", CASES)
def test_pixels_are_neither_clipped_nor_rounded(name, rng):
    pre = Preprocessing((6, 7), **CASES[name])
    x = 1000 * rng.standard_normal((2, pre.channels, 6, 7))
    pixels = pre.to_pixels(x)
    assert pixels.min() < 0
    assert pixels.max() > 255
    again = np.moveaxis(pixels if pre.order != "L" else pixels[..., None], -1, 1)
    again = again[:, ::-1] if pre.order == "BGR" else again
    mean, scale = np.asarray(pre.mean, np.float32), np.broadcast_to(np.asarray(pre.scale, np.float32), pre.channels)
    mean = mean if mean.ndim == 3 else mean[:, None, None]
    assert np.allclose((again - mean) * scale[:, None, None], x, rtol=1e-12, atol=1e-9)


def test_the_zero_image_is_the_mean():
    pre = Preprocessing((1, 1), mean=(10, 20, 30), scale=0.1, order="BGR")
    assert np.array_equal(pre.to_pixels(np.zeros((1, 3, 1, 1)))[0, 0, 0], [30, 20, 10])  # back in RGB


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"mean": (1, 2, 3), "order": "GBR"}, "unknown channel order 'GBR': choose RGB, BGR or L"),
        ({"mean": (1, 2)}, r"expected a mean of 3 channels or a full image, got shape \(2,\)"),
        ({"mean": 1.0}, r"expected a mean of 3 channels or a full image, got shape \(\)"),
        ({"mean": np.ones((3, 4, 4))}, r"got shape \(3, 4, 4\)"),
        ({"mean": (1, 2, 3), "order": "L"}, r"expected a mean of 1 channels or a full image, got shape \(3,\)"),
        ({"mean": (1, 2, 3), "scale": (1, 2)}, "expected one scale or 3"),
        ({"mean": (1, 2, 3), "scale": (1, 0, 1)}, "none of them zero"),
        ({"mean": (1, 2, 3), "resize": 7}, r"resizing to 7 leaves no room for crops of \(8, 8\)"),
        ({"mean": (1, 2, 3), "resize": (9, 7)}, r"resizing to \(9, 7\) leaves no room for crops of \(8, 8\)"),
        ({"mean": (1, 2, 3), "rounding": "up"}, "unknown rounding 'up': choose from nearest, torchvision, matlab"),
    ],
)
def test_impossible_settings_are_refused(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Preprocessing((8, 8), **arguments)
