"""Every command on networks from files, each written as the tool writes it: MatConvNet's and ONNX's."""

from __future__ import annotations

import json

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn.images import Preprocessing, save_picture
from minicnn.network import Network
from tests.minicnn.formats import matconvnet_files as matconvnet
from visualize import cli
from visualize.commands.common import Answer

PREPROCESSING = Preprocessing((20, 20), mean=(120.0, 110.0, 100.0))
CLASSES = ["cat", "dog", "tree"]


def parameters(rng):
    """Of a convolution, and of a fully connected layer on its 9×9 pooled maps."""
    K, b = rng.standard_normal((4, 3, 3, 3), np.float32) / 100, np.full(4, 0.1, np.float32)
    return K, b, rng.standard_normal((3, 4 * 9 * 9), np.float32) / 20, np.full(3, 5.0, np.float32)


def by_hand(K, b, W, c):
    layers = {"conv1": Conv(K, b), "relu1": ReLU(), "pool1": MaxPool(2), "flatten": Flatten()}
    return Network({**layers, "full2": FullyConnected(W, c)}, PREPROCESSING, CLASSES)


def mat_file(path, K, b, W, c):
    layers = [
        matconvnet.conv("conv1", K, b),
        matconvnet.relu("relu1"),
        matconvnet.pool("pool1", 2, 2),
        matconvnet.conv("full2", W.reshape(3, 4, 9, 9), c),
        {"type": "softmax", "name": "prob"},
    ]
    mean = matconvnet.row(*PREPROCESSING.mean).reshape(1, 1, 3)
    return matconvnet.write(path, layers, {"imageSize": matconvnet.row(20, 20, 3), "averageImage": mean}, CLASSES)


def onnx_file(path, K, b, W, c):
    models = pytest.importorskip("tests.minicnn.formats.onnx_models", reason="needs onnx: the extra onnx")
    model = models.Model(np.random.default_rng(0), 1, 3, 20, 20)
    y = model.add("Conv", "data", model.constant(K), model.constant(b), name="conv1", kernel_shape=[3, 3])
    y = model.add("MaxPool", model.add("Relu", y, name="relu1"), name="pool1", kernel_shape=[2, 2], strides=[2, 2])
    y = model.add("Gemm", model.add("Flatten", y), model.constant(W), model.constant(c), name="full2", transB=1)
    described = {"size": [20, 20], "mean": list(PREPROCESSING.mean), "order": "RGB"}
    metadata = {"minicnn.preprocessing": described, "minicnn.classes": CLASSES}
    return model.save(path, model.add("Softmax", y), metadata=metadata)


@pytest.fixture(params=[mat_file, onnx_file])
def files(request, tmp_path, rng):
    """(the weight file, a photograph, the same network made by hand)."""
    arrays = parameters(rng)
    suffix = ".mat" if request.param is mat_file else ".onnx"
    photo = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    save_picture(tmp_path / "photo.png", photo)
    return str(request.param(tmp_path / f"net{suffix}", *arrays)), str(tmp_path / "photo.png"), by_hand(*arrays), photo


def test_classify_says_what_the_network_made_by_hand_says(files, capsys):
    weights, photo_file, net, photo = files
    assert cli.main(["classify", photo_file, "--weights", weights, "--json"]) == 0
    top = json.loads(capsys.readouterr().out)["top"]
    answer = Answer.of(net, photo)
    assert [entry["name"] for entry in top] == [CLASSES[c] for c in answer.best(3)]
    np.testing.assert_allclose([entry["score"] for entry in top], answer.scores[answer.best(3)], rtol=1e-5)


@pytest.mark.parametrize(
    "command",
    [
        ["saliency"],
        ["saliency", "--ten-crops"],
        ["localize", "--class", "dog"],
        ["deconv"],
        ["trace", "--unit", "tree"],
    ],
)
def test_every_command_runs(files, tmp_path, command):
    weights, photo_file, _, _ = files
    out = [] if command[0] == "trace" else ["--out", str(tmp_path / "out")]
    assert cli.main([command[0], photo_file, *command[1:], "--weights", weights, *out]) == 0
    assert command[0] == "trace" or any((tmp_path / "out").iterdir())


def test_check_and_class_model_run(files, tmp_path, capsys):
    weights, _, _, _ = files
    assert cli.main(["check", "--weights", weights, "--probes", "1"]) == 0
    assert cli.main(["class-model", "cat", "--weights", weights, "--steps", "3", "--out", str(tmp_path / "out")]) == 0
    settings = json.loads((tmp_path / "out" / "class-model-cat.json").read_text())
    assert settings["network"] == weights


def test_an_onnx_file_without_preprocessing_is_given_one(tmp_path, rng, capsys):
    models = pytest.importorskip("tests.minicnn.formats.onnx_models", reason="needs onnx: the extra onnx")
    model = models.Model(rng, 1, 3, 224, 224)
    y = model.add("GlobalAveragePool", model.conv("data", 5, 3, 7, name="conv1", strides=[4, 4]))
    path = str(model.save(tmp_path / "net.onnx", model.add("Flatten", y)))
    save_picture(tmp_path / "photo.png", rng.integers(0, 256, (30, 40, 3)))
    assert cli.main(["classify", str(tmp_path / "photo.png"), "--weights", path]) == 2
    error = capsys.readouterr().err
    assert "choose a --preprocessing" in error
    assert error.count("\n") == 1
    argv = ["saliency", str(tmp_path / "photo.png"), "--weights", path, "--preprocessing", "torchvision"]
    assert cli.main([*argv, "--out", str(tmp_path), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["network"], record["preprocessing"]) == (path, "torchvision")
