"""Gradient ascent on the image, step by step, from the zero image (paper, section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from layers.arrays import Array
from minicnn.network import Network, preprocessing_of

from .objective import precision, slope
from .restraints import blurred, inside_ball, total_variation_gradient
from .settings import Settings


@dataclass(frozen=True, eq=False)
class Ascent:
    """The state of an ascent, for all classes of the batch: I is (N, C, h, w), everything else (N,).

    objective is S_c − λ‖I‖², or log P_c − λ‖I‖² for the posterior; step and decay are the first step and λ in use.
    """

    offset: Array
    scores: Array
    objective: Array
    norms: Array
    step: Array
    decay: Array


def ascend(net: Network, classes: Sequence[int], settings: Settings) -> Iterator[Ascent]:
    """The ascent a step at a time, from the start to the end: settings.length + 1 states.

    velocity ← momentum · velocity + ∂S_c/∂I − 2λI,      I ← I + step(t) · velocity
    """
    step, decay = rule_of_thumb(net, classes, settings)
    I, xp = start(net, classes, settings), net.xp
    velocity = xp.zeros_like(I)
    rng = np.random.default_rng(settings.seed)
    for t in range(settings.length + 1):
        down, right = rng.integers(-settings.jitter, settings.jitter + 1, 2).tolist()
        scores, climbed, gradient = slope(net, xp.roll(I, (down, right), axis=(2, 3)), classes, settings.score)
        gradient = xp.roll(gradient, (-down, -right), axis=(2, 3))
        squared_norm = (I**2).sum(axis=(1, 2, 3))
        objective = climbed - decay.ravel() * squared_norm
        yield Ascent(I, scores, objective, xp.sqrt(squared_norm), step.ravel(), decay.ravel())
        direction = gradient - 2 * decay * I - settings.total_variation * total_variation_gradient(I)
        velocity = settings.momentum * velocity + direction
        I = I + settings.step_at(t) * step * velocity
        if settings.max_norm is not None:
            I = inside_ball(I, settings.max_norm)
        if settings.blur and (t + 1) % settings.blur_every == 0:
            I = blurred(I, settings.blur * settings.step_at(t))  # less, as the steps shrink


def start(net: Network, classes: Sequence[int], settings: Settings) -> Array:
    """The zero image of each class, or noise: (N, C, h, w)."""
    preprocessing = preprocessing_of(net)
    shape = (preprocessing.channels, *preprocessing.size)
    generators = [np.random.default_rng([settings.seed, c]) for c in classes]  # one for each class, whatever the batch
    I = settings.noise * np.stack([rng.standard_normal(shape, np.float32) for rng in generators])
    return net.xp.asarray(I, precision(net))  # drawn by NumPy: a seed means the same on every device


def rule_of_thumb(net: Network, classes: Sequence[int], settings: Settings) -> tuple[Array, Array]:
    """(step, λ) of each class (N, 1, 1, 1): as set, or scaled by the size g of the class's gradient at the zero image.

    step = u / g  moves the pixels by a grey level at first;  λ = 0.05·g / u  takes them some tens of grey levels from
    the mean;  u is a grey level in X_0 units.  (SqueezeNet: g ≈ 0.0002, so step ≈ 5000 and λ ≈ 1e-5.)  A larger λ makes
    the picture fainter, but not different: far from the mean, S_c grows like ‖I‖.
    """
    preprocessing, xp = preprocessing_of(net), net.xp
    zero = xp.zeros((len(classes), preprocessing.channels, *preprocessing.size), precision(net))
    _, _, gradient = slope(net, zero, classes, settings.score)
    g = xp.sqrt((gradient**2).mean(axis=(1, 2, 3), keepdims=True))
    g = xp.where(g > 0, g, np.float32(1))  # no gradient at the zero image: reported after the ascent
    u = float(np.mean(preprocessing.scale))
    step = u / g if settings.step is None else xp.full_like(g, settings.step)
    decay = 0.05 * g / u if settings.decay is None else xp.full_like(g, settings.decay)
    return step, decay
