"""Networks that PyTorch exports, with PyTorch as the oracle of scores and of gradients on the image."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from minicnn import Network
from minicnn.formats import load
from minicnn.network import one_hot

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
pytest.importorskip("onnx", reason="needs onnx: the extra onnx")
nn = torch.nn


class Fire(nn.Module):
    """Torchvision's: squeeze, then two expansions side by side."""

    def __init__(self, C: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(C, squeezed, 1)
        self.narrow, self.wide = nn.Conv2d(squeezed, expanded, 1), nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.narrow(x)), torch.relu(self.wide(x))], 1)


class Residual(nn.Module):
    """Torchvision's BasicBlock."""

    def __init__(self, C: int, M: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(C, M, 3, stride, 1, bias=False), nn.BatchNorm2d(M)
        self.conv2, self.bn2 = nn.Conv2d(M, M, 3, 1, 1, bias=False), nn.BatchNorm2d(M)
        self.down = nn.Identity()
        if stride > 1:
            self.down = nn.Sequential(nn.Conv2d(C, M, 1, stride, bias=False), nn.BatchNorm2d(M))

    def forward(self, x):
        f = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(f + self.down(x))


NETWORKS = {
    "alexnet": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 11, 4, 2),
        nn.ReLU(True),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 12, 5, padding=2, groups=2),
        nn.ReLU(True),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(12 * 3 * 3, 16),
        nn.ReLU(True),
        nn.Linear(16, 10),
    ),
    "squeezenet": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, 2),
        nn.ReLU(True),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(8, 4, 6),
        Fire(12, 4, 6),
        nn.Dropout(),
        nn.Conv2d(12, 10, 1),
        nn.ReLU(True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ),
    "resnet": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 7, 2, 3, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(True),
        nn.MaxPool2d(3, 2, 1),
        Residual(6, 6, 1),
        Residual(6, 8, 2),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(1),
        nn.Linear(8, 10),
    ),
    "average pools and a softmax": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3, padding="same"),
        nn.ReLU(),
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.Flatten(),
        nn.Linear(6 * 17 * 17, 10),
        nn.LogSoftmax(1),
    ),
}


def exported(module: nn.Module, path: Path, x: torch.Tensor) -> Network:
    """The network in the file that PyTorch writes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a newer exporter, which needs more packages
        try:
            torch.onnx.export(module, (x,), str(path), dynamo=False)
        except ImportError as error:
            pytest.skip(f"this PyTorch cannot export ONNX without other packages: {error}")
    return load(path)


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_and_gradients_are_pytorchs(name, rng, tmp_path):
    torch.manual_seed(0)
    module = NETWORKS[name]().eval()
    for buffer_name, buffer in module.named_buffers():
        if "running" in buffer_name:
            buffer.uniform_(0.5, 1.5)
    x = rng.standard_normal((2, 3, 64, 64)).astype(np.float32)
    net = exported(module, tmp_path / "net.onnx", torch.tensor(x))

    X = torch.tensor(x, requires_grad=True)
    theirs = (module[:-1] if isinstance(module[-1], nn.LogSoftmax) else module)(X)
    theirs[:, 3].sum().backward()

    trace = net.forward(x)
    expected = theirs.detach().numpy()
    assert np.abs(trace.scores - expected).max() <= 1e-4 * np.abs(expected).max()
    gradient = net.backward(trace, one_hot(trace.scores, 3))
    assert np.abs(gradient - X.grad.numpy()).max() <= 1e-4 * np.abs(X.grad.numpy()).max()
