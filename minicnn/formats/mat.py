"""MATLAB's .mat files, as `save -v6` and `save -v7` write them, as plain Python values: SciPy reads them.

SciPy trusts a file: some thousand cells within cells, or a kind of numbers that is none, end the interpreter, and a
claim of 2³¹ cells takes their memory.  So the elements are walked through first.

A file is a header of 128 bytes and then elements: a tag of 8 bytes, which tells kind and size, and the content, padded
to a multiple of 8 bytes.  A variable is an element of kind MATRIX, whose content is elements again: class, dimensions,
name, then numbers or, in a cell array or a struct, matrices.  An element of kind COMPRESSED is a deflated MATRIX.
"""

from __future__ import annotations

import math
import mmap
import struct
import tempfile
import zlib
from collections.abc import Collection
from contextlib import ExitStack
from typing import Any, BinaryIO

import numpy as np

from .errors import FileError

MATRIX, COMPRESSED = 14, 15  # kinds of elements
NUMBERS, TEXT = (1, 2, 3, 4, 5, 6, 7, 9, 12, 13), (1, 2, 3, 4, 16, 17, 18)  # … of numbers, and of text
CELL, STRUCT, CHAR, FUNCTION, NUMERIC = 1, 2, 4, 16, range(6, 16)  # classes of matrices
DEEPEST = 16  # matrices within matrices
PIECE = 2**20  # bytes decompressed at a time
LARGEST_GROWTH, FREE_GROWTH = 20, 2**24  # a compressed file may become so many times larger, and so much besides


def read_mat(file: BinaryIO, wanted: Collection[str]) -> dict[str, Any]:
    """The variables called as in `wanted`, by name: a struct is a dict, a cell array a list, text a str.

    Numbers are arrays with MATLAB's dimensions (two at least) and order in memory: columns first.
    """
    from scipy.io import loadmat

    check_header(file.read(128))
    is_compressed = file.read(4) == COMPRESSED.to_bytes(4, "little")
    with ExitStack() as stack:
        if is_compressed:
            file = inflated(file, stack.enter_context(tempfile.TemporaryFile()))
        content = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        for name, begin, end in variables(content):
            if name in wanted:
                walk(content, begin, end, 1)
        file.seek(0)
        found = loadmat(file, variable_names=list(wanted), struct_as_record=False, mat_dtype=True)
    return {name: plain(value) for name, value in found.items() if name in wanted}


def check_header(header: bytes) -> None:
    if header[124:] == b"\x00\x02IM":
        raise FileError("is a MATLAB 7.3 file; load it in MATLAB and save it again with save('-v7', …)")
    if header[124:] != b"\x00\x01IM":
        raise FileError("is not a MATLAB file as save('-v6', …) and save('-v7', …) write it")


def plain(value: Any) -> Any:
    """SciPy's arrays of arrays: several structs become a list of dicts."""
    if hasattr(value, "_fieldnames"):
        return {name: plain(getattr(value, name)) for name in value._fieldnames}
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "OU":
        return value
    if value.dtype.kind == "U":
        return str(value[0]) if value.size else ""
    values = [plain(one) for one in value.ravel(order="F")]
    return values[0] if len(values) == 1 and hasattr(value.flat[0], "_fieldnames") else values


def inflated(source: BinaryIO, file: BinaryIO) -> BinaryIO:
    """The same in another file, without compression."""
    size = source.seek(0, 2)
    left = FREE_GROWTH + LARGEST_GROWTH * size
    source.seek(0)
    file.write(source.read(128))
    while len(tag := source.read(8)) == 8:
        kind, length = struct.unpack("<II", tag)
        if source.tell() + length > size:
            raise FileError("ends in the middle of a variable")
        if kind != COMPRESSED:
            raise FileError("is damaged: an element that is not compressed among others that are")
        stream = zlib.decompressobj()
        while length:
            piece = stream.decompress(source.read(min(length, PIECE)), left + 1)
            length -= min(length, PIECE)
            left -= len(piece)
            if left < 0:
                raise FileError("claims a matrix that is too large for its compressed bytes")
            file.write(piece)
        if not stream.eof:
            raise FileError("ends in the middle of a compressed variable")
    file.flush()
    return file


# ---------------------------------------------------------------------- the walk through the elements


def element(content: mmap.mmap, at: int, end: int) -> tuple[int, int, int, int]:
    """(kind, begin and end of its content, where the next one begins); small ones lie in their tag."""
    if at + 8 > end:
        raise FileError("ends in the middle of a matrix")
    kind, size = struct.unpack_from("<II", content, at)
    if kind >> 16:  # a small element: | size: 2 bytes | kind: 2 bytes | content |
        return kind & 0xFFFF, at + 4, at + 4 + min(kind >> 16, 4), at + 8
    if at + 8 + size > end:
        raise FileError("ends in the middle of a matrix, or claims one that is too large for it")
    return kind, at + 8, at + 8 + size, at + 8 + size + (-size % 8 if kind != MATRIX else 0)


def head(content: mmap.mmap, at: int, end: int) -> tuple[int, tuple[int, ...], str, int]:
    """(flags and class, dimensions, name) of a matrix, and where its content begins."""
    _, begin, stop, at = element(content, at, end)
    flags = content[begin:stop].ljust(4, b"\0")
    _, begin, stop, at = element(content, at, end)
    shape = struct.unpack(f"<{(stop - begin) // 4}i", content[begin : stop - (stop - begin) % 4])
    _, begin, stop, at = element(content, at, end)
    if len(shape) < 2 or min(shape) < 0:
        raise FileError("is damaged: a matrix without a class and dimensions")
    return int.from_bytes(flags[:4], "little"), shape, content[begin:stop].decode("latin-1"), at


def variables(content: mmap.mmap) -> list[tuple[str, int, int]]:
    """(name, begin, end) of every variable."""
    found, at = [], 128
    while at < len(content):
        try:
            kind, begin, end, at = element(content, at, len(content))
        except FileError:
            raise FileError("ends in the middle of a variable") from None
        if kind == MATRIX and begin < end:
            found.append((head(content, begin, end)[2], begin, end))
    return found


def walk(content: mmap.mmap, at: int, end: int, depth: int) -> int:
    """Refuses what SciPy would trust: depth, and counts that the bytes cannot hold.  Returns where the matrix ends."""
    if depth > DEEPEST:
        raise FileError(f"holds more than {DEEPEST} matrices within each other")
    flags, shape, _, at = head(content, at, end)
    kind, count = flags & 0xFF, math.prod(shape)
    if flags & 0x0800:
        raise FileError("holds complex numbers; a network has none")
    if kind not in (CELL, STRUCT, CHAR, FUNCTION, *NUMERIC):
        raise FileError(f"holds a matrix of class {kind} (an object, say); expected numbers, text, cells, structs")
    if kind == CHAR or kind in NUMERIC:
        found, begin, stop, at = element(content, at, end)
        if found not in (TEXT if kind == CHAR else NUMBERS) or count > 8 * (stop - begin):
            raise FileError(f"is damaged: a matrix of {shape} with {stop - begin} bytes")
        return at
    if kind == STRUCT:
        _, begin, stop, at = element(content, at, end)
        length = int.from_bytes(content[begin:stop][:4], "little")
        _, begin, stop, at = element(content, at, end)
        if not 0 < length <= max(stop - begin, 1):
            raise FileError("is damaged: a struct without the names of its fields")
        count *= (stop - begin) // length
    if 8 * count > end - at:  # a matrix has a tag at least
        raise FileError(f"ends too early for a cell array or struct of {count} matrices")
    for _ in range(1 if kind == FUNCTION else count):
        found, begin, stop, at = element(content, at, end)
        if found != MATRIX:
            raise FileError(f"is damaged: expected a matrix, found an element of kind {found}")
        if begin < stop and walk(content, begin, stop, depth + 1) > stop:
            raise FileError("is damaged: a matrix that ends behind its end")
    return at
