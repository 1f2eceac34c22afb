"""minicnn's own weight files: one `.npz` with everything that makes the network, and nothing lost.

network.json    the layers, the preprocessing and the names of the classes (description.py)
conv1.K.npy …   a parameter each, as NumPy writes them
training.json, training/…   in checkpoints only: what a run of training goes on from (checkpoint.py)

The file is an ordinary `.npz`, which numpy.load opens too: numpy.load("net.npz")["conv1.K"].
"""

from __future__ import annotations

import io
import json
import math
import os
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib import format as npy

from layers.arrays import to_host

from ..files import atomic_write
from ..network import Network
from .description import describe, rebuild
from .errors import FileError
from .state_dict import checked
from .stored import NUMBERS, Storage, StoredTensor
from .zip_members import Member, is_outside, members

DESCRIPTION = "network.json"
FORMAT = "minicnn network 1"
ATTACHED = "training"
MOST_DESCRIPTION_BYTES = 16 * 2**20
MOST_HEADER_BYTES = 10_000


@dataclass(frozen=True)
class Attachment:
    """What a file may hold beside its network: a record that JSON can hold, and arrays by name."""

    record: dict[str, Any]
    arrays: Mapping[str, Any] = field(default_factory=dict)


def save(net: Network, path: str | os.PathLike[str], attachment: Attachment | None = None) -> None:
    """The network in one file, which appears only once it is complete.  The same network gives the same bytes."""
    arrays = {name: to_host(p) for name, p in net.parameters.items()}
    if net.preprocessing is not None and isinstance(net.preprocessing.mean, np.ndarray):
        arrays["mean image"] = net.preprocessing.mean
    texts = {DESCRIPTION: as_json({"format": FORMAT, **describe(net)})}
    if attachment is not None:
        arrays |= {f"{ATTACHED}/{name}": to_host(array) for name, array in attachment.arrays.items()}
        texts[f"{ATTACHED}.json"] = as_json(attachment.record)
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.dtype.name not in NUMBERS:
            raise ValueError(
                f"{name!r} of type {array.dtype} cannot be saved; convert it to one of {', '.join(NUMBERS)}"
            )
        if is_outside(name) or "\0" in name:
            raise ValueError(f"{name!r} cannot be saved: a layer's name must not lead out of a folder")
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


def load(path: str | os.PathLike[str], allow_nonfinite: bool = False) -> Network:
    """The network as it was saved."""
    found = members(path)
    if DESCRIPTION not in found:
        raise FileError(f"arrays without a {DESCRIPTION}: no network that minicnn saved")
    description = json_of(DESCRIPTION, found.pop(DESCRIPTION))
    if description.get("format") != FORMAT:
        raise FileError(f"its {DESCRIPTION} is not of the format {FORMAT!r}")

    def take(name: str, shape: tuple[int, ...]) -> np.ndarray:
        """The array of this name, if it is there and has this shape."""
        member = found.pop(f"{name}.npy", None)
        if member is None:
            raise FileError(f"expected an array {name!r} of shape {shape}, found none")
        tensor = stored_array(name, member)
        if tensor.shape != shape:
            raise FileError(f"{name!r}: expected shape {shape}, found {tensor.shape}")
        return checked(name, tensor, allow_nonfinite)

    net = rebuild(description, take)
    strange = [name for name in found if not is_attached(name)]
    if strange:
        raise FileError(f"{strange[0]!r} belongs to no layer of its network")
    return net


def load_attachment(path: str | os.PathLike[str]) -> Attachment:
    """What was saved beside the network; FileError if there is nothing."""
    found = members(path)
    if f"{ATTACHED}.json" not in found:
        raise FileError(f"holds a network, but no {ATTACHED}.json: no run of training can go on from it")
    record = json_of(f"{ATTACHED}.json", found[f"{ATTACHED}.json"])
    arrays = {}
    for name, member in found.items():
        if is_attached(name) and name != f"{ATTACHED}.json":
            arrays[name.removeprefix(f"{ATTACHED}/").removesuffix(".npy")] = checked(
                name, stored_array(name, member), allow_nonfinite=False
            )
    return Attachment(record, arrays)


def is_attached(name: str) -> bool:
    return name == f"{ATTACHED}.json" or name.startswith(f"{ATTACHED}/")


def as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)


def json_of(name: str, member: Member) -> dict[str, Any]:
    """The JSON object in a member; FileError if there is none."""
    content = member.read(MOST_DESCRIPTION_BYTES)
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FileError(f"its {name} is damaged ({error})") from None
    if not isinstance(record, dict):
        raise FileError(f"its {name} is damaged (no object)")
    return record


def stored_array(name: str, member: Member) -> StoredTensor:
    """What a .npy member claims to be, if it has exactly the bytes for it."""
    with open(member.path, "rb") as file:
        file.seek(member.position)
        head = io.BytesIO(file.read(min(MOST_HEADER_BYTES, member.size)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            version = npy.read_magic(head)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, by_columns, dtype = read_header(head)
    except Exception as error:  # a header is a Python expression: tokeniser, parser and NumPy all have their errors
        raise FileError(f"{name!r} has a damaged header ({type(error).__name__})") from None
    header, count = head.getvalue()[: head.tell()], math.prod(shape)
    if dtype.name not in NUMBERS or min(shape, default=0) < 0:
        raise FileError(f"{name!r} holds {dtype} of shape {shape}; expected numbers")
    if len(header) + count * dtype.itemsize != member.size:
        raise FileError(f"{name!r} claims {count:,} numbers in {member.size:,} bytes")
    begin, begun = member.position + len(header), zlib.crc32(header)
    storage = Storage(member.path, begin, count, dtype.name, dtype.byteorder == ">", member.checksum, begun)
    tensor = StoredTensor.contiguous(storage, shape[::-1] if by_columns else shape)
    return StoredTensor(storage, tensor.shape[::-1], tensor.strides[::-1]) if by_columns else tensor
