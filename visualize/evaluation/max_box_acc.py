"""MaxBoxAcc and MaxBoxAccV2: a map judged without any rule, counted as the authors' released scorer counts.

    MaxBoxAcc(δ) = max over τ of BoxAcc(τ, δ),   BoxAcc(τ, δ) = fraction of pictures with IoU(box(M > τ), truth) ≥ δ,

one τ for all pictures, box(M > τ) being the bounding box of the largest connected component of the map of the true
class above τ ([Choe2020], section 4.1: δ = ½).  V2 (arXiv 2007.04178) takes of *all* contours the box that fits best,
and the mean over δ = 0.3, 0.5, 0.7.

The formulas leave open what decides the last points: the scorer (github.com/clovaai/wsolevaluation) scales map and
boxes to 224×224, counts in whole numbers from 0 to 255, chooses the component by the area inside its contour, puts a
box's right and bottom edge one pixel beyond it, unless that is outside, and then counts edges as pixels in the IoU
(+ 1).  All of this is done here likewise, in NumPy and SciPy: numbers can only be compared if they are counted alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 224  # maps and boxes are scaled to so many pixels, whatever the picture's shape
LEVELS = 255
THRESHOLDS = np.arange(0, 1, 0.001)  # τ
DELTAS = (0.3, 0.5, 0.7)

Corners = np.ndarray  # (n, 4): x0, y0, x1, y1, all four of them inside


def overlaps(saliency: np.ndarray, truth: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
    """The IoU with the true box that fits best, at every level 0 … 254: of the largest component, and of all contours.

    A level stands for all τ with ⌊255 τ⌋ = level.  saliency: (H, W), raw; truth: boxes (x0, y0, x1, y1), right and
    bottom exclusive.
    """
    M = np.nan_to_num(saliency).astype(np.float64)  # where nothing is known, nothing is salient
    M = quantised(normalised(resized(M - M.min(), SIDE)))
    true = scaled_boxes(truth, saliency.shape)
    largest, best = np.zeros(LEVELS), np.zeros(LEVELS)
    for level in range(LEVELS):
        chosen, every = contour_boxes(level < M)
        largest[level] = iou_of_corners(chosen[None], true).max()
        best[level] = iou_of_corners(every, true).max()
    return largest, best


def max_box_acc(found: np.ndarray, delta: float) -> tuple[float, float]:
    """MaxBoxAcc(δ) and the τ where it is, from the IoUs of every picture at every level, (N, 255)."""
    levels = (THRESHOLDS * LEVELS).astype(int)
    accuracy = (found >= delta).mean(axis=0)[levels]
    return float(accuracy.max()), round(float(THRESHOLDS[accuracy.argmax()]), 3)


# ---------------------------------------------------------------------- the map


def resized(M: np.ndarray, side: int) -> np.ndarray:
    """A map (H, W) at side × side pixels by cubic convolution."""
    down, across = (cubic_weights(n, side) for n in M.shape)
    return down @ M @ across.T


def normalised(M: np.ndarray) -> np.ndarray:
    """(M − min M) / (max M − min M); a map that is the same everywhere is 0."""
    low, high = M.min(), M.max()
    return (M - low) / (high - low) if low < high else np.zeros_like(M)


def cubic_weights(n: int, side: int) -> np.ndarray:
    """The matrix (side, n) that resizes n pixels to `side` by cubic convolution [Keys1981], a = −¾ as in OpenCV.

    Each new pixel's centre lies between old ones; the four nearest are weighted by the kernel, and beyond the border
    the last pixel is repeated.  Nothing is smoothed beforehand where the map gets smaller.
    """
    centres = (np.arange(side) + 0.5) * n / side - 0.5
    first = np.floor(centres).astype(int) - 1
    W = np.zeros((side, n))
    for k in range(4):
        at = first + k
        np.add.at(W, (np.arange(side), np.clip(at, 0, n - 1)), cubic_kernel(np.abs(centres - at)))
    return W


def cubic_kernel(t: np.ndarray, a: float = -0.75) -> np.ndarray:
    """(a + 2) t³ − (a + 3) t² + 1 up to 1, a t³ − 5a t² + 8a t − 4a up to 2, beyond that 0."""
    near = ((a + 2) * t - (a + 3)) * t**2 + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def quantised(M: np.ndarray) -> np.ndarray:
    """0 … 1 in whole numbers 0 … 255, rounded down."""
    return (M * LEVELS).astype(np.uint8)


# ---------------------------------------------------------------------- its components


def contour_boxes(mask: np.ndarray) -> tuple[np.ndarray, Corners]:
    """The box (4,) of the component with the largest area inside its contour, and the boxes (n, 4) of all contours.

    A component is eight-connected.  It has one contour outside, and one around each of its four-connected holes: the
    pixels next to the hole, so that this contour's box is larger than the hole's by one pixel on every side.  Of no
    components at all, the box is the first pixel.
    """
    from scipy.ndimage import find_objects, label

    H, W = mask.shape
    components, count = label(mask, np.ones((3, 3)))
    if count == 0:
        return np.zeros(4, int), np.zeros((1, 4), int)
    outside = find_objects(components)
    ground, _ = label(np.pad(~mask, 1, constant_values=True))
    holes = [s for n, s in enumerate(find_objects(ground), 1) if n != ground[0, 0]]
    boxes = [corners(rows.start, rows.stop, columns.start, columns.stop, H, W) for rows, columns in outside]
    # In the padded picture a hole begins one pixel later, and its contour one pixel earlier.
    around = [corners(rows.start - 2, rows.stop, columns.start - 2, columns.stop, H, W) for rows, columns in holes]
    return np.array(boxes[largest_contour(components, outside)]), np.array(boxes + around)


def corners(top: int, bottom: int, left: int, right: int, H: int, W: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 as the scorer has them: x1 = x0 + width, one pixel too far, but not outside."""
    return left, top, min(right, W - 1), min(bottom, H - 1)


def largest_contour(components: np.ndarray, boxes: Sequence[tuple[slice, slice]]) -> int:
    """Which component has the largest area inside its outer contour; of equally large ones, the last in reading order.

    No area exceeds the box around its centres of pixels, so that most components need not be looked at.
    """
    bounds = np.array([(rows.stop - rows.start - 1) * (columns.stop - columns.start - 1) for rows, columns in boxes])
    best, largest = -1, -1.0
    for n in np.lexsort((-np.arange(len(boxes)), -bounds)):
        if bounds[n] < largest:
            break
        area = contour_area(components[boxes[n]] == n + 1)
        if area > largest or (area == largest and n > best):
            best, largest = int(n), area
    return best


def contour_area(component: np.ndarray) -> float:
    """The area of the polygon through the centres of a component's outer pixels, its holes filled.

    Four pixels in a square that are all inside enclose an area of 1, three of them ½, and fewer nothing.
    """
    from scipy.ndimage import label

    ground, _ = label(np.pad(~component, 1, constant_values=True))
    filled = (ground != ground[0, 0])[1:-1, 1:-1].astype(np.int8)
    square = filled[1:, 1:] + filled[1:, :-1] + filled[:-1, 1:] + filled[:-1, :-1]
    return float((square == 4).sum() + (square == 3).sum() / 2)


# ---------------------------------------------------------------------- its boxes


def scaled_boxes(truth: Sequence[Sequence[float]], shape: tuple[int, ...]) -> Corners:
    """True boxes of a picture of this shape (H, W) in the map's SIDE × SIDE pixels, rounded down.

    As in the scorer's lists, which are those of the data sets, the last pixel of a box is its corner: x1 − 1, y1 − 1.
    """
    H, W = shape
    last_pixels = np.asarray(truth, float) - (0, 0, 1, 1)
    return np.floor(last_pixels * SIDE / np.array([W, H, W, H])).astype(int)


def iou_of_corners(some: Corners, others: Corners) -> np.ndarray:
    """The IoU of every two boxes, (n, 4) and (m, 4) → (n, m); their right and bottom edges are counted as pixels."""
    both = np.minimum(some[:, None, 2:], others[None, :, 2:]) - np.maximum(some[:, None, :2], others[None, :, :2]) + 1
    intersection = np.maximum(0, both).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2] + 1).prod(axis=-1) for boxes in (some, others)]
    return intersection / (areas[0][:, None] + areas[1][None] - intersection)
