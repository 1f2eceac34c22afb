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
