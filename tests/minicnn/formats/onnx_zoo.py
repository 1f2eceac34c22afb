"""Networks with the operators, in the order and with the attributes, that the ONNX model zoo's files have.

Channels are a small share of theirs, so that they are quick; the operators and the geometry are theirs.
"""

from __future__ import annotations

import numpy as np

from tests.minicnn.formats.onnx_models import Model

Zoo = tuple[Model, str, dict]  # the model, its output, and how it is saved


def relu(model: Model, below: str) -> str:
    return model.add("Relu", below)


def caffe2_reshape(model: Model, below: str, D: int) -> str:
    """Caffe2 wrote the shape of a batch of one, and a second output for Caffe's old shape."""
    return model.add("Reshape", below, model.constant(np.array([1, D]), "OC2_DUMMY_1"))


def classifier(model: Model, y: str, D: int, hidden: int, softmax: dict) -> str:
    for _ in range(2):
        y = model.add("Dropout", relu(model, model.gemm(y, hidden, D)), outputs=2)
        D = hidden
    return model.add("Softmax", model.gemm(y, 10, hidden), name="prob_1", **softmax)


CAFFE2 = {"opset": 9, "weights_as_inputs": True}


def alexnet(rng: np.random.Generator, pooled_first: bool = False) -> Zoo:
    """bvlc_alexnet and bvlc_reference_caffenet, which differ in the order of pool and norm."""
    model = Model(rng, 1, 3, 224, 224)
    y = relu(model, model.conv("data", 12, 3, 11, strides=[4, 4], pads=[0, 0, 0, 0]))
    for M, C, geometry in ((16, 6, {"group": 2, "pads": [2, 2, 2, 2]}), (24, 16, {"pads": [1, 1, 1, 1]})):
        for operator in ("MaxPool", "LRN") if pooled_first else ("LRN", "MaxPool"):
            if operator == "LRN":
                y = model.add("LRN", y, size=5, alpha=9.999999747378752e-05, beta=0.75, bias=1.0)
            else:
                y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 0, 0])
        y = relu(model, model.conv(y, M, C, 5 if M == 16 else 3, strides=[1, 1], **geometry))
    for M in (24, 16):
        y = relu(model, model.conv(y, M, 12, 3, group=2, strides=[1, 1], pads=[1, 1, 1, 1]))
    y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    return model, classifier(model, caffe2_reshape(model, y, 16 * 6 * 6), 16 * 6 * 6, 32, {}), CAFFE2


def caffenet(rng: np.random.Generator) -> Zoo:
    return alexnet(rng, pooled_first=True)


def zfnet512(rng: np.random.Generator) -> Zoo:
    model = Model(rng, 1, 3, 224, 224)
    y = relu(model, model.conv("data", 12, 3, 7, strides=[2, 2], pads=[1, 1, 1, 1]))
    y = model.add("LRN", y, size=3, alpha=0.00005, beta=0.75, bias=2.0)
    y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    y = relu(model, model.conv(y, 16, 12, 5, strides=[2, 2], pads=[0, 0, 0, 0]))
    y = model.add("LRN", y, size=3, alpha=0.00005, beta=0.75, bias=2.0)
    y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    for M, C in ((24, 16), (24, 24), (16, 24)):
        y = relu(model, model.conv(y, M, C, 3, strides=[1, 1], pads=[1, 1, 1, 1]))
    y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    return model, classifier(model, caffe2_reshape(model, y, 16 * 6 * 6), 16 * 6 * 6, 32, {}), CAFFE2


def vgg16(rng: np.random.Generator) -> Zoo:
    """From MXNet: an image of any batch size, Flatten, no softmax."""
    model, y, C = Model(rng, "N", 3, 64, 64), "data", 3
    for M, repeats in ((4, 2), (8, 2), (8, 3), (12, 3), (12, 3)):
        for _ in range(repeats):
            y = relu(model, model.conv(y, M, C, 3, strides=[1, 1], pads=[1, 1, 1, 1], dilations=[1, 1], group=1))
            C = M
        y = model.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])
    y, D = model.add("Flatten", y), 12 * 2 * 2
    for _ in range(2):
        y, D = model.add("Dropout", relu(model, model.gemm(y, 24, D)), ratio=0.5), 24
    return model, model.add("Flatten", model.gemm(y, 10, D)), {"opset": 8, "weights_as_inputs": True}


def fire(model: Model, y: str, C: int, squeezed: int, expanded: int) -> str:
    y = relu(model, model.conv(y, squeezed, C, 1, strides=[1, 1], pads=[0, 0, 0, 0]))
    narrow = relu(model, model.conv(y, expanded, squeezed, 1, strides=[1, 1], pads=[0, 0, 0, 0]))
    wide = relu(model, model.conv(y, expanded, squeezed, 3, strides=[1, 1], pads=[1, 1, 1, 1]))
    return model.add("Concat", narrow, wide, axis=1)


def squeezenet(rng: np.random.Generator, tail: str = "caffe2") -> Zoo:
    """SqueezeNet 1.0 from Caffe2 ends in maps of one pixel: global average, softmax; 1.1 from MXNet reshapes them."""
    model = Model(rng, 1, 3, 96, 96)
    y = relu(model, model.conv("data", 12, 3, 7, strides=[2, 2], pads=[0, 0, 0, 0]))
    y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    y = fire(model, fire(model, y, 12, 4, 8), 16, 4, 8)
    y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 0, 0])
    y = model.add("Dropout", fire(model, y, 16, 6, 10), outputs=2)
    y = relu(model, model.conv(y, 10, 20, 1, strides=[1, 1], pads=[0, 0, 0, 0]))
    if tail == "caffe2":
        return model, model.add("Softmax", model.add("GlobalAveragePool", y)), CAFFE2
    if tail == "mxnet":
        y = model.add("AveragePool", y, kernel_shape=[10, 10], strides=[1, 1], pads=[0, 0, 0, 0])
        return (
            model,
            model.add("Reshape", y, model.constant(np.array([0, -1]))),
            {"opset": 8, "weights_as_inputs": True},
        )
    y = model.add("Softmax", model.add("GlobalAveragePool", y), axis=1)
    return model, model.add("Reshape", y, model.constant(np.array([1, 10]))), {"opset": 13}


def squeezenet_mxnet(rng: np.random.Generator) -> Zoo:
    return squeezenet(rng, "mxnet")


def squeezenet_reshaped(rng: np.random.Generator) -> Zoo:
    return squeezenet(rng, "reshaped")


def resnet18(rng: np.random.Generator) -> Zoo:
    """resnet18-v1 from MXNet: batch norm after each convolution, which has no bias; halving blocks project."""
    model, C = Model(rng, "N", 3, 64, 64), 4
    y = model.conv("data", C, 3, 7, bias=False, strides=[2, 2], pads=[3, 3, 3, 3])
    y = relu(model, model.batch_norm(y, C))
    y = model.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for stage, M in enumerate((4, 6, 8, 10)):
        for unit in range(2):
            s = 2 if stage and not unit else 1
            f = model.conv(y, M, C, 3, bias=False, strides=[s, s], pads=[1, 1, 1, 1])
            f = relu(model, model.batch_norm(f, M))
            f = model.batch_norm(model.conv(f, M, M, 3, bias=False, strides=[1, 1], pads=[1, 1, 1, 1]), M)
            if s == 2:
                y = model.batch_norm(model.conv(y, M, C, 1, bias=False, strides=[s, s], pads=[0, 0, 0, 0]), M)
            y, C = relu(model, model.add("Add", y, f)), M
    y = model.add("Flatten", model.add("GlobalAveragePool", y))
    return model, model.gemm(y, 10, C), {"opset": 8, "weights_as_inputs": True}


ZOO = {
    make.__name__: make
    for make in (alexnet, caffenet, zfnet512, vgg16, squeezenet, squeezenet_mxnet, squeezenet_reshaped, resnet18)
}
