"""ONNX files: a graph of operators, read with the package `onnx` (extra `onnx`), which only takes the file apart.

    file → operators, tensors     onnx_file.py, onnx_node.py
    constants → arrays            onnx_constants.py
    operators → layers            onnx_operators.py, onnx_shapes.py
    layers → a chain              onnx_graph.py

A softmax or sigmoid at the end is left out: a network gives scores.  ONNX has no common way to say how photographs are
to be prepared, so a network has no preprocessing unless the file's metadata have our own entries, both in JSON:

    minicnn.preprocessing   {"size": [224, 224], "mean": [123.7, 116.3, 103.5], "order": "RGB", "resize": 256}
    minicnn.classes         ["tench, Tinca tinca", "goldfish, Carassius auratus", …]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from layers import Flatten

from ..errors import FileError
from ..extras import package_folder
from ..images import Preprocessing
from ..network import Network
from ..preparation import Shape, shape_of
from .limits import in_maps, refuse_odd_images
from .onnx_constants import Folding, array_of
from .onnx_file import read_model
from .onnx_graph import Value, layers_of
from .onnx_node import Node, node_of
from .onnx_operators import PROBABILITIES, above
from .onnx_shapes import refuse_half

LARGEST_GRAPH = 10_000  # operators


def load(path: Path) -> tuple[Network, Shape | None]:
    """The network in an ONNX file, and the (C, H, W) of its images as far as the file says it."""
    package_folder("onnx", "onnx", "reading ONNX files")
    model = read_model(path)
    if len(model.graph.node) > LARGEST_GRAPH:
        raise FileError(f"has {len(model.graph.node)} operators; no network here has more than {LARGEST_GRAPH}")
    preprocessing, classes = metadata_of(model)
    constants = {tensor.name: array_of(tensor, path) for tensor in model.graph.initializer}
    image = image_of(model.graph, constants, shape_of(preprocessing))

    scores = scores_of(model, values_of(model, image, constants, path))
    if in_maps(scores.shape):
        scores = scores.then(Node("Flatten", "flatten", "flatten"), Flatten())
    C, H, W = image.shape
    return Network(layers_of(scores, image), preprocessing, classes), (C, H, W) if C and H and W else None


# ---------------------------------------------------------------------- the graph's values


def image_of(graph: Any, constants: dict[str, np.ndarray], prepared: Shape | None) -> Value:
    """The one input that is no weight.  (Older files list weights as inputs too.)"""
    images = [value for value in graph.input if value.name not in constants]
    if len(images) != 1:
        raise FileError(f"reads {', '.join(repr(v.name) for v in images) or 'nothing'}; expected one input, the images")
    name, dimensions = images[0].name, images[0].type.tensor_type.shape.dim
    if len(dimensions) != 4:
        raise FileError(f"input {name!r} has {len(dimensions)} dimensions; expected images (N, C, H, W)")
    N, C, H, W = (dimension.dim_value or None for dimension in dimensions)  # 0: left open
    if C and H and W:
        refuse_odd_images(C, H, W)
        if prepared not in (None, (C, H, W)):
            raise FileError(f"prepares images of {prepared}, but reads images of {(C, H, W)}")
    return Value(Node("", name, name), prepared or (C, H, W), batch=N or 1)


def values_of(model: Any, image: Value, constants: dict[str, np.ndarray], path: Path) -> dict[str, Value]:
    """The values computed from the image by name, in the file's order, in which each reads only what is there.

    Operators that make constants are computed here and add to `constants`; so are shapes, which are -1 throughout where
    they depend on a size that the file leaves open: Reshape needs no more.
    """
    values, unsure = {image.node.name: image}, set[str]()
    needed = {value.name for value in model.graph.output}
    for proto in reversed(model.graph.node):
        needed.update(proto.input if needed.intersection(proto.output) else ())
    joined: dict[tuple[str, ...], str] = {}
    fold = Folding(model, path)
    for proto in model.graph.node:
        if proto.output and needed.isdisjoint(proto.output):
            continue
        node = node_of(proto, values, constants)
        for name in proto.input:
            if name and name not in values and name not in constants:
                raise FileError(f"{node} reads {name!r}, which is not the first output of an operator before it")
        if not node.output or node.output in values or node.output in constants:
            raise FileError(f"{node} makes nothing, or what was there before")
        if not node.data:
            made = fold(proto, str(node), [constants[name] for name in proto.input if name])
            is_unsure = not unsure.isdisjoint(proto.input)
        elif node.operator == "Shape":
            sizes = dict(zip("NCHW", (image.batch, *values[node.data[0]].shape, 1, 1), strict=False))
            counted = [sizes[axis] for axis in values[node.data[0]].axes]
            counted = counted[node.attributes.get("start", 0) : node.attributes.get("end")]
            is_unsure = None in counted
            made = {node.output: np.array([-1 if n is None else n for n in counted], np.int64)}
        else:
            values[node.output] = above(node, [values[name] for name in grouped(node, joined)])
            continue
        constants |= {name: np.full_like(array, -1) for name, array in made.items()} if is_unsure else made
        unsure |= made.keys() if is_unsure else set()
    return values


def grouped(node: Node, joined: dict[tuple[str, ...], str]) -> list[str]:
    """What an operator reads; a Concat that begins with all that an earlier one joined reads that one instead.

    (DenseNet, as PyTorch has it.)  `joined` knows the earlier ones.
    """
    data = list(node.data)
    if node.operator == "Concat":
        for count in range(len(data) - 1, 1, -1):
            if tuple(data[:count]) in joined:
                data[:count] = [joined[tuple(data[:count])]]
                break
        joined[tuple(node.data)] = node.output
    return data


def scores_of(model: Any, values: Mapping[str, Value]) -> Value:
    """The value that the file gives, or what is below the softmax or sigmoid that makes it."""
    outputs = [value.name for value in model.graph.output]
    scores = values.get(outputs[0]) if len(outputs) == 1 else None
    if scores is None or scores.below is None:
        raise FileError(f"computes {', '.join(map(repr, outputs)) or 'nothing'}; expected one output, the scores")
    if scores.node.operator in PROBABILITIES:
        scores = scores.below
    refuse_half(scores)
    return scores


# ---------------------------------------------------------------------- metadata


def metadata_of(model: Any) -> tuple[Preprocessing | None, list[str] | None]:
    """The preprocessing and the classes in a model's metadata."""
    entries = {entry.key: json.loads(entry.value) for entry in model.metadata_props if "minicnn." in entry.key}
    classes, settings = entries.get("minicnn.classes"), entries.get("minicnn.preprocessing")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise FileError("minicnn.classes is no list of names")
    if settings is None:
        return None, classes
    try:
        given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()}
        return Preprocessing(**given), classes
    except (ValueError, TypeError, AttributeError) as error:
        raise FileError(f"minicnn.preprocessing is no preprocessing: {error}") from None
