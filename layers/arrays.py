"""Which array library does the work: NumPy on the CPU, CuPy on the GPU.

The array itself decides; there is no global switch.  This is the only file that imports CuPy.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or cupy.ndarray: the layers are written once for both


def array_module(x: Array) -> ModuleType:
    """The module, `numpy` or `cupy`, that owns the array `x`."""
    if type(x).__module__.split(".")[0] == "cupy":
        import cupy

        return cupy
    return np


def in_dtype_of(x: Array, parameter: Array) -> Array:
    """The parameter in the floating-point type of the maps `x`: a layer keeps the dtype it is given.

    Maps of integers (a hand-written table, say) leave the parameter as it is, and NumPy promotes.
    """
    return parameter.astype(x.dtype, copy=False) if x.dtype.kind == "f" else parameter
