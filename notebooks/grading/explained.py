"""The functions that the checks of pictures have explained: S(I) = Σ a · I³, and a small network.

A submission asks for their scores and gradients; they are computed here, in the grader's process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minicnn.network import one_hot
from notebooks.exercises.tiny import SHAPE, tiny_network

from .messages import Service

Rng = np.random.Generator
Services = Mapping[str, Callable[..., Any]]
GRADIENT, SCORE = Service("gradient"), Service("score")
MANY = 4096  # images asked for at once


def images(x: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The images that a submission asks about; ValueError, with the shape that was expected."""
    x = np.asarray(x, float)
    if x.ndim != 1 + len(shape) or x.shape[1:] != shape or len(x) > MANY:
        raise ValueError(f"expected images of shape {('N', *shape)}, got {x.shape}")
    return x


def cubic(rng: Rng, shape: tuple[int, ...]) -> tuple[np.ndarray, Services]:
    """S(I) = Σ a · I³ and ∂S/∂I = 3 a I²:  (a, the two functions)."""
    a = rng.standard_normal(shape)
    return a, {
        "score": lambda x: (a * images(x, shape) ** 3).sum(axis=(1, 2, 3)),
        "gradient": lambda x: 3 * a * images(x, shape) ** 2,
    }


def network(rng: Rng) -> tuple[Services, np.ndarray]:
    """Score and gradient of the second class of a small network, and an image."""
    net = tiny_network(rng)

    def gradient(x: Any) -> np.ndarray:
        trace = net.forward(images(x, SHAPE))
        return net.backward(trace, one_hot(trace.scores, 1))

    services = {"score": lambda x: net.scores(images(x, SHAPE))[:, 1], "gradient": gradient}
    return services, rng.standard_normal((1, *SHAPE))
