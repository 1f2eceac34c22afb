"""ONNX files: a graph of operators, read with the package `onnx` (extra `onnx`), which only takes the file apart.

    tensors, constants, shapes → arrays        onnx_constants.py
    the graph   → a chain with branches        onnx_graph.py
    operators   → layers                       onnx_operators.py, onnx_shapes.py

A softmax or sigmoid at the end is left out: a network gives scores.  ONNX has no common way to say how photographs are
to be prepared, so a network has no preprocessing unless the file's metadata have our own entries, both in JSON:

    minicnn.preprocessing   {"size": [224, 224], "mean": [123.7, 116.3, 103.5], "order": "RGB", "resize": 256}
    minicnn.classes         ["tench, Tinca tinca", "goldfish, Carassius auratus", …]

Otherwise give it one: Network(net.layers, preprocessing=…, classes=…).
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from layers import Add, Concat, Flatten, FullyConnected, GlobalAveragePool, Layer
from layers.arrays import Array

from ..extras import package_folder
from ..images import Preprocessing
from ..network import Network
from ..preparation import Shape
from .empty_batch import empty_batch, through
from .errors import FileError
from .onnx_constants import Folding, array_of, shapes_of
from .onnx_graph import Chain, Graph, Junction, grouped
from .onnx_node import Node
from .onnx_operators import OPERATORS
from .onnx_shapes import ARITHMETIC, affine, simplified
from .reading import reading

LARGEST_GRAPH = 10_000  # operators


def load(path: str | os.PathLike[str]) -> Network:
    """The network in an ONNX file.  FileError for anything else, MissingPackage without the package `onnx`."""
    return read(path)[0]


def read(path: str | os.PathLike[str]) -> tuple[Network, Shape | None]:
    """The network, and the (C, H, W) of its images as far as the file says it."""
    package_folder("onnx", "onnx", "reading ONNX files")
    with reading(path, "an ONNX model") as file:
        import onnx

        net, shape = network(onnx.ModelProto.FromString(file.read()), Path(path))
    # The package's arrays are views of bytes; they are copied one by one only now that its model is gone from memory.
    return net.map_layers(lambda layer: layer.map_parameters(lambda p: np.require(p, requirements="W"))), shape


def network(model: Any, path: Path) -> tuple[Network, Shape | None]:
    """The network of the ModelProto in a file, and the shape of its images."""
    if len(model.graph.node) > LARGEST_GRAPH:
        raise FileError(f"has {len(model.graph.node)} operators; no network here has more than {LARGEST_GRAPH}")
    constants = {tensor.name: array_of(tensor, path) for tensor in model.graph.initializer}
    image, shape = image_of(model.graph, constants)
    graph = Graph(image, nodes_of(model, image, constants, path))
    outputs = [value.name for value in model.graph.output]
    if len(outputs) != 1 or outputs[0] not in graph.makers:
        raise FileError(f"computes {', '.join(map(repr, outputs)) or 'nothing'}; expected one output, the scores")

    metadata = {entry.key: entry.value for entry in model.metadata_props}
    preprocessing = preprocessing_of(metadata)
    if preprocessing is not None:
        prepared = (preprocessing.channels, *preprocessing.size)
        if shape not in (None, prepared):
            raise FileError(f"prepares images of {prepared}, but reads images of {shape}")
        shape = prepared

    x = None if shape is None else empty_batch(*shape)
    layers, scores = build(graph.chain(graph.without_softmax(outputs[0])), x)
    if not any(isinstance(layer, (Flatten, FullyConnected, GlobalAveragePool)) for layer in layers.values()):
        if scores is not None and scores.shape[2:] != (1, 1):
            raise FileError(f"gives scores in maps of {scores.shape[2:]}; expected one number for each class")
        layers[unused("flatten", layers)] = Flatten()
    classes = classes_of(metadata)
    if classes is not None and scores is not None and len(classes) != scores.shape[1]:
        raise FileError(f"names {len(classes)} classes, but gives {scores.shape[1]} scores")
    return Network(layers, preprocessing, classes), shape


# ---------------------------------------------------------------------- graph → layers


def build(chain: Chain, x: Array | None) -> tuple[dict[str, Layer], Array | None]:
    """The layers of a chain that meets maps like x, and maps like those it makes."""
    layers: dict[str, Layer] = {}
    below, x_below = None, x  # the name of the layer added last, and what it met
    for step in simplified(chain):
        node = step.node if isinstance(step, Junction) else step
        name = unused(node.name, layers)
        try:
            if isinstance(step, Junction):
                layer: Layer | None = joined(step, x)
            elif node.operator in ARITHMETIC:
                layer, replaces = affine(node, x, layers.get(below or ""))
                if replaces and below is not None:
                    name, x = below, x_below
            elif node.operator in OPERATORS:
                layer = OPERATORS[node.operator](node, x)
            else:
                raise FileError(f"is not among the operators read here: {', '.join((*OPERATORS, *ARITHMETIC))}")
        except ValueError as error:
            raise FileError(f"{node}: {error}" if not isinstance(step, Junction) else str(error)) from None
        if layer is not None:
            layers[name] = layer
            below, x_below, x = name, x, through(name, layer, x)
    return layers, x


def joined(junction: Junction, x: Array | None) -> Layer:
    """A Concat or Add of the chains that meet in a junction."""
    branches = [list(build(chain, x)[0].values()) for chain in junction.branches]
    if junction.node.operator != "Concat":
        return Add(branches)
    axis = junction.node.attributes.get("axis", 1)
    if axis != 1:
        raise FileError(f"{junction.node}: joins along axis {axis}; expected 1, the channels")
    return Concat(branches)


def unused(name: str, layers: Mapping[str, Layer]) -> str:
    """The name, or if it is taken the first of name_2, name_3, … that is not."""
    taken, n = name, 2
    while taken in layers:
        taken, n = f"{name}_{n}", n + 1
    return taken


# ---------------------------------------------------------------------- file → graph


def image_of(graph: Any, constants: Mapping[str, np.ndarray]) -> tuple[str, Shape | None]:
    """The value that is the image, and its (C, H, W), if the file tells.  (Older files list weights as inputs too.)"""
    images = [value for value in graph.input if value.name not in constants]
    if len(images) != 1:
        raise FileError(f"reads {', '.join(repr(v.name) for v in images) or 'nothing'}; expected one input, the images")
    dimensions = images[0].type.tensor_type.shape.dim
    if len(dimensions) != 4:
        raise FileError(f"input {images[0].name!r} has {len(dimensions)} dimensions; expected images (N, C, H, W)")
    _, C, H, W = (dimension.dim_value for dimension in dimensions)  # 0: left open
    return images[0].name, (C, H, W) if C and H and W else None


def nodes_of(model: Any, image: str, constants: dict[str, np.ndarray], path: Path) -> list[Node]:
    """The operators above the image, in the file's order, in which each reads only what was made before it.

    Operators that make constants are computed here and add to `constants`; so are shapes, where the file tells them.
    Shapes that it leaves open are only known as such.
    """
    nodes: list[Node] = []
    made, open_shapes = {image}, set()
    makers = {value: number for number, proto in enumerate(model.graph.node) for value in proto.output}
    shapes, fold = shapes_of(model, image), Folding(model, path)
    for number, proto in enumerate(model.graph.node):
        node = node_of(proto, made, constants, shapes)
        for value in proto.input:
            if value and value not in made and value not in constants and value not in open_shapes:
                raise FileError(f"{node} reads {value!r}, which {what_is_wrong_with(makers.get(value), number)}")
        if not node.output or node.output in made or node.output in constants:
            raise FileError(f"{node} makes nothing, or what was there before")
        if proto.domain not in ("", "ai.onnx"):
            raise FileError(f"{node} is of the domain {proto.domain!r}; expected ONNX's own operators")
        if node.operator == "Shape" and node.data:
            whole, attributes = node.shapes[0], node.attributes
            part = None if whole is None else whole[attributes.get("start", 0) : attributes.get("end")]
            if part is None or None in part:
                open_shapes.add(node.output)
            else:
                constants[node.output] = np.array(part, np.int64)
        elif node.data:
            nodes.append(grouped(node, nodes))
            made.add(node.output)
        elif open_shapes.intersection(proto.input):
            open_shapes.update(proto.output)
        else:
            constants.update(fold(proto, str(node), [constants[value] for value in proto.input if value]))
    return nodes


def what_is_wrong_with(maker: int | None, reader: int) -> str:
    """Why a value cannot be read, from the places of the operators that make and read it."""
    if maker is None:
        return "is not in the file"
    return "is made only later: a cycle, or operators out of order" if maker >= reader else "is not a first output"


def node_of(
    proto: Any,
    made: Collection[str],
    constants: Mapping[str, np.ndarray],
    shapes: Mapping[str, tuple[int | None, ...]],
) -> Node:
    """A NodeProto, with the constants that it reads at hand."""
    import onnx

    output = proto.output[0] if proto.output else ""
    read = {a.name: a for a in proto.attribute if a.type not in (onnx.AttributeProto.TENSOR, onnx.AttributeProto.GRAPH)}
    attributes = {name: onnx.helper.get_attribute_value(a) for name, a in read.items()}
    return Node(
        proto.op_type,
        proto.name.strip("/") or output,  # PyTorch writes "/features/features.0/Conv"
        output,
        data=[value for value in proto.input if value in made],
        constants=[constants.get(value) for value in proto.input],
        attributes={
            key: list(v) if isinstance(v, Sequence) and not isinstance(v, bytes) else v for key, v in attributes.items()
        },
        shapes=(shapes.get(next((value for value in proto.input if value in made), "")), shapes.get(output)),
    )


# ---------------------------------------------------------------------- metadata


def preprocessing_of(metadata: Mapping[str, str]) -> Preprocessing | None:
    """The metadata's "minicnn.preprocessing"."""
    if "minicnn.preprocessing" not in metadata:
        return None
    try:
        entry = json.loads(metadata["minicnn.preprocessing"])
        settings: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.items()}
        return Preprocessing(**settings)
    except (ValueError, TypeError, AttributeError) as error:
        raise FileError(f"minicnn.preprocessing is no preprocessing: {error}") from None


def classes_of(metadata: Mapping[str, str]) -> list[str] | None:
    """The metadata's "minicnn.classes"."""
    names = json.loads(metadata.get("minicnn.classes", "null"))
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise FileError("minicnn.classes is no list of names")
    return names
