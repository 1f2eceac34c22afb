"""torchvision's four families, each by every road: .pth, .safetensors, and ONNX by both of PyTorch's exporters.

The networks are written out again in tests/torch_networks.py; the adaptive pool that AlexNet and VGG have before they
flatten (it changes nothing at 224 pixels) is put back here, for exporters see it.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest

from minicnn import formats

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
torch_networks = pytest.importorskip("tests.torch_networks", reason="needs PyTorch: the extra oracles")
nn = torch.nn


def with_adaptive_pool(net, size: int):
    """torchvision's AlexNet and VGG."""
    net.features.append(nn.AdaptiveAvgPool2d((size, size)))
    return net


FAMILIES = {
    "alexnet": lambda: with_adaptive_pool(torch_networks.alexnet(), 6),
    "vgg11_bn": lambda: with_adaptive_pool(torch_networks.vgg(11, batch_norm=True), 7),
    "squeezenet1_1": lambda: torch_networks.squeezenet("1_1"),
    "resnet18": lambda: torch_networks.ResNet18(),
}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    """(name, module, an image, its scores)."""
    torch.manual_seed(0)
    module = FAMILIES[request.param]().eval()
    for name, buffer in module.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        return request.param, module, x, module(x).numpy()


def exported(module, x, path, dynamo: bool) -> None:
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (x,), str(path), dynamo=dynamo)


@pytest.mark.parametrize("road", ["pth", "safetensors", "exported by default", "exported as before"])
def test_scores_are_pytorchs(tmp_path, family, road):
    name, module, x, scores = family
    state = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    if road == "pth":
        torch.save(state, tmp_path / "x.pth")
        net = formats.load(tmp_path / "x.pth", name)
    elif road == "safetensors":
        library = pytest.importorskip("safetensors.torch", reason="needs safetensors: the extra test")
        library.save_file(state, tmp_path / "x.safetensors")
        net = formats.load(tmp_path / "x.safetensors", name)
    else:
        pytest.importorskip("onnx", reason="needs onnx: the extra onnx")
        if road == "exported by default":
            pytest.importorskip("onnxscript", reason="needs onnxscript: the extra oracles")
        exported(module, x, tmp_path / "x.onnx", dynamo=road == "exported by default")
        net = formats.load(tmp_path / "x.onnx")
    assert np.abs(net.scores(x.numpy()) - scores).max() <= 1e-5 * max(1, np.abs(scores).max())
