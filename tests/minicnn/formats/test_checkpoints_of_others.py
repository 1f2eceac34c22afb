"""Checkpoints as training scripts write them, with PyTorch as oracle: one network under many names."""

from __future__ import annotations

import argparse
import pathlib
from collections import OrderedDict

import numpy as np
import pytest

from minicnn import formats
from minicnn.formats import FileError

torch = pytest.importorskip("torch", reason="needs PyTorch: the extra oracles")
torch_networks = pytest.importorskip("tests.torch_networks", reason="needs PyTorch: the extra oracles")


@pytest.fixture(scope="module")
def model():
    """ResNet-18 with seven classes, its statistics not those of a new network."""
    torch.manual_seed(0)
    made = torch_networks.ResNet18().eval()
    made.fc = torch.nn.Linear(512, 7)
    for name, buffer in made.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    return made


@pytest.fixture(scope="module")
def image():
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def prefixed(state, prefix: str) -> OrderedDict:
    return OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def within(state, part: str) -> OrderedDict:
    """The wrapper in the middle of the names: layer1.module.0.…"""
    return OrderedDict((name.replace("layer1.", f"layer1.{part}.", 1), tensor) for name, tensor in state.items())


class Config:
    """A class of somebody's own."""

    def __init__(self) -> None:
        self.depth = 18


FILES = {
    "plain": lambda s: s,
    "DataParallel": lambda s: prefixed(s, "module."),
    "torch.compile": lambda s: prefixed(s, "_orig_mod."),
    "both": lambda s: prefixed(s, "module._orig_mod."),
    "a prefix": lambda s: {"state_dict": prefixed(s, "model."), "global_step": 9},
    "several prefixes": lambda s: {"state_dict": prefixed(s, "model.backbone.net.")},
    "a wrapper in the middle": lambda s: within(s, "module"),
    "a checkpointed block": lambda s: within(s, "_checkpoint_wrapped_module"),
    "under any key": lambda s: {"student": prefixed(s, "module."), "acc": 93.2},
    "deeper": lambda s: {"checkpoint": {"best": {"weights": s}}},
    "strangers among them": lambda s: {**s, "acc": 3, "n_averaged": torch.tensor(4), "criterion.weight": torch.ones(7)},
    "strangers outside the prefix": lambda s: {**prefixed(s, "net."), "teacher.weight": torch.ones(3, 3)},
    "arguments": lambda s: {"model": s, "args": argparse.Namespace(lr=0.1), "config": Config(), "class": Config},
    "NumPy's scalars and paths": lambda s: {"model_state_dict": s, "best": np.float64(0.9), "out": pathlib.Path("x")},
    "the optimiser first": lambda s: {"optimizer": {"exp_avg": {k: v * 0 for k, v in s.items()}}, "model": s},
    "an average": lambda s: {"model_ema": prefixed(s, "module."), "model": {"head": torch.ones(2)}},
}


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("what", FILES)
def test_the_weights_are_found(tmp_path, model, image, what, older):
    torch.save(FILES[what](model.state_dict()), tmp_path / "x.pth", _use_new_zipfile_serialization=not older)
    scores = formats.load(tmp_path / "x.pth", "resnet18").scores(image.numpy())
    assert np.abs(scores - model(image).detach().numpy()).max() < 1e-5


@pytest.mark.parametrize("what", ["plain", "DataParallel", "torch.compile", "several prefixes"])
def test_safetensors_go_the_same_way(tmp_path, model, image, what):
    """With batch normalisation, whose count of batches is a whole number."""
    library = pytest.importorskip("safetensors.torch", reason="needs safetensors: the extra test")
    saved = FILES[what](model.state_dict())
    saved = saved.get("state_dict", saved)
    library.save_file({name: tensor.clone() for name, tensor in saved.items()}, tmp_path / "x.safetensors")
    scores = formats.load(tmp_path / "x.safetensors", "resnet18").scores(image.numpy())
    assert np.abs(scores - model(image).detach().numpy()).max() < 1e-5


def refused(path, said: str, network: str | None = "resnet18") -> None:
    with pytest.raises(FileError, match=said) as caught:
        formats.load(path, network)
    assert "\n" not in str(caught.value)


def test_only_a_placeholder_where_a_weight_should_be_is_refused(tmp_path, model):
    torch.save({**model.state_dict(), "fc.bias": Config()}, tmp_path / "x.pth")
    refused(tmp_path / "x.pth", r"'fc\.bias' is a tests\..*Config, which is no tensor")


def test_if_nothing_fits_prefixes_and_keys_are_told(tmp_path, model):
    state = {name: tensor for name, tensor in model.state_dict().items() if name != "fc.bias"}
    torch.save({"net": prefixed(state, "encoder."), "head": {"w": torch.ones(2)}}, tmp_path / "x.pth")
    refused(tmp_path / "x.pth", r"'fc\.bias' .*names that begin with 'encoder\.'.*under 'net', 'head'")
    refused(tmp_path / "x.pth", r"does not say its architecture.*'encoder\.'.*under 'net', 'head'", None)
    torch.save({"fc.weight": torch.ones(7, 512), "module.fc.weight": torch.ones(7, 512)}, tmp_path / "x.pth")
    refused(tmp_path / "x.pth", r"'fc\.weight' is there twice")


def test_a_layer_that_the_architecture_has_not_is_refused(tmp_path, model):
    torch.save(prefixed({**model.state_dict(), "fc2.weight": torch.ones(7, 7)}, "model."), tmp_path / "x.pth")
    refused(tmp_path / "x.pth", r"it has no tensor 'fc2\.weight'")
