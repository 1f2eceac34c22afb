"""An ONNX file taken apart by the package `onnx`, but for its weights, which it would copy four times.

A message of protocol buffers is fields in a row, each a key (8 · number + kind) and its content.  Messages that are
parsed in parts are the same as parsed at once: so what lies around the weights is parsed, and the weights become what
ONNX calls external data, here of the file itself.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileError

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9  # numbers of fields: of a model, a graph, a tensor
TYPES = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT32", "INT64", "BOOL", "UINT8", "INT8")


def read_model(path: Path) -> Any:
    """The ModelProto in a file, its weights left where they are."""
    import onnx

    model = onnx.ModelProto()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for graph in parsed(model, content, (0, len(content)), GRAPH):
            for place in parsed(model.graph, content, graph, INITIALIZER):
                tensor = model.graph.initializer.add()
                for begin, end in parsed(tensor, content, place, RAW_DATA):
                    tensor.data_location = onnx.TensorProto.EXTERNAL
                    del tensor.external_data[:]
                    for key, value in (("location", path.resolve().name), ("offset", begin), ("length", end - begin)):
                        tensor.external_data.add(key=key, value=str(value))
    return model


def parsed(message: Any, content: mmap.mmap, place: tuple[int, int], number: int) -> list[tuple[int, int]]:
    """Parses what lies there into a message, except for the fields of this number, whose places are returned."""
    (at, end), left = place, []
    for begin, key, inside, stop in fields(content, *place):
        if key == 8 * number + 2:  # kind 2: as many bytes as are said
            message.MergeFromString(content[at:begin])
            left.append((inside, stop))
            at = stop
    message.MergeFromString(content[at:end])
    return left


def fields(content: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """(where it begins, key, begin and end of its content) of each field of a message."""
    while at < end:
        begin = at
        key, at = number_at(content, at)
        size = {0: 0, 1: 8, 5: 4}.get(key % 8, 0)
        if key % 8 == 2:
            size, at = number_at(content, at)
        elif key % 8 == 0:
            _, at = number_at(content, at)
        if at + size > end:
            raise FileError("is damaged, or not an ONNX model: a part of it claims more bytes than there are")
        yield begin, key, at, at + size
        at += size


def number_at(content: mmap.mmap, at: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, the lowest first; and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        number |= (content[at] & 0x7F) << shift
        at += 1
        if content[at - 1] < 0x80:
            return number, at
    raise FileError("is damaged, or not an ONNX model: a number of more than 64 bits")


def array_of(tensor: Any, path: Path) -> np.ndarray:
    """The numbers of a TensorProto: float32 or float64 (half precision is widened), or whole numbers."""
    import onnx

    names = {value: key for key, value in onnx.TensorProto.DataType.items()}
    kind, shape = names.get(tensor.data_type, str(tensor.data_type)), tuple(tensor.dims)
    if kind not in TYPES:
        raise FileError(f"tensor {tensor.name!r} is of type {kind}; expected numbers")
    if min(shape, default=0) < 0:
        raise FileError(f"tensor {tensor.name!r} has the shape {shape}")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        array = external(tensor, shape, onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type), path.resolve())
    else:
        try:
            array = np.array(onnx.numpy_helper.to_array(tensor))
        except Exception as error:  # the package has many ways to say that numbers and shape do not fit
            raise FileError(f"tensor {tensor.name!r} of shape {shape}: {error}") from None
    return array.astype(np.float32) if kind in ("FLOAT16", "BFLOAT16") else array


def external(tensor: Any, shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> np.ndarray:
    """Numbers that lie in a file in the model's folder or below, if there are as many as the shape says."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    where, expected = entries.get("location", ""), math.prod(shape) * dtype.itemsize
    begin, length = int(entries.get("offset", 0)), int(entries.get("length", expected))
    file = (path.parent / where).resolve()
    if not file.is_file() or not file.is_relative_to(path.parent):
        raise FileError(f"tensor {tensor.name!r} lies in {where!r}, which is no file in the model's folder")
    if length != expected:
        raise FileError(f"tensor {tensor.name!r} of shape {shape} has {length} bytes; expected {expected}")
    if begin < 0 or begin + length > file.stat().st_size:
        raise FileError(f"tensor {tensor.name!r} lies in {where!r}, which has no {length} bytes at {begin}")
    return np.fromfile(file, dtype, math.prod(shape), offset=begin).reshape(shape)
