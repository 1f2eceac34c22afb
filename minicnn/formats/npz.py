"""minicnn's own weight files: one `.npz` with everything that makes the network, and nothing lost.

network.json    the layers, the preprocessing and the names of the classes (description.py)
conv1.K.npy …   a parameter each, as NumPy writes them
training.json, training/…   in checkpoints only: what a run of training goes on from (checkpoint.py)

The file is an ordinary `.npz`, which numpy.load opens too: numpy.load("net.npz")["conv1.K"].
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib import format as npy

from layers.arrays import to_host

from ..description import describe, rebuild
from ..errors import FileError
from ..files import atomic_write
from ..network import Network
from .archive import is_outside, opened
from .limits import refuse_nonfinite
from .stored import NUMBERS, native

DESCRIPTION = "network.json"
FORMAT = "minicnn network 1"
RECORD, ATTACHED = "training.json", "training/"


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
        arrays |= {f"{ATTACHED}{name}": to_host(array) for name, array in attachment.arrays.items()}
        texts[RECORD] = as_json(attachment.record)
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub" or array.dtype.name not in NUMBERS:
            raise ValueError(f"{name!r} of type {array.dtype} cannot be saved; convert it to {', '.join(NUMBERS)}")
        if is_outside(name) or "\0" in name:
            raise ValueError(f"{name!r} cannot be saved: a layer's name must not lead out of a folder")
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name), text)
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


def load(path: str | os.PathLike[str]) -> Network:
    """The network as it was saved."""
    with opened(path) as archive:
        left = set(archive.namelist())
        if DESCRIPTION not in left:
            raise FileError(f"arrays without a {DESCRIPTION}: no network that minicnn saved")
        description = json_of(archive, DESCRIPTION)
        if description.get("format") != FORMAT:
            raise FileError(f"its {DESCRIPTION} is not of the format {FORMAT!r}")
        left.remove(DESCRIPTION)

        def take(name: str, shape: tuple[int, ...]) -> np.ndarray:
            """The array of this name, if it is there and has this shape."""
            if f"{name}.npy" not in left:
                raise FileError(f"expected an array {name!r} of shape {shape}, found none")
            left.remove(f"{name}.npy")
            array = array_of(archive, name)
            if array.shape != shape:
                raise FileError(f"{name!r}: expected shape {shape}, found {array.shape}")
            return array

        net = rebuild(description, take)
    strange = [name for name in left if name != RECORD and not name.startswith(ATTACHED)]
    if strange:
        raise FileError(f"{strange[0]!r} belongs to no layer of its network")
    return net


def load_attachment(path: str | os.PathLike[str]) -> Attachment:
    """What was saved beside the network; FileError if there is nothing."""
    with opened(path) as archive:
        if RECORD not in archive.namelist():
            raise FileError(f"holds a network, but no {RECORD}: no run of training can go on from it")
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.startswith(ATTACHED)]
        arrays = {name.removeprefix(ATTACHED): array_of(archive, name) for name in names}
        refuse_nonfinite(arrays)
        return Attachment(json_of(archive, RECORD), arrays)


def as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)


def json_of(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """The JSON object in a member."""
    try:
        return dict(json.loads(archive.read(name)).items())
    except (ValueError, AttributeError, RecursionError) as error:
        raise FileError(f"its {name} is damaged ({error})") from None


def array_of(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """The numbers of a member, as NumPy reads them."""
    try:
        with archive.open(f"{name}.npy") as member:
            array = npy.read_array(member, allow_pickle=False)
    except Exception as error:  # a header is a Python expression: parser, NumPy and zipfile have their errors
        raise FileError(f"{name!r} is damaged, or holds no numbers ({error or type(error).__name__})") from None
    if array.dtype.name not in NUMBERS:
        raise FileError(f"{name!r} holds {array.dtype}; expected numbers")
    return native(array, array.dtype.name)
