"""A model file without its weights: where they lie in the file takes their place.

The package `onnx` reads a file into one object, from which the weights are then copied: VGG-16 is held almost three
times.  So its large tensors are left in the file, as if they were "external data" in a file beside it, which
`onnx_tensors.py` reads straight into arrays.

The file is a protobuf message: field after field, each a key (number · 8 + kind) and a content.  The content of kind 2
is its length and so many bytes: text, numbers, or again a message.  The weights lie three messages deep.
"""

from __future__ import annotations

from typing import BinaryIO

from .errors import FileError

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9  # numbers of the fields: in ModelProto, GraphProto and TensorProto
VARINT, EIGHT_BYTES, LENGTH_AND_BYTES, FOUR_BYTES = 0, 1, 2, 5  # kinds of content

THIS_FILE = "<this file>"  # where the numbers lie, instead of the name of another file
SMALL = 256  # bytes that may as well stay
MOST_FIELDS = 1_000_000


def without_weights(file: BinaryIO) -> bytes:
    """The file's model, for `onnx` to read, with places in the file instead of large tensors' numbers."""
    size = file.seek(0, 2)
    file.seek(0)
    return b"".join(_lightened(file, size, [GRAPH, INITIALIZER, RAW_DATA]))


def _lightened(file: BinaryIO, end: int, path: list[int]) -> list[bytes]:
    """The fields up to `end`, in pieces.  `path` leads to the one to be replaced, through the messages around it."""
    pieces = []
    while (position := file.tell()) < end:
        key = _read_varint(file)
        number, kind = divmod(key, 8)
        if kind == LENGTH_AND_BYTES:
            size = _read_varint(file)
            begin = file.tell()
            if size > end - begin:
                raise FileError("is damaged or cut off: a part of it is longer than the whole")
            if number != path[0] or size <= SMALL:
                pieces.append(_varint(key) + _varint(size) + file.read(size))
            elif len(path) > 1:
                content = b"".join(_lightened(file, begin + size, path[1:]))
                pieces.append(_varint(key) + _varint(len(content)) + content)
            else:
                pieces.append(_place(begin, size))
                file.seek(begin + size)
        elif kind in (VARINT, EIGHT_BYTES, FOUR_BYTES):
            if kind == VARINT:
                _read_varint(file)
            else:
                file.seek(8 if kind == EIGHT_BYTES else 4, 1)
            after = file.tell()
            file.seek(position)
            pieces.append(file.read(after - position))
        else:
            raise FileError(f"is damaged, or not an ONNX model: it has a field of kind {kind}")
        if len(pieces) > MOST_FIELDS:
            raise FileError(f"is not an ONNX model: it has more than {MOST_FIELDS:,} fields in a row")
    return pieces


def _place(offset: int, length: int) -> bytes:
    """The fields of a tensor whose numbers lie in this file."""
    import onnx

    tensor = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", THIS_FILE), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return bytes(tensor.SerializeToString())


def _read_varint(file: BinaryIO) -> int:
    """A whole number: seven bits a byte, lowest first; the eighth says whether another byte follows."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise FileError("is cut off, or no ONNX model")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise FileError("is damaged, or not an ONNX model: a number in it has no end")


def _varint(value: int) -> bytes:
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])
