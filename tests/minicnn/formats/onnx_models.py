"""ONNX models written operator by operator with the package `onnx`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs onnx: the extra onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper


class Model:
    """A graph as it grows: `model.add("Relu", value)` gives the name of the new value."""

    def __init__(self, rng: np.random.Generator, *shape: int | str, dtype=np.float32) -> None:
        self.rng, self.dtype = rng, dtype
        self.shape = list(shape)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.image = "data"

    def add(self, operator: str, *inputs: str, name: str = "", outputs: int = 1, **attributes) -> str:
        output = name or f"{operator.lower()}_{len(self.nodes)}"
        others = [f"{output}_{n}" for n in range(1, outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), [output, *others], name=name, **attributes))
        return output

    def constant(self, array: np.ndarray, name: str = "") -> str:
        name = name or f"w{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return name

    def random(self, *shape: int, scale: float = 1.0) -> str:
        return self.constant((self.rng.standard_normal(shape) * scale).astype(self.dtype))

    def conv(self, below: str, M: int, C: int, k: int, name: str = "", bias: bool = True, **attributes) -> str:
        fan_in = C * k * k
        inputs = [self.random(M, C, k, k, scale=(2 / fan_in) ** 0.5), *([self.random(M, scale=0.1)] if bias else [])]
        return self.add("Conv", below, *inputs, name=name, **{"kernel_shape": [k, k], **attributes})

    def batch_norm(self, below: str, C: int, name: str = "") -> str:
        gamma, beta, mean = (self.random(C) for _ in range(3))
        variance = self.constant(self.rng.uniform(0.5, 2, C).astype(self.dtype))
        return self.add("BatchNormalization", below, gamma, beta, mean, variance, name=name, epsilon=1e-3)

    def gemm(self, below: str, M: int, D: int, name: str = "") -> str:
        W, b = self.random(M, D, scale=(2 / D) ** 0.5), self.random(M, scale=0.1)
        return self.add("Gemm", below, W, b, name=name, transB=1)

    def proto(self, *outputs: str, weights_as_inputs=False, opset=13, metadata=None) -> onnx.ModelProto:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        inputs = [helper.make_tensor_value_info(self.image, kind, self.shape)]
        tensors = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        if weights_as_inputs:  # as Caffe2 and all files before 2019 do
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in tensors]
        results = [helper.make_tensor_value_info(output, kind, None) for output in outputs]
        graph = helper.make_graph(self.nodes, "network", inputs, results, tensors)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        for key, value in (metadata or {}).items():
            entry = proto.metadata_props.add()
            entry.key, entry.value = key, json.dumps(value)
        return proto

    def save(self, path: Path, *outputs: str, **others) -> Path:
        path.write_bytes(self.proto(*outputs, **others).SerializeToString())
        return path


def run(path: Path, x: np.ndarray) -> np.ndarray:
    """The file's first output as onnxruntime computes it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]
