"""PyTorch's weight files, read without PyTorch: state dicts, `.pth` or `.pt`, of the present format and the older one.

A file holds *storages*, numbers in a row, and a pickle that says which tensors they make: "features.0.weight begins at
number 0 of storage 3, has shape (64, 3, 11, 11) and strides (363, 121, 11, 1)".

    present:  a zip archive of data.pkl, the pickle, and data/0, data/1, …, the storages
    older:    one pickle after another (a magic number, a version, the writer's machine, the tensors, the names of the
              storages), then the storages, each after its length
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from .errors import FileError
from .pickle_machine import Known, expected, put, unpickle
from .stored import NUMBERS, Storage, StoredTensor
from .zip_members import members

MOST_PICKLE_BYTES = 64 * 2**20
ADVICE = "; save the state dict alone: torch.save(model.state_dict(), FILE)"
OLDER_MAGIC = 0x1950A86A20F9469CFC6C
OLDER_FILES_BEGIN = b"\x80\x02\x8a\x0a" + OLDER_MAGIC.to_bytes(10, "little") + b"."

KINDS = {  # PyTorch's class of storage → the kind of its numbers
    **{"DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16"},
    **{"LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8"},
    **{"ByteStorage": "uint8", "BoolStorage": "bool"},
}


@dataclass(frozen=True)
class Kind:
    """What the pickle calls torch.FloatStorage."""

    name: str


@dataclass(frozen=True)
class Reference:
    """Numbers first … first + count − 1 of the storage called `key`, as the pickle refers to them."""

    key: str
    kind: str
    first: int
    count: int


@dataclass(frozen=True)
class Described:
    """A tensor as the pickle describes it."""

    storage: Reference
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: str | os.PathLike[str]) -> dict[str, StoredTensor]:
    """The tensors of a state dict by name; their numbers are still in the file."""
    with open(path, "rb") as file:
        older = file.read(len(OLDER_FILES_BEGIN)) == OLDER_FILES_BEGIN
    saved, storages = read_older(path) if older else read_zip(path)
    return {name: located(name, tensor, storages) for name, tensor in state_dict(saved).items()}


# ---------------------------------------------------------------------- the present format


def read_zip(path: str | os.PathLike[str]) -> tuple[Any, Callable[[Reference], Storage]]:
    """What the pickle makes, and where to find a storage."""
    found = members(path)
    pickles = [name for name in found if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise FileError("a zip archive without the data.pkl that PyTorch writes")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in found:
        raise FileError("a TorchScript program; save the state dict: torch.save(model.state_dict(), FILE)")
    order = found[f"{folder}byteorder"].read(most=16) if f"{folder}byteorder" in found else b"little"
    if order not in (b"little", b"big"):
        raise FileError(f"an unknown byte order {order!r}; expected little or big")

    def storage(reference: Reference) -> Storage:
        member = found.get(f"{folder}data/{reference.key}")
        if member is None:
            raise FileError(f"its storage {short(reference.key)} is missing")
        whole = Storage(path, member.position, reference.count, reference.kind, order == b"big", member.checksum)
        if member.size != reference.count * whole.dtype.itemsize:
            raise FileError(f"storage {short(reference.key)} has {member.size} bytes; expected {describe(reference)}")
        return whole

    program = io.BytesIO(found[pickles[0]].read(MOST_PICKLE_BYTES))
    return unpickle(program, NAMES, lambda identity: reference_to(identity, views=False), ADVICE), storage


# ---------------------------------------------------------------------- the older format


def read_older(path: str | os.PathLike[str]) -> tuple[Any, Callable[[Reference], Storage]]:
    """The same of a file from before 2020, or written with _use_new_zipfile_serialization=False.

    Its numbers are little-endian whichever machine wrote it.
    """
    size = os.path.getsize(path)
    kinds: dict[str, str] = {}
    places: dict[str, tuple[int, int]] = {}

    def reference(identity: Any) -> Reference:
        found = reference_to(identity, views=True)
        kinds[found.key] = found.kind
        return found

    with open(path, "rb") as file:
        program = Bounded(file, min(size, MOST_PICKLE_BYTES))
        unpickle(program, {})  # the magic number
        version = unpickle(program, {})
        if version != 1001:
            raise FileError(f"version {short(version)} of PyTorch's older format; expected 1001")
        unpickle(program, {})  # sizes of numbers on the writer's machine
        saved = unpickle(program, NAMES, reference, ADVICE)
        keys = expected(list, unpickle(program, {}))
        for key in keys:
            if not isinstance(key, str) or key not in kinds or key in places:
                raise FileError(f"a storage {short(key)} that no tensor uses, or that comes twice")
            count = int.from_bytes(file.read(8), "little")
            places[key] = file.tell(), count
            file.seek(min(file.tell() + count * np.dtype(NUMBERS[kinds[key]]).itemsize, size + 1))
            if file.tell() > size:
                raise FileError(f"the file ends in the middle of storage {key!r} of {count} numbers")

    def storage(reference: Reference) -> Storage:
        if reference.key not in places:
            raise FileError(f"its storage {short(reference.key)} is missing")
        position, count = places[reference.key]
        whole = Storage(path, position, count, reference.kind)
        if kinds[reference.key] != reference.kind or reference.first + reference.count > count:
            raise FileError(f"storage {short(reference.key)} has {count} numbers; expected {describe(reference)}")
        return whole

    return saved, storage


class Bounded:
    """A file of which `read` never promises itself more memory than there are bytes left."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size

    def read(self, size: int = -1, /) -> bytes:
        left = max(self.size - self.file.tell(), 0)
        return self.file.read(min(size, left) if size >= 0 else left)

    def readline(self) -> bytes:
        return self.file.readline(max(self.size - self.file.tell(), 0))

    def tell(self) -> int:
        return self.file.tell()


# ---------------------------------------------------------------------- what PyTorch's pickles name


def reference_to(identity: Any, views: bool) -> Reference:
    """("storage", torch.FloatStorage, "3", "cpu", 23232), in older files also: None, or a view (name, first, count)."""
    match identity:
        case ("storage", Kind(kind), str(key), str(), int(count)) if count >= 0 and not views:
            return Reference(key, kind, 0, count)
        case ("storage", Kind(kind), str(key), str(), int(count), None) if count >= 0 and views:
            return Reference(key, kind, 0, count)
        case ("storage", Kind(kind), str(key), str(), int(), (str(), int(first), int(count))) if views:
            if min(first, count) >= 0:
                return Reference(key, kind, first, count)
    raise FileError("a damaged pickle: a reference to no storage")


def tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Described:
    """torch._utils._rebuild_tensor_v2: what follows (requires_grad, hooks) is for training."""
    for integers in (shape, strides, (offset,)):
        if not isinstance(integers, tuple) or not all(type(n) is int for n in integers):
            raise FileError("a damaged pickle: a tensor whose shape, strides or offset are no integers")
    return Described(expected(Reference, storage), offset, shape, strides)


def parameter(data: Any, *_: Any) -> Described:
    """torch._utils._rebuild_parameter: a tensor that training changes."""
    return expected(Described, data)


def ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    """collections.OrderedDict: dictionaries keep their order by themselves now."""
    return put({}, [part for pair in pairs for part in expected((list, tuple), pair)])


NAMES: Mapping[str, Any] = {
    "collections.OrderedDict": Known(ordered_dict),
    "torch._utils._rebuild_tensor_v2": Known(tensor),
    "torch._utils._rebuild_tensor": Known(tensor),
    "torch._utils._rebuild_parameter": Known(parameter),
    "torch.Size": Known(tuple),
    **{f"torch.{name}": Kind(kind) for name, kind in KINDS.items()},
}


# ---------------------------------------------------------------------- from what was saved to tensors


def state_dict(saved: Any) -> dict[str, Described]:
    """The tensors by name: of a state dict, or of a checkpoint that holds one; of DataParallel, which puts "module."
    in front of every name.
    """
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(saved, dict) and isinstance(saved.get(key), dict):
            saved = saved[key]
    if not isinstance(saved, dict) or not any(isinstance(value, Described) for value in saved.values()):
        raise FileError(
            "no state dict: expected names and tensors, as torch.save(model.state_dict(), FILE) writes them"
        )
    tensors = {name: value for name, value in saved.items() if not str(name).endswith("num_batches_tracked")}
    for name, value in tensors.items():
        if not isinstance(name, str):
            raise FileError(f"a tensor is called {short(name)}; expected text")
        if not isinstance(value, Described):
            raise FileError(f"{short(name)} is no tensor: {type(value).__name__}")
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors


def located(name: str, described: Described, storage: Callable[[Reference], Storage]) -> StoredTensor:
    """The tensor with its place in the file."""
    part = described.storage
    if described.offset < 0:
        raise FileError(f"{short(name)}: a negative offset, {described.offset}")
    try:
        return StoredTensor(storage(part), described.shape, described.strides, part.first + described.offset)
    except FileError as error:
        raise FileError(f"{short(name)}: {error}") from None


def describe(reference: Reference) -> str:
    return f"{reference.first + reference.count} numbers of type {reference.kind}"


def short(value: Any) -> str:
    """A value from the file in a message: never longer than a line."""
    text = repr(value) if isinstance(value, (str, int)) else f"of type {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}…"
