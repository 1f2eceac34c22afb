"""MATLAB's .mat files, as `save -v6` and `save -v7` write them, as plain Python values.

A file is a header of 128 bytes and then elements: a tag of 8 bytes, which tells kind and size, and the content, padded
to a multiple of 8 bytes.  A variable is an element of kind MATRIX.  Its content is elements again: its class, its
dimensions, its name, and then numbers or, in a cell array or a struct, matrices.  An element of kind COMPRESSED is a
deflated MATRIX.

`scipy.io.loadmat` reads these files too, and the tests compare the two.  But it trusts them: a megabyte of cells within
cells ends the interpreter.  Here depth is bounded, and a size is compared with what is left before memory is taken.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np

from .errors import FileError

MATRIX, COMPRESSED = 14, 15
NUMBERS = {  # kind of element → type of its numbers
    1: np.int8, 2: np.uint8, 3: np.int16, 4: np.uint16, 5: np.int32, 6: np.uint32, 7: np.float32, 9: np.float64,
    12: np.int64, 13: np.uint64,
}  # fmt: skip
TEXT = {1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le", 18: "utf-32-le"}  # kind → encoding
CELL, STRUCT, CHAR, FUNCTION = 1, 2, 4, 16
NUMERIC = {  # class of matrix → type of its numbers (a double that holds small whole numbers is stored in fewer bytes)
    6: np.float64, 7: np.float32, 8: np.int8, 9: np.uint8, 10: np.int16, 11: np.uint16, 12: np.int32, 13: np.uint32,
    14: np.int64, 15: np.uint64,
}  # fmt: skip

DEEPEST = 16  # matrices within matrices
PIECE = 2**18  # bytes decompressed at a time
LARGEST_GROWTH, FREE_GROWTH = 20, 2**24  # a compressed variable may become so many times larger, and so much besides


def read_mat(file: BinaryIO, wanted: Collection[str]) -> dict[str, Any]:
    """The variables called as in `wanted`, by name: a struct is a dict, a cell array a list, text a str.

    Numbers are arrays, writeable, with MATLAB's dimensions (two at least) and order in memory: columns first.
    """
    check_header(file.read(128))
    size = file.seek(0, 2)
    found = {}
    position = 128
    while position < size:
        file.seek(position)
        top = Plain(file, size - position)
        tag = read_tag(top)
        if tag.size > top.left:
            raise FileError("ends in the middle of a variable")
        position += 8 + tag.size
        source: Source = top
        if tag.kind == COMPRESSED:
            source = Inflated(file, tag.size)
            tag = read_tag(source)
        if tag.kind == MATRIX and tag.size:
            header = read_header(source)
            if header.name in wanted:
                found[header.name] = read_content(source, header, depth=1)
    return found


def check_header(header: bytes) -> None:
    if header[124:] == b"\x00\x02IM":
        raise FileError("is a MATLAB 7.3 file; load it in MATLAB and save it again with save('-v7', …)")
    if header[124:] != b"\x00\x01IM":
        raise FileError("is not a MATLAB file as save('-v6', …) and save('-v7', …) write it")


# ---------------------------------------------------------------------- where bytes come from


class Source(Protocol):
    """Bytes in order; `left` is how many there can be at most."""

    left: int

    def read_into(self, buffer: memoryview) -> None: ...


class Plain:
    """The next `left` bytes of a file."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self.file, self.left = file, left

    def read_into(self, buffer: memoryview) -> None:
        self.left -= len(buffer)
        self.file.readinto(buffer)  # type: ignore[attr-defined]


class Inflated:
    """What the next `length` bytes of a file become when decompressed, a piece at a time."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self.file, self.length = file, length
        self.left = FREE_GROWTH + LARGEST_GROWTH * length
        self.inflate = zlib.decompressobj()

    def read_into(self, buffer: memoryview) -> None:
        self.left -= len(buffer)
        while buffer:
            deflated = self.inflate.unconsumed_tail
            if not deflated:
                deflated = self.file.read(min(PIECE, self.length))
                self.length -= len(deflated)
            if not deflated:
                raise FileError("ends in the middle of a compressed variable")
            piece = self.inflate.decompress(deflated, len(buffer))
            buffer[: len(piece)] = piece
            buffer = buffer[len(piece) :]


def read(source: Source, count: int, dtype: Any = np.uint8) -> np.ndarray:
    """The next `count` numbers; only memory for what can be there is taken."""
    if count * np.dtype(dtype).itemsize > source.left:
        raise FileError("ends in the middle of a matrix, or claims one that is too large for it")
    array = np.empty(count, dtype)
    source.read_into(array.view(np.uint8).data)
    return array


# ---------------------------------------------------------------------- elements


class Tag(NamedTuple):
    kind: int
    size: int
    small: bytes = b""  # content of up to four bytes is put into the tag itself


class Header(NamedTuple):
    """What a matrix says of itself."""

    kind: int
    shape: tuple[int, ...]
    name: str


def read_tag(source: Source) -> Tag:
    first, second = struct.unpack("<I4s", read(source, 8).tobytes())
    if first >> 16:  # a small element: | size: 2 bytes | kind: 2 bytes | content |
        return Tag(first & 0xFFFF, first >> 16, second[: first >> 16])
    return Tag(first, *struct.unpack("<I", second))


def read_element(source: Source) -> tuple[int, np.ndarray]:
    """(kind, numbers) of an element that is no matrix; text comes as bytes."""
    tag = read_tag(source)
    dtype = np.dtype(NUMBERS.get(tag.kind, np.uint8))
    if tag.kind not in NUMBERS and tag.kind not in TEXT:
        raise FileError(f"is damaged: an element of kind {tag.kind} is no numbers and no text")
    if tag.size % dtype.itemsize:
        raise FileError(f"is damaged: {tag.size} bytes are no whole number of {dtype}")
    if tag.small:
        return tag.kind, np.frombuffer(bytearray(tag.small), dtype)
    numbers = read(source, tag.size // dtype.itemsize, dtype)
    read(source, -tag.size % 8)  # padding
    return tag.kind, numbers


def read_header(source: Source) -> Header:
    _, flags = read_element(source)
    _, shape = read_element(source)
    _, name = read_element(source)
    if len(flags) != 2 or len(shape) < 2 or min(shape) < 0:
        raise FileError("is damaged: a matrix without a class and dimensions")
    if flags[0] & 0x0800:
        raise FileError("holds complex numbers; a network has none")
    return Header(int(flags[0] & 0xFF), tuple(shape.tolist()), name.tobytes().decode("latin-1"))


def read_matrix(source: Source, depth: int) -> Any:
    """A matrix inside a cell array or struct."""
    tag = read_tag(source)
    if tag.kind != MATRIX:
        raise FileError(f"is damaged: expected a matrix, found an element of kind {tag.kind}")
    if depth > DEEPEST:
        raise FileError(f"holds more than {DEEPEST} matrices within each other")
    return read_content(source, read_header(source), depth) if tag.size else np.zeros((0, 0))


def read_content(source: Source, header: Header, depth: int) -> Any:
    """A struct as a dict (several as a list of dicts), a cell array as a list, text as a str, numbers as an array."""
    count = math.prod(header.shape)
    if header.kind == CELL:
        return list(read_matrices(source, count, depth))
    if header.kind == STRUCT:
        fields = read_field_names(source)
        values = read_matrices(source, count * len(fields), depth)
        structs = [dict(zip(fields, values, strict=False)) for _ in range(count if fields else 1)]
        return structs[0] if count == 1 else structs
    if header.kind == FUNCTION:
        return read_matrix(source, depth + 1)
    if header.kind != CHAR and header.kind not in NUMERIC:
        raise FileError(
            f"holds a matrix of class {header.kind} (an object, say); expected numbers, text, cells, structs"
        )
    kind, numbers = read_element(source)
    if header.kind == CHAR:
        return numbers.tobytes().decode(TEXT[kind], errors="replace")
    if len(numbers) != count:
        raise FileError(f"is damaged: a matrix of {header.shape} with {len(numbers)} numbers")
    return numbers.astype(NUMERIC[header.kind], copy=False).reshape(header.shape, order="F")


def read_matrices(source: Source, count: int, depth: int) -> Iterator[Any]:
    if 8 * count > source.left:  # a matrix has a tag at least
        raise FileError(f"ends too early for a cell array or struct of {count} matrices")
    return (read_matrix(source, depth + 1) for _ in range(count))


def read_field_names(source: Source) -> list[str]:
    _, length = read_element(source)
    _, names = read_element(source)
    if len(length) != 1 or length[0] < 1:
        raise FileError("is damaged: a struct without the names of its fields")
    text, step = names.tobytes(), int(length[0])
    return [text[n : n + step].split(b"\0")[0].decode("latin-1") for n in range(0, len(text), step)]
