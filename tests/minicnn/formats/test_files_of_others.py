"""Files as the real tools write them: PyTorch, both formats, and safetensors; and the half gigabyte of VGG-16."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn import architectures, formats
from minicnn.formats import FileError, safetensors
from minicnn.network import Network

from . import matconvnet_files as matconvnet
from .networks import squeezenet_weights
from .torch_files import tensors_of

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")

PRESENT, OLDER = {}, {"_use_new_zipfile_serialization": False}


@pytest.fixture(params=[PRESENT, OLDER, {"pickle_protocol": 5}], ids=["present", "older", "protocol 5"])
def options(request) -> dict:
    return request.param


def awkward_tensors() -> dict:
    torch.manual_seed(0)
    base = torch.randn(6, 8)
    return {
        "whole": base,
        "transposed": base.t(),
        "part": base[1:4, 2:7:2],
        "expanded": torch.randn(1).expand(5),
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 4),
        "half": torch.randn(3, 2).half(),
        "brain": torch.randn(3, 2).bfloat16().t(),
        "double": torch.randn(4, dtype=torch.float64),
        "bool": torch.tensor([True, False]),
        "byte": torch.arange(3, dtype=torch.uint8),
        **{str(kind): torch.arange(-3, 3, dtype=kind) for kind in (torch.int8, torch.int16, torch.int32, torch.int64)},
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
    }


def assert_equal(stored, tensor) -> None:
    expected = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().numpy()
    assert stored.shape == expected.shape
    assert stored.dtype == expected.dtype
    assert np.array_equal(stored, expected)


def test_every_tensor_that_pytorch_saves_comes_back(tmp_path, options):
    tensors = awkward_tensors()
    torch.save(tensors, tmp_path / "x.pth", **options)
    read = tensors_of(tmp_path / "x.pth")
    assert list(read) == list(tensors)
    for name, tensor in tensors.items():
        assert_equal(read[name], tensor)


def test_files_without_checksums_are_read(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"x": torch.arange(4.0)}, tmp_path / "x.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    assert_equal(tensors_of(tmp_path / "x.pth")["x"], torch.arange(4.0))


def test_the_state_dict_of_a_module_and_of_data_parallel(tmp_path, options):
    module = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    torch.save(torch.nn.DataParallel(module).state_dict(), tmp_path / "x.pth", **options)
    read = tensors_of(tmp_path / "x.pth")
    assert list(read) == ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"]
    for name, tensor in read.items():
        assert_equal(tensor, module.state_dict()[name])


def test_a_checkpoint_with_an_optimiser(tmp_path, options):
    module = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(module.parameters())
    module(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    checkpoint = {"epoch": 7, "lr": 1e-3, "state_dict": module.state_dict(), "optimizer": optimiser.state_dict()}
    torch.save(checkpoint, tmp_path / "x.pth", **options)
    assert_equal(tensors_of(tmp_path / "x.pth")["weight"], module.weight)


def test_a_whole_module_is_refused_by_name(tmp_path, options):
    torch.save(torch.nn.Linear(3, 2), tmp_path / "x.pth", **options)
    with pytest.raises(FileError, match=r"state_dict\(\).* it holds a torch.nn.modules.linear.Linear"):
        formats.load(tmp_path / "x.pth", "alexnet")


@pytest.mark.parametrize("write", ["torch", "safetensors"])
def test_both_roads_lead_to_the_same_network(tmp_path, rng, write):
    weights = {name: torch.tensor(p) for name, p in squeezenet_weights(rng).items()}
    if write == "torch":
        torch.save(weights, tmp_path / "weights")  # told by its content: the name says nothing
    else:
        library("torch").save_file(weights, tmp_path / "weights")
    net = formats.load(tmp_path / "weights", "squeezenet1_1")
    for ours, theirs in architectures.torch_names("squeezenet1_1").items():
        assert np.array_equal(net.parameters[ours], weights[theirs].numpy())


def test_resnet_has_statistics_and_counts_batches(tmp_path, rng):
    net = architectures.build("resnet18", rng, classes=3)
    state = {
        theirs: torch.tensor(net.parameters[ours]) for ours, theirs in architectures.torch_names("resnet18").items()
    }
    counts = {name.replace("running_mean", "num_batches_tracked"): torch.tensor(5) for name in state if "mean" in name}
    torch.save({**state, **counts}, tmp_path / "x.pth")
    back = formats.load(tmp_path / "x.pth", "resnet18")
    for name, p in net.parameters.items():
        assert np.array_equal(p, back.parameters[name]), name


# ---------------------------------------------------------------------- safetensors


def library(part: str):
    return pytest.importorskip(f"safetensors.{part}", reason="needs safetensors: the extra test")


def test_every_tensor_that_safetensors_saves_comes_back(tmp_path):
    tensors = {name: tensor.detach().contiguous() for name, tensor in awkward_tensors().items()}
    library("torch").save_file(tensors, tmp_path / "x.safetensors", metadata={"format": "pt"})
    read = safetensors.read(tmp_path / "x.safetensors")
    assert read.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert_equal(read[name].read(), tensor)


# ---------------------------------------------------------------------- half a gigabyte


MEASURE = """
import re, sys, time
from minicnn import formats

def peak():  # the largest memory so far.  (ru_maxrss would begin with that of the process that started this one)
    return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])

before, begin = peak(), time.perf_counter()
net = formats.load(*sys.argv[1:])
size = sum(p.nbytes for p in net.parameters.values())
print((peak() - before) / size, time.perf_counter() - begin, size)
"""


def measured(*arguments: str) -> tuple[float, float, int]:
    """(memory / size of the weights, seconds, size) of loading, in a process of its own."""
    house = Path(__file__).resolve().parents[3]
    command = [sys.executable, "-c", MEASURE, *arguments]
    result = subprocess.run(command, cwd=house, capture_output=True, text=True, check=True)
    ratio, seconds, size = result.stdout.split()
    return float(ratio), float(seconds), int(size)


@pytest.fixture(scope="module")
def vgg16() -> Network:
    """VGG-16 with each parameter a run of numbers that do not repeat soon: random ones would take seconds."""
    net = architectures.blank("vgg16")
    return net.map_layers(lambda f: f.map_parameters(lambda p: np.arange(p.size, dtype=np.float32).reshape(p.shape)))


def write_mat(net: Network, path: Path) -> None:
    """As MatConvNet lays it out: every layer with weights is a convolution."""
    layers = []
    for name, layer in net.layers.items():
        if isinstance(layer, (Conv, FullyConnected)):
            side = 7 if name == "fc6" else 1
            K = layer.K if isinstance(layer, Conv) else layer.W.reshape(len(layer.W), -1, side, side)
            pad = [1.0] * 4 if isinstance(layer, Conv) else [0.0] * 4
            weights = matconvnet.cells(K.transpose(2, 3, 1, 0), layer.b[None])
            layers.append({"type": "conv", "name": name, "weights": weights, "pad": matconvnet.row(*pad)})
        elif isinstance(layer, (ReLU, MaxPool)):
            layers.append(matconvnet.relu(name) if isinstance(layer, ReLU) else matconvnet.pool(name, 2, 2))
    matconvnet.write(path.with_suffix(".mat"), layers, {"imageSize": matconvnet.row(224, 224, 3)})
    path.with_suffix(".mat").rename(path)


def write_onnx(net: Network, path: Path) -> None:
    models = pytest.importorskip("tests.minicnn.formats.onnx_models", reason="needs onnx: the extra onnx")
    model = models.Model(np.random.default_rng(0), 1, 3, 224, 224)
    y = "data"
    for layer in net.layers.values():
        arrays = [model.constant(array) for array in layer.parameters.values()]
        match layer:
            case Conv():
                y = model.add("Conv", y, *arrays, pads=[1, 1, 1, 1])
            case FullyConnected():
                y = model.add("Gemm", y, *arrays, transB=1)
            case MaxPool():
                y = model.add("MaxPool", y, kernel_shape=[2, 2], strides=[2, 2])
            case ReLU() | Flatten():
                y = model.add("Relu" if isinstance(layer, ReLU) else "Flatten", y)
    model.save(path, y)


MOST_MEMORY = {"mat": 2.5, "onnx": 2.5}  # times the weights; 1.3 for all others


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells its peak in /proc")
@pytest.mark.parametrize("written", ["npz", "present", "older", "half", "safetensors", "bfloat16", "mat", "onnx"])
def test_vgg16_takes_its_own_size_and_little_more(tmp_path, vgg16, written):
    path = tmp_path / ("vgg16.onnx" if written == "onnx" else "vgg16")
    state = {
        theirs: torch.from_numpy(vgg16.parameters[ours]) for ours, theirs in architectures.torch_names("vgg16").items()
    }
    match written:
        case "npz":
            formats.save(vgg16, path)
        case "mat" | "onnx":
            {"mat": write_mat, "onnx": write_onnx}[written](vgg16, path)
        case "present" | "older":
            torch.save(state, path, **(OLDER if written == "older" else PRESENT))
        case "half":
            torch.save({name: (tensor / 2**12).half() for name, tensor in state.items()}, path)
        case "safetensors":
            library("torch").save_file(state, path)
        case "bfloat16":
            library("torch").save_file({name: tensor.bfloat16() for name, tensor in state.items()}, path)
    ratio, seconds, size = measured(str(path), *([] if written in ("npz", "mat", "onnx") else ["vgg16"]))
    os.unlink(path)
    print(f"{written}: {ratio:.2f} times {size / 2**20:.0f} MB, {seconds:.1f} s")
    assert size == 4 * 138_357_544
    assert (
        0.99 < ratio <= MOST_MEMORY.get(written, 1.3)
    )  # clearly less than the weights would mean that something else was measured
