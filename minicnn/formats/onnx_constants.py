"""What an ONNX file computes from constants, by the reference evaluator of the package `onnx`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileError
from .onnx_file import array_of

MOST_NUMBERS = 2**27  # that a file may compute from constants: half a gigabyte

Arrays = Sequence[np.ndarray]
FOLDED: dict[str, Callable[[Arrays], int]] = {  # the operators that are computed → at most how many numbers they make
    **dict.fromkeys(
        ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Equal"),
        lambda a: math.prod(np.broadcast_shapes(*(array.shape for array in a))),
    ),
    **dict.fromkeys(
        ("Reshape", "Unsqueeze", "Squeeze", "Transpose", "Cast", "Slice", "Flatten", "Split"), lambda a: a[0].size
    ),
    **dict.fromkeys(
        ("Identity", "Sqrt", "Neg", "Reciprocal", "Abs", "Floor", "Exp", "ReduceProd"), lambda a: a[0].size
    ),
    "Concat": lambda a: sum(array.size for array in a),
    "Gather": lambda a: a[0].size * max(a[1].size, 1),
    "ConstantOfShape": lambda a: math.prod(a[0].tolist()),
    "Expand": lambda a: a[0].size * math.prod(a[1].tolist()),
    "Constant": lambda a: 0,
}


class Folding:
    """Computes operators on constants, up to MOST_NUMBERS in all."""

    def __init__(self, model: Any, path: Path) -> None:
        self.opsets, self.path, self.left = list(model.opset_import), path, MOST_NUMBERS

    def __call__(self, proto: Any, label: str, inputs: Arrays) -> Mapping[str, np.ndarray]:
        """The outputs of an operator by name."""
        value = next((a.t for a in proto.attribute if proto.op_type == "Constant" and a.name == "value"), None)
        if value is not None:
            return {proto.output[0]: array_of(value, self.path)}
        if proto.op_type not in FOLDED:
            known = ", ".join(sorted(FOLDED))
            raise FileError(f"{label} computes with constants alone; of such operators these are read: {known}")
        try:
            self.left -= max(FOLDED[proto.op_type](inputs), 0)
            made = {} if self.left < 0 else self.evaluated(proto, inputs)
        except Exception as error:  # whatever the evaluator, or NumPy in it, has to say
            raise FileError(f"{label} cannot be computed: {error}") from None
        if self.left < 0:
            raise FileError(f"{label} makes more than {MOST_NUMBERS:,} numbers of constants")
        return made

    def evaluated(self, proto: Any, inputs: Arrays) -> Mapping[str, np.ndarray]:
        """The outputs of an operator by name, as the package computes them."""
        import onnx
        from onnx.reference import ReferenceEvaluator

        given, makes = ([name for name in names if name] for names in (proto.input, proto.output))
        reads, writes = (
            [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in dict.fromkeys(names)]
            for names in (given, makes)
        )
        graph = onnx.helper.make_graph([proto], "constant", reads, writes)
        run = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=self.opsets)).run
        made = run(None, dict(zip(given, inputs, strict=True)))
        return {name: np.asarray(array) for name, array in zip(makes, made, strict=True)}
