"""MaxBoxAcc and its second version, counted as the released scorer counts: by hand, and with OpenCV as it does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from visualize.evaluation import max_box_acc as scorer


def picture(text):
    return np.array([[c == "#" for c in line] for line in text.split()])


# What is above the threshold → the box of the largest component, by hand; right and bottom edges are one pixel too far,
# except at the border.
BY_HAND = {
    "one component": ("....... .###... .###... .......", (1, 1, 4, 3)),
    "at the border": ("....### ....### .......", (4, 0, 6, 2)),
    "touching at a corner": ("##..... ##..... ..##... ..##... ......#", (0, 0, 4, 4)),
    "a ring has the area inside of it": ("###..#### #.#..#### ###..#### .........", (5, 0, 8, 3)),  # 4 against 6
    "a thin ring beats a solid square": ("####.### #..#.### #..#.### ####....", (0, 0, 4, 3)),  # 9 against 4
    "a line has no area": ("######## ........ .##..... .##.....", (1, 2, 3, 3)),
    "a triangle has half a square": ("######## ........ .##..... .#......", (1, 2, 3, 3)),
    "of equal areas the last in reading order": ("##..... ##..... ....### ....### .......", (4, 2, 6, 4)),
    "of no area the last in reading order": ("#...... ....#.. .......", (4, 1, 5, 2)),
    "nothing": ("....... .......", (0, 0, 0, 0)),
    "everything": ("#### #### ####", (0, 0, 3, 2)),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_the_box_of_the_largest_component(case):
    text, box = BY_HAND[case]
    chosen, _ = scorer.contour_boxes(picture(text))
    assert tuple(chosen) == box


def test_every_contour_has_a_box_also_those_around_holes():
    _, every = scorer.contour_boxes(picture("######. #....#. #.##.#. #.##.#. #....#. ######. ......#"))
    # The frame, which the last pixel touches; the hole, with the frame's pixels around it; what lies in the hole.
    assert sorted(map(tuple, every.tolist())) == [(0, 0, 6, 6), (0, 0, 6, 6), (2, 2, 4, 4)]


@pytest.mark.parametrize(
    ("text", "area"),
    [("#", 0), ("##", 0), ("## ##", 1), ("## #.", 0.5), ("### ### ###", 4), ("### #.# ###", 4), (".#. #.# .#.", 2)],
)
def test_the_area_is_that_of_the_polygon_through_the_outer_pixels(text, area):
    assert scorer.contour_area(picture(text)) == area


def test_edges_are_counted_as_pixels_in_the_overlap():
    some = np.array([[0, 0, 9, 9], [5, 5, 5, 5], [20, 0, 29, 9]])
    found = scorer.iou_of_corners(some, np.array([[0, 0, 9, 4], [0, 0, 9, 9]]))
    np.testing.assert_allclose(found, [[0.5, 1], [0, 0.01], [0, 0]])  # 50 of 100 pixels; one of a hundred


def test_true_boxes_are_scaled_to_224_pixels_and_rounded_down():
    # The last pixel of ILSVRC's first validation picture's box is (441, 193); it has 500×375 pixels.
    assert scorer.scaled_boxes([(111, 108, 442, 194)], (375, 500)).tolist() == [[49, 64, 197, 115]]
    assert scorer.scaled_boxes([(10, 20, 50, 64)], (64, 128)).tolist() == [[17, 70, 85, 220]]


def test_a_level_is_exceeded_and_not_reached():
    M = np.zeros((224, 224))
    M[50:100, 50:100] = 0.5  # in whole numbers 127
    M[150:200, 150:200] = 1
    first, _ = scorer.overlaps(M, [(50, 50, 100, 100)])
    assert first[126] == first[0] == 0  # both are above it, and of equal areas the last is taken
    _, every = scorer.overlaps(M, [(50, 50, 101, 101)])  # a contour's box is one pixel too large
    assert every[126] == 1
    assert every[127] == 0


def test_a_threshold_stands_for_its_share_of_255_rounded_down():
    found = np.zeros((4, 255))
    found[:3, 76] = 0.5  # τ = 0.299 and 0.3 (76.5), and 0.301 (76.755)
    found[:, 77] = 0.4999
    assert scorer.max_box_acc(found, 0.5) == (0.75, 0.299)
    assert scorer.max_box_acc(found, 0.4) == (1.0, 0.302)


def test_unknown_pixels_are_below_every_threshold_and_a_flat_map_finds_nothing():
    M = np.full((64, 64), np.nan)
    M[16:48, 16:48] = 1
    # The true box ends with 47 · 224/64 = 164.5, cut down to 164; the map's with 168, one too far: 109 of 113 pixels.
    assert scorer.overlaps(M, [(16, 16, 48, 48)])[0].max() == pytest.approx(109**2 / 113**2)
    assert scorer.overlaps(np.ones((64, 64)), [(16, 16, 48, 48)])[0].max() == 0


def test_the_cubic_kernel_has_its_values():
    """a = −¾:  1 at 0, 0 at 1 and 2, and half-way 1.25/8 − 2.25/4 + 1 = 0.59375 and −0.09375; the weights sum to 1."""
    np.testing.assert_allclose(scorer.cubic_kernel(np.array([0, 1, 2, 0.5, 1.5, 3])), [1, 0, 0, 0.59375, -0.09375, 0])
    W = scorer.cubic_weights(5, 13)
    np.testing.assert_allclose(W.sum(axis=1), 1)
    np.testing.assert_allclose(scorer.cubic_weights(5, 5), np.eye(5), atol=1e-12)


# ---------------------------------------------------------------------- with OpenCV, as the scorer does it


def ragged(rng, shape):
    """A map like those of saliency: spots, more or less smoothed."""
    return gaussian_filter(rng.random(shape) ** 4, rng.choice([0.3, 0.7, 1.5]))


def boxes_by_opencv(cv2, mask):
    """The boxes of all contours, and which of them has the largest area."""
    contours, _ = cv2.findContours(mask.astype(np.uint8) * 255, cv2.RETR_TREE, cv2.CHAIN_APPROX_SIMPLE)
    H, W = mask.shape
    boxes = []
    for contour in contours:
        x, y, width, height = cv2.boundingRect(contour)
        boxes.append((x, y, min(x + width, W - 1), min(y + height, H - 1)))
    return boxes, boxes[max(range(len(contours)), key=lambda n: cv2.contourArea(contours[n]))]


def test_boxes_are_opencvs(rng):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: the extra oracles")
    for _ in range(300):
        M = ragged(rng, rng.integers(3, 40, 2))
        mask = np.quantile(M, rng.random()) < M
        if not mask.any():
            continue
        every, largest = boxes_by_opencv(cv2, mask)
        chosen, ours = scorer.contour_boxes(mask)
        assert tuple(chosen.tolist()) == largest
        assert sorted(map(tuple, ours.tolist())) == sorted(every)


@pytest.mark.parametrize("shape", [(64, 64), (40, 70), (300, 451)])
def test_maps_are_resized_as_opencv_does(rng, shape):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: the extra oracles")
    M = rng.random(shape, np.float32)
    theirs = cv2.resize(M, (224, 224), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(scorer.resized(M.astype(float), 224), theirs, atol=1e-6)


def test_the_whole_count_is_the_one_made_with_opencv(rng):
    """MaxBoxAcc of eight maps, from the map to the number, as the scorer does it: OpenCV, and loops over thresholds."""
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV: the extra oracles")
    thresholds = np.arange(0, 1, 0.001)
    right = {(v2, delta): np.zeros(1000) for v2 in (False, True) for delta in scorer.DELTAS}
    ours = []
    for _ in range(8):
        M = ragged(rng, (64, 80)).astype(np.float32)
        x, y = rng.integers(0, 40, 2)
        box = (x, y, x + 30, y + 20)
        M[y : y + 20, x : x + 30] += 0.3 * M.max()
        ours.append(scorer.overlaps(M, [box]))
        large = cv2.resize(M, (224, 224), interpolation=cv2.INTER_CUBIC)
        large = large - large.min()
        whole = (large / large.max() * 255).astype(np.uint8)
        corners = (x, y, x + 29, y + 19)  # the last pixel inside, as the data sets' lists have it
        true = [int(v * 224 / side) for v, side in zip(corners, (80, 64, 80, 64), strict=True)]
        by_level = {}
        for n, threshold in enumerate(thresholds):
            level = int(threshold * whole.max())
            if level not in by_level:
                every, largest = boxes_by_opencv(cv2, whole > level)
                by_level[level] = overlap(largest, true), max(overlap(one, true) for one in every)
            for (v2, delta), count in right.items():
                count[n] += by_level[level][v2] >= delta
    for (v2, delta), count in right.items():
        found, _ = scorer.max_box_acc(np.array([pair[v2] for pair in ours]), delta)
        assert found == count.max() / 8, (v2, delta)
    assert 0 < right[False, 0.5].max() < right[True, 0.3].max()


def overlap(a, b):
    across, down = (min(a[k + 2], b[k + 2]) - max(a[k], b[k]) + 1 for k in (0, 1))
    both = max(0, across) * max(0, down)
    return both / (sum((x1 - x0 + 1) * (y1 - y0 + 1) for x0, y0, x1, y1 in (a, b)) - both)
