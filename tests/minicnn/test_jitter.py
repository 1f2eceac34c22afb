"""Crops, mirror images and shifts of colour, each against what a reader would work out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.images import Preprocessing
from minicnn.jitter import Jitter, colour_axes, random_crops, random_mirrors, random_zeroes, shift_colours


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, shape, dtype=np.uint8)


class Drawn:
    """A generator that draws what it is told."""

    def __init__(self, **draws: object) -> None:
        for name, values in draws.items():
            setattr(self, name, lambda *_, values=values: np.array(values))


IMAGE = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)


@pytest.mark.parametrize(
    ("down", "across", "expected"),
    [
        (1, 1, IMAGE),
        (0, 1, [[4, 5, 6], [1, 2, 3], [4, 5, 6]]),
        (2, 1, [[4, 5, 6], [7, 8, 9], [4, 5, 6]]),
        (1, 0, [[2, 1, 2], [5, 4, 5], [8, 7, 8]]),
        (2, 2, [[5, 6, 5], [8, 9, 8], [5, 6, 5]]),
    ],
)
def test_crops_by_hand(down, across, expected):
    """Out of a frame of one pixel; (1, 1) is the middle.  Beyond the border the image goes on as its mirror image."""
    images = np.stack([IMAGE, IMAGE + 10])
    crops = random_crops(images, 1, Drawn(integers=[[down, 1], [across, 1]]))
    assert np.array_equal(crops[0], expected)
    assert np.array_equal(crops[1], IMAGE + 10)  # each image has a draw of its own


def test_a_zeroed_square_by_hand():
    """Of 2×2 pixels, in the first image at the upper left, in the second at the lower right: the mean is 10."""
    images = np.stack([IMAGE, IMAGE + 10])
    zeroed = random_zeroes(images, 2, Drawn(integers=[[0, 1], [0, 1]]))
    assert zeroed.tolist() == [[[10, 10, 3], [10, 10, 6], [7, 8, 9]], [[11, 12, 13], [14, 10, 10], [17, 10, 10]]]
    assert images[0].tolist() == IMAGE.tolist()


def test_zeroed_squares_are_of_the_mean_colour_whole_and_anywhere(rng):
    images = noise(rng, 4000, 5, 6, 3)
    images[:] = np.where(images == (126, 127, 128), 0, images)
    zeroed = random_zeroes(images, 3, rng)
    changed = (zeroed != images).any(axis=-1)
    assert zeroed.dtype == np.uint8
    assert np.abs(zeroed[changed].astype(int) - 127).max() <= 2
    where = changed.reshape(4000, -1)
    corners, counts = np.unique(where.argmax(axis=1)[where.sum(axis=1) == 9], return_counts=True)
    assert corners.tolist() == [0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15]  # each place that holds a square of 3×3 in 5×6
    assert counts.max() < 1.5 * counts.min()


def test_what_is_zeroed_is_zero_for_the_network(rng):
    images = noise(rng, 50, 8, 8, 3)
    pre = Preprocessing((8, 8), mean=tuple(images.mean(axis=(0, 1, 2))))
    x = pre.to_input(*Jitter(zero=4)(images, np.zeros((3, 3)), rng))
    assert ((np.abs(x) <= 0.5).all(axis=1).sum(axis=(1, 2)) >= 16).all()  # half a grey level: bytes are rounded


def test_a_square_as_large_as_the_image_is_refused(rng):
    with pytest.raises(ValueError, match="expected a zeroed square smaller than the image, got 8 for 8×9 pixels"):
        Jitter(zero=8)(noise(rng, 2, 8, 9), np.zeros((3, 3)), rng)
    with pytest.raises(ValueError, match="zero must be 0 or more, got -1"):
        Jitter(zero=-1)


def test_crops_of_coloured_images_move_the_three_channels_together(rng):
    images = noise(rng, 5, 8, 9, 3)
    seed = 3
    together = random_crops(images, 2, np.random.default_rng(seed))
    for c in range(3):
        alone = random_crops(images[..., c], 2, np.random.default_rng(seed))
        assert np.array_equal(together[..., c], alone)
    assert together.shape == images.shape


def test_every_crop_is_drawn_equally_often(rng):
    place = np.arange(49, dtype=np.uint8).reshape(1, 7, 7)
    centres = random_crops(np.repeat(place, 9000, axis=0), 1, rng)[:, 3, 3]
    values, counts = np.unique(centres, return_counts=True)
    assert sorted(values) == [16, 17, 18, 23, 24, 25, 30, 31, 32]
    assert np.all(np.abs(counts - 1000) < 5 * np.sqrt(1000 * 8 / 9))


def test_mirrors_by_hand():
    images = np.stack([IMAGE, IMAGE])
    mirrored = random_mirrors(images, Drawn(random=[0.49, 0.5]))
    assert np.array_equal(mirrored, [[[3, 2, 1], [6, 5, 4], [9, 8, 7]], IMAGE])
    assert np.array_equal(images, [IMAGE, IMAGE])


def test_half_of_the_images_are_mirrored(rng):
    images = np.tile(np.array([[[[0, 0, 0], [1, 2, 3]]]], np.uint8), (4000, 1, 1, 1))
    mirrored = random_mirrors(images, rng)
    turned = np.all(mirrored == images[:, :, ::-1], axis=(1, 2, 3))
    assert np.all(turned | np.all(mirrored == images, axis=(1, 2, 3)))
    assert abs(turned.sum() - 2000) < 5 * np.sqrt(1000)


# ---------------------------------------------------------------------- colours


def test_the_axes_are_the_covariances_eigenvectors_times_its_eigenvalues(rng):
    """By the definition C p = λ p with the covariance written out, and against a singular value decomposition."""
    colours = rng.standard_normal((400, 3)) @ rng.standard_normal((3, 3)) * 20 + 128
    images = np.clip(colours, 0, 255).astype(np.uint8).reshape(4, 10, 10, 3)
    axes = colour_axes(images)

    x = images.reshape(-1, 3) / 255
    x = x - x.mean(axis=0)
    C = sum(np.outer(row, row) for row in x) / (len(x) - 1)
    sizes = np.linalg.norm(axes, axis=1)  # λ, for |p| = 1
    for axis, size in zip(axes, sizes, strict=True):
        assert np.allclose(C @ axis, size * axis)
    assert sizes[0] > sizes[1] > sizes[2]
    assert np.allclose(sizes, np.linalg.svd(x / np.sqrt(len(x) - 1), compute_uv=False) ** 2)


def test_of_many_pixels_some_are_enough(rng):
    images = noise(rng, 60, 200, 200, 3)
    images[..., 1] = images[..., 0] // 2
    x = images.reshape(-1, 3) / 255
    every = np.linalg.eigvalsh(np.cov(x, rowvar=False))[::-1]
    assert np.allclose(np.linalg.norm(colour_axes(images), axis=1), every, rtol=0.02)


def test_colour_shifts_by_hand():
    """Along (1, 1, 1)/√3 with λ = 0.12, α = 0.5: each channel by 255 · 0.5 · 0.12/√3 = 8.83; elsewhere λ = 0."""
    axes = np.array([[0.12 / 3**0.5] * 3, [0] * 3, [0] * 3])
    images = np.array([[[[0, 100, 250]]], [[[5, 100, 250]]]], np.uint8)
    shifted = shift_colours(images, axes, 0.1, Drawn(normal=[[0.5, 9, 9], [-0.5, 9, 9]]))
    assert np.array_equal(shifted, [[[[9, 109, 255]]], [[[0, 91, 241]]]])
    assert shifted.dtype == np.uint8


def test_all_pixels_of_an_image_shift_alike_and_images_differ(rng):
    images = np.full((50, 4, 4, 3), 128, np.uint8)
    shifted = shift_colours(images, np.eye(3) * 0.1, 0.5, rng)
    assert np.all(shifted == shifted[:, :1, :1])
    assert len(np.unique(shifted[:, 0, 0], axis=0)) > 40


def test_shifts_vary_along_each_axis_as_its_eigenvalue_says(rng):
    axes = np.array([[0.2, 0.2, 0], [0.05, -0.05, 0], [0, 0, 0.01]])
    shifted = shift_colours(np.full((20_000, 1, 1, 3), 128, np.uint8), axes, 0.5, rng)[:, 0, 0].astype(float) - 128
    covariance = sum(np.outer(axis, axis) for axis in axes) * (255 * 0.5) ** 2
    assert np.allclose(np.cov(shifted, rowvar=False), covariance + np.eye(3) / 12, atol=0.03 * covariance.max())


# ---------------------------------------------------------------------- all of it


@pytest.mark.parametrize("shape", [(6, 12, 10), (6, 12, 10, 3)])
def test_the_same_seed_gives_the_same_jitter_and_nothing_is_written_into(shape, rng):
    jitter, images = Jitter(crop=2, mirror=True, colour=0.1), noise(rng, *shape)
    images.flags.writeable = False
    axes = np.eye(3)
    once, again, other = (jitter(images, axes, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert once.shape == shape
    assert once.dtype == np.uint8
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_without_jitter_images_stay_as_they_are_and_nothing_is_drawn(rng):
    images, before = noise(rng, 3, 5, 5), rng.bit_generator.state
    assert Jitter()(images, np.eye(3), rng) is images
    assert rng.bit_generator.state == before


def test_grey_images_have_no_colours_to_shift(rng):
    images = noise(rng, 3, 5, 5)
    assert not colour_axes(images).any()
    assert np.array_equal(Jitter(colour=0.1)(images, np.eye(3), rng), images)


@pytest.mark.parametrize("wrong", [{"crop": -1}, {"colour": -0.1}, {"colour": float("nan")}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be (0 or more|a number)"):
        Jitter(**wrong)


def test_a_frame_wider_than_the_image_is_refused(rng):
    with pytest.raises(ValueError, match="narrower than the image"):
        random_crops(noise(rng, 1, 5, 9), 5, rng)
