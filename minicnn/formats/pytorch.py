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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from . import archive
from .errors import FileError
from .pickles import Known, Unknown, expected, unpickle
from .stored import NUMBERS, Stored, native

MOST_PICKLE_BYTES = 64 * 2**20
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


class Reference(NamedTuple):
    """Numbers first … first + length − 1 of the storage called `key`, as the pickle refers to them."""

    key: str
    kind: str
    first: int
    length: int


Storages = Callable[[Reference], np.ndarray]  # the numbers of a whole storage


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """What was saved, its tensors as `Stored`: they can be read while the file is open."""
    with open(path, "rb") as file:
        older = file.read(len(OLDER_FILES_BEGIN)) == OLDER_FILES_BEGIN
        if older:
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
    has_order = f"{folder}byteorder" in found
    order = archive.read_member(members, f"{folder}byteorder", most=16) if has_order else b"little"
    if order not in (b"little", b"big"):
        raise FileError(f"an unknown byte order {order!r}; expected little or big")

    def storage(part: Reference) -> np.ndarray:
        name, dtype = f"{folder}data/{part.key}", np.dtype(NUMBERS[part.kind])
        if name not in found:
            raise FileError(f"its storage {part.key!r:.80} is missing")
        size = members.getinfo(name).file_size
        if size != part.length * dtype.itemsize:
            raise FileError(f"storage {part.key!r:.80} has {size} bytes; expected {part.length} numbers, {part.kind}")
        numbers = np.empty(part.length, dtype.newbyteorder("<" if order == b"little" else ">"))
        archive.read_into(members, name, numbers.view(np.uint8).data)
        return numbers

    program = io.BytesIO(archive.read_member(members, pickles[0], MOST_PICKLE_BYTES))
    return unpickle(program, NAMES, partial(reference_to, storage))


def read_older(file: BinaryIO) -> Any:
    """Files from before 2020, or written with _use_new_zipfile_serialization=False: always little-endian."""
    kinds: dict[str, str] = {}
    places: dict[str, tuple[int, int]] = {}

    def reference(identity: Any) -> Any:
        made = reference_to(storage, identity)
        if isinstance(made, tuple):
            kinds[made[1].key] = made[1].kind
        return made

    def storage(part: Reference) -> np.ndarray:
        if part.key not in places:
            raise FileError(f"its storage {part.key!r:.80} is missing")
        position, count = places[part.key]
        if kinds[part.key] != part.kind or part.first + part.length > count:
            wanted = f"{part.first + part.length} numbers, {part.kind}"
            raise FileError(f"storage {part.key!r:.80} has {count} numbers, {kinds[part.key]}; expected {wanted}")
        file.seek(position)
        return np.fromfile(file, np.dtype(NUMBERS[part.kind]).newbyteorder("<"), count)

    file.seek(0)
    program = io.BytesIO(file.read(MOST_PICKLE_BYTES))
    unpickle(program, {})  # the magic number
    version = unpickle(program, {})
    if version != 1001:
        raise FileError(f"version {version!r:.80} of PyTorch's older format; expected 1001")
    unpickle(program, {})  # sizes of numbers on the writer's machine
    saved = unpickle(program, NAMES, reference)
    keys = expected(list, unpickle(program, {}))
    position, size = program.tell(), os.fstat(file.fileno()).st_size
    for key in keys:
        if not isinstance(key, str) or key not in kinds or key in places:
            raise FileError(f"a storage {key!r:.80} that no tensor uses, or that comes twice")
        file.seek(position)
        count = int.from_bytes(file.read(8), "little")
        places[key] = position + 8, count
        position += 8 + count * np.dtype(NUMBERS[kinds[key]]).itemsize
        if position > size:
            raise FileError(f"the file ends in the middle of storage {key!r:.80} of {count} numbers")
    return saved


# ---------------------------------------------------------------------- what PyTorch's pickles name


def reference_to(storages: Storages, identity: Any) -> Any:
    """("storage", torch.FloatStorage, "3", "cpu", 23232), in older files also: None, or a view (name, first, count)."""
    match identity:
        case ("storage", Kind() as kind, str(key), str(), int(count), *view) if count >= 0:
            match view:
                case [] | [None]:
                    return storages, Reference(key, kind, 0, count)
                case [(str(), int(first), int(count))] if min(first, count) >= 0:
                    return storages, Reference(key, kind, first, count)
        case ("storage" | "module", type() as unknown, *_) if issubclass(unknown, Unknown):
            return unknown() if identity[0] == "storage" else unknown
    raise FileError("a damaged pickle: a reference to no storage")


def tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Any:
    """torch._utils._rebuild_tensor_v2: what follows (requires_grad, hooks) is for training."""
    if isinstance(storage, Unknown):
        return storage
    for integers in (shape, strides, (offset,)):
        if not isinstance(integers, tuple) or not all(type(n) is int and abs(n) < 2**63 for n in integers):
            raise FileError("a damaged pickle: a tensor whose shape, strides or offset are no integers")
    storages, part = expected(tuple, storage)
    if not isinstance(part, Reference):
        raise FileError("a damaged pickle: a tensor without a storage")
    return Stored(shape, part.kind, partial(numbers_of, storages, part, offset, shape, strides))


def numbers_of(
    storages: Storages, part: Reference, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> np.ndarray:
    """Element (i, j, …) is number offset + i·strides[0] + j·strides[1] + … of the part of the storage.

    That everything lies inside of the storage is what as_strided, which would read anywhere, does not ask.
    """
    if len(shape) != len(strides) or len(shape) > 32:
        raise FileError(f"a tensor of shape {shape} has strides {strides}")
    if min((*shape, *strides, offset)) < 0:
        raise FileError(f"a negative shape, stride or offset: {shape}, {strides}, {offset}")
    extent = 0 if 0 in shape else 1 + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    stored = storages(part)
    if part.first + offset + extent > stored.size:
        where = f"of shape {shape}, strides {strides} and offset {part.first + offset}"
        raise FileError(f"a tensor {where} reaches beyond the {stored.size} numbers stored")
    if math.prod(shape) > max(stored.size, MOST_REPEATED):
        raise FileError(f"a tensor of shape {shape} repeats the {stored.size} numbers stored")
    numbers = stored[part.first + offset :][:extent]
    return native(as_strided(numbers, shape, [stride * numbers.itemsize for stride in strides]), part.kind)


def parameter(data: Any, *_: Any) -> Any:
    """torch._utils._rebuild_parameter: a tensor that training changes."""
    return expected((Stored, Unknown), data)


def subclass(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """torch._tensor._rebuild_from_type_v2: a tensor with attributes."""
    return expected((Known, Unknown), function)(*expected(tuple, arguments))


NAMES: Mapping[str, Any] = {
    **{f"torch._utils._rebuild_{name}": Known(tensor) for name in ("tensor", "tensor_v2")},
    **{f"torch._utils._rebuild_{name}": Known(parameter) for name in ("parameter", "parameter_with_state")},
    "torch._tensor._rebuild_from_type_v2": Known(subclass),
    "torch.Size": Known(tuple),
    **{f"torch.{name}": Kind(kind) for name, kind in KINDS.items()},
}
