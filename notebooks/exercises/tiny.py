"""A network small enough for a check to look at it from all sides, in float64."""

from __future__ import annotations

import numpy as np

from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn import Network

SHAPE = (2, 8, 8)  # (C, H, W) of an image


def tiny_network(rng: np.random.Generator) -> Network:
    """Two convolutions, a max-pool and three classes, with random weights; images (N, 2, 8, 8) → scores (N, 3)."""
    return Network(
        {
            "conv1": Conv(rng.standard_normal((4, 2, 3, 3)) / 3, rng.standard_normal(4) / 3, pad=1),
            "relu1": ReLU(),
            "pool1": MaxPool(2),
            "conv2": Conv(rng.standard_normal((5, 4, 3, 3)) / 3, rng.standard_normal(5) / 3),
            "relu2": ReLU(),
            "flatten": Flatten(),
            "fc3": FullyConnected(rng.standard_normal((3, 20)) / 3, rng.standard_normal(3)),
        }
    )


def linear_network(w: np.ndarray) -> Network:
    """The network of one class whose score is S(I) = ⟨w, I⟩, for images of the shape of w (C, H, W)."""
    return Network({"flatten": Flatten(), "fc": FullyConnected(w.reshape(1, -1))})
