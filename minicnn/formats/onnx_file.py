"""An ONNX file taken apart by the package `onnx`, but for its weights, which it would copy four times.

A message of protocol buffers is fields in a row, each a key (8 · number + kind) and its content.  Messages that are
parsed in parts are the same as parsed at once: so what lies around the weights is parsed, and the weights become what
ONNX calls external data, here of the file itself.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import FileError

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9  # numbers of fields: of a model, a graph, a tensor


def read_model(path: Path) -> Any:
    """The ModelProto in a file, its weights left where they are."""
    from onnx import ModelProto
    from onnx.external_data_helper import set_external_data

    model = ModelProto()
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for graph in parsed(model, content, (0, len(content)), GRAPH):
            for place in parsed(model.graph, content, graph, INITIALIZER):
                tensor = model.graph.initializer.add()
                for begin, end in parsed(tensor, content, place, RAW_DATA):
                    tensor.raw_data = b""  # which it must have
                    set_external_data(tensor, path.resolve().name, begin, end - begin)
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
        size = {1: 8, 5: 4}.get(key % 8, 0)
        if key % 8 in (0, 2):  # a number, or the size of what follows
            number, at = number_at(content, at)
            size = number if key % 8 == 2 else 0
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
