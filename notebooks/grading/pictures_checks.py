"""The checks of assignments 5 and 6: saliency maps and class models, by closed forms or steps written out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from notebooks.exercises.tiny import SHAPE

from .explained import GRADIENT, SCORE, cubic, network
from .tasks import Case, Part, Task

Rng = np.random.Generator

# ---------------------------------------------------------------------- 5. saliency


def taylor(which: str) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        services, x = network(rng)
        if which == "cubic":
            x = rng.standard_normal((1, 2, 3, 4))
            _, services = cubic(rng, (2, 3, 4))
        w = services["gradient"](x)
        b = float(services["score"](x)[0]) - float(np.einsum("nchw,nchw->", w, x))
        return [Case([SCORE, GRADIENT, x], (w, b), services)]

    return cases


def magnitudes(sign: int) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        w = rng.standard_normal((2, 3, 4, 5))
        w = np.abs(w) if sign > 0 else w
        by_hand = [[[max(abs(w[n, c, i, j]) for c in range(3)) for j in range(5)] for i in range(4)] for n in range(2)]
        return [Case([w], np.array(by_hand))]

    return cases


def crops(overlap: bool, mirror: bool) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        shape, corners = (7, 9), np.array([[0, 0], [3, 5]])
        if overlap:
            corners = np.array([[0, 0], [1, 2], [3, 5], [2, 1]])
        mirrored = rng.permutation(len(corners)) % 2 == 0 if mirror else np.zeros(len(corners), bool)
        maps = rng.uniform(1, 2, (len(corners), 4, 3))
        seen: dict[tuple[int, int], list[float]] = {}
        for M, (row, column), turned in zip(maps, corners, mirrored, strict=True):
            for i, j in np.ndindex(4, 3):
                seen.setdefault((row + i, column + j), []).append(M[i, 2 - j if turned else j])
        mean = np.zeros(shape)
        for pixel, values in seen.items():
            mean[pixel] = np.mean(values)
        return [Case([maps, corners, mirrored, tuple(shape)], mean)]

    return cases


# ---------------------------------------------------------------------- 6. the class model


def upwards(rng: Rng) -> list[Case]:
    services, I = network(rng)
    return [Case([GRADIENT, I, 0.3], services["gradient"](I) - 0.6 * I, services)]


def ascent(steps: int, momentum: float) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        services, _ = network(rng)
        images = [np.zeros((1, *SHAPE))] * 2  # I_{t−1} and I_t: momentum · v is momentum · (I_t − I_{t−1})
        for _ in range(steps):
            before, now = images
            slope = services["gradient"](now) - 2 * 0.05 * now
            images = [now, now + momentum * (now - before) + 0.2 * slope]
        return [Case([GRADIENT, (1, *SHAPE), steps, 0.2, 0.05, momentum], images[1], services)]

    return cases


def softmax_slope(size: float) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        S = size * rng.standard_normal((3, 4))
        with np.errstate(over="ignore"):  # one of infinite odds has P = 0
            odds = np.exp(S[:, None, :] - S[:, :, None])  # P_k = 1 / Σ_j exp(S_j − S_k)
        P = 1 / odds.sum(axis=2)
        slope = np.array([[p[2] * ((k == 2) - p[k]) for k in range(4)] for p in P])
        return [Case([S, 2], slope)]

    return cases


TASKS = [
    Task(
        "a5_saliency",
        "taylor_model",
        [Part("of S = Σ a · I³", 1, taylor("cubic")), Part("of a network", 1, taylor("network"))],
    ),
    Task(
        "a5_saliency",
        "saliency_map",
        [Part("of w > 0", 1, magnitudes(1)), Part("of w of both signs", 2, magnitudes(-1))],
    ),
    Task(
        "a5_saliency",
        "mean_of_crops",
        [
            Part("of crops side by side", 1, crops(False, False)),
            Part("of crops that overlap", 1, crops(True, False)),
            Part("of mirrored crops", 1, crops(True, True)),
        ],
    ),
    Task("a6_class_model", "direction", [Part("at a random image", 2, upwards)]),
    Task(
        "a6_class_model",
        "ascend",
        [Part("without momentum", 2, ascent(4, 0.0)), Part("with momentum", 1, ascent(5, 0.9))],
    ),
    Task(
        "a6_class_model",
        "posterior_slope",
        [Part("of small scores", 2, softmax_slope(1)), Part("of scores in the hundreds", 1, softmax_slope(400))],
    ),
]
