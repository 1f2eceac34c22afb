"""The same work in PyTorch, as its users would write it: eager or compiled, gradients only of the image."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import torch

from minicnn import Network, architectures
from tests.torch_networks import IN_TORCH

from .contenders import Absent


def layout(channels_last: bool) -> torch.memory_format:
    return torch.channels_last if channels_last else torch.contiguous_format


def twin(name: str, net: Network) -> torch.nn.Module:
    """The named network with the weights of `net`."""
    there = IN_TORCH[name]().eval().requires_grad_(False)
    places = [key for key in there.state_dict() if not key.endswith("num_batches_tracked")]
    names = (
        architectures.torch_names(name)
        if architectures.architecture(name).torch_names
        else dict(zip(net.parameters, places, strict=True))
    )
    state = {theirs: torch.from_numpy(np.ascontiguousarray(net.parameters[ours])) for ours, theirs in names.items()}
    there.load_state_dict(state, strict=False)
    return there


def compiled(there: torch.nn.Module) -> torch.nn.Module:
    """torch.compile's, which writes C++ and needs a compiler for it."""
    if not any(map(shutil.which, ("g++", "clang++", "c++"))):
        raise Absent("torch.compile needs a C++ compiler, and none is installed")
    return torch.compile(there)


def gradient_of(
    there: torch.nn.Module, x: np.ndarray, c: int, channels_last: bool = False
) -> Callable[[], torch.Tensor]:
    """∂S_c/∂I for a batch of images, up and down."""
    there = there.to(memory_format=layout(channels_last))
    image = torch.from_numpy(x).to(memory_format=layout(channels_last))

    def run() -> torch.Tensor:
        I = image.detach().requires_grad_()
        (w,) = torch.autograd.grad(there(I)[:, c].sum(), I)
        return w

    return run


def saliency(there: torch.nn.Module, x: np.ndarray, c: int, channels_last: bool = False) -> Callable[[], torch.Tensor]:
    """M_ij = max over channels of |∂S_c/∂I|."""
    w = gradient_of(there, x, c, channels_last)
    return lambda: w().abs().amax(dim=1)


def climb(there: torch.nn.Module, x: np.ndarray, c: int, channels_last: bool = False) -> Callable[[], torch.Tensor]:
    """A step of the class model: up, down, and along the gradient with momentum.  Gives the image."""
    there = there.to(memory_format=layout(channels_last))
    I = torch.from_numpy(x.copy()).to(memory_format=layout(channels_last))
    velocity = torch.zeros_like(I)

    def run() -> torch.Tensor:
        nonlocal I, velocity
        I = I.detach().requires_grad_()
        (w,) = torch.autograd.grad(there(I)[:, c].sum(), I)
        with torch.no_grad():
            velocity = 0.9 * velocity + w - 2e-5 * I
            I = I + 1.0 * velocity
        return I

    return run


def training_step(
    there: torch.nn.Module, x: np.ndarray, labels: np.ndarray, channels_last: bool = False
) -> Callable[[], torch.Tensor]:
    """Up, down to all weights, and the step.  Gives the loss before it."""
    there = there.train().requires_grad_(True).to(memory_format=layout(channels_last))
    images, targets = torch.from_numpy(x).to(memory_format=layout(channels_last)), torch.from_numpy(labels)
    optimiser = torch.optim.SGD(there.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)

    def run() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(there(images), targets)
        loss.backward()
        optimiser.step()
        return loss.detach()

    return run
