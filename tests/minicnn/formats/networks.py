"""Networks to save and load: one with every kind of layer, and thin relatives of torchvision's."""

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
    LocalResponseNorm,
    MaxPool,
    PaddedAveragePool,
    ReLU,
)
from minicnn import Network, architectures
from minicnn.images import Preprocessing


def every_kind(rng: np.random.Generator, dtype: type = np.float32) -> Network:
    """A network with every kind of layer, branches within branches, a mean image and names of classes."""

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(dtype)

    inner = Add({"f": [Conv(draw(4, 4, 1, 3), draw(4), pad=(0, 0, 1, 1)), ReLU()], "identity": []})
    layers = {
        "conv/1": Conv(draw(4, 3, 3, 2), draw(4), stride=(1, 2), pad=(1, 0, 2, 1)),
        "norm": LocalResponseNorm((2, 1), kappa=2, alpha=1e-4, beta=0.75),
        "bn": BatchNorm(draw(4), draw(4), draw(4), draw(4) ** 2, eps=1e-3),
        "relu": ReLU(),
        "pool": MaxPool((3, 2), stride=2, pad=(1, 0, 1, 1), ceil=True),
        "groups": GroupedConv(draw(6, 2, 1, 1), draw(6), groups=2),
        "join": Concat(
            [[Conv(draw(4, 6, 1, 1)), inner], [AveragePool(1), PaddedAveragePool(3, 1, 1), Dropout(0.25)], []]
        ),
        "average": GlobalAveragePool(),
        "maps": Flatten(),
        "fc": FullyConnected(draw(5, 16), draw(5)),
    }
    mean = rng.uniform(0, 255, (3, 12, 14)).astype(np.float32)
    preprocessing = Preprocessing((12, 14), mean, scale=(0.1, 1 / 3, 2.0), order="BGR", resize=16)
    return Network(layers, preprocessing, ["tench, Tinca tinca", "grüner Fisch", "c", "d", "魚"])


def squeezenet_weights(rng: np.random.Generator, classes: int = 7) -> dict[str, np.ndarray]:
    """Random weights of SqueezeNet 1.1, the smallest that torchvision has, under torchvision's names."""
    net = architectures.build("squeezenet1_1", rng, classes=classes)
    return {theirs: net.parameters[ours] for ours, theirs in architectures.torch_names("squeezenet1_1").items()}


def assert_same(a: Network, b: Network) -> None:
    """The same layers, settings, numbers, preprocessing and classes."""
    assert repr(a) == repr(b)
    assert a.parameters.keys() == b.parameters.keys()
    for name, p in a.parameters.items():
        assert p.dtype == b.parameters[name].dtype, name
        assert np.array_equal(p, b.parameters[name], equal_nan=p.dtype.kind == "f"), name
    assert a.classes == b.classes
    assert (a.preprocessing is None) == (b.preprocessing is None)
    if a.preprocessing is not None and b.preprocessing is not None:
        for field in ("size", "scale", "order", "resize", "rounding"):
            assert getattr(a.preprocessing, field) == getattr(b.preprocessing, field), field
        assert type(a.preprocessing.mean) is type(b.preprocessing.mean)
        assert np.array_equal(a.preprocessing.mean, b.preprocessing.mean)
