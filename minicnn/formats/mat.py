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
import zlib
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import numpy as np

from ..errors import FileError

MATRIX, COMPRESSED = 14, 15  # kinds of elements
NUMBERS, TEXT = (1, 2, 3, 4, 5, 6, 7, 9, 12, 13), (1, 2, 3, 4, 16, 17, 18)  # … of numbers, and of text
CELL, STRUCT, CHAR, FUNCTION, NUMERIC = 1, 2, 4, 16, range(6, 16)  # classes of matrices
DEEPEST = 16  # matrices within matrices
LARGEST_GROWTH, FREE_GROWTH = 20, 2**24  # a compressed variable may become so many times larger, and so much besides


def read_mat(file: BinaryIO, names: Collection[str]) -> dict[str, Any]:
    """The variables called as in `names`, by name: a struct is a dict, a cell array a list, text a str.

    Numbers are arrays with MATLAB's dimensions (two at least) and order in memory: columns first.
    """
    from scipy.io import loadmat

    version = file.read(128)[124:]
    if version == b"\x00\x02IM":
        raise FileError("is a MATLAB 7.3 file; load it in MATLAB and save it again with save('-v7', …)")
    if version != b"\x00\x01IM":
        raise FileError("is not a MATLAB file as save('-v6', …) and save('-v7', …) write it")
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for kind, begin, end in elements(content, 128, len(content)):
            if kind == MATRIX:
                inspect(content, begin, end, 1, names)
            elif kind == COMPRESSED:
                unpacked = inflated(content[begin:end])
                for inside, start, stop in elements(unpacked, 0, len(unpacked)):
                    if inside == MATRIX:
                        inspect(unpacked, start, stop, 1, names)
    file.seek(0)
    found = loadmat(file, variable_names=list(names), struct_as_record=False, mat_dtype=True)
    return {name: plain(value) for name, value in found.items() if name in names}


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


def inflated(packed: bytes) -> bytes:
    """The matrix that a compressed variable becomes, if it is as large as its own tag says."""
    size = 8 + int.from_bytes(zlib.decompressobj().decompress(packed, 8)[4:], "little")
    if size > FREE_GROWTH + LARGEST_GROWTH * len(packed):
        raise FileError("claims a matrix that is too large for its compressed bytes")
    stream = zlib.decompressobj()
    content = stream.decompress(packed, size + 1)
    if len(content) > size or not stream.eof:
        raise FileError("ends in the middle of a compressed variable")
    return content


# ---------------------------------------------------------------------- the walk through the elements


def elements(content: mmap.mmap | bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(kind, begin and end of its content) of each element between two places; small ones lie in their tag."""
    while at < end:
        kind, size = struct.unpack_from("<II", content, at)
        if at + 8 + (0 if kind >> 16 else size) > end:
            raise FileError("ends in the middle of a matrix, or claims one that is too large for it")
        if kind >> 16:  # a small element: | size: 2 bytes | kind: 2 bytes | content |
            yield kind & 0xFFFF, at + 4, at + 4 + min(kind >> 16, 4)
            at += 8
            continue
        yield kind, at + 8, at + 8 + size
        at += 8 + size + (-size % 8 if kind not in (MATRIX, COMPRESSED) else 0)


def inspect(content: mmap.mmap | bytes, begin: int, end: int, depth: int, names: Collection[str] = ()) -> None:
    """Refuses a matrix that SciPy would trust: depth, and counts that the bytes cannot hold.

    names: names of variables; others are passed over
    """
    if begin == end:
        return
    if depth > DEEPEST:
        raise FileError(f"holds more than {DEEPEST} matrices within each other")
    inside = elements(content, begin, end)
    flags, shape, name = (content[start:stop] for _, start, stop in (next(inside, (0, 0, 0)) for _ in range(3)))
    if names and name.decode("latin-1") not in names:
        return
    sizes = struct.unpack(f"<{len(shape) // 4}i", shape[: len(shape) // 4 * 4])
    if len(sizes) < 2 or min(sizes) < 0:
        raise FileError("is damaged: a matrix without a class and dimensions")
    kind, count = int.from_bytes(flags[:1], "little"), math.prod(sizes)
    if flags[1:2] and flags[1] & 0x08:
        raise FileError("holds complex numbers; a network has none")
    if kind not in (CELL, STRUCT, CHAR, FUNCTION, *NUMERIC):
        raise FileError(f"holds a matrix of class {kind} (an object, say); expected numbers, text, cells, structs")
    if kind == CHAR or kind in NUMERIC:
        found, start, stop = next(inside, (0, 0, 0))
        if found not in (TEXT if kind == CHAR else NUMBERS) or count > 8 * (stop - start):
            raise FileError(f"is damaged: a matrix of {sizes} with {stop - start} bytes")
        return
    if kind == STRUCT:
        (_, start, stop), (_, first, last) = next(inside, (0, 0, 0)), next(inside, (0, 0, 0))
        length = int.from_bytes(content[start:stop][:4], "little")
        if not 0 < length <= max(last - first, 1):
            raise FileError("is damaged: a struct without the names of its fields")
        count *= (last - first) // length
    left = 1 if kind == FUNCTION else count
    for found, start, stop in inside:
        if found != MATRIX:
            raise FileError(f"is damaged: expected a matrix, found an element of kind {found}")
        left -= 1
        inspect(content, start, stop, depth + 1)
    if left > 0:
        raise FileError(f"ends too early for a cell array or struct of {count} matrices")
