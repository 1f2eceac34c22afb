"""The check of exercise 13: the box lies on its side."""

import numpy as np


def check(bounding_box):
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
