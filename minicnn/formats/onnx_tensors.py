"""ONNX's tensors as arrays.  Their numbers lie in the tensor, or ("external data") in a file beside the model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileError
from .onnx_wire import THIS_FILE


def array_of(tensor: Any, path: Path) -> np.ndarray:
    """The numbers of a TensorProto: float32 or float64 (half precision is widened), or whole numbers.

    `path` is the model's file; external data must lie in its folder or below.
    """
    import onnx

    kinds = {
        onnx.TensorProto.FLOAT: "f4",
        onnx.TensorProto.DOUBLE: "f8",
        onnx.TensorProto.FLOAT16: "f2",
        onnx.TensorProto.BFLOAT16: "u2",  # NumPy has no such type: read as bits
        onnx.TensorProto.INT32: "i4",
        onnx.TensorProto.INT64: "i8",
        onnx.TensorProto.BOOL: "?",
    }
    if tensor.data_type not in kinds:
        raise FileError(f"tensor {tensor.name!r} is of type {type_name(tensor.data_type)}; expected numbers")
    dtype, shape = np.dtype(kinds[tensor.data_type]).newbyteorder("<"), tuple(tensor.dims)
    if min(shape, default=1) < 0:
        raise FileError(f"tensor {tensor.name!r} has the shape {shape}")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        stored = external_numbers(tensor, dtype, shape, path)
    elif tensor.HasField("raw_data"):
        content = bytearray(tensor.raw_data)  # a writeable copy
        stored = np.frombuffer(content, dtype) if len(content) % dtype.itemsize == 0 else np.array([])
    else:
        stored = typed_numbers(tensor, dtype)
    if stored.size != math.prod(shape):
        raise FileError(f"tensor {tensor.name!r} of shape {shape} has {stored.size} numbers")
    stored = stored.reshape(shape)
    if tensor.data_type == onnx.TensorProto.BFLOAT16:  # the upper half of a float32
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if tensor.data_type == onnx.TensorProto.FLOAT16:
        return stored.astype(np.float32)
    return stored.astype(dtype.newbyteorder("="), copy=False)


def typed_numbers(tensor: Any, dtype: np.dtype) -> np.ndarray:
    """Numbers in the field of their type; half precision lies in int32_data, as bits."""
    if dtype.kind == "f" and dtype.itemsize > 2:
        return np.array(tensor.float_data if dtype.itemsize == 4 else tensor.double_data, dtype)
    if dtype.itemsize == 8:
        return np.array(tensor.int64_data, dtype)
    numbers = np.array(tensor.int32_data, np.int32)
    return numbers.astype(np.uint16).view(dtype) if dtype.itemsize == 2 else numbers.astype(dtype)


def external_numbers(tensor: Any, dtype: np.dtype, shape: tuple[int, ...], path: Path) -> np.ndarray:
    """Numbers in a file beside the model, or in the model's own.  Its size is compared before memory is taken."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    where = entries.get("location", "")
    folder = path.parent.resolve()
    file = path if where == THIS_FILE else (folder / where).resolve()
    if not file.is_file() or (where != THIS_FILE and not file.is_relative_to(folder)):
        raise FileError(f"tensor {tensor.name!r} lies in {where!r}, which is no file in the model's folder")
    expected = math.prod(shape) * dtype.itemsize
    begin, length = int(entries.get("offset", 0)), int(entries.get("length", expected))
    if length != expected:
        raise FileError(f"tensor {tensor.name!r} of shape {shape} has {length} bytes; expected {expected}")
    if begin < 0 or begin + length > file.stat().st_size:
        raise FileError(f"tensor {tensor.name!r} lies in {where!r}, which has no {length} bytes at {begin}")
    return np.fromfile(file, dtype, math.prod(shape), offset=begin)


def type_name(data_type: int) -> str:
    import onnx

    names = dict(zip(onnx.TensorProto.DataType.values(), onnx.TensorProto.DataType.keys(), strict=True))
    return str(names.get(data_type, data_type))
