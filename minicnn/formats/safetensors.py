"""safetensors: eight bytes that say how long the header is, a header that says what lies where, and the numbers.

The package `safetensors` reads and checks the header.  The numbers are read here: through the package they would take
twice their memory, and it gives NumPy no bfloat16.
"""

from __future__ import annotations

import math
import os
from functools import partial

import numpy as np

from ..errors import FileError
from ..extras import package_folder
from .stored import NUMBERS, Stored, native

KINDS = {  # safetensors' name → the kind of numbers
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool"},
}


def read(path: str | os.PathLike[str]) -> dict[str, Stored]:
    """The tensors by name; their numbers are still in the file.  Raises MissingPackage without safetensors."""
    package_folder("safetensors", "safetensors", "a .safetensors file")
    from safetensors import safe_open

    with open(path, "rb") as file:
        position = 8 + int.from_bytes(file.read(8), "little")
    tensors = {}
    with safe_open(path, framework="numpy") as opened:  # which has compared the header with the size of the file
        for name in opened.offset_keys():  # in the order in which they lie in the file, without gaps
            view = opened.get_slice(name)
            kind, shape = KINDS.get(view.get_dtype()), tuple(view.get_shape())
            if kind is None:
                raise FileError(f"{name!r} holds numbers of type {view.get_dtype()}; expected {', '.join(KINDS)}")
            tensors[name] = Stored(shape, kind, partial(numbers_at, path, position, shape, kind))
            position += math.prod(shape) * np.dtype(NUMBERS[kind]).itemsize
    return tensors


def numbers_at(path: str | os.PathLike[str], position: int, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """The numbers of a tensor; the package has seen that the file is long enough."""
    numbers = np.fromfile(path, np.dtype(NUMBERS[kind]).newbyteorder("<"), math.prod(shape), offset=position)
    return native(numbers.reshape(shape), kind)
