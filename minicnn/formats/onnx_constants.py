"""The constants of an ONNX file: those that it holds, and those that it computes from them.

The package `onnx` takes both: its numpy_helper reads numbers, its reference evaluator computes operators.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileError

MOST_NUMBERS = 2**27  # that a file may compute from constants: half a gigabyte
TYPES = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT32", "INT64", "BOOL", "UINT8", "INT8")

ELEMENTWISE = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Equal"}
FOLDED = {  # the operators that are computed
    *ELEMENTWISE,
    *("Identity", "Sqrt", "Neg", "Reciprocal", "Abs", "Floor", "Exp", "ReduceProd"),
    *("Reshape", "Unsqueeze", "Squeeze", "Transpose", "Cast", "Slice", "Flatten", "Split", "Concat"),
    *("Constant", "ConstantOfShape", "Expand", "Gather"),
}


# ---------------------------------------------------------------------- stored


def array_of(tensor: Any, path: Path) -> np.ndarray:
    """The numbers of a TensorProto: float32 or float64 (half precision is widened), or whole numbers."""
    import onnx

    kind = onnx.TensorProto.DataType.Name(tensor.data_type)
    if kind not in TYPES:
        raise FileError(f"tensor {tensor.name!r} is of type {kind}; expected numbers")
    try:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            array = external(tensor, onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type), path.resolve())
        else:
            array = np.array(onnx.numpy_helper.to_array(tensor))
    except Exception as error:  # the package has many ways to say that numbers and shape do not fit
        raise FileError(f"tensor {tensor.name!r} of shape {tuple(tensor.dims)}: {error}") from None
    return array.astype(np.float32) if kind in ("FLOAT16", "BFLOAT16") else array


def external(tensor: Any, dtype: np.dtype[Any], path: Path) -> np.ndarray:
    """Numbers that lie in a file in the model's folder or below, if there are as many as the shape says."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    where, expected = entries.get("location", ""), math.prod(tensor.dims) * dtype.itemsize
    begin, length = int(entries.get("offset", 0)), int(entries.get("length", expected))
    file = (path.parent / where).resolve()
    if not file.is_file() or not file.is_relative_to(path.parent):
        raise FileError(f"lies in {where!r}, which is no file in the model's folder")
    if length != expected:
        raise FileError(f"has {length} bytes; expected {expected}")
    if begin < 0 or begin + length > file.stat().st_size:
        raise FileError(f"lies in {where!r}, which has no {length} bytes at {begin}")
    return np.fromfile(file, dtype, math.prod(tensor.dims), offset=begin).reshape(tensor.dims)


# ---------------------------------------------------------------------- computed


def most_numbers(operator: str, inputs: Sequence[np.ndarray]) -> int:
    """How many numbers an operator makes at most."""
    if operator in ELEMENTWISE:
        return math.prod(np.broadcast_shapes(*(array.shape for array in inputs)))
    if operator == "ConstantOfShape":
        return math.prod(inputs[0].tolist())
    if operator == "Expand":
        return inputs[0].size * math.prod(inputs[1].tolist())
    if operator == "Gather":
        return inputs[0].size * max(inputs[1].size, 1)
    return sum(array.size for array in inputs)


class Folding:
    """Computes operators on constants, up to MOST_NUMBERS in all."""

    def __init__(self, model: Any, path: Path) -> None:
        self.opsets, self.path, self.left = list(model.opset_import), path, MOST_NUMBERS

    def __call__(self, proto: Any, label: str, inputs: Sequence[np.ndarray]) -> Mapping[str, np.ndarray]:
        """The outputs of an operator by name."""
        from onnx.helper import make_function
        from onnx.reference import ReferenceEvaluator

        value = next((a.t for a in proto.attribute if proto.op_type == "Constant" and a.name == "value"), None)
        if value is not None:
            return {proto.output[0]: array_of(value, self.path)}
        if proto.op_type not in FOLDED:
            known = ", ".join(sorted(FOLDED))
            raise FileError(f"{label} computes with constants alone; of such operators these are read: {known}")
        try:
            self.left -= max(most_numbers(proto.op_type, inputs), 0)
            if self.left < 0:
                raise FileError(f"more than {MOST_NUMBERS:,} numbers in all")
            given = dict(zip(filter(None, proto.input), inputs, strict=True))
            function = make_function("", "constant", list(given), list(proto.output), [proto], self.opsets)
            made = ReferenceEvaluator(function).run(None, given, {})
        except Exception as error:  # whatever the evaluator, or NumPy in it, has to say
            raise FileError(f"{label} cannot be computed: {error}") from None
        return {name: np.asarray(array) for name, array in zip(proto.output, made, strict=True)}
