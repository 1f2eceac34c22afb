"""What the file says of its images, what a preset says, and what the options say, brought together."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.architectures import PREPROCESSINGS
from minicnn.images import Preprocessing
from minicnn.preparation import Preparation


def test_the_files_size_counts_and_the_preset_gives_the_rest():
    """299×299 with torchvision's numbers: resized in proportion, 256 / 224."""
    p = Preparation("torchvision").fitted((3, 299, 299), None)
    torchvision = PREPROCESSINGS["torchvision"]
    assert (p.size, p.resize, p.order) == ((299, 299), round(299 * 256 / 224), "RGB")
    assert (p.mean, p.scale) == (torchvision.mean, torchvision.scale)
    p = Preparation("caffe").fitted((3, 20, 30), None)
    assert (p.size, p.resize, p.order) == ((20, 30), (23, 34), "BGR")
    assert Preparation("caffe").fitted(None, None).size == (227, 227)


@pytest.mark.parametrize(
    ("preset", "shape", "white"),
    [
        ("mnist", (1, 28, 28), (1 - 0.1307) / 0.3081),
        ("fashion-mnist", (1, 28, 28), (1 - 0.2860) / 0.3530),
        ("plain", (1, 28, 28), 1),
        ("plain", (3, 32, 32), 1),
    ],
)
def test_grey_and_small_presets_are_those_of_every_course(preset, shape, white):
    p = Preparation(preset).fitted(shape, None)
    pixels = np.full((*shape[1:], 3)[: 3 if shape[0] == 3 else 2], 255, np.uint8)
    x = p.to_input(pixels)
    assert x.shape == (1, *shape)
    assert x == pytest.approx(white, abs=2e-3)


def test_numbers_of_ones_own():
    p = Preparation(mean=(104, 117, 123), order="BGR").fitted((3, 8, 8), None)
    assert (p.mean, p.scale, p.order, p.resize) == ((104, 117, 123), (1, 1, 1), "BGR", None)
    p = Preparation(mean=(127.5,), scale=(1 / 127.5,)).fitted((3, 8, 8), None)
    assert (p.mean, p.scale) == ((127.5,) * 3, (1 / 127.5,) * 3)
    p = Preparation(order="L", size=(9, 8)).fitted(None, None)
    assert (p.size, p.mean, p.scale, p.order) == ((9, 8), (0,), (1 / 255,), "L")
    p = Preparation("torchvision", scale=(1.0,)).fitted((3, 8, 8), None)
    assert (p.mean, p.scale) == (PREPROCESSINGS["torchvision"].mean, (1, 1, 1))


def test_the_networks_own_stays_where_nothing_else_is_said():
    mean = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
    own = Preprocessing((4, 5), mean, scale=0.5, order="BGR", resize=7)
    p = Preparation(scale=(2,)).fitted((3, 4, 5), own)
    assert p.mean is mean
    assert (p.scale, p.order, p.resize) == ((2, 2, 2), "BGR", 7)
    assert Preparation(mean=(1,)).fitted((3, 4, 5), own).mean == (1, 1, 1)


@pytest.mark.parametrize(
    ("preparation", "declared", "said"),
    [
        (
            Preparation("torchvision"),
            (1, 28, 28),
            "1 channel, but --preprocessing torchvision prepares 3 .*mnist, fash",
        ),
        (Preparation("mnist"), (3, 32, 32), "3 channels, but --preprocessing mnist prepares 1 .*cifar, plain"),
        (Preparation(order="L"), (3, 32, 32), "3 channels, but the order L has 1 channel"),
        (Preparation("plain", size=(8, 9)), (3, 32, 32), "images of 32×32, but --size says 8×9"),
        (Preparation(mean=(1, 2)), (3, 32, 32), "3 channels, but the mean has 2 numbers; expected 1 or 3"),
        (Preparation(scale=(1, 2, 3)), (1, 32, 32), "1 channel, but the scale has 3 numbers; expected 1$"),
        (Preparation("plain"), (4, 32, 32), "4 channels; photographs have 3, or 1"),
        (Preparation(mean=(1,)), None, "does not say the size of its images: give it one, --size"),
    ],
)
def test_what_cannot_be_brought_together_names_both(preparation, declared, said):
    with pytest.raises(ValueError, match=said):
        preparation.fitted(declared, None)
