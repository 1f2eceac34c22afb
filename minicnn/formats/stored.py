"""Tensors that still lie in their file: first one looks at names and shapes, then the numbers are read, one by one.

A file's claims cost nothing until they are believed, so no claim can take memory; and what is read lands where it will
stay, so that half a gigabyte of weights takes half a gigabyte of memory.
"""

from __future__ import annotations

import math
import os
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .errors import FileError

NUMBERS = {  # the kinds of numbers in weight files → NumPy's name; NumPy has no bfloat16, only its 16 bits
    **{"float64": "f8", "float32": "f4", "float16": "f2", "bfloat16": "u2"},
    **{"int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?"},
}


MOST_REPEATED = 2**20  # a stride of 0 makes many elements of one number: as many as that, if there are no more stored


@dataclass(frozen=True)
class Storage:
    """Numbers in a row in a file.

    position:   of the first one, in bytes
    count:      how many there are; whoever makes a Storage has seen that the file is long enough
    kind:       of NUMBERS
    big_endian: which end comes first
    checksum:   the CRC-32 of (bytes of which `begun` is the checksum, then) these numbers; 0 if nobody knows it
    """

    path: str | os.PathLike[str]
    position: int
    count: int
    kind: str
    big_endian: bool = False
    checksum: int = 0
    begun: int = 0

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(NUMBERS[self.kind]).newbyteorder(">" if self.big_endian else "<")

    def read(self, first: int, count: int) -> np.ndarray:
        """Numbers first … first + count − 1."""
        numbers = np.empty(count, self.dtype)
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.position + first * self.dtype.itemsize)
            fill(file, numbers.view(np.uint8).data)
        if self.checksum and count == self.count and zlib.crc32(numbers.data, self.begun) != self.checksum:
            raise FileError("its numbers do not match their checksum: the file is damaged")
        return numbers


def fill(file: object, buffer: memoryview) -> None:
    """Reads until the buffer is full: one read gives at most 2 GB, or less."""
    while buffer:
        count = file.readinto(buffer)  # type: ignore[attr-defined]
        if not count:
            raise FileError("the file ends in the middle of its numbers")
        buffer = buffer[count:]


@dataclass(frozen=True)
class StoredTensor:
    """Element (i, j, …) is number offset + i·strides[0] + j·strides[1] + … of the storage."""

    storage: Storage
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0

    def __post_init__(self) -> None:
        """Everything lies inside of the storage: what as_strided, which would read anywhere, does not ask."""
        numbers = (*self.shape, *self.strides, self.offset)
        if len(self.shape) != len(self.strides) or len(self.shape) > 32:
            raise FileError(f"a tensor of shape {self.shape} has strides {self.strides}")
        if min(numbers) < 0:
            raise FileError(f"a negative shape, stride or offset: {self.shape}, {self.strides}, {self.offset}")
        if self.offset + self.extent > self.storage.count:
            raise FileError(
                f"a tensor of shape {self.shape}, strides {self.strides} and offset {self.offset} "
                f"reaches beyond the {self.storage.count} numbers stored"
            )
        if math.prod(self.shape) > max(self.storage.count, MOST_REPEATED):
            raise FileError(f"a tensor of shape {self.shape} repeats the {self.storage.count} numbers stored")

    @classmethod
    def contiguous(cls, storage: Storage, shape: tuple[int, ...]) -> StoredTensor:
        """The tensor in row-major order."""
        return cls(storage, shape, tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape))))

    @property
    def extent(self) -> int:
        """How many numbers of the storage it spans, from its first to its last."""
        if 0 in self.shape:
            return 0
        return 1 + sum((n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True))

    @property
    def kind(self) -> str:
        return self.storage.kind

    def read(self) -> np.ndarray:
        """The tensor in memory, row-major.  A bfloat16 is the upper half of a float32, and becomes one."""
        numbers = self.storage.read(self.offset, self.extent)
        strides = [stride * numbers.itemsize for stride in self.strides]
        tensor = as_strided(numbers, self.shape, strides)
        if self.kind == "bfloat16":
            bits = tensor.astype(np.uint32, order="C")
            bits <<= 16
            return bits.view(np.float32)
        return np.asarray(tensor, tensor.dtype.newbyteorder("="), order="C")
