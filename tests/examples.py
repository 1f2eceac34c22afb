"""Examples of every kind of layer, for the tests that hold for all of them: name → (layer, shape of X_n)."""

from __future__ import annotations

import numpy as np

from layers import (
    Add,
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    FullyConnected,
    GlobalAveragePool,
    GroupedConv,
    Layer,
    LocalResponseNorm,
    MaxPool,
    PaddedAveragePool,
    ReLU,
)

Examples = dict[str, tuple[Layer, tuple[int, ...]]]


def random_conv(rng: np.random.Generator, M: int, C: int, kh: int, kw: int, **geometry) -> Conv:
    return Conv(rng.standard_normal((M, C, kh, kw)), rng.standard_normal(M), **geometry)


def random_batch_norm(rng: np.random.Generator, C: int) -> BatchNorm:
    gamma, beta, mean = rng.standard_normal((3, C))
    return BatchNorm(gamma, beta, mean, rng.uniform(0.5, 2, C))


def affine_layers() -> Examples:
    """Layers that are linear, but for a bias."""
    rng = np.random.default_rng(1)
    fire = {"narrow": [random_conv(rng, 2, 3, 1, 1)], "wide": [random_conv(rng, 4, 3, 3, 3, pad=1)]}
    chains = [[random_conv(rng, 2, 3, 3, 3, stride=2), AveragePool(2)], [AveragePool(4, stride=4)]]
    return {
        "Conv": (random_conv(rng, 4, 3, 3, 3), (2, 3, 6, 7)),
        "Conv 1×1": (random_conv(rng, 4, 3, 1, 1), (2, 3, 5, 4)),
        "Conv, padded on four sides": (random_conv(rng, 2, 3, 2, 3, pad=(0, 1, 2, 3)), (2, 3, 4, 5)),
        "Conv, padded by more than its kernel": (random_conv(rng, 2, 3, 2, 1, pad=(4, 3, 2, 3)), (2, 3, 2, 3)),
        "Conv, stride 2": (random_conv(rng, 4, 3, 3, 3, stride=2, pad=1), (2, 3, 8, 7)),
        "Conv, stride 4 with a remainder": (random_conv(rng, 2, 3, 5, 5, stride=4), (1, 3, 15, 12)),
        "Conv, stride > kernel": (random_conv(rng, 2, 3, 2, 1, stride=(3, 4), pad=1), (2, 3, 8, 9)),
        "AveragePool": (AveragePool(2), (2, 3, 4, 6)),
        "AveragePool, overlapping": (AveragePool(3, stride=2, pad=1, ceil=True), (2, 3, 6, 7)),
        "PaddedAveragePool": (PaddedAveragePool(3, stride=2, pad=1, ceil=True), (2, 3, 6, 7)),
        "GlobalAveragePool": (GlobalAveragePool(), (2, 3, 4, 5)),
        "FullyConnected": (FullyConnected(rng.standard_normal((4, 5)), rng.standard_normal(4)), (3, 5)),
        "Flatten": (Flatten(), (2, 3, 4, 5)),
        "Concat": (Concat(fire), (2, 3, 5, 4)),
        "Concat of chains": (Concat(chains), (2, 3, 9, 9)),
        "BatchNorm": (random_batch_norm(rng, 3), (2, 3, 4, 5)),
        "Dropout": (Dropout(), (2, 3, 4, 5)),
        "GroupedConv": (GroupedConv(rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4), groups=2), (2, 6, 5, 6)),
        "Add": (Add([[random_conv(rng, 3, 3, 3, 3, pad=1)], []]), (2, 3, 4, 5)),
        "Concat with an empty chain": (Concat([[], [random_conv(rng, 2, 3, 1, 1)]]), (2, 3, 4, 4)),
    }


def layers_with_switches() -> Examples:
    """Max-pools: not linear, yet for fixed switches the way down is linear, and the DeconvNet's is the same."""
    return {
        "MaxPool": (MaxPool(2), (2, 3, 6, 4)),
        "MaxPool, overlapping": (MaxPool(3, stride=2), (2, 3, 7, 9)),
        "MaxPool, padded": (MaxPool((3, 2), stride=(1, 2), pad=(1, 2, 1, 0)), (2, 3, 5, 6)),
        "MaxPool, ceil": (MaxPool(3, stride=2, ceil=True), (2, 3, 6, 8)),
        "MaxPool, stride > size": (MaxPool(2, stride=3), (2, 3, 8, 6)),
    }


def layers_with_relus() -> Examples:
    rng = np.random.default_rng(2)
    chains = [[random_conv(rng, 2, 3, 1, 1), ReLU()], [ReLU(), random_conv(rng, 2, 3, 3, 3, pad=1)]]
    return {"ReLU": (ReLU(), (2, 3, 4, 5)), "Concat with ReLUs": (Concat(chains), (2, 3, 4, 5))}


def normalising_layers() -> Examples:
    """Smooth but not linear; a DeconvNet leaves them out."""
    return {"LocalResponseNorm": (LocalResponseNorm(3, kappa=2.0, alpha=0.5, beta=0.75), (2, 5, 3, 4))}


def every_layer() -> Examples:
    return {**affine_layers(), **layers_with_switches(), **layers_with_relus(), **normalising_layers()}


def trainable_parameters(layer: Layer) -> list[str]:
    """All parameters but running statistics: a BatchNorm's mean and variance."""
    return [name for name in layer.parameters if name not in layer.statistics]


def arrays_in(cache: object) -> list[np.ndarray]:
    """Every array in a cache, however deep in lists and tuples."""
    if hasattr(cache, "dtype"):
        return [cache]
    return [array for part in cache for array in arrays_in(part)] if isinstance(cache, (list, tuple)) else []
