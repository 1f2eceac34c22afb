"""A network of minicnn's run by PyTorch: the same weights, every layer PyTorch's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from layers import Concat, Conv, Dropout, GlobalAveragePool, Layer, MaxPool, ReLU

F = torch.nn.functional


def run(layers: Iterable[Layer], X: Any) -> Any:
    """X through the layers, one after the other."""
    for layer in layers:
        X = theirs(layer, X)
    return X


def theirs(layer: Layer, X: Any) -> Any:
    """The layer as PyTorch has it, from the layer's parameters."""
    match layer:
        case Conv():
            assert len(set(layer.pad)) == 1
            return F.conv2d(X, torch.tensor(layer.K), torch.tensor(layer.b), layer.stride, layer.pad[0])
        case ReLU():
            return F.relu(X)
        case MaxPool():
            assert not any(layer.pad)
            return F.max_pool2d(X, layer.size, layer.stride, ceil_mode=layer.ceil)
        case GlobalAveragePool():
            return F.adaptive_avg_pool2d(X, 1).flatten(1)
        case Dropout():
            return X  # nothing is dropped from a trained network
        case Concat():
            return torch.cat([run(chain, X) for chain in layer.branches.values()], dim=1)
        case _:
            raise NotImplementedError(layer)
