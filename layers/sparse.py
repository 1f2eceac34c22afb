"""Signals that are mostly zero need not be multiplied: on the way down, many are.

Above the last layer the signal is one-hot, and so it is above the unit that a DeconvNet begins with; below a ReLU it is
zero wherever the unit was closed.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module
from .cores import CORES, in_parallel, shares

ROWS = 64  # of W fetched at a time: they stay in the cache from being gathered to being multiplied


def product_of_sparse(grad: Array, W: Array) -> Array:
    """grad (N, D_out) · W (D_out, D_in) → (N, D_in), by the rows of W alone that some image asks for.

    Multiplying a vector by a matrix takes as long as fetching the matrix from memory.
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


def without_silent_channels(grad: Array, K: Array) -> tuple[Array, Array]:
    """The channels of grad (N, M, I, J) that are not zero everywhere, and their kernels K (M, C, kh, kw).

    (On a GPU, and where most channels are heard, all of them.)
    """
    if not isinstance(grad, np.ndarray):
        return grad, K
    heard = grad.any(axis=(0, 2, 3)).nonzero()[0]
    if not 0 < heard.size <= 0.8 * len(K):
        return grad, K
    return grad[:, heard], K[heard]
