"""The yardsticks of localisation: IoU, the error of the ILSVRC task, the best threshold, and how sure a mean is.

Boxes are (x0, y0, x1, y1), right and bottom exclusive; a box of None, where nothing was found, overlaps nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Box = Sequence[float]
Values = Sequence[float] | np.ndarray  # one number for each image
Estimate = dict[str, Any]  # "mean", its "interval", and the "count" of values; None where there are none
NOTHING: Estimate = {"mean": None, "interval": None, "count": 0}

RIGHT = 0.5  # a box is right from this IoU on (ILSVRC)
AT_ONCE = 2**22  # numbers drawn at a time for an interval


def iou(box: Box | None, true: Box) -> float:
    """|A ∩ B| / |A ∪ B| of two boxes."""
    if box is None:
        return 0.0
    across, down = (min(box[k + 2], true[k + 2]) - max(box[k], true[k]) for k in (0, 1))
    both = max(0, across) * max(0, down)
    either = sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (box, true)) - both
    return both / either


def best_iou(box: Box | None, truth: Sequence[Box]) -> float:
    """The IoU with the true box that fits best: any will do."""
    return max(iou(box, true) for true in truth)


def task_error(label: int, guesses: Sequence[tuple[int, Box | None]], truth: Sequence[Box]) -> bool:
    """The ILSVRC task: no (class, box) guess has the right class and IoU ≥ 0.5 with any true box of it."""
    return not any(c == label and best_iou(box, truth) >= RIGHT for c, box in guesses)


def longer_side(size: Sequence[float], truth: Sequence[Box]) -> float:
    """The size of the largest object: the longer side of its box, as a fraction of that side of the picture."""
    return max(max((x1 - x0) / size[0], (y1 - y0) / size[1]) for x0, y0, x1, y1 in truth)


def best_threshold(overlaps: np.ndarray, delta: float) -> tuple[float, int]:
    """max over τ of the fraction of images with IoU(box(M ≥ τ), truth) ≥ δ, and where the maximum is.

    box(M ≥ τ) surrounds the largest four-connected component of what the map of the true class, normalised to 0 … 1 in
    each image, has from the threshold τ on; one threshold serves all images.  It is the idea of MaxBoxAcc without the
    details of its scorer (max_box_acc.py), so that its numbers cannot be compared with published ones.
    overlaps: IoU of every image at every threshold, (N, T).
    """
    accuracy = (overlaps >= delta).mean(axis=0)
    return float(accuracy.max()), int(accuracy.argmax())


# ---------------------------------------------------------------------- how sure a mean is

LEVEL = 0.95


def proportion(right: Sequence[bool] | np.ndarray) -> Estimate:
    """The fraction that are true, with the interval of Clopper and Pearson, [Clopper1934].

    It is exact: whatever the true proportion, it lies in at least 95 % of such intervals, also where all values are
    alike.
    """
    from scipy.stats import binomtest

    right = np.asarray(right, bool)
    if right.size == 0:
        return NOTHING
    found = binomtest(int(right.sum()), right.size).proportion_ci(LEVEL, method="exact")
    return {"mean": float(right.mean()), "interval": [float(found.low), float(found.high)], "count": right.size}


def average(values: Values) -> Estimate:
    """A mean of numbers that are not true or false, with its bootstrap interval."""
    values = np.asarray(values, float)
    if values.size == 0:
        return NOTHING
    return {"mean": float(values.mean()), "interval": bootstrap(values), "count": values.size}


def bootstrap(values: Values, seed: int = 0, rounds: int = 2000) -> list[float]:
    """Between which two numbers the mean of the values lies: the percentile interval of the bootstrap [Efron1981].

    Of the means of as many values drawn from these with replacement, many times over, the middle 95 %.
    """
    values, rng = np.asarray(values, float), np.random.default_rng(seed)
    several = max(1, AT_ONCE // values.size)
    means = [
        values[rng.integers(0, values.size, (min(several, rounds - done), values.size))].mean(axis=1)
        for done in range(0, rounds, several)
    ]
    outside = (1 - LEVEL) / 2
    return [float(q) for q in np.quantile(np.concatenate(means), [outside, 1 - outside])]
