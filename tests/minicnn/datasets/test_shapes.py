"""The generated scenes: their truth is true, and nothing but the outline tells the class."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion

from minicnn.datasets import shapes

COUNT, TRAIN = 4000, 2500
CHANCE = 1 / len(shapes.CLASSES)


@pytest.fixture(scope="module")
def many() -> shapes.Scenes:
    return shapes.scenes(COUNT, seed=5)


@pytest.fixture(scope="module")
def pairs() -> shapes.Duets:
    return shapes.duets(200, seed=5)


def linear_accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    """Test accuracy of the linear classifier with the least squared error on the first TRAIN scenes."""
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    features = np.column_stack([features, np.ones(len(features))])
    solution = np.linalg.lstsq(features[:TRAIN], np.eye(10)[labels[:TRAIN]], rcond=None)[0]
    return float(((features[TRAIN:] @ solution).argmax(axis=1) == labels[TRAIN:]).mean())


def neighbour_accuracy(feature: np.ndarray, labels: np.ndarray, k: int = 25) -> float:
    """Test accuracy of the vote among the k training scenes with the most similar value of one feature."""
    distance = np.abs(feature[TRAIN:, None] - feature[None, :TRAIN])
    nearest = labels[:TRAIN][np.argpartition(distance, k, axis=1)[:, :k]]
    votes = np.eye(10)[nearest].sum(axis=1)
    return float((votes.argmax(axis=1) == labels[TRAIN:]).mean())


def test_a_seed_gives_the_same_scenes_however_many_are_asked_for():
    few, more, other = shapes.scenes(3, seed=1), shapes.scenes(5, seed=1), shapes.scenes(3, seed=2)
    for name in ("images", "labels", "masks", "boxes"):
        np.testing.assert_array_equal(getattr(few, name), getattr(more[:3], name))
    assert not np.array_equal(few.images, other.images)
    assert more[2:4].boxes.shape == (2, 4)


def test_every_box_is_the_tight_box_of_its_mask(many):
    assert many.images.shape == (COUNT, 64, 64, 3)
    for mask, (x0, y0, x1, y1) in zip(many.masks, many.boxes, strict=True):
        inside = np.zeros_like(mask)
        inside[y0:y1, x0:x1] = True
        assert not (mask & ~inside).any()
        for side in (mask[y0], mask[y1 - 1], mask[:, x0], mask[:, x1 - 1]):
            assert side.any()


def test_what_the_mask_covers_has_one_colour_unlike_what_lies_around():
    plain = shapes.scenes(50, seed=8, settings=shapes.SceneSettings(clutter=0))
    square = np.ones((3, 3), bool)
    for image, mask in zip(plain.images / 255, plain.masks, strict=True):
        inner, near = binary_erosion(mask, square), binary_dilation(mask, square)
        around = binary_dilation(near, square, iterations=3) & ~near
        colour = np.median(image[inner], axis=0)
        off = np.abs(image[inner] - colour).max(axis=1) > 0.01
        assert off.mean() < 0.03  # some pixels in the notches of star and cross are half covered
        assert np.linalg.norm(image[around].mean(axis=0) - colour) > 0.2


def test_the_contrast_of_an_object_is_neither_small_nor_large(rng):
    """Without the upper limit the spread of a scene's colours would depend on the area of its object."""
    grey = np.full(3, 0.5)
    distances = [np.linalg.norm(shapes.contrasting(grey, rng) - grey) for _ in range(500)]
    assert 0.45 <= min(distances) < 0.47
    assert 0.63 < max(distances) <= 0.65


def test_the_classes_are_equally_frequent(many):
    expected = COUNT / 10
    chi_squared = ((np.bincount(many.labels, minlength=10) - expected) ** 2 / expected).sum()
    assert chi_squared < 27.9  # 99.9 % of fair draws with 9 degrees of freedom


def test_the_longer_side_is_uniform_between_30_and_70_percent_whatever_the_class(many):
    longer = (many.boxes[:, 2:] - many.boxes[:, :2]).max(axis=1) / 64
    for c in range(10):
        quartiles = np.quantile(longer[many.labels == c], (0.25, 0.5, 0.75))
        np.testing.assert_allclose(quartiles, (0.40, 0.50, 0.60), atol=0.05)  # a pixel, and 3 σ of 400 scenes
    assert longer.min() >= 0.30 - 2 / 64  # a sharp tip at either end may cover less than half of its pixel
    assert longer.max() <= 0.70 + 2 / 64


def test_every_place_where_a_box_fits_is_equally_likely(many):
    room = 64 - (many.boxes[:, 2:] - many.boxes[:, :2])
    share = many.boxes[:, :2] / room  # 0: at the left or the top, 1: at the right or the bottom
    counts = np.array([np.histogram(axis, bins=4, range=(0, 1))[0] for axis in share.T]) / COUNT
    np.testing.assert_allclose(counts, 0.25, atol=0.04)


def test_statistics_of_colour_do_not_tell_the_class(many):
    pixels = many.images.reshape(COUNT, -1, 3) / 255
    features = np.concatenate([pixels.mean(axis=1), pixels.std(axis=1)], axis=1)
    assert abs(linear_accuracy(features, many.labels) - CHANCE) <= 0.03


def test_the_size_of_the_box_does_not_tell_the_class(many):
    longer = (many.boxes[:, 2:] - many.boxes[:, :2]).max(axis=1).astype(float)
    assert abs(linear_accuracy(longer[:, None], many.labels) - CHANCE) <= 0.03
    longer += np.random.default_rng(0).uniform(0, 0.01, COUNT)  # ties are broken by lot
    assert abs(neighbour_accuracy(longer, many.labels) - CHANCE) <= 0.03


def test_the_plain_classifiers_do_find_what_can_be_told(many):
    area = many.masks.sum(axis=(1, 2)) / np.prod(many.boxes[:, 2:] - many.boxes[:, :2], axis=1)
    assert neighbour_accuracy(area, many.labels) > 2 * CHANCE
    assert linear_accuracy(np.eye(10)[many.labels], many.labels) == 1


def test_the_two_objects_of_a_duet_differ_in_class_and_lie_apart(pairs):
    assert (pairs.labels[:, 0] != pairs.labels[:, 1]).all()
    assert not (pairs.masks[:, 0] & pairs.masks[:, 1]).any()
    for masks, boxes in zip(pairs.masks, pairs.boxes, strict=True):
        for mask, box in zip(masks, boxes, strict=True):
            assert shapes.tight_box(mask) == tuple(box)
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = pairs.boxes.transpose(1, 2, 0)
    assert ((ax1 <= bx0) | (bx1 <= ax0) | (ay1 <= by0) | (by1 <= ay0)).all()


@pytest.mark.parametrize("name", shapes.CLASSES)
def test_an_outline_covers_the_area_that_its_formula_says(name):
    polygons = shapes.OUTLINES[name]
    shoelace = [abs((p[:, 0] * np.roll(p[:, 1], -1) - p[:, 1] * np.roll(p[:, 0], -1)).sum()) / 2 for p in polygons]
    size = (polygons[0].max(axis=0) - polygons[0].min(axis=0)).max()
    area = (shoelace[0] - sum(shoelace[1:])) * (40 / size) ** 2
    outline = [(polygon - polygons[0].min(axis=0)) * 40 / size for polygon in polygons]
    covering = shapes.covered(outline, np.array([10.3, 12.7]))
    assert abs(covering.sum() - area) < 0.04 * area


@pytest.mark.parametrize(
    "wrong", [{"longer": (0.7, 0.3)}, {"longer": (0.0, 0.5)}, {"longer": (0.3, 1.5)}, {"clutter": -1}]
)
def test_scenes_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        shapes.SceneSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 3, "seed": -1}])
def test_counts_and_seeds_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="expected 1 or more scenes"):
        shapes.scenes(**wrong)
