"""Products with the large matrices of fully connected layers, shared among cores; and signals that are mostly zero.

With few images what takes the time is fetching the matrix from memory.  On the way down much of it is not needed:
above the last layer the signal is one-hot, and so it is above the unit that a DeconvNet begins with; below a ReLU it is
zero wherever the unit was closed.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array, array_module
from .cores import CORES, in_parallel
from .portions import shares, shares_to_sum
from .windows import pixelwise

WORTH_SHARING = 10**6  # numbers in a matrix; a smaller one is there before another core has woken up
ROWS = 32  # of a matrix gathered at a time: they stay in the cache from being gathered to being multiplied


def product(A: Array, B: Array) -> Array:
    """A·B; the longer side of the result is cut into a share for each core."""
    if not isinstance(A, np.ndarray):
        return A @ B
    if len(A) < B.shape[1]:
        return product(B.T, A.T).T  # of few images by a large matrix, also the faster way round
    xp, worth = array_module(A), A.size + B.size >= WORTH_SHARING
    result = xp.empty((len(A), B.shape[1]), dtype=xp.result_type(A, B))
    in_parallel(lambda rows: xp.matmul(A[rows], B, out=result[rows]), shares(len(A), CORES if worth else 1), A)
    return result


def product_of_sparse(grad: Array, W: Array) -> Array:
    """grad (N, D_out) · W (D_out, D_in) → (N, D_in), by the rows of W alone that some image asks for.

    (On a GPU, and where most rows are asked for, by all of them.)
    """
    if not isinstance(grad, np.ndarray):
        return grad @ W
    xp = array_module(grad)
    heard = xp.flatnonzero(grad.any(axis=0))
    if heard.size > 0.8 * len(W):
        return product(grad, W)
    worth = heard.size * W.shape[1] >= WORTH_SHARING
    shared = shares_to_sum(heard.size, len(grad) * W.shape[1] * W.itemsize) if worth else [slice(None)]
    sums = xp.zeros((len(shared), len(grad), W.shape[1]), dtype=xp.result_type(grad, W))

    def add_up(share: int) -> None:
        mine = heard[shared[share]]
        for start in range(0, mine.size, ROWS):
            rows = mine[start : start + ROWS]
            sums[share] += grad[:, rows] @ W[rows]

    in_parallel(add_up, range(len(shared)), grad)
    return sums.sum(axis=0)


def sum_of_positions(grad: Array) -> Array:
    """Σ_{n,i,j} grad(n, m, i, j): (N, M, I, J) → (M,).  A product with ones; NumPy's sum of short rows takes longer."""
    rows = pixelwise(grad).reshape(-1, grad.shape[1])
    return product(array_module(grad).ones((1, len(rows)), dtype=grad.dtype), rows)[0]


def without_silent_channels(grad: Array, K: Array) -> tuple[Array, Array]:
    """The channels of grad (N, M, I, J) that are not zero everywhere, and their kernels K (M, C, kh, kw).

    (On a GPU, and where most channels are heard, all of them.)
    """
    if not isinstance(grad, np.ndarray):
        return grad, K
    most = 0.8 * len(K)
    if grad[:1, :, ::8, ::8].any(axis=(0, 2, 3)).sum() > most:  # a look at some pixels is often enough
        return grad, K
    heard = grad.any(axis=(0, 2, 3)).nonzero()[0]
    if not 0 < heard.size <= most:
        return grad, K
    return pixelwise(grad).take(heard, axis=3).transpose(0, 3, 1, 2), K[heard]
