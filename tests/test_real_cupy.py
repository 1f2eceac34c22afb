"""CuPy itself is asked, where it is installed; no GPU and no driver is needed.

Its wheel can be imported without a driver, and a `cupy.ndarray` can be laid over the host's memory (UnownedMemory).
Nothing can be computed with such an array, but refusals and views work, and they are what the stand-in imitates.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from layers.arrays import array_module, why_no_cuda
from tests import cupy_calls
from tests.cupy_api import made_from_installed_cupy, table
from tests.refusals import HOST, NEEDING_A_GPU, REFUSED, STRICTER, VIEWS, outcome
from tests.strict_cupy import strict
from tests.test_cupy_calls import FILES, source

cupy = pytest.importorskip("cupy", reason="needs CuPy, not a GPU: the extra oracles")


def over_host_memory(array: np.ndarray) -> object:
    """A cupy.ndarray whose memory is the array's."""
    memory = cupy.cuda.UnownedMemory(array.ctypes.data, array.nbytes, array, device_id=0)
    return cupy.ndarray(array.shape, array.dtype, cupy.cuda.MemoryPointer(memory, 0), array.strides)


@pytest.fixture
def arrays() -> dict[str, object]:
    return {name: over_host_memory(array) for name, array in HOST.items()}


def quietly(expression: str, xp: object, arrays: dict[str, object]) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CuPy's __array__ does not know NumPy 2's `copy` yet
        return outcome(expression, xp, arrays)


def test_the_table_is_cupys_and_every_call_of_ours_fits_this_cupy_too(monkeypatch):
    """Of a release that is not the table's, what we call must fit; python -m tests.cupy_api makes its table."""
    found = made_from_installed_cupy()
    if found["cupy"] == table()["cupy"]:
        assert found == table()
    monkeypatch.setattr(cupy_calls, "table", lambda: found)
    assert {path: cupy_calls.complaints(source(path)) for path in FILES} == {path: [] for path in FILES}


@pytest.mark.parametrize(("expression", "error"), REFUSED.items())
def test_cupy_refuses_what_the_stand_in_refuses_with_the_same_exception(expression, error, arrays):
    assert type(quietly(expression, cupy, arrays)) is error


@pytest.mark.parametrize("expression", VIEWS)
def test_views_have_the_stand_ins_shape_dtype_and_strides(expression, arrays):
    real = quietly(expression, cupy, arrays)
    ours = outcome(expression, strict, {name: strict.asarray(array) for name, array in HOST.items()})
    assert type(real) is cupy.ndarray
    assert (real.shape, real.dtype, real.strides) == (ours.shape, ours.dtype, ours.strides)


@pytest.mark.parametrize(("expression", "error"), NEEDING_A_GPU.items())
def test_what_needs_a_gpu_to_be_refused_does_not_pass_without_one(expression, error, arrays):
    result = quietly(expression, cupy, arrays)
    assert isinstance(result, error if cupy.cuda.is_available() else Exception)


@pytest.mark.parametrize("expression", ["xp.sum(a)", "xp.max(a, axis=0)", "xp.clip(a, 0, 1)", "xp.transpose(a)"])
def test_some_of_cupys_functions_compute_on_the_host_and_say_nothing(expression, arrays):
    """Why the stand-in is stricter there."""
    assert expression in STRICTER
    assert type(quietly(expression, cupy, arrays)).__module__ == "numpy"


def test_its_arrays_belong_to_it(arrays):
    assert array_module(arrays["x"]) is cupy


def test_that_it_can_be_imported_does_not_make_it_usable():
    if not cupy.cuda.is_available():
        assert why_no_cuda() == "CuPy finds no NVIDIA GPU, or no driver for it"
