"""Every call of an array module in the three packages is one that CuPy takes, by the table of its newest release."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cupy_calls import complaints, complaints_about_methods, numpys_functions

HOUSE = Path(__file__).resolve().parent.parent
FILES = sorted(
    path.relative_to(HOUSE).as_posix()
    for floor in ("layers", "minicnn", "visualize")
    for path in (HOUSE / floor).rglob("*.py")
)
ON_THE_DEVICE = [  # files whose arrays may lie on the device
    *(path for path in FILES if path.startswith("layers/") and not path.startswith("layers/engine/")),
    *(f"minicnn/{name}.py" for name in ("network", "loss", "gradient_check", "units", "tally", "trace")),
    *(f"visualize/{name}.py" for name in ("saliency_maps", "deconvnet", "comparison", "vanished_signal", "portrait")),
    *(path for path in FILES if path.startswith("visualize/class_models/")),
]


def source(path: str) -> str:
    return (HOUSE / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES)
def test_every_call_of_an_array_module_is_in_cupys_table(path):
    assert complaints(source(path)) == []


@pytest.mark.parametrize("path", ON_THE_DEVICE)
def test_every_keyword_of_an_arrays_method_is_in_cupys_table(path):
    assert complaints_about_methods(source(path)) == []


@pytest.mark.parametrize("path", [path for path in ON_THE_DEVICE if path.startswith("layers/")])
def test_layers_call_no_function_of_numpys(path):
    allowed = {"np.asarray"} if path == "layers/arrays.py" else set()  # to_host
    assert {call.split(": ")[1] for call in numpys_functions(source(path))} <= allowed


def test_there_is_something_to_check():
    text = "\n".join(source(path) for path in FILES)
    assert text.count("xp.") > 40
    assert numpys_functions(source("minicnn/images.py")) != []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("xp.zeros(3)", None),
        ("xp.einsum('ij,jk', a, b, optimize=True)", None),
        ("xp.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(1, 2))", None),
        ("array_module(x).full((2,), fill, dtype=x.dtype).sum(axis=0)", None),
        ("net.xp.zeros((2, 3), dtype=d)", None),
        ("xp.maximum(*pair, out=y)", None),
        ("np.errstate(over='ignore')", None),
        ("xp.errstate(over='ignore')", "CuPy has no errstate"),
        ("net.xp.einsum_path('ij,jk', a, b)", "CuPy has no einsum_path"),
        ("array_module(x).lib.array_utils.byte_bounds(x)", "CuPy has no lib.array_utils.byte_bounds"),
        ("xp.random.default_rng(0)", "CuPy has no random.default_rng"),
        ("xp.clip(x, 0)", "missing a required argument: 'a_max'"),
        ("xp.max(x, initial=0)", "unexpected keyword argument 'initial'"),
        ("xp.sum(x, where=m)", "unexpected keyword argument 'where'"),
        ("xp.exp(x, where=m)", "unexpected keyword argument 'where'"),
        ("xp.unravel_index(3, shape=(2, 2))", "missing a required argument: 'dims'"),
        ("xp.reshape(x, shape=(2, 2))", "missing a required argument: 'newshape'"),
        ("xp.flip(m=x)", "missing a required argument: 'a'"),
        ("xp.take_along_axis(x, i)", "missing a required argument: 'axis'"),
    ],
)
def test_what_is_found_and_what_is_not(line, complaint):
    found = complaints(f"if never:\n    {line}")
    if complaint is None:
        assert found == []
    else:
        assert len(found) == 1
        assert complaint in found[0]


def test_keywords_of_methods_are_found():
    assert complaints_about_methods("y = x.max(axis=0, initial=0)") != []
    assert complaints_about_methods("y = x.mean(axis=(0, 1), keepdims=True).sum(where=m)") != []
    assert complaints_about_methods("y = np.max(x, initial=0) + x.max(axis=0, keepdims=True)") == []
