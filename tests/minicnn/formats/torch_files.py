"""PyTorch's weight files, made without PyTorch: as it writes them, and as nobody should."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.errors import reading
from minicnn.formats import FileError, pytorch, state_dict
from minicnn.formats.stored import Stored

PROTOCOL, STOP = b"\x80\x02", b"."


@dataclass(frozen=True)
class Name:
    """What a pickle asks for by name."""

    module: str
    name: str


class Call:
    """A function of that name, called."""

    def __init__(self, module: str, name: str, *arguments: Any) -> None:
        self.function, self.arguments = Name(module, name), arguments


@dataclass(frozen=True)
class Outside:
    """A reference to something outside of the pickle."""

    identity: Any


@dataclass(frozen=True)
class Raw:
    """Instructions as they are."""

    code: bytes


def pickled(value: Any) -> bytes:
    """The whole program that builds a value."""
    return PROTOCOL + code(value) + STOP


def code(value: Any) -> bytes:
    """The instructions that leave a value on the stack."""
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            number = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(number)]) + number
        case str():
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        case tuple():
            return b"(" + b"".join(map(code, value)) + b"t"
        case list():
            return b"](" + b"".join(map(code, value)) + b"e"
        case dict():
            return b"}(" + b"".join(code(part) for pair in value.items() for part in pair) + b"u"
        case Name():
            return f"c{value.module}\n{value.name}\n".encode()
        case Call():
            return code(value.function) + code(value.arguments) + b"R"
        case Outside():
            return code(value.identity) + b"Q"
        case Raw():
            return value.code
    raise TypeError(type(value))


STORAGES = {np.dtype("f4"): "FloatStorage", np.dtype("f2"): "HalfStorage", np.dtype("i8"): "LongStorage"}


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def tensor(
    shape: tuple,
    strides: tuple | None = None,
    offset: int = 0,
    key: str = "0",
    count: int | None = None,
    storage: str = "FloatStorage",
    older: bool = False,
    view: tuple | None = None,
) -> Call:
    """A tensor as a pickle describes it."""
    count = math.prod(shape) if count is None else count
    identity = ("storage", Name("torch", storage), key, "cpu", count, *([view] if older else []))
    strides = row_major(shape) if strides is None else strides
    hooks = Call("collections", "OrderedDict")
    return Call("torch._utils", "_rebuild_tensor_v2", Outside(identity), offset, shape, strides, False, hooks)


def described(arrays: dict[str, np.ndarray], older: bool = False) -> dict[str, Call]:
    """A state dict of these arrays, the n-th in storage n."""
    return {
        name: tensor(p.shape, key=str(n), storage=STORAGES[p.dtype], older=older)
        for n, (name, p) in enumerate(arrays.items())
    }


def write_zip(path: Path, saved: Any, storages: dict[str, bytes] | None = None, **extra: bytes) -> Path:
    """A file of the present format; `saved` may be the pickle's bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", saved if isinstance(saved, bytes) else pickled(saved))
        for name, content in extra.items():
            archive.writestr(f"archive/{name}", content)
        for key, content in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", content)
    return path


def write_older(path: Path, saved: Any, storages: dict[str, np.ndarray], keys: Any = None) -> Path:
    """A file of the older format."""
    out = io.BytesIO()
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    for part in (0x1950A86A20F9469CFC6C, 1001, machine, saved, list(storages) if keys is None else keys):
        out.write(pickled(part))
    for numbers in storages.values():
        out.write(struct.pack("<q", numbers.size) + numbers.tobytes())
    path.write_bytes(out.getvalue())
    return path


def write_state_dict(path: Path, arrays: dict[str, np.ndarray], older: bool = False) -> Path:
    """The arrays as PyTorch would save them."""
    if older:
        return write_older(path, described(arrays, older), {str(n): p for n, p in enumerate(arrays.values())})
    return write_zip(path, described(arrays), {str(n): p.tobytes() for n, p in enumerate(arrays.values())})


def tensors_of(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file's first dictionary, all of them read."""
    with reading(path, "a file"), pytorch.opened(path) as saved:
        for _, tensors in state_dict.dictionaries(saved):
            read = {name: stored for name, stored in tensors.items() if isinstance(stored, Stored)}
            return {name: state_dict.numbers_of(name, stored) for name, stored in read.items()}
        raise FileError("no state dict")
