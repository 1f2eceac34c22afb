"""PyTorch's weight files, read without PyTorch: `.pth` or `.pt`, of the present format and the older one.

A file holds *storages*, numbers in a row, and a pickle that says which tensors they make: "features.0.weight begins at
number 0 of storage 3, has shape (64, 3, 11, 11) and strides (363, 121, 11, 1)".

    present:  a zip archive of data.pkl, the pickle, and data/0, data/1, …, the storages
    older:    one pickle after another (a magic number, a version, the writer's machine, the tensors, the names of the
              storages), then the storages, each after its length
"""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..errors import FileError
from ..pickles import Known, Table, Unknown, expected, unpickle
from . import archive
from .stored import NUMBERS, Stored, native

MOST_PICKLE_BYTES = 64 * 2**20  # of the older format, where numbers follow
MOST_REPEATED = 2**20  # a stride of 0 makes many elements of one number: as many as that, if there are no more stored
OLDER_MAGIC = 0x1950A86A20F9469CFC6C
OLDER_FILES_BEGIN = b"\x80\x02\x8a\x0a" + OLDER_MAGIC.to_bytes(10, "little") + b"."

KINDS = {  # PyTorch's class of storage → the kind of its numbers
    **{"DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16"},
    **{"LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8"},
    **{"ByteStorage": "uint8", "BoolStorage": "bool", "UntypedStorage": "uint8"},
}


class Kind(str):
    """What the pickle calls torch.FloatStorage."""


class Storage(NamedTuple):
    """Numbers first … first + length − 1 of the storage called `key`, of which `read` gives all."""

    read: Callable[[Storage], np.ndarray]
    kind: str
    key: str
    first: int
    length: int


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """What was saved, its tensors as `Stored`: they can be read while the file is open."""
    with open(path, "rb") as file:
        if file.read(len(OLDER_FILES_BEGIN)) == OLDER_FILES_BEGIN:
            yield read_older(file)
            return
        with archive.opened(path) as members:
            yield read_zip(members)


# ---------------------------------------------------------------------- the two formats


def read_zip(members: zipfile.ZipFile) -> Any:
    """The present format."""
    found = members.namelist()
    pickles = [name for name in found if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise FileError("a zip archive without the data.pkl that PyTorch writes")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in found:
        raise FileError("a TorchScript program; save the state dict: torch.save(model.state_dict(), FILE)")
    order = members.read(f"{folder}byteorder") if f"{folder}byteorder" in found else b"little"
    if order not in (b"little", b"big"):
        raise FileError(f"an unknown byte order {order!r:.80}; expected little or big")

    def read(storage: Storage) -> np.ndarray:
        name, dtype = f"{folder}data/{storage.key}", np.dtype(NUMBERS[storage.kind])
        if name not in found:
            raise FileError(f"its storage {storage.key!r:.80} is missing")
        size, expected = members.getinfo(name).file_size, f"{storage.length} numbers, {storage.kind}"
        if size != storage.length * dtype.itemsize:
            raise FileError(f"storage {storage.key!r:.80} has {size} bytes; expected {expected}")
        numbers = np.empty(storage.length, dtype.newbyteorder("<" if order == b"little" else ">"))
        archive.read_into(members, name, numbers.view(np.uint8).data)
        return numbers

    return unpickle(io.BytesIO(members.read(pickles[0])), NAMES, partial(referred, read))


def read_older(file: BinaryIO) -> Any:
    """Files from before 2020, or written with _use_new_zipfile_serialization=False: always little-endian."""
    storages: dict[str, Storage] = {}  # the first that the pickle calls so
    places: dict[str, tuple[int, int]] = {}

    def refer(identity: Any) -> Any:
        made = referred(read, identity)
        if isinstance(made, Storage):
            storages.setdefault(made.key, made)
        return made

    def read(storage: Storage) -> np.ndarray:
        if storage.key not in places:
            raise FileError(f"its storage {storage.key!r:.80} is missing")
        (position, count), kind = places[storage.key], storages[storage.key].kind
        if kind != storage.kind or storage.first + storage.length > count:
            expected = f"{storage.first + storage.length} numbers, {storage.kind}"
            raise FileError(f"storage {storage.key!r:.80} has {count} numbers, {kind}; expected {expected}")
        file.seek(position)
        return np.fromfile(file, np.dtype(NUMBERS[kind]).newbyteorder("<"), count)

    file.seek(0)
    program = io.BytesIO(file.read(MOST_PICKLE_BYTES))
    unpickle(program, Table())  # the magic number
    version = unpickle(program, Table())
    if version != 1001:
        raise FileError(f"version {version!r:.80} of PyTorch's older format; expected 1001")
    unpickle(program, Table())  # sizes of numbers on the writer's machine
    saved = unpickle(program, NAMES, refer)
    keys = expected(list, unpickle(program, Table()))
    position, size = program.tell(), os.fstat(file.fileno()).st_size
    for key in keys:
        if not isinstance(key, str) or key not in storages or key in places:
            raise FileError(f"a storage {key!r:.80} that no tensor uses, or that comes twice")
        file.seek(position)
        count = int.from_bytes(file.read(8), "little")
        places[key] = position + 8, count
        position += 8 + count * np.dtype(NUMBERS[storages[key].kind]).itemsize
        if position > size:
            raise FileError(f"the file ends in the middle of storage {key!r:.80} of {count} numbers")
    return saved


# ---------------------------------------------------------------------- what PyTorch's pickles name


def referred(read: Callable[[Storage], np.ndarray], identity: Any) -> Any:
    """("storage", torch.FloatStorage, "3", "cpu", 23232), in older files also: None, or a view (name, first, count)."""
    match identity:
        case ("storage", Kind() as kind, str(key), str(), int(count), *view) if count >= 0 and view in ([], [None]):
            return Storage(read, kind, key, 0, count)
        case ("storage", Kind() as kind, str(key), str(), int(), (str(), int(first), int(count))):
            if min(first, count) >= 0:
                return Storage(read, kind, key, first, count)
        case ("storage" | "module", type() as unknown, *_) if issubclass(unknown, Unknown):
            return unknown() if identity[0] == "storage" else unknown
    raise FileError("a damaged pickle: a reference to no storage")


def tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
    """torch._utils._rebuild_tensor_v2: what follows (requires_grad, hooks) is for training."""
    if isinstance(storage, Unknown):
        return storage
    for counts in (shape, strides, (offset,)):
        if not isinstance(counts, tuple) or not all(type(n) is int and 0 <= n < 2**63 for n in counts):
            raise FileError("a damaged pickle: a tensor whose shape, strides or offset are no counts")
    if not isinstance(expected(tuple, storage), Storage):
        raise FileError("a damaged pickle: a tensor without a storage")
    return Stored(shape, storage.kind, partial(numbers_of, storage, offset, shape, strides))


def numbers_of(storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """Element (i, j, …) is number offset + i·strides[0] + j·strides[1] + … of the part of the storage.

    NumPy sees to it that everything lies inside of the storage.
    """
    stored, begin = storage.read(storage), storage.first + offset
    if math.prod(shape) > max(stored.size, MOST_REPEATED):
        raise FileError(f"a tensor of shape {shape} repeats the {stored.size} numbers stored")
    steps = [stride * stored.itemsize for stride in strides]
    try:
        numbers = np.ndarray(shape, stored.dtype, stored, begin * stored.itemsize, steps)
    except (ValueError, OverflowError):
        where = f"of shape {shape}, strides {strides} and offset {begin}"
        raise FileError(f"a tensor {where} is not inside of the {stored.size} numbers stored") from None
    return native(numbers, storage.kind)


def subclass(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """torch._tensor._rebuild_from_type_v2: a tensor with attributes."""
    return expected((Known, Unknown), function)(*expected(tuple, arguments))


NAMES = Table({f"torch.{name}": Kind(kind) for name, kind in KINDS.items()})
NAMES |= {f"torch._utils._rebuild_{name}": Known(tensor) for name in ("tensor", "tensor_v2")}
PARAMETER = Known(lambda data, *_: expected((Stored, Unknown), data))  # a tensor that training changes
NAMES |= {f"torch._utils._rebuild_{name}": PARAMETER for name in ("parameter", "parameter_with_state")}
NAMES |= {"torch._tensor._rebuild_from_type_v2": Known(subclass), "torch.Size": Known(tuple)}
