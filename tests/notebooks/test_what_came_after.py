"""The solutions of assignment 8 against Captum, on the same weights."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from notebooks.exercises.tiny import SHAPE, tiny_network

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
captum = pytest.importorskip("captum.attr", reason="Captum is not installed")

ROOT = Path(__file__).resolve().parents[2]
MINE = runpy.run_path(str(ROOT / "notebooks" / "solutions" / "assignments" / "a8_what_came_after.py"))
CLASS = 1


@pytest.fixture
def model():
    """(PyTorch's network, its conv2, score, gradient, an image)."""
    rng = np.random.default_rng(0)
    net = tiny_network(rng)

    def conv(name: str, pad: int):
        K, b = net[name].K, net[name].b
        layer = torch.nn.Conv2d(K.shape[1], K.shape[0], K.shape[2], padding=pad).double()
        layer.weight.data, layer.bias.data = torch.tensor(K), torch.tensor(b)
        return layer

    last = torch.nn.Linear(20, 3).double()
    last.weight.data, last.bias.data = torch.tensor(net["fc3"].W), torch.tensor(net["fc3"].b)
    second = conv("conv2", 0)
    twin = torch.nn.Sequential(
        conv("conv1", 1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), second, torch.nn.ReLU(), torch.nn.Flatten(), last
    )

    def score(x):
        return twin(torch.tensor(x)).detach().numpy()[:, CLASS]

    def gradient(x):
        x = torch.tensor(x, requires_grad=True)
        twin(x)[:, CLASS].sum().backward()
        return x.grad.numpy()

    x = rng.standard_normal((1, *SHAPE))
    assert np.allclose(score(x), net.scores(x)[:, CLASS])
    return twin, second, score, gradient, x


def test_smoothgrad(model):
    twin, _, _, gradient, x = model
    torch.manual_seed(0)
    tunnel = captum.NoiseTunnel(captum.Saliency(twin))
    theirs = tunnel.attribute(torch.tensor(x), nt_samples=4000, stdevs=0.3, target=CLASS, abs=False).detach().numpy()
    noise = 0.3 * np.random.default_rng(1).standard_normal((4000, *SHAPE))
    mine = MINE["smoothgrad"](gradient, x, noise)
    assert np.abs(mine - theirs).max() < 0.1 * np.abs(theirs).max()  # two samples of 4,000
    assert np.abs(mine - gradient(x)).max() > 0.1 * np.abs(theirs).max()


def test_integrated_gradients(model):
    twin, _, score, gradient, x = model
    baseline = np.full_like(x, 0.2)
    theirs = captum.IntegratedGradients(twin).attribute(
        torch.tensor(x), torch.tensor(baseline), target=CLASS, n_steps=40, method="riemann_middle"
    )
    mine = MINE["integrated_gradients"](gradient, x, baseline, 40)
    assert np.allclose(mine, theirs.detach().numpy(), atol=1e-10)
    exact = (score(x) - score(baseline))[0]
    assert MINE["integrated_gradients"](gradient, x, baseline, 2000).sum() == pytest.approx(exact, rel=1e-2)


def test_grad_cam(model):
    twin, second, _, _, x = model
    theirs = captum.LayerGradCam(twin, second).attribute(torch.tensor(x), target=CLASS, relu_attributions=True)
    maps = second(twin[:3](torch.tensor(x)))
    maps.retain_grad()
    twin[4:](maps)[:, CLASS].sum().backward()
    mine = MINE["grad_cam"](maps.detach().numpy(), maps.grad.numpy())
    assert np.allclose(mine, theirs.detach().numpy()[:, 0], atol=1e-12)


def test_occlusion(model):
    twin, _, score, _, x = model
    theirs = captum.Occlusion(twin).attribute(
        torch.tensor(x), sliding_window_shapes=(2, 4, 4), strides=(2, 4, 4), baselines=0.5, target=CLASS
    )
    mine = MINE["occlusion"](score, x, 4, 4, 0.5)
    assert np.allclose(np.kron(mine, np.ones((4, 4))), theirs.numpy()[0, 0], atol=1e-12)
