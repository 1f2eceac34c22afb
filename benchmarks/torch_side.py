"""The same work in PyTorch, as its users would write it: eager, gradients only of the image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from minicnn import Network, architectures
from tests.torch_networks import IN_TORCH


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


def gradient_of(
    there: torch.nn.Module, x: np.ndarray, c: int, channels_last: bool = False
) -> Callable[[], torch.Tensor]:
    """∂S_c/∂I for a batch of images, up and down."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    there = there.to(memory_format=layout)
    image = torch.from_numpy(x).to(memory_format=layout)

    def run() -> torch.Tensor:
        I = image.detach().requires_grad_()
        (w,) = torch.autograd.grad(there(I)[:, c].sum(), I)
        return w

    return run


def climb(there: torch.nn.Module, x: np.ndarray, c: int) -> Callable[[], None]:
    """A step of the class model: up, down, and along the gradient with momentum."""
    I, velocity = torch.from_numpy(x.copy()), torch.zeros(x.shape)

    def run() -> None:
        nonlocal I, velocity
        I = I.detach().requires_grad_()
        (w,) = torch.autograd.grad(there(I)[:, c].sum(), I)
        with torch.no_grad():
            velocity = 0.9 * velocity + w - 2e-5 * I
            I = I + 1.0 * velocity

    return run


def training_step(there: torch.nn.Module, x: np.ndarray, labels: np.ndarray) -> Callable[[], None]:
    images, wanted = torch.from_numpy(x), torch.from_numpy(labels)
    there.train().requires_grad_(True)
    optimiser = torch.optim.SGD(there.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)

    def run() -> None:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(there(images), wanted).backward()
        optimiser.step()

    return run
