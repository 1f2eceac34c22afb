"""ONNX files: what becomes of a graph, what is refused and how, and what damage does."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.errors import FileError
from minicnn.extras import MissingPackage
from minicnn.formats import load
from tests.minicnn.formats.onnx_models import Model, helper, numpy_helper, onnx
from tests.minicnn.formats.onnx_zoo import ZOO


def small(rng: np.random.Generator) -> Model:
    """data → conv1 → relu1 → flat → fc."""
    model = Model(rng, 1, 3, 6, 6)
    y = model.add("Relu", model.conv("data", 4, 3, 3, name="conv1"), name="relu1")
    model.gemm(model.add("Flatten", y, name="flat"), 5, 64, name="fc")
    return model


def kinds(net) -> str:
    return " ".join(type(layer).__name__ for layer in net.layers.values())


# ---------------------------------------------------------------------- what becomes of a graph


def test_squeezenets_fire_modules_become_branches(rng, tmp_path):
    model, output, options = ZOO["squeezenet"](rng)
    net = load(model.save(tmp_path / "net.onnx", output, **options))
    fire = "Conv ReLU Concat"
    assert kinds(net) == f"Conv ReLU MaxPool {fire} {fire} MaxPool {fire} Dropout Conv ReLU GlobalAveragePool"
    fire = next(layer for layer in net.layers.values() if type(layer).__name__ == "Concat")
    assert repr(fire) == (
        "Concat(Conv(4→8, 1×1, stride=(1, 1), pad=(0, 0, 0, 0)) → ReLU()"
        " | Conv(4→8, 3×3, stride=(1, 1), pad=(1, 1, 1, 1)) → ReLU())"
    )


def test_resnets_blocks_become_branches_that_are_added(rng, tmp_path):
    model, output, options = ZOO["resnet18"](rng)
    net = load(model.save(tmp_path / "net.onnx", output, **options))
    assert kinds(net) == "Conv BatchNorm ReLU MaxPool" + 8 * " Add ReLU" + " GlobalAveragePool Flatten FullyConnected"
    shortcuts = [layer.branches["0"] for layer in net.layers.values() if type(layer).__name__ == "Add"]
    assert [len(chain) for chain in shortcuts] == [0, 0, 2, 0, 2, 0, 2, 0]


def test_layers_are_called_as_their_operators_or_else_as_their_values(rng, tmp_path):
    model = small(rng)
    assert load(model.save(tmp_path / "n.onnx", "fc")).names == ["conv1", "relu1", "flat", "fc"]
    for node in model.nodes:
        node.name = "/features/same"
    names = load(model.save(tmp_path / "n.onnx", "fc")).names
    assert names == ["features/same", "features/same_2", "features/same_3", "features/same_4"]
    for node in model.nodes:
        node.name = ""
    assert load(model.save(tmp_path / "n.onnx", "fc")).names == ["conv1", "relu1", "flat", "fc"]


def test_weights_may_come_from_constant_operators_and_through_identities(rng, tmp_path):
    model = small(rng)
    expected = load(model.save(tmp_path / "n.onnx", "fc")).parameters
    for key, array in list(model.weights.items()):
        value = numpy_helper.from_array(model.weights.pop(key))
        made = [
            helper.make_node("Constant", [], [f"{key}_"], value=value),
            helper.make_node("Identity", [f"{key}_"], [key]),
        ]
        model.nodes = [*made, *model.nodes]
        assert array is not None
    found = load(model.save(tmp_path / "n.onnx", "fc")).parameters
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"])
@pytest.mark.parametrize("raw", [True, False])
def test_every_way_to_store_numbers(kind, raw, rng, tmp_path):
    model = small(rng)
    proto = model.proto("fc")
    for tensor in proto.graph.initializer:
        array = np.round(numpy_helper.to_array(tensor) * 16) / 16  # exact in half precision
        data_type = getattr(onnx.TensorProto, kind)
        model.weights[tensor.name] = array
        if raw:
            bits = array.astype(np.float32).view(np.uint32) >> 16 if kind == "BFLOAT16" else None
            stored = {"FLOAT": "f4", "DOUBLE": "f8", "FLOAT16": "f2"}.get(kind)
            content = bits.astype("<u2") if bits is not None else array.astype(stored)
            made = helper.make_tensor(tensor.name, data_type, array.shape, content.tobytes(), raw=True)
        else:
            made = helper.make_tensor(tensor.name, data_type, array.shape, array.ravel().tolist())
        tensor.CopyFrom(made)
    (tmp_path / "n.onnx").write_bytes(proto.SerializeToString())
    net = load(tmp_path / "n.onnx")
    K = net["conv1"].K
    np.testing.assert_array_equal(K, model.weights["w0"])
    assert K.dtype == (np.float64 if kind == "DOUBLE" else np.float32)
    assert K.flags.writeable


def test_a_large_models_weights_are_never_in_memory_three_times(rng, tmp_path):
    model = Model(rng, 1, 3, 6, 6)
    model.gemm(model.add("Flatten", "data"), 20_000, 108, name="fc")
    model.save(tmp_path / "n.onnx", "fc")
    size = model.weights["w0"].nbytes
    tracemalloc.start()
    net = load(tmp_path / "n.onnx")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(net["fc"].W, model.weights["w0"])
    assert peak < 1.3 * size


def test_a_model_may_be_linked_to(rng, tmp_path):
    """Its weights lie in its own file, wherever that is."""
    (tmp_path / "a").mkdir()
    small(rng).save(tmp_path / "a" / "n.onnx", "fc")
    (tmp_path / "link.onnx").symlink_to(tmp_path / "a" / "n.onnx")
    assert load(tmp_path / "link.onnx").names == ["conv1", "relu1", "flat", "fc"]


def test_external_data_beside_the_model(rng, tmp_path):
    model = small(rng)
    expected = load(model.save(tmp_path / "n.onnx", "fc")).parameters
    onnx.save_model(
        model.proto("fc"), tmp_path / "n.onnx", save_as_external_data=True, location="n.data", size_threshold=0
    )
    assert (tmp_path / "n.data").exists()
    found = load(tmp_path / "n.onnx").parameters
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_preprocessing_and_class_names_from_the_metadata(rng, tmp_path):
    names = ["tench", "goldfish", "great white shark", "tiger shark", "hammerhead"]
    preprocessing = {"size": [6, 6], "mean": [1, 2, 3], "order": "BGR", "scale": 0.5}
    metadata = {"minicnn.preprocessing": preprocessing, "minicnn.classes": names}
    net = load(small(rng).save(tmp_path / "n.onnx", "fc", metadata=metadata))
    assert net.classes == names
    x = net.preprocessing.to_input(np.full((6, 6, 3), (10, 20, 30), np.uint8))
    np.testing.assert_allclose(x[0, :, 0, 0], [14.5, 9, 3.5])  # blue first
    assert load(small(rng).save(tmp_path / "n.onnx", "fc")).preprocessing is None


# ---------------------------------------------------------------------- what is refused


def refused(path: Path, complaint: str) -> None:
    with pytest.raises(FileError, match=complaint) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("operator", "attributes", "complaint"),
    [
        ("Sigmoid", {}, "Sigmoid 'odd': is not among the operators read here: Conv, Relu, MaxPool"),
        ("Softmax", {}, "Softmax 'odd': is not among the operators read here"),
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": [2, 2]}, "MaxPool 'odd': is dilated"),
        ("MaxPool", {"kernel_shape": [2]}, r"MaxPool 'odd': kernel_shape is \[2\]; expected 2 whole numbers"),
        ("MaxPool", {"kernel_shape": [9, 9]}, "MaxPool odd finds no room"),
        ("MaxPool", {"kernel_shape": [2, 2], "pads": [2, 0, 0, 0]}, "MaxPool 'odd': MaxPool expects a padding smaller"),
        ("MaxPool", {"kernel_shape": [2, 2], "strides": [0, 1]}, "MaxPool 'odd': MaxPool expects a size and a stride"),
        ("MaxPool", {"kernel_shape": [2, 2], "pads": [10**9] * 4}, r"pads is \[1000000000"),
        ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME"}, "auto_pad is b'SAME'; expected NOTSET, VALID"),
        ("LRN", {"size": 10**6}, "LRN 'odd': size is 1000000; expected 1 whole numbers of 0 … 1024"),
        ("LRN", {"size": 3, "bias": float("nan")}, "LRN 'odd': bias is nan; expected a number"),
        ("LRN", {"size": 3, "bias": 0.0}, "LocalResponseNorm expects kappa > 0"),
        ("Flatten", {"axis": 2}, "Flatten 'odd': flattens from another axis than 1"),
        ("Reshape", {"shape": [1, 4, 16]}, r"Reshape 'odd': reshapes to \[1, 4, 16\]; expected features"),
        ("Gemm", {}, "Gemm 'odd': has no weights as input 1"),
        ("Conv", {}, "Conv 'odd': has no weights as input 1"),
        ("Dropout", {"ratio": 1.5}, "Dropout 'odd': Dropout expects a probability"),
    ],
)
def test_operators_that_cannot_be_read_are_named(operator, attributes, complaint, rng, tmp_path):
    model = small(rng)
    model.nodes.insert(1, helper.make_node(operator, ["conv1"], ["odd"], **attributes))
    model.nodes[2].input[0] = "odd"
    refused(model.save(tmp_path / "n.onnx", "fc"), complaint)


def test_operators_of_others_are_named(rng, tmp_path):
    model = small(rng)
    model.nodes[1].domain = "com.example"
    refused(model.save(tmp_path / "n.onnx", "fc"), "Relu 'relu1' is of the domain 'com.example'")


def test_dilated_convolutions_are_refused(rng, tmp_path):
    model = Model(rng, 1, 3, 9, 9)
    y = model.add("Flatten", model.conv("data", 4, 3, 3, name="conv1", dilations=[2, 2]))
    refused(model.save(tmp_path / "n.onnx", y), "Conv 'conv1': is dilated")


def test_graphs_that_are_no_chain_with_branches_are_refused(rng, tmp_path):
    """c reads from inside a branch: b is needed twice, and no branch owns it."""
    model = Model(rng, 1, 3, 4, 4)
    a, b = model.add("Relu", "data", name="a"), model.add("Relu", "data", name="b")
    c = model.add("Add", a, b, name="c")
    refused(
        model.save(tmp_path / "n.onnx", model.add("Concat", b, c, axis=1)), "the branches do not join where they fork"
    )
    refused(
        model.save(tmp_path / "n.onnx", model.add("Mul", a, b, name="m")), "Mul 'm' reads several computed values, a, b"
    )
    y = model.add("Concat", a, b, axis=2)
    refused(model.save(tmp_path / "n.onnx", y), "Concat 'concat_.': joins along axis 2; expected 1")


def test_what_the_scores_do_not_need_is_not_looked_at(rng, tmp_path):
    model = small(rng)
    model.add("Sin", model.add("Cos", "relu1"))
    model.add("Relu", "nowhere")
    assert load(model.save(tmp_path / "n.onnx", "fc")).names == ["conv1", "relu1", "flat", "fc"]


def test_branches_within_branches(rng, tmp_path):
    """A branch within a branch."""
    model = Model(rng, 1, 3, 4, 4)
    a = model.add("Relu", "data", name="a")
    inner = model.add("Add", a, model.add("Relu", a, name="b"), name="inner")
    y = model.add("Concat", inner, model.add("Relu", "data", name="c"), axis=1, name="outer")
    net = load(model.save(tmp_path / "n.onnx", model.add("Flatten", y, name="flat")))
    assert repr(net["outer"]) == "Concat(ReLU() → Add(identity | ReLU()) | ReLU())"


def test_cycles_and_missing_values_are_named(rng, tmp_path):
    model = small(rng)
    model.nodes[0].input[0] = "relu1"
    refused(
        model.save(tmp_path / "n.onnx", "fc"),
        "Conv 'conv1' reads 'relu1', which is not the first output",
    )
    model.nodes[0].input[0] = "nowhere"
    refused(model.save(tmp_path / "n.onnx", "fc"), "Conv 'conv1' reads 'nowhere', which is not the first output")
    model.nodes[0].input[0] = "conv1"
    refused(model.save(tmp_path / "n.onnx", "fc"), "Conv 'conv1' reads 'conv1', which is not the first output")
    model = small(rng)
    del model.weights["w0"]
    refused(model.save(tmp_path / "n.onnx", "fc"), "Conv 'conv1' reads 'w0', which is not the first output")
    model = Model(rng, 1, 3, 4, 4)
    model.add("Dropout", "data", name="drop", outputs=2)
    refused(
        model.save(tmp_path / "n.onnx", model.add("Relu", "drop_1")), "reads 'drop_1', which is not the first output"
    )
    model = small(rng)
    model.add("Relu", "relu1", name="relu1")
    refused(model.save(tmp_path / "n.onnx", "fc"), "Relu 'relu1' makes nothing, or what was there before")


def test_inputs_and_outputs_that_are_not_one_image_and_its_scores(rng, tmp_path):
    model = small(rng)
    refused(model.save(tmp_path / "n.onnx", "fc", "relu1"), "computes 'fc', 'relu1'; expected one output")
    refused(model.save(tmp_path / "n.onnx", "elsewhere"), "computes 'elsewhere'; expected one output")
    proto = model.proto("fc")
    proto.graph.input.add().name = "mask"
    (tmp_path / "n.onnx").write_bytes(proto.SerializeToString())
    refused(tmp_path / "n.onnx", "reads 'data', 'mask'; expected one input, the images")
    model.shape = [1, 3, 6]
    refused(model.save(tmp_path / "n.onnx", "fc"), "input 'data' has 3 dimensions; expected images")
    model.shape = [1, 3, 10**6, 10**6]
    refused(model.save(tmp_path / "n.onnx", "fc"), "says that its images have 3 channels of 1000000×1000000 pixels")
    model = Model(rng, 1, 3, 4, 4)
    refused(model.save(tmp_path / "n.onnx", model.add("Relu", "data")), r"gives scores in maps of \(4, 4\)")


@pytest.mark.parametrize(
    ("weight", "shape", "complaint"),
    [
        ("w0", (4, 2, 3, 3), "Conv conv1 expects 2 channels, got 3"),
        ("w0", (4, 3, 9), "Conv 'conv1': has float32 of shape .4, 3, 9. as input 1; expected 4 dimensions"),
        ("w1", (3,), "Conv 'conv1': Conv expects one bias for each of its 4 kernels"),
        ("w2", (5, 63), "FullyConnected fc expects features .N, 63., got .0, 64."),
        ("w3", (4,), r"Gemm 'fc': adds \(4,\) numbers to \(1, 5\); expected one for each channel"),
    ],
)
def test_weights_of_the_wrong_shape_are_named(weight, shape, complaint, rng, tmp_path):
    model = small(rng)
    model.weights[weight] = np.ones(shape, np.float32)
    refused(model.save(tmp_path / "n.onnx", "fc"), complaint)


def test_a_negative_variance_is_refused(rng, tmp_path):
    model = Model(rng, 1, 3, 4, 4)
    y = model.add("Flatten", model.batch_norm("data", 3, name="bn"))
    model.weights["w3"] = -model.weights["w3"]
    refused(model.save(tmp_path / "n.onnx", y), "BatchNormalization 'bn': has a variance below 0")


def test_weights_that_are_not_numbers_are_named(rng, tmp_path):
    model = small(rng)
    model.weights["w0"] = np.ones((4, 3, 3, 3), np.int64)
    refused(model.save(tmp_path / "n.onnx", "fc"), "Conv 'conv1': has int64 of shape")
    model.weights["w0"] = np.full((4, 3, 3, 3), "x", object)
    refused(model.save(tmp_path / "n.onnx", "fc"), "tensor 'w0' is of type STRING; expected numbers")


@pytest.mark.parametrize("dims", [[2**40, 2**40], [4, 3, 3, 4], [-4, -27], [2**62, 2**62, 4]])
def test_declared_sizes_are_compared_with_what_is_there(dims, rng, tmp_path):
    proto = small(rng).proto("fc")
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend(dims)
    (tmp_path / "n.onnx").write_bytes(proto.SerializeToString())
    tracemalloc.start()
    refused(tmp_path / "n.onnx", "tensor 'w0' .*shape .*")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23


def test_maps_that_double_and_double_are_refused(rng, tmp_path):
    """A kilobyte that asks for a petabyte: 40 times the maps beside themselves."""
    model, y = Model(rng, 1, 3, 6, 6), "data"
    for _ in range(40):
        y = model.add("Concat", y, y, axis=1)
    refused(model.save(tmp_path / "n.onnx", model.add("Flatten", y)), "Concat concat_.* makes maps of")


@pytest.mark.parametrize(
    ("location", "changes", "complaint"),
    [
        ("../secret", {}, "tensor 'w0' of shape .* lies in '../secret', which is no file in the model's folder"),
        ("/etc/passwd", {}, "lies in '/etc/passwd', which is no file in the model's folder"),
        ("link", {}, "lies in 'link', which is no file in the model's folder"),
        ("", {}, "lies in '', which is no file"),
        ("missing", {}, "lies in 'missing', which is no file"),
        ("short", {}, "tensor 'w0' of shape .* lies in 'short', which has no 432 bytes at 0"),
        ("exact", {"offset": "4"}, "which has no 432 bytes at 4"),
        ("exact", {"offset": "-4"}, "which has no 432 bytes at -4"),
        ("exact", {"length": str(2**60)}, r"of shape \(4, 3, 3, 3\): has 1152921504606846976 bytes; expected 432"),
        ("exact", {"offset": "x"}, "tensor 'w0' of shape .*invalid literal"),
    ],
)
def test_external_data_stay_in_the_models_folder_and_in_their_file(location, changes, complaint, rng, tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(432))
    (folder / "short").write_bytes(bytes(431))
    (folder / "exact").write_bytes(bytes(432))
    (folder / "link").symlink_to(tmp_path / "secret")
    proto = small(rng).proto("fc")
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **changes}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    (folder / "n.onnx").write_bytes(proto.SerializeToString())
    refused(folder / "n.onnx", complaint)


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({"minicnn.preprocessing": {"size": [6, 6]}}, "minicnn.preprocessing is no preprocessing"),
        ({"minicnn.preprocessing": [1]}, "minicnn.preprocessing is no preprocessing"),
        (
            {"minicnn.preprocessing": {"size": [7, 6], "mean": [0, 0, 0]}},
            r"prepares images of \(3, 7, 6\), but reads images of \(3, 6, 6\)",
        ),
        ({"minicnn.classes": ["a"]}, r"names 1 classes, but its scores have the shape \(5,\)"),
        ({"minicnn.classes": "abcde"}, "minicnn.classes is no list of names"),
    ],
)
def test_metadata_that_do_not_fit_are_refused(metadata, complaint, rng, tmp_path):
    refused(small(rng).save(tmp_path / "n.onnx", "fc", metadata=metadata), complaint)


@pytest.mark.parametrize("content", [b"", b"\x00", b"PK\x03\x04" + bytes(100), b"not a model at all\n" * 9])
def test_other_files_are_refused(content, tmp_path):
    (tmp_path / "n.onnx").write_bytes(content)
    refused(tmp_path / "n.onnx", "an ONNX model|expected a weight file")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            b"\x3a\x80\x80\x80\x80\x80\x20abc",
            "is damaged.*, or not an ONNX model",
        ),  # 2⁴⁰ bytes
        (b"\x08" + b"\xff" * 12, "is damaged.*, or not an ONNX model"),
        (b"\x08\x01" * 1_000_002, "reads nothing; expected one input"),
    ],
)
def test_lengths_are_compared_with_what_is_left_of_the_file(content, complaint, tmp_path):
    (tmp_path / "n.onnx").write_bytes(content)
    refused(tmp_path / "n.onnx", complaint)


def test_a_missing_package_is_named_with_its_extra(rng, tmp_path, monkeypatch):
    path = small(rng).save(tmp_path / "n.onnx", "fc")
    monkeypatch.setattr("minicnn.extras.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"reading ONNX files needs the package onnx.*\[onnx\]"):
        load(path)


def test_a_graph_of_many_forks_within_forks_does_not_exhaust_the_stack(rng, tmp_path):
    model, y = Model(rng, 1, 1, 2, 2), "data"
    forks = [y]
    depth = sys.getrecursionlimit()
    for _ in range(depth):
        forks.append(model.add("Relu", forks[-1]))
    y = forks.pop()
    while forks:
        y = model.add("Add", y, forks.pop())
    refused(
        model.save(tmp_path / "n.onnx", model.add("Flatten", y)),
        "is damaged or truncated, or not an ONNX model .RecursionError",
    )


# ---------------------------------------------------------------------- damaged files


@pytest.fixture(scope="module", params=["small", "branches"])
def good_file(request, tmp_path_factory):
    """The bytes of a small network, and where to put damaged ones."""
    model = small(np.random.default_rng(0))
    if request.param == "branches":
        model = Model(np.random.default_rng(0), 1, 3, 6, 6)
        a = model.batch_norm(model.conv("data", 2, 3, 3, name="a", bias=False), 2)
        b = model.add("Add", a, model.add("LRN", a, size=3))
        c = model.add("AveragePool", model.add("Concat", a, b, axis=1), kernel_shape=[2, 2], auto_pad="SAME_UPPER")
        model.gemm(model.add("Reshape", c, model.constant(np.array([1, -1]))), 5, 64, name="fc")
    path = model.save(tmp_path_factory.mktemp("damaged") / "n.onnx", "fc", metadata={"minicnn.classes": list("abcde")})
    load(path)
    return path, path.read_bytes()


def only_a_file_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        load(path)
    except FileError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a network is as good an answer


@settings(max_examples=300)
@given(data=st.data())
def test_flipped_bytes_give_a_network_or_a_file_error(good_file, data):
    path, content = good_file
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    only_a_file_error(path, bytes(damaged))


@settings(max_examples=200)
@given(data=st.data())
def test_truncated_and_doubled_files_give_a_network_or_a_file_error(good_file, data):
    path, content = good_file
    cut = data.draw(st.integers(0, len(content) - 1))
    only_a_file_error(path, content[:cut] + data.draw(st.sampled_from([b"", bytes(64), content[cut // 2 :]])))
