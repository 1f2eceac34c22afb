"""The array decides which library computes."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np

from layers import array_module
from layers.arrays import in_dtype_of


def test_numpy_s_arrays_belong_to_numpy():
    assert array_module(np.ones(3)) is np


def test_cupy_s_arrays_belong_to_cupy(monkeypatch):
    cupy = ModuleType("cupy")
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    ndarray = type("ndarray", (), {"__module__": "cupy._core.core"})
    assert array_module(ndarray()) is cupy


def test_a_parameter_takes_the_floating_point_type_of_the_maps():
    b = np.ones(3)
    assert in_dtype_of(np.ones(2, np.float32), b).dtype == np.float32
    assert in_dtype_of(np.ones(2), b) is b  # not copied without need
    assert in_dtype_of(np.ones(2, np.int64), b) is b  # a table of integers does not round the kernel
