"""The cost of a network, layer by layer: shapes, parameters, multiply-adds, memory.

The shapes come from a forward pass of a batch of *no images*, which multiplies nothing: the summary needs no weights
(`architectures.blank`) and no time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from layers import BatchNorm, Layer, ShapeError
from layers.arrays import Array
from layers.branches import Branches

from .network import Network


@dataclass(frozen=True)
class LayerCost:
    """The cost of one layer for one image.

    shape:         of its output, without the batch: (C, H, W) or (D,)
    parameters:    number of trainable parameters (without a BatchNorm's mean and variance, and absent biases)
    multiply_adds: of convolutions and fully connected layers, as the literature counts
    map_bytes:     of its output
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    map_bytes: int


@dataclass(frozen=True)
class Summary:
    """The layers, lowest first (a layer of branches after the layers in its branches), and their sums."""

    input_shape: tuple[int, ...]
    layers: list[LayerCost]

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def map_bytes(self) -> int:
        """The memory of all maps of one image, as a trace keeps them; the image included."""
        return math.prod(self.input_shape) * np.dtype(np.float32).itemsize + sum(c.map_bytes for c in self.layers)


def summary(net: Network, input_shape: tuple[int, ...] | None = None) -> Summary:
    """The cost of `net` for one image of `input_shape` (C, H, W); by default the size of its preprocessing."""
    if input_shape is None:
        if net.preprocessing is None:
            raise ValueError("a network without preprocessing does not know the size of its images: give input_shape")
        input_shape = (net.preprocessing.channels, *net.preprocessing.size)
    no_images = net.xp.zeros((0, *input_shape), dtype=np.float32)
    return Summary(tuple(input_shape), list(costs(net.layers, no_images)))


def costs(layers: Mapping[str, Layer], x: Array) -> Iterator[LayerCost]:
    """The cost of each layer of a chain, the layers within branches before the layer that joins them."""
    for (name, layer), above in zip_longest(layers.items(), list(layers.values())[1:]):
        if isinstance(layer, Branches):
            for branch, chain in layer.branches.items():
                yield from costs({f"{name}.{branch}.{place}": inner for place, inner in enumerate(chain)}, x)
        try:
            x, _ = layer.forward(x)
        except ShapeError as error:
            raise error.at(name) from None
        yield cost(name, layer, x, has_no_bias(layer, above))


def has_no_bias(layer: Layer, above: Layer | None) -> bool:
    """Whether the layer was built without a bias, as ResNet's are: b is 0, and the BatchNorm after it has a β."""
    b = layer.parameters.get("b")
    return b is not None and isinstance(above, BatchNorm) and not b.any()


def cost(name: str, layer: Layer, y: Array, unbiased: bool = False) -> LayerCost:
    """The cost of one layer with outputs like y.  Each number of K or W is multiplied once at every position."""
    shape = y.shape[1:]
    trainable = {} if isinstance(layer, Branches) else layer.trainable  # its branches' layers have been counted
    trainable = {letter: p for letter, p in trainable.items() if not (unbiased and letter == "b")}
    positions = math.prod(shape[1:])
    return LayerCost(
        name=name,
        layer=type(layer).__name__ if isinstance(layer, Branches) else repr(layer),
        shape=shape,
        parameters=sum(p.size for p in trainable.values()),
        multiply_adds=sum(p.size * positions for letter, p in trainable.items() if letter in ("K", "W")),
        map_bytes=math.prod(shape) * y.itemsize,
    )
