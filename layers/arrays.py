"""Which array library does the work: NumPy on the CPU, CuPy on the GPU.

The array itself decides; there is no global switch.  This is the only file that imports CuPy.

An array crosses between the two only where a program says so: `to_device` on the way in, `to_host` on the way out.
Neither NumPy nor CuPy takes the other's arrays, so a crossing that was forgotten is an error and not a slow program.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np

Array = Any  # numpy.ndarray or cupy.ndarray: the layers are written once for both

DEVICES = ("cpu", "cuda")
INSTALL = "python -m pip install -e '.[cuda12]' (or '.[cuda13]', the CUDA version that nvidia-smi shows)"


def array_module(x: Array) -> ModuleType:
    """The module, `numpy` or `cupy`, that owns the array `x`."""
    return np if isinstance(x, np.ndarray) else _other_module(x)


def _other_module(x: Array) -> ModuleType:
    """Arrays of other libraries name theirs by `__array_namespace__`, as the Python array API standard has it."""
    if type(x).__module__.split(".")[0] == "cupy":  # CuPy's (14) do not know that method yet
        import cupy

        return cupy
    return x.__array_namespace__() if hasattr(x, "__array_namespace__") else np


def module_of(parameters: Mapping[str, Array]) -> ModuleType:
    """The module that owns the parameters of a layer or a network; NumPy if there are none."""
    return next((array_module(p) for p in parameters.values()), np)


def to_host(x: Array) -> np.ndarray:
    """The array as one of NumPy's.  One that lies on a GPU is fetched: this waits until it has been computed."""
    return x.get() if hasattr(x, "get") else np.asarray(x)


def to_device(x: Array, device: str) -> Array:
    """The array on "cpu" (NumPy's) or "cuda" (CuPy's); not copied if it is there.  ValueError for another device."""
    if device not in DEVICES:
        raise ValueError(f"there is no device {device!r}: choose from {', '.join(DEVICES)}")
    if device == "cpu":
        return to_host(x)
    import cupy

    return cupy.asarray(x)


def floating(x: Array) -> Array:
    """x in a floating-point type, the door of every layer that computes: whole numbers become float64.

    (A mean of uint8 would overflow.)  float16, float32 and float64 stay what they are: a layer keeps their type.
    Raises TypeError for what is not real numbers.
    """
    return x if x.dtype.kind == "f" else _whole_numbers_as_floats(x)


def _whole_numbers_as_floats(x: Array) -> Array:
    if x.dtype.kind not in "biu":
        raise TypeError(f"layers compute with real numbers, got an array of {x.dtype}")
    return x.astype(np.float64)


def in_dtype_of(x: Array, parameter: Array) -> Array:
    """The parameter in the floating-point type of the maps `x`: a layer keeps the dtype it is given."""
    return parameter.astype(x.dtype, copy=False)


# ---------------------------------------------------------------------- is there a GPU?


def cuda_available() -> bool:
    """Whether CuPy can really compute here; `why_no_cuda` says why not."""
    return not why_no_cuda()


def why_no_cuda() -> str:
    """Why CuPy cannot compute here, in words; empty if it can.

    That CuPy can be imported says nothing (it needs no driver for that), nor does a driver alone: libraries of CUDA
    that are missing show when the first kernel is compiled and the first matrices are multiplied.  So both are tried.
    """
    if find_spec("cupy") is None:
        return "CuPy is not installed"
    try:
        import cupy

        if not cupy.cuda.is_available():
            return "CuPy finds no NVIDIA GPU, or no driver for it"
        x = cupy.arange(4, dtype=np.float32).reshape(2, 2) + 1  # one tiny kernel …
        if float((x @ x).sum()) != 54:  # … and one product of matrices
            return "CuPy computes nonsense on this GPU"
    except Exception as error:  # of drivers, compilers, linkers: each has exceptions of its own
        return f"CuPy cannot use this GPU: {type(error).__name__} {' '.join(str(error).split())}".strip()
    return ""
