"""The array decides which library computes."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from layers import array_module
from layers.arrays import floating, in_dtype_of
from tests.devices import equal


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


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
def test_whole_numbers_become_floating_at_the_door(xp, dtype):
    x = xp.asarray(np.arange(3).astype(dtype))
    assert floating(x).dtype == np.float64
    assert equal(floating(x), x)


def test_floating_point_numbers_stay_what_they_are_and_complex_ones_are_refused():
    for dtype in (np.float16, np.float32, np.float64):
        x = np.ones(2, dtype)
        assert floating(x) is x
    with pytest.raises(TypeError, match="layers compute with real numbers, got an array of complex128"):
        floating(np.ones(2, complex))
