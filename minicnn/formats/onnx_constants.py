"""What an ONNX file computes from constants, and what shapes its values have, by the package `onnx` itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileError

MOST_NUMBERS = 2**27  # that a file may compute from constants: half a gigabyte
SMALL = 1024  # numbers of a tensor that may be a shape or a list of axes
FOLDED: dict[
    str, Callable[[Sequence[np.ndarray]], int]
] = {  # the operators on constants that are computed, and how many numbers they can make of their inputs
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Equal"), lambda a: broadcast(a)),
    **dict.fromkeys(("Reshape", "Unsqueeze", "Squeeze", "Transpose", "Cast", "Slice", "Flatten"), lambda a: a[0].size),
    **dict.fromkeys(
        ("Identity", "Sqrt", "Neg", "Reciprocal", "Abs", "Floor", "Exp", "ReduceProd"), lambda a: a[0].size
    ),
    "Split": lambda a: a[0].size,
    "Concat": lambda a: sum(array.size for array in a),
    "Gather": lambda a: a[0].size * max(a[1].size, 1),
    "ConstantOfShape": lambda a: math.prod(a[0].tolist()),
    "Expand": lambda a: a[0].size * math.prod(a[1].tolist()),
    "Constant": lambda a: 0,
}


def broadcast(arrays: Sequence[np.ndarray]) -> int:
    return math.prod(np.broadcast_shapes(*(array.shape for array in arrays)))


def array_of(tensor: Any, path: Path) -> np.ndarray:
    """The numbers of a TensorProto: float32 or float64 (half precision is widened), or whole numbers.

    Those that lie in another file ("external data") must lie in the folder of `path` or below: the package sees to it.
    """
    import onnx

    names = {value: key for key, value in onnx.TensorProto.DataType.items()}
    kind, dims = names.get(tensor.data_type, str(tensor.data_type)), list(tensor.dims)
    if kind not in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT32", "INT64", "BOOL", "UINT8", "INT8"):
        raise FileError(f"tensor {tensor.name!r} is of type {kind}; expected numbers")
    if min(dims, default=0) < 0:
        raise FileError(f"tensor {tensor.name!r} has the shape {dims}")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        refuse_missing(tensor, path, math.prod(dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    try:
        array = onnx.numpy_helper.to_array(tensor, str(path.resolve().parent))
    except Exception as error:  # the package has many ways to say that numbers and shape do not fit
        raise FileError(f"tensor {tensor.name!r} of shape {dims}: {error}") from None
    return array.astype(np.float32) if kind in ("FLOAT16", "BFLOAT16") else array


def refuse_missing(tensor: Any, path: Path, expected: int) -> None:
    """External data must be there, and as many as the shape says, before the package reads them."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    where, folder = entries.get("location", ""), path.resolve().parent
    file = (folder / where).resolve()
    if not file.is_file() or not file.is_relative_to(folder):
        raise FileError(f"tensor {tensor.name!r} lies in {where!r}, which is no file in the model's folder")
    begin, length = int(entries.get("offset", 0)), int(entries.get("length", expected))
    if length != expected:
        raise FileError(f"tensor {tensor.name!r} of shape {tuple(tensor.dims)} has {length} bytes; expected {expected}")
    if begin < 0 or begin + length > file.stat().st_size:
        raise FileError(f"tensor {tensor.name!r} lies in {where!r}, which has no {length} bytes at {begin}")


# ---------------------------------------------------------------------- shapes


def shapes_of(model: Any, image: str) -> dict[str, tuple[int | None, ...]]:
    """The shape of every value, for a batch of one where the file leaves that open, as far as it can be inferred.

    The model is inferred without its weights: only their shapes, and small tensors, which may be shapes themselves.
    """
    import onnx

    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    light.graph.name = "shapes"
    for value in model.graph.input:
        light.graph.input.append(value)
        if value.name == image and not value.type.tensor_type.shape.dim[0].dim_value:
            light.graph.input[-1].type.tensor_type.shape.dim[0].dim_value = 1
    named = {value.name for value in model.graph.input}
    tensors = [(tensor.name, tensor) for tensor in model.graph.initializer]
    for node in model.graph.node:
        value = next((a.t for a in node.attribute if node.op_type == "Constant" and a.name == "value"), None)
        if value is None:
            light.graph.node.append(node)
        else:
            tensors.append((node.output[0] if node.output else "", value))
    for name, tensor in tensors:
        if math.prod(tensor.dims) <= SMALL and tensor.data_location != onnx.TensorProto.EXTERNAL:
            light.graph.initializer.append(tensor)
            light.graph.initializer[-1].name = name
        elif name not in named:
            light.graph.input.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))
    light.graph.output.extend(model.graph.output)
    try:
        graph = onnx.shape_inference.infer_shapes(light, data_prop=True).graph
    except Exception:  # what does not fit is found where the layers meet
        return {}
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            found[value.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)
    return found


# ---------------------------------------------------------------------- constants


class Folding:
    """Computes operators on constants by the package's reference evaluator, up to MOST_NUMBERS in all."""

    def __init__(self, model: Any, path: Path) -> None:
        self.opsets, self.path, self.left = list(model.opset_import), path, MOST_NUMBERS

    def __call__(self, proto: Any, label: str, inputs: Sequence[np.ndarray]) -> Mapping[str, np.ndarray]:
        """The outputs of an operator by name."""
        import onnx
        from onnx.reference import ReferenceEvaluator

        value = next((a.t for a in proto.attribute if proto.op_type == "Constant" and a.name == "value"), None)
        if value is not None:
            return {proto.output[0]: array_of(value, self.path)}
        if proto.op_type not in FOLDED:
            known = ", ".join(sorted(FOLDED))
            raise FileError(f"{label} computes with constants alone; of such operators these are read: {known}")
        try:
            self.left -= max(FOLDED[proto.op_type](inputs), 0)
            if self.left < 0:
                raise FileError(f"{label} makes more than {MOST_NUMBERS:,} numbers of constants")
            given = [name for name in proto.input if name]
            infos = [onnx.helper.make_tensor_value_info(name, 1, None) for name in dict.fromkeys(given)]
            outs = [onnx.helper.make_tensor_value_info(name, 1, None) for name in proto.output if name]
            graph = onnx.helper.make_graph([proto], "constant", infos, outs)
            run = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=self.opsets)).run
            made = run(None, dict(zip(given, inputs, strict=True)))
        except FileError:
            raise
        except Exception as error:  # whatever the evaluator, or NumPy in it, has to say
            raise FileError(f"{label} cannot be computed: {error}") from None
        return {out.name: np.asarray(array) for out, array in zip(outs, made, strict=True)}
