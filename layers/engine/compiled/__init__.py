"""The compiled engine (extra `fast`): the layers' loops, compiled by Numba and shared among the cores.

kernel         how kernels are compiled; runs of numbers; products of matrices
layout         channels last in memory
patches, convolution, winograd, pools, elementwise, dense, normalization     the loops and the functions over them
safety         threads, forks, cores
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import ACCELERATED
from ..numpy_engine import FUNCTIONS as NUMPYS
from . import convolution, dense, elementwise, normalization, pools
from .ahead import run_all
from .safety import guarded
from .safety import numpy_in_one_thread as numpy_in_one_thread

COMPILED: dict[str, Callable[..., Any]] = {
    "correlate": convolution.correlate,
    "correlate_transposed": convolution.correlate_transposed,
    "kernel_gradient": convolution.kernel_gradient,
    "position_sums": elementwise.position_sums,
    "max_pool": pools.max_pool,
    "unpool": pools.unpool,
    "affine": dense.affine,
    "affine_transposed": dense.affine_transposed,
    "matrix_gradient": dense.matrix_gradient,
    "normalize": normalization.normalize,
    "normalize_gradient": normalization.normalize_gradient,
    "join_channels": elementwise.join_channels,
    "mean_over_pixels": elementwise.mean_over_pixels,
    "ReLU.forward": elementwise.forward,
    "ReLU.backward": elementwise.backward,
    "ReLU.deconv": elementwise.deconv,
    "ReLU.guided": elementwise.guided,
}
FUNCTIONS = {name: guarded(f, NUMPYS.get(name, ACCELERATED[name])) for name, f in COMPILED.items()}


def compile_ahead(dtypes: Iterable[Any] = (np.float32, np.float64)) -> None:
    """Compile every kernel for these dtypes now, or load it from the cache."""
    for dtype in dtypes:
        run_all(FUNCTIONS, np.dtype(dtype))
