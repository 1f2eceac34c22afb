"""The compiled engine (extra `fast`): the layers' loops, compiled by Numba and shared among the cores.

kernel         how kernels are compiled; runs of numbers; products of matrices
layout         channels last in memory
patches, convolution, winograd, pools, elementwise, dense, normalization     the loops and the functions over them
safety         threads, forks, cores
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import numpy as np

from .. import ACCELERATED
from ..numpy_engine import FUNCTIONS as NUMPYS

MODULES = {
    "convolution": ("correlate", "correlate_transposed", "kernel_gradient"),
    "pools": ("max_pool", "unpool"),
    "dense": ("affine", "affine_transposed", "matrix_gradient"),
    "normalization": ("normalize", "normalize_gradient"),
    "elementwise": ("join_channels", "position_sums", "mean_over_pixels"),
}
GATES = ("forward", "backward", "deconv", "guided")


def functions() -> dict[str, Callable[..., Any]]:
    """What the compiled engine has, by the names of the definitions; the NumPy engine's where nothing can be cached."""
    try:
        modules = {name: import_module(f".{name}", __name__) for name in MODULES}
    except RuntimeError as error:  # Numba's "cannot cache function": neither the install nor the home can be written
        if "cannot cache" not in str(error):
            raise
        print("Compiled loops cannot be kept here, so NumPy computes: set NUMBA_CACHE_DIR to a folder", file=sys.stderr)
        return dict(NUMPYS)
    found = {name: getattr(modules[module], name) for module, names in MODULES.items() for name in names}
    found |= {f"ReLU.{name}": getattr(modules["elementwise"], name) for name in GATES}
    guarded = import_module(".safety", __name__).guarded
    return {name: guarded(f, NUMPYS.get(name, ACCELERATED[name])) for name, f in found.items()}


def compile_ahead(dtypes: Iterable[Any] = (np.float32, np.float64)) -> None:
    """Compile every kernel for these dtypes now, or load it from the cache."""
    from .ahead import run_all

    for dtype in dtypes:
        run_all(functions(), np.dtype(dtype))
