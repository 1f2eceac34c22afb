"""Crops know where they came from: boxes in the photograph's pixels, and maps put back there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from minicnn.images import Crop, Preprocessing
from minicnn.resizing import ROUNDINGS

SQUEEZENET = Preprocessing((227, 227), mean=(0, 0, 0), resize=256)
CROPS = [Preprocessing.ten_crops, Preprocessing.ten_crops_of_square]


def ramp(H: int, W: int) -> np.ndarray:
    """A photograph that says where it is: red grows to the right, green downwards, blue is 7."""
    photo = np.full((H, W, 3), 7, np.uint8)
    photo[:, :, 0] = np.rint(np.linspace(0, 255, W))
    photo[:, :, 1] = np.rint(np.linspace(0, 255, H))[:, None]
    return photo


def test_the_boxes_of_ten_crops_by_hand():
    """400×600 is resized to 256×384: a new pixel is 1.5625 old ones, 227 of them are 354.6875."""
    crops = SQUEEZENET.ten_crops(ramp(400, 600))
    five = [
        (0, 0, 354.6875, 354.6875),
        (245.3125, 0, 600, 354.6875),
        (0, 45.3125, 354.6875, 400),
        (245.3125, 45.3125, 600, 400),
        (121.875, 21.875, 476.5625, 376.5625),  # from (78, 14) in the resized photograph
    ]
    assert [crop.box for crop in crops] == five + five
    assert [crop.mirrored for crop in crops] == [False] * 5 + [True] * 5
    assert all(crop.pixels.shape == (227, 227, 3) and crop.pixels.dtype == np.uint8 for crop in crops)


def test_the_boxes_of_ten_crops_of_the_central_square_by_hand():
    """400×600 is resized to 256×384, of which the square of 256 begins at column 64."""
    crops = SQUEEZENET.ten_crops_of_square(ramp(400, 600))
    left, right = 64 * 1.5625, (64 + 29) * 1.5625
    five = [
        (left, 0, left + 354.6875, 354.6875),
        (right, 0, right + 354.6875, 354.6875),
        (left, 45.3125, left + 354.6875, 400),
        (right, 45.3125, right + 354.6875, 400),
        (121.875, 21.875, 476.5625, 376.5625),  # the centre is the same
    ]
    assert [crop.box for crop in crops] == five + five
    assert [crop.mirrored for crop in crops] == [False] * 5 + [True] * 5


@pytest.mark.parametrize("shape", [(256, 256), (400, 400), (30, 30)])
def test_of_a_square_photograph_the_two_ways_are_one(shape):
    whole, square = SQUEEZENET.ten_crops(ramp(*shape)), SQUEEZENET.ten_crops_of_square(ramp(*shape))
    assert [crop.box for crop in whole] == [crop.box for crop in square]


@pytest.mark.parametrize("crops_of", CROPS)
def test_of_a_picture_as_large_as_the_crop_ten_crops_are_two(rng, crops_of):
    photo = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    crops = crops_of(Preprocessing((64, 64), mean=(0, 0, 0)), photo)
    assert len(crops) == 10
    for crop in crops:
        assert np.array_equal(crop.pixels, photo[:, ::-1] if crop.mirrored else photo)
        assert crop.box == (0, 0, 64, 64)


@pytest.mark.parametrize("crops_of", CROPS)
def test_the_mirror_images_are_mirror_images(crops_of):
    crops = crops_of(SQUEEZENET, ramp(400, 600))
    for crop, mirrored in zip(crops[:5], crops[5:], strict=True):
        assert np.array_equal(mirrored.pixels, crop.pixels[:, ::-1])
        assert np.array_equal(mirrored.mirror().pixels, crop.pixels)
        assert not mirrored.mirror().mirrored


def test_the_centre_crop_is_in_the_middle():
    crop = SQUEEZENET.centre_crop(ramp(400, 600))
    assert crop.box == (121.875, 21.875, 476.5625, 376.5625)
    assert not crop.mirrored


def test_a_photograph_of_the_network_s_size_is_left_alone(rng):
    photo = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    crop = Preprocessing((32, 32), mean=(0, 0, 0)).centre_crop(photo)
    assert np.array_equal(crop.pixels, photo)
    assert crop.box == (0, 0, 32, 32)


@pytest.mark.parametrize("shape", [(400, 600), (700, 300), (256, 256), (60, 81)])
def test_a_crop_is_the_resized_photograph_cut_out(rng, shape):
    """Each crop is computed alone, and is what resizing all of the photograph would have given."""
    photo = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    height, width = (max(256, round(n * 256 / min(shape))) for n in shape)
    whole = np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR)).astype(int)
    x, y = width - 227, height - 227
    corners = [(0, 0), (x, 0), (0, y), (x, y), (x // 2, y // 2)]
    left, top = (width - 256) // 2, (height - 256) // 2
    of_square = [(left + x, top + y) for x, y in [(0, 0), (29, 0), (0, 29), (29, 29), (14, 14)]]
    for crops, places in ((SQUEEZENET.ten_crops, corners), (SQUEEZENET.ten_crops_of_square, of_square)):
        for crop, (x, y) in zip(crops(photo), places, strict=False):
            assert np.abs(crop.pixels - whole[y : y + 227, x : x + 227]).max() <= 1


@pytest.mark.parametrize("crops_of", CROPS)
@pytest.mark.parametrize("shape", [(400, 600), (500, 300), (227, 227), (470, 520), (100, 90)])
def test_a_crop_shows_the_part_of_the_photograph_that_its_box_says(shape, crops_of):
    photo = ramp(*shape)
    for crop in crops_of(SQUEEZENET, photo):
        x0, y0, x1, y1 = crop.box
        columns = x0 + (np.arange(227) + 0.5) * (x1 - x0) / 227  # where the centres of its pixels lie
        rows = y0 + (np.arange(227) + 0.5) * (y1 - y0) / 227
        red = np.interp(columns - 0.5, np.arange(shape[1]), photo[0, :, 0])
        green = np.interp(rows - 0.5, np.arange(shape[0]), photo[:, 0, 1])
        shown = crop.mirror().pixels if crop.mirrored else crop.pixels
        assert np.abs(shown[100, :, 0] - red).max() <= 2
        assert np.abs(shown[:, 100, 1] - green).max() <= 2


# ---------------------------------------------------------------------- and back


@pytest.mark.parametrize("crops_of", CROPS)
@pytest.mark.parametrize("shape", [(400, 600), (500, 300), (227, 227), (470, 520), (100, 90)])
def test_a_crop_of_a_ramp_put_back_gives_the_ramp(shape, crops_of):
    photo = ramp(*shape)
    for crop in crops_of(SQUEEZENET, photo):
        for channel in (0, 1):
            laid = crop.put_back(crop.pixels[:, :, channel].astype(float), shape)
            covered = ~np.isnan(laid)
            assert laid.shape == shape
            assert np.abs(laid - photo[:, :, channel])[covered].max() <= 2 + 1e-9  # rounded to bytes twice, and floats


def test_a_known_ramp_is_interpolated_exactly_between_its_pixels():
    """What is linear in the photograph's coordinates stays so; at the crop's rim the outermost values continue."""
    crop = Crop(np.zeros((8, 10, 3), np.uint8), box=(4, 3, 24, 19))  # a crop pixel is 2×2 photograph pixels
    x, y = 4 + 2 * (np.arange(10) + 0.5), 3 + 2 * (np.arange(8) + 0.5)
    laid = crop.put_back(5 * x + 100 * y[:, None], (30, 40))
    columns, rows = np.arange(40) + 0.5, np.arange(30) + 0.5
    expected = 5 * columns.clip(5, 23) + 100 * rows.clip(4, 18)[:, None]
    inside = np.ix_(range(3, 19), range(4, 24))
    assert np.allclose(laid[inside], expected[inside], rtol=1e-12)


def test_what_the_crop_does_not_cover_is_nan_not_zero():
    crop = Crop(np.zeros((8, 10, 3), np.uint8), box=(4, 3, 24, 19))
    laid = crop.put_back(np.ones((8, 10)), (30, 40))
    assert np.array_equal(~np.isnan(laid), np.pad(np.ones((16, 20), bool), ((3, 11), (4, 16))))


def test_the_mirror_is_undone():
    crop = Crop(np.zeros((1, 3, 3), np.uint8), box=(0, 0, 3, 1))
    assert np.allclose(crop.put_back(np.array([[1.0, 2.0, 3.0]]), (1, 3)), [[1, 2, 3]])
    assert np.allclose(crop.mirror().put_back(np.array([[1.0, 2.0, 3.0]]), (1, 3)), [[3, 2, 1]])


def test_putting_back_writes_into_nothing():
    values = np.ones((8, 10))
    values.flags.writeable = False
    Crop(np.zeros((8, 10, 3), np.uint8), box=(4, 3, 24, 19)).put_back(values, (30, 40))


# ---------------------------------------------------------------------- odd photographs


def test_a_photograph_of_one_pixel_fills_the_crop():
    for crop in SQUEEZENET.ten_crops(np.full((1, 1, 3), (9, 8, 7), np.uint8)):
        assert np.array_equal(crop.pixels, np.full((227, 227, 3), (9, 8, 7)))
        x0, y0, x1, y1 = crop.box
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1


@pytest.mark.parametrize("shape", [(1, 100_000), (100_000, 1), (2, 9_999)])
def test_very_elongated_photographs_do_not_take_the_memory_of_their_resized_selves(shape, monkeypatch):
    """A line of 1×100,000 pixels would become 256×25,600,000: some 20 gigabytes."""
    right = Image.Image.resize

    def modest(image, size, *arguments, **options):
        assert size[0] * size[1] <= 4 * 227 * 227
        return right(image, size, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", modest)
    crops = SQUEEZENET.ten_crops(ramp(*shape))
    assert len(crops) == 10
    for crop in crops:
        x0, y0, x1, y1 = crop.box
        assert (x1 - x0) == pytest.approx(min(shape) * 227 / 256, rel=1e-3)
        assert (y1 - y0) == pytest.approx(min(shape) * 227 / 256, rel=1e-3)
    long = int(np.argmax(shape[::-1]))
    middle = [(crop.box[long] + crop.box[long + 2]) / 2 for crop in crops]
    assert middle[4] == pytest.approx(max(shape) / 2, abs=2)
    assert crops[3].box[2:] == shape[::-1]  # the bottom right corner


@given(
    H=st.integers(1, 300),
    W=st.integers(1, 300),
    resize=st.sampled_from([None, 40, 55, (30, 41), (60, 40)]),
    rounding=st.sampled_from(list(ROUNDINGS)),
)
@example(H=3, W=22, resize=40, rounding="nearest")  # 293 new pixels of 22/293 old ones are 22.000000000000004
def test_boxes_lie_inside_the_photograph_whatever_its_size(H, W, resize, rounding):
    pre = Preprocessing((30, 40), mean=(0, 0, 0), resize=resize, rounding=rounding)
    photo = np.zeros((H, W, 3), np.uint8)
    for crop in [pre.centre_crop(photo), *pre.ten_crops(photo), *pre.ten_crops_of_square(photo)]:
        x0, y0, x1, y1 = crop.box
        assert crop.pixels.shape == (30, 40, 3)
        assert 0 <= x0 < x1 <= W
        assert 0 <= y0 < y1 <= H


def test_a_grey_network_sees_grey_crops_of_any_photograph(rng):
    pre = Preprocessing((8, 8), mean=(0,), order="L")
    assert pre.centre_crop(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).pixels.shape == (8, 8)
    grey = rng.integers(0, 256, (8, 8), dtype=np.uint8)
    assert np.array_equal(pre.centre_crop(grey).pixels, grey)


def test_a_colour_network_sees_a_grey_photograph_in_rgb(rng):
    grey = rng.integers(0, 256, (8, 8), dtype=np.uint8)
    assert np.array_equal(Preprocessing((8, 8), mean=(0, 0, 0)).centre_crop(grey).pixels, np.stack([grey] * 3, -1))


@pytest.mark.parametrize(
    ("photo", "what"),
    [
        (np.zeros((8, 8, 3)), r"float64 \(8, 8, 3\)"),
        (np.zeros((8, 0, 3), np.uint8), r"uint8 \(8, 0, 3\)"),
        (np.zeros(8, np.uint8), r"uint8 \(8,\)"),
        (np.zeros((8, 8, 4), np.uint8), r"uint8 \(8, 8, 4\)"),
        (np.zeros((3, 8, 8), np.uint8), r"uint8 \(3, 8, 8\)"),
        (np.zeros((1, 8, 8, 3), np.uint8), r"uint8 \(1, 8, 8, 3\)"),
    ],
)
def test_what_is_no_photograph_is_refused_with_its_shape(photo, what):
    with pytest.raises(ValueError, match=rf"^expected a photograph \(H, W, 3\) of bytes, got {what}$"):
        SQUEEZENET.centre_crop(photo)


# ---------------------------------------------------------------------- on photographs smaller than the crop


def test_seven_values_by_seven_to_a_pixel_are_their_mean_as_pillow_has_it(rng):
    values = rng.random((224, 224)).astype(np.float32)
    laid = Crop(np.zeros((224, 224, 3), np.uint8), box=(0, 0, 32, 32)).put_back(values, (32, 32))
    assert np.allclose(laid, np.asarray(Image.fromarray(values).resize((32, 32), Image.Resampling.BOX)), atol=1e-6)


@pytest.mark.parametrize("place", [(108, 100), (101, 99), (10, 200), (0, 0), (223, 223)])
def test_no_value_is_lost_on_a_small_photograph(place):
    """A map that is 1 at one of 49 values, and 0 at the others, is 1/49 there."""
    values = np.zeros((224, 224), np.float32)
    values[place] = 1
    laid = Crop(np.zeros((224, 224, 3), np.uint8), box=(0, 0, 32, 32)).put_back(values, (32, 32))
    expected = np.zeros((32, 32))
    expected[place[0] // 7, place[1] // 7] = 1 / 49
    assert np.allclose(laid, expected, atol=1e-7)


@given(
    begin=st.floats(0, 5),
    length=st.floats(0.6, 12),
    n=st.integers(13, 40),
    mirrored=st.booleans(),
)
@example(begin=0.0, length=12.0, n=13, mirrored=False)
@example(begin=2.5, length=0.6, n=40, mirrored=True)
def test_a_pixel_is_the_mean_of_what_it_covers_of_the_crop(begin, length, n, mirrored):
    """Sampled so finely that a mean over the samples is the integral; a row is enough, for both axes are alike."""
    values = np.random.default_rng(0).random((1, n))
    crop = Crop(np.zeros((1, n, 3), np.uint8), (begin, 0, begin + length, 1), mirrored)
    laid = crop.put_back(values, (1, 20))[0]
    fine = np.arange(0, 20, 1e-3) + 5e-4
    which = np.floor((fine - begin) / length * n).astype(int)
    inside = (which >= 0) & (which < n)
    shown = values[0, ::-1] if mirrored else values[0]
    for pixel in range(20):
        here = inside & (fine >= pixel) & (fine < pixel + 1)
        if here.sum() > 100:
            assert laid[pixel] == pytest.approx(shown[which[here]].mean(), abs=0.02)
        if pixel + 1 <= begin - 1e-3 or pixel >= begin + length + 1e-3:
            assert np.isnan(laid[pixel])


def test_one_side_may_be_finer_and_the_other_coarser():
    values = np.arange(8.0).reshape(2, 4)  # two rows over four pixels, four columns over two
    laid = Crop(np.zeros((2, 4, 3), np.uint8), box=(0, 0, 2, 4)).put_back(values, (4, 2))
    assert np.allclose(laid, [[0.5, 2.5], [1.5, 3.5], [3.5, 5.5], [4.5, 6.5]])
