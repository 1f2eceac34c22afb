"""Architectures as tables that a reader can compare with the papers.

A table says which layers there are; where their kernels come from it asks `weights(name, shape)`, so the same table
serves random and trained networks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from layers import Concat, Conv, GlobalAveragePool, Layer, MaxPool, ReLU

from .network import Network

Weights = Callable[[str, tuple[int, ...]], tuple[np.ndarray, np.ndarray]]  # layer's name, shape of K → (K, b)


def squeezenet1_1(weights: Weights) -> dict[str, Layer]:
    """SqueezeNet 1.1 (Iandola et al. 2016, and the authors' second release): 227×227×3 → 1000.

    A fire module squeezes its input into few channels with 1×1 kernels, then expands them by 1×1 and 3×3 kernels side
    by side.  (The ReLU of the two expansions is written once, after they are joined: it is the same, pixel by pixel.)
    """

    def conv(name: str, C: int, M: int, k: int, **geometry: Any) -> Conv:
        return Conv(*weights(name, (M, C, k, k)), **geometry)

    def fire(name: str, C: int, squeezed: int, expanded: int) -> dict[str, Layer]:
        branches = {
            "expand1x1": [conv(f"{name}/expand1x1", squeezed, expanded, 1)],
            "expand3x3": [conv(f"{name}/expand3x3", squeezed, expanded, 3, pad=1)],
        }
        return {
            f"{name}/squeeze1x1": conv(f"{name}/squeeze1x1", C, squeezed, 1),
            f"{name}/relu_squeeze": ReLU(),
            f"{name}/expand": Concat(branches),
            f"{name}/relu_expand": ReLU(),
        }

    return {
        "conv1": conv("conv1", 3, 64, 3, stride=2),
        "relu1": ReLU(),
        "pool1": MaxPool(3, stride=2, ceil=True),
        **fire("fire2", 64, 16, 64),
        **fire("fire3", 128, 16, 64),
        "pool3": MaxPool(3, stride=2, ceil=True),
        **fire("fire4", 128, 32, 128),
        **fire("fire5", 256, 32, 128),
        "pool5": MaxPool(3, stride=2, ceil=True),
        **fire("fire6", 256, 48, 192),
        **fire("fire7", 384, 48, 192),
        **fire("fire8", 384, 64, 256),
        **fire("fire9", 512, 64, 256),
        "conv10": conv("conv10", 512, 1000, 1),
        "relu10": ReLU(),
        "pool10": GlobalAveragePool(),
    }


TABLES: dict[str, Callable[[Weights], dict[str, Layer]]] = {"squeezenet1_1": squeezenet1_1}


def build(name: str, rng: np.random.Generator) -> Network:
    """A network of the named architecture with random weights (He initialisation, zero biases), float32."""
    if name not in TABLES:
        raise ValueError(f"there is no architecture {name!r}: choose from {', '.join(TABLES)}")
    return Network(TABLES[name](he_weights(rng)))


def he_weights(rng: np.random.Generator) -> Weights:
    """K ~ N(0, 2 / fan-in), b = 0 (He et al. 2015): the maps keep their size through a stack of ReLUs."""

    def weights(name: str, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        fan_in = int(np.prod(shape[1:]))
        K = rng.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2 / fan_in))
        return K, np.zeros(shape[0], np.float32)

    return weights
