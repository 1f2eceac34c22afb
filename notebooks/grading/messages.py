"""What the grader and a submission's process say to each other, as bytes: numbers, arrays and texts, read as data.

    grader  →  {"call": name, "arguments": […]}
    worker  →  {"ask": service, "arguments": […]}      any number of times: a network's scores or gradient, say
    grader  →  {"reply": …}                            or {"error": text}
    worker  →  {"result": …, "after": […]}             or {"blank": True}, {"failed": text}, {"forbidden": text}

A message is the length of its header (8 bytes), the header (JSON), and the bytes of its arrays.
"""

import json

import numpy as np

LARGEST = 32 * 2**20  # bytes of a message
KINDS = "biuf"  # Booleans and numbers; no objects


class Service:
    """A function that the grader computes: `score(x)` in the worker is a question to the grader."""

    ask = None  # (name, arguments) → reply; the worker sets it

    def __init__(self, name):
        self.name = name

    def __call__(self, *arguments):
        return type(self).ask(self.name, arguments)


def encode(message):
    """The message as bytes; TypeError for what cannot be sent."""
    arrays = []
    header = json.dumps(packed(message, arrays)).encode()
    return b"".join([len(header).to_bytes(8, "big"), header, *arrays])


def packed(value, arrays):
    """The value as JSON has it; its arrays' bytes are appended to `arrays`."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = np.ascontiguousarray(value).reshape(np.shape(value))
        if value.dtype.kind not in KINDS:
            raise TypeError(f"an array of {value.dtype} is no answer")
        arrays.append(value.tobytes())
        return {"array": value.dtype.str, "shape": value.shape}
    if isinstance(value, dict):
        return {"dict": [[str(key), packed(item, arrays)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"list" if type(value) is list else "tuple": [packed(item, arrays) for item in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Service):
        return {"service": value.name}
    raise TypeError(f"a thing of type {type(value).__name__} is no answer")


def unpacked(value, take):
    """The value that `packed` made JSON of; take(dtype, shape) is the next array."""
    if not isinstance(value, dict):
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise ValueError
        return value
    kind = next(iter(value))
    if kind == "array":
        return take(value["array"], value["shape"])
    if kind == "dict":
        return {str(key): unpacked(item, take) for key, item in value["dict"]}
    if kind == "service":
        return Service(str(value["service"]))
    items = [unpacked(item, take) for item in value[kind]]
    return tuple(items) if kind == "tuple" else items


def read_message(read):
    """The next message; read(count) gives so many bytes.  ValueError (or a kind of it) if it is none."""
    length = int.from_bytes(read(8), "big")
    if length > LARGEST:
        raise ValueError
    header, left = json.loads(read(length)), LARGEST

    def take(kind, shape):
        nonlocal left
        dtype, shape = np.dtype(str(kind)), tuple(int(n) for n in shape)
        if dtype.kind not in KINDS or len(shape) > 8 or any(n < 0 for n in shape):
            raise ValueError
        size = dtype.itemsize
        for n in shape:
            size *= n
        left -= size
        if left < 0:
            raise ValueError
        return np.frombuffer(read(size), dtype).reshape(shape).copy() if size else np.zeros(shape, dtype)

    return unpacked(header, take)
