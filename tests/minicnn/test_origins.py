"""Preprocessings named after an origin do what that origin does: its arithmetic, written down once more.

Nothing here asks minicnn what is right.  The photographs are ramps, of which any pixel says where it lies.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from minicnn.architectures import PREPROCESSINGS
from minicnn.images import Preprocessing
from minicnn.loss import softmax
from minicnn.photographs import photograph
from minicnn.preparation import Preparation

USUAL = [(300, 451), (451, 300), (375, 500), (500, 375), (333, 500), (500, 334), (256, 256), (480, 640), (281, 500)]


def ramp(H: int, W: int) -> np.ndarray:
    """Red grows to the right, green downwards, blue is 7."""
    photo = np.full((H, W, 3), 7, np.uint8)
    photo[:, :, 0] = np.rint(np.linspace(0, 255, W))
    photo[:, :, 1] = np.rint(np.linspace(0, 255, H))[:, None]
    return photo


def cut_out(photo: np.ndarray, height: int, width: int, y: int, x: int, side: int) -> np.ndarray:
    """All of the photograph resized to (height, width), and then a square of it."""
    whole = Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(whole)[y : y + side, x : x + side].astype(int)


# ---------------------------------------------------------------------- torchvision


def torchvisions_size(h: int, w: int, size: int) -> tuple[int, int]:
    """transforms.Resize(size): `_compute_resized_output_size`."""
    short, long = (w, h) if w <= h else (h, w)
    new_short, new_long = size, int(size * long / short)
    new_w, new_h = (new_short, new_long) if w <= h else (new_long, new_short)
    return new_h, new_w


def torchvisions_offset(outer: int, crop: int) -> int:
    """transforms.CenterCrop: `center_crop`."""
    return int(round((outer - crop) / 2.0))  # noqa: RUF046  # as it is written there


@pytest.mark.parametrize("shape", USUAL)
def test_torchvision_rounds_the_long_side_down_and_the_offset_to_the_nearest(shape):
    photo = ramp(*shape)
    height, width = torchvisions_size(*shape, 256)
    y, x = torchvisions_offset(height, 224), torchvisions_offset(width, 224)
    crop = PREPROCESSINGS["torchvision"].centre_crop(photo)
    assert np.abs(crop.pixels - cut_out(photo, height, width, y, x, 224)).max() <= 1
    assert crop.box[:2] == pytest.approx((x * shape[1] / width, y * shape[0] / height))


def test_the_two_roundings_differ_where_they_should():
    """451×300, the size of `chelsea`: 384 columns for torchvision, 385 for who rounds to the nearest."""
    photo = ramp(300, 451)
    nearest = Preprocessing((224, 224), mean=(0, 0, 0), resize=256).centre_crop(photo).box
    assert nearest[0] == pytest.approx(80 * 451 / 385)
    assert PREPROCESSINGS["torchvision"].centre_crop(photo).box[0] == pytest.approx(80 * 451 / 384)
    assert PREPROCESSINGS["torchvision"].centre_crop(ramp(256, 267)).box[0] == 22  # 21.5, to the even number
    assert Preprocessing((224, 224), mean=(0, 0, 0), resize=256).centre_crop(ramp(256, 267)).box[0] == 21


@pytest.mark.parametrize("shape", USUAL)
def test_torchvisions_five_crops_are_corners_and_centre_of_the_whole(shape):
    """transforms.FiveCrop: (0, 0), (w − c, 0), (0, h − c), (w − c, h − c), then `center_crop`."""
    photo = ramp(*shape)
    h, w = torchvisions_size(*shape, 256)
    middle = torchvisions_offset(h, 224), torchvisions_offset(w, 224)
    places = [(0, 0), (0, w - 224), (h - 224, 0), (h - 224, w - 224), middle]
    for crop, (y, x) in zip(PREPROCESSINGS["torchvision"].ten_crops(photo), places, strict=False):
        assert np.abs(crop.pixels - cut_out(photo, h, w, y, x, 224)).max() <= 1


# ---------------------------------------------------------------------- Caffe


def caffes_windows(side: int, crop: int) -> list[tuple[int, int]]:
    """(y, x) of `caffe.io.oversample`'s five windows in a square image, the centre last."""
    indices = (0, side - crop)
    centre = np.tile(np.array([side, side]) / 2.0, (1, 2)) + np.concatenate([[-crop / 2.0] * 2, [crop / 2.0] * 2])
    return [(i, j) for i in indices for j in indices] + [tuple(int(n) for n in centre[0, :2])]


@pytest.mark.parametrize("shape", USUAL)
def test_caffe_warps_to_256_by_256_whatever_the_aspect(shape):
    """`convert -resize 256x256\\!` of its ImageNet example; Classifier's image_dims; `oversample` and its centre."""
    photo = ramp(*shape)
    caffe = PREPROCESSINGS["caffe"]
    for crops in (caffe.ten_crops(photo), caffe.ten_crops_of_square(photo)):
        for crop, (y, x) in zip(crops, caffes_windows(256, 227), strict=False):
            assert np.abs(crop.pixels - cut_out(photo, 256, 256, y, x, 227)).max() <= 1
    y, x = caffes_windows(256, 227)[-1]
    assert np.abs(caffe.centre_crop(photo).pixels - cut_out(photo, 256, 256, y, x, 227)).max() <= 1


def test_caffes_mean_is_taken_off_in_blue_green_red():
    """The means of ilsvrc_2012_mean.npy."""
    x = PREPROCESSINGS["caffe"].to_input(np.full((227, 227, 3), (200, 100, 50), np.uint8))
    assert x[0, :, 0, 0] == pytest.approx([50 - 104.00699, 100 - 116.66877, 200 - 122.67892], abs=1e-3)


def test_the_same_with_the_aspect_kept_is_named_as_what_it_is(squeezenet):
    kept, caffe = PREPROCESSINGS["caffe-aspect-kept"], PREPROCESSINGS["caffe"]
    assert (kept.mean, kept.order, kept.size) == (caffe.mean, caffe.order, caffe.size)
    photo = ramp(300, 451)
    assert np.abs(kept.centre_crop(photo).pixels - cut_out(photo, 256, 385, 14, 79, 227)).max() <= 1
    own = squeezenet.preprocessing
    assert (own.size, own.resize, own.rounding, own.order) == (kept.size, kept.resize, kept.rounding, kept.order)
    assert own.mean == pytest.approx(kept.mean, abs=1.1e-3)  # the package rounds


def test_warped_as_caffe_warps_the_cat_is_a_tiger_cat(squeezenet):
    """What `pretrained.squeezenet` says of its own choice."""
    photo = photograph("chelsea")
    for preprocessing, name, share in (
        (squeezenet.preprocessing, "Egyptian cat", 0.44),
        (PREPROCESSINGS["caffe"], "tiger cat", 0.54),
    ):
        P = softmax(squeezenet.scores(preprocessing.to_input(preprocessing.centre_crop(photo))))[0]
        assert squeezenet.classes[P.argmax()] == name
        assert P.max() == pytest.approx(share, abs=5e-3)


# ---------------------------------------------------------------------- Oxford, MatConvNet


def test_oxfords_mean_is_its_own():
    """`--average-value="(123.68, 116.779, 103.939)"` of MatConvNet's import of VGG-16 and VGG-19."""
    x = PREPROCESSINGS["oxford"].to_input(np.full((224, 224, 3), (200, 100, 50), np.uint8))
    assert x[0, :, 0, 0] == pytest.approx([200 - 123.68, 100 - 116.779, 50 - 103.939], abs=1e-4)


def matconvnets_crop(shape, image_size, border, keep_aspect) -> tuple[int, int, int, int]:
    """(height, width, dy, dx) of `cnn_imagenet_get_batch`, with MATLAB's imresize: ceil(scale · size); from 0."""
    (h, w), target = shape, [image_size[0] + border[0], image_size[1] + border[1]]
    factor = [target[0] / h, target[1] / w]
    if keep_aspect:
        factor = [max(factor)] * 2
    height, width = (math.ceil(round(f * n, 9)) for f, n in zip(factor, shape, strict=True))  # but for rounding errors
    return height, width, math.floor((height - image_size[0]) * 0.5), math.floor((width - image_size[1]) * 0.5)


@pytest.mark.parametrize("keep_aspect", [True, False])
@pytest.mark.parametrize("shape", USUAL)
def test_matconvnets_crop_is_that_of_its_example(shape, keep_aspect):
    from minicnn.formats.matconvnet import preprocessing

    described = {"averageImage": np.zeros(3), "border": np.array([32.0, 32.0]), "keepAspect": keep_aspect}
    photo = ramp(*shape)
    height, width, y, x = matconvnets_crop(shape, (224, 224), (32, 32), keep_aspect)
    crop = preprocessing(described, (3, 224, 224)).centre_crop(photo)
    assert np.abs(crop.pixels - cut_out(photo, height, width, y, x, 224)).max() <= 1
    (H, W), (x0, y0, x1, y1) = shape, crop.box
    assert (x0, x1) == pytest.approx((x * W / width, (x + 224) * W / width))
    assert (y0, y1) == pytest.approx((y * H / height, (y + 224) * H / height))
    if keep_aspect:
        oxford = PREPROCESSINGS["oxford"].centre_crop(photo)
        assert np.array_equal(oxford.pixels, crop.pixels)


# ---------------------------------------------------------------------- a preset in another order of channels, or size


def test_in_another_order_each_channel_keeps_its_own_mean_and_scale():
    for name in ("oxford", "caffe", "torchvision"):
        preset = PREPROCESSINGS[name]
        other = Preparation(name, order="RGB" if preset.order == "BGR" else "BGR").fitted(None, None)
        photo = np.full((*preset.size, 3), (200, 100, 50), np.uint8)
        assert np.array_equal(other.to_input(photo), preset.to_input(photo)[:, ::-1])


def test_a_warp_stays_a_warp_for_another_size():
    warped = Preparation("caffe").fitted((3, 20, 40), None)
    assert warped.resize == (round(20 * 256 / 227), round(40 * 256 / 227))
    assert Preparation("torchvision").fitted((3, 299, 299), None).rounding == "torchvision"
