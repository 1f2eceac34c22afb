"""minicnn's own weight files: one `.npz` with everything that makes the network, and nothing lost.

network.json    the layers, the preprocessing and the names of the classes (description.py)
conv1.K.npy …   a parameter each, as NumPy writes them

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
MOST_DESCRIPTION_BYTES = 16 * 2**20
MOST_HEADER_BYTES = 10_000


def save(net: Network, path: str | os.PathLike[str]) -> None:
    """The network in one file, which appears only once it is complete.  The same network gives the same bytes."""
    arrays = {name: to_host(p) for name, p in net.parameters.items()}
    if net.preprocessing is not None and isinstance(net.preprocessing.mean, np.ndarray):
        arrays["mean image"] = net.preprocessing.mean
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.dtype.name not in NUMBERS:
            raise ValueError(
                f"{name!r} of type {array.dtype} cannot be saved; convert it to one of {', '.join(NUMBERS)}"
            )
        if is_outside(name) or "\0" in name:
            raise ValueError(f"{name!r} cannot be saved: a layer's name must not lead out of a folder")
    text = json.dumps({"format": FORMAT, **describe(net)}, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(DESCRIPTION), text)
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


def load(path: str | os.PathLike[str], allow_nonfinite: bool = False) -> Network:
    """The network as it was saved."""
    found = members(path)
    if DESCRIPTION not in found:
        raise FileError(f"arrays without a {DESCRIPTION}: no network that minicnn saved")
    description = parsed(found.pop(DESCRIPTION).read(MOST_DESCRIPTION_BYTES))

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
    if found:
        raise FileError(f"{next(iter(found))!r} belongs to no layer of its network")
    return net


def parsed(content: bytes) -> Any:
    """The description; FileError if it is none."""
    try:
        description = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FileError(f"its {DESCRIPTION} is damaged ({error})") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise FileError(f"its {DESCRIPTION} is not of the format {FORMAT!r}")
    return description


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
