"""The checks of assignment 8: closed forms for S(I) = Σ a · I³, sums for a small network."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from notebooks.exercises.tiny import SHAPE

from .explained import GRADIENT, SCORE, cubic, network
from .tasks import Case, Part, Task

Rng = np.random.Generator


def smooth(which: str) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        noise = rng.standard_normal((6, *SHAPE))
        if which == "cubic":
            x = rng.standard_normal((1, *SHAPE))
            a, services = cubic(rng, SHAPE)
            expected = 3 * a * (x**2 + 2 * x * noise.mean(axis=0) + (noise**2).mean(axis=0))
        else:
            services, x = network(rng)
            expected = sum(services["gradient"](x + noise[[k]]) for k in range(6)) / 6
        return [Case([GRADIENT, x, noise], expected, services)]

    return cases


def integrated(zero: bool, steps: int) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        x, baseline = rng.standard_normal((2, 1, *SHAPE))
        baseline = 0 * baseline if zero else baseline
        a, services = cubic(rng, SHAPE)
        d = x - baseline
        # the midpoint rule of 3a(x' + t d)² is its integral less 3a d²/(12·steps²)
        expected = a * (x**3 - baseline**3) - a * d**3 / (4 * steps**2)
        return [Case([GRADIENT, x, baseline, steps], expected, services)]

    return cases


def cam(sign: int) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        X, G = rng.standard_normal((2, 2, 4, 3, 5))
        if sign > 0:
            X, G = np.abs(X), np.abs(G)
        M = np.zeros((2, 3, 5))
        for n, m in np.ndindex(2, 4):
            M[n] += G[n, m].sum() / 15 * X[n, m]
        return [Case([X, G], np.where(M > 0, M, 0.0))]

    return cases


def covered(stride: int, value: float) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        x = rng.standard_normal((1, *SHAPE))
        a, services = cubic(rng, SHAPE)
        falls = (a * (x[0] ** 3 - value**3)).sum(axis=0)  # of single pixels: S is a sum over pixels
        count = (8 - 3) // stride + 1
        squares = [[falls[stride * i :, stride * j :][:3, :3].sum() for j in range(count)] for i in range(count)]
        return [Case([SCORE, x, 3, stride, value], np.array(squares), services)]

    return cases


TASKS = [
    Task(
        "a8_what_came_after",
        "smoothgrad",
        [Part("of S = Σ a · I³", 1, smooth("cubic")), Part("of a network", 1, smooth("network"))],
    ),
    Task(
        "a8_what_came_after",
        "integrated_gradients",
        [Part("from a black image", 2, integrated(True, 10)), Part("from any image", 1, integrated(False, 5))],
    ),
    Task(
        "a8_what_came_after",
        "grad_cam",
        [Part("where all is positive", 1, cam(1)), Part("with both signs", 2, cam(-1))],
    ),
    Task(
        "a8_what_came_after",
        "occlusion",
        [
            Part("of squares a stride of 1 apart", 2, covered(1, 0.0)),
            Part("with another stride and value", 1, covered(2, 0.5)),
        ],
    ),
]
