"""grad · W without the rows of W that meet a zero: most of a large fully connected layer need not be fetched twice.

Multiplying a vector by a matrix takes as long as fetching the matrix from memory.  On the way down, grad is one-hot
above the last layer, and below a ReLU it is zero wherever the unit was closed.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module
from .cores import CORES, in_parallel, shares

ROWS = 64  # of W fetched at a time: they stay in the cache from being gathered to being multiplied


def product_of_sparse(grad: Array, W: Array) -> Array:
    """grad (N, D_out) · W (D_out, D_in) → (N, D_in), by the rows of W alone that some image asks for.

    (On a GPU, and where most rows are asked for, by all of them.)
    """
    if not isinstance(grad, np.ndarray):
        return grad @ W
    xp = array_module(grad)
    heard = xp.flatnonzero(grad.any(axis=0))
    if heard.size > 0.8 * len(W):
        return grad @ W
    total = xp.zeros((len(grad), W.shape[1]), dtype=xp.result_type(grad, W))

    def add_up(columns: slice) -> None:
        for start in range(0, heard.size, ROWS):
            rows = heard[start : start + ROWS]
            total[:, columns] += grad[:, rows] @ W[rows, columns]

    in_parallel(add_up, shares(W.shape[1], CORES) if heard.size * W.shape[1] > 10**6 else [slice(None)], grad)
    return total
