"""The box lies on its side

Lesson 5, easy, 5 minutes

Meant to be: the bounding box of a mask, (x0, y0, x1, y1), right and bottom exclusive: the smallest rectangle
photo[y0:y1, x0:x1] that holds every pixel of the mask.

Symptom: square objects in the middle of square photographs have perfect boxes. For tall ones the box is flat, for
things at the left it is at the top.

Hint: for a mask (H, W), how long is `mask.any(axis=0)`?
"""

import numpy as np


def bounding_box(mask):
    """(x0, y0, x1, y1) of the True pixels of a mask (H, W), right and bottom exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def check(bounding_box=bounding_box):
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = rng.random((9, 14)) > 0.98
        mask[rng.integers(9), rng.integers(14)] = True
        x0, y0, x1, y1 = bounding_box(mask)
        inside, total = mask[y0:y1, x0:x1], mask.sum()
        assert inside.sum() == total, (
            f"of a mask of {total} pixels the box {x0, y0, x1, y1} holds {inside.sum()}; the photograph is 14×9"
        )
        edges = (inside[0], inside[-1], inside[:, 0], inside[:, -1])
        assert all(edge.any() for edge in edges), f"the box {x0, y0, x1, y1} is larger than its mask"
        assert (y1 - y0, x1 - x0) == inside.shape, f"the box {x0, y0, x1, y1} reaches out of the photograph"
