"""The reader of .mat files: SciPy's values as plain ones, and a guard against what upsets SciPy."""

from __future__ import annotations

import io
import struct
import tempfile
import tracemalloc
import zlib

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.errors import FileError
from minicnn.formats import load, mat
from tests.minicnn.formats.matconvnet_files import cells, conv, relu, row, write


def read_mat(content: bytes, wanted):
    """The variables of a file of this content."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return mat.read_mat(file, wanted)


def written(variables: dict, compressed: bool = False) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, variables, do_compression=compressed)
    return file.getvalue()


def as_scipy_reads(value):
    """SciPy's arrays of arrays as plain values."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        values = [as_scipy_reads(v) for v in value.ravel(order="F")]
        structs = value.size and isinstance(value.flat[0], scipy.io.matlab.mat_struct)
        return values[0] if structs and len(values) == 1 else values
    if isinstance(value, scipy.io.matlab.mat_struct):
        return {name: as_scipy_reads(getattr(value, name)) for name in value._fieldnames}
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return str(value[0]) if value.size else ""
    return value


VARIABLES = {
    "double": np.array([[1.5, 2], [3, 4], [5, 6]]),
    "few_bytes": np.array([[1.0, 200, 70000]]),
    "single": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "bytes": np.array([[1, 2, 255]], np.uint8),
    "many": np.array([[-(2**40), 2**40]]),
    "yes": np.array([[True, False]]),
    "none": np.zeros((0, 3)),
    "text": "Größe ≥ 7 \U0001f431",
    "latin": "abc",
    "no_text": "",
    "cells": cells("a", np.ones((2, 2)), cells(1.0, "b")),
    "no_cells": np.zeros((0, 0), object),
    "struct": {"type": "conv", "a_name_longer_than_most_names": {"x": np.eye(2)}, "y": cells()},
    "structs": np.array([[(1.0, "a"), (2.0, "b")]], [("n", object), ("t", object)]),
}


@pytest.mark.parametrize("compressed", [False, True])
def test_reads_what_scipy_reads(compressed):
    content = written(VARIABLES, compressed)
    ours = read_mat(content, VARIABLES.keys())
    theirs = scipy.io.loadmat(io.BytesIO(content), struct_as_record=False, mat_dtype=True)
    assert ours.keys() == VARIABLES.keys()
    for name, value in ours.items():
        np.testing.assert_equal(value, as_scipy_reads(theirs[name]), err_msg=name)
    assert ours["single"].dtype == np.float32
    assert ours["single"].flags.f_contiguous
    assert ours["single"].flags.writeable


def test_reads_only_what_is_wanted():
    content = written({"a": np.ones(3), "b": 2.0, "c": "x"})
    assert read_mat(content, {"b"}) == {"b": 2.0}


@given(shape=st.lists(st.integers(0, 4), min_size=2, max_size=5), kind=st.sampled_from("fdbBhHiI"))
def test_numbers_of_every_type_and_shape(shape, kind):
    values = np.arange(np.prod(shape)).astype(kind).reshape(shape)
    content = written({"x": values})
    ours = read_mat(content, {"x"})["x"]
    theirs = scipy.io.loadmat(io.BytesIO(content), mat_dtype=True)["x"]
    np.testing.assert_array_equal(ours, theirs, strict=True)


# ---------------------------------------------------------------------- hostile files


def element(kind: int, content: bytes, size: int | None = None) -> bytes:
    return struct.pack("<II", kind, len(content) if size is None else size) + content + b"\0" * (-len(content) % 8)


def header(kind: int, shape: tuple[int, ...], name: bytes = b"") -> bytes:
    flags, dimensions = struct.pack("<II", kind, 0), struct.pack(f"<{len(shape)}i", *shape)
    return element(6, flags) + element(5, dimensions) + element(1, name)


def mat_file(*elements: bytes) -> io.BytesIO:
    return io.BytesIO(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements))


DOUBLE, CELL, STRUCT, CHAR, OBJECT, SPARSE, OPAQUE = 6, 1, 2, 4, 3, 5, 17


def nested_cells(depth: int) -> bytes:
    """A cell in a cell in a cell …, written from the inside."""
    parts, size = [element(14, header(CELL, (0, 0)))], 48
    for n in range(depth, 0, -1):
        start = header(CELL, (1, 1), b"layers" if n == 1 else b"")
        size += len(start)
        parts.append(struct.pack("<II", 14, size) + start)
        size += 8
    return b"".join(reversed(parts))


def layers_of(kind: int, shape: tuple[int, ...], content: bytes = b"", size: int | None = None) -> bytes:
    """A variable called `layers`."""
    return element(14, header(kind, shape, b"layers") + content, size)


@pytest.mark.parametrize(
    ("elements", "complaint"),
    [
        ([nested_cells(200_000)], "holds more than 16 matrices within each other"),
        ([layers_of(CELL, (2**31 - 1, 2**31 - 1))], "ends too early for a cell array"),
        (
            [layers_of(STRUCT, (2**31 - 1, 1), element(5, b"\1\0\0\0") + element(1, b"abc"))],
            "ends too",
        ),
        (
            [layers_of(DOUBLE, (2**31 - 1, 2**31 - 1), element(9, b"", 2**32 - 8))],
            "ends in the middle",
        ),
        ([layers_of(DOUBLE, (1 << 30, 1 << 30), element(9, b"\0" * 8))], "with 8 bytes"),
        ([layers_of(DOUBLE, (-1, 1))], "without a class and dimensions"),
        ([layers_of(SPARSE, (2, 2))], "matrix of class 5"),
        ([layers_of(OPAQUE, (2, 2))], "matrix of class 17"),
        ([layers_of(OBJECT, (2, 2))], "matrix of class 3"),
        ([layers_of(CHAR, (1, 2), element(9, b"\0" * 8))], "is damaged"),
        ([layers_of(CELL, (1, 1), size=2**31)], "ends in the middle of a matrix"),
        ([layers_of(CELL, (1, 1), element(9, b"\0" * 8))], "expected a matrix, found an element of"),
        ([element(15, zlib.compress(b"\0" * 100)[:-30], 5000)], "ends in the middle of a matrix"),
    ],
)
def test_sizes_are_compared_before_memory_is_taken(elements, complaint, tmp_path):
    """… and depth before the stack is."""
    path = tmp_path / "net.mat"
    path.write_bytes(mat_file(*elements).getvalue())
    tracemalloc.start()
    with pytest.raises(FileError, match=complaint):
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**21


def test_a_compressed_variable_may_not_become_a_hundred_times_as_large(tmp_path):
    size = 2**28
    zeros = header(DOUBLE, (size // 8, 1), b"layers") + struct.pack("<II", 9, size)
    deflate = zlib.compressobj()
    packed = deflate.compress(struct.pack("<II", 14, len(zeros) + size) + zeros)
    for _ in range(2**8):
        packed += deflate.compress(b"\0" * 2**20)
    packed += deflate.flush()
    path = tmp_path / "net.mat"
    path.write_bytes(mat_file(element(15, packed)).getvalue())
    assert path.stat().st_size < 300_000
    tracemalloc.start()
    with pytest.raises(FileError, match="claims a matrix that is too large for its compressed bytes"):
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty; expected a weight file"),
        (b"MATLAB", "is not a MATLAB file"),
        (b"PK\x03\x04" + b"\0" * 500, "is not a MATLAB file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM", r"is a MATLAB 7.3 file; .* save\('-v7', …\)"),
        (b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI", "is not a MATLAB file"),  # big-endian
        (mat_file().getvalue(), "holds no `layers`"),
    ],
)
def test_other_files_are_refused(content, complaint, tmp_path):
    path = tmp_path / "net.mat"
    path.write_bytes(content)
    with pytest.raises(FileError, match=complaint):
        load(path)


# ---------------------------------------------------------------------- damaged files


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "compressed"])
def good_file(request, tmp_path_factory):
    """The bytes of a small network, and where to put damaged ones."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("damaged") / "net.mat"
    kernels = rng.standard_normal((2, 3, 2, 2)).astype(np.float32)
    layers = [conv("conv1", kernels, kernels[:, 0, 0, 0]), relu("relu1"), {"type": "softmax", "name": "prob"}]
    described = {"imageSize": row(2, 2, 3), "averageImage": np.full((2, 2, 3), 99.0), "border": row(2, 2)}
    write(path, layers, described, ["a", "b"], compressed=request.param)
    load(path)
    return path, path.read_bytes()


def only_a_file_error(path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        load(path)
    except FileError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a network is as good an answer


@settings(max_examples=300)
@given(data=st.data())
def test_flipped_bytes_give_a_network_or_a_file_error(good_file, data):
    path, content = good_file
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(100, len(content) - 1))] = data.draw(st.integers(0, 255))
    only_a_file_error(path, bytes(damaged))


@settings(max_examples=200)
@given(data=st.data())
def test_truncated_and_doubled_files_give_a_file_error(good_file, data):
    path, content = good_file
    cut = data.draw(st.integers(0, len(content) - 1))
    only_a_file_error(path, content[:cut] + data.draw(st.sampled_from([b"", b"\0" * 64, content[cut // 2 :]])))
    (size,) = struct.unpack_from("<I", content, 132)  # of the first variable, `layers`
    path.write_bytes(content[: data.draw(st.integers(0, 135 + size))])
    with pytest.raises(FileError):
        load(path)
