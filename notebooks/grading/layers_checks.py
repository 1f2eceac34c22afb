"""The checks of assignments 1 to 4: layers, compared with the library's own, at sizes and strides drawn by the
grader."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layers.convolution import correlate, correlate_transposed, kernel_gradient
from layers.max_pool import max_pool, unpool

from .tasks import Case, Part, Task

Rng = np.random.Generator
Cases = Callable[[Rng], list[Case]]

# ---------------------------------------------------------------------- 1. convolution


def convolution(stride: int, pad: int, what: str) -> Cases:
    """Cases for one of the convolution's functions; what: "up", "down" or "parameters"."""

    def cases(rng: Rng) -> list[Case]:
        N, M, C = rng.integers(2, 5, 3)
        kh, kw = rng.choice([2, 3, 4], 2, replace=False)
        x = rng.standard_normal(
            (N, C, kh + stride * int(rng.integers(2, 4)) + 1, kw + stride * int(rng.integers(2, 4)))
        )
        K, b = rng.standard_normal((M, C, kh, kw)), rng.standard_normal(M)
        geometry = (stride, stride), (pad, pad, pad, pad)
        y = correlate(x, K, b, *geometry)
        grad = rng.standard_normal(y.shape)
        if what == "up":
            return [Case([x, K, b, stride, pad], y)]
        if what == "down":
            return [Case([grad, K, tuple(x.shape), stride, pad], correlate_transposed(grad, K, x.shape, *geometry))]
        below = {"K": kernel_gradient(grad, x, (int(kh), int(kw)), *geometry), "b": grad.sum(axis=(0, 2, 3))}
        return [Case([grad, x, K, stride, pad], below)]

    return cases


def flips(rng: Rng) -> list[Case]:
    K = rng.standard_normal((3, 2, 3, 4))
    by_hand = np.empty((2, 3, 3, 4))
    for m, c, u, v in np.ndindex(*K.shape):
        by_hand[c, m, u, v] = K[m, c, 2 - u, 3 - v]
    return [Case([K], by_hand)]


def three(what: str, points: tuple[int, int, int]) -> list[Part]:
    """Without stride and padding, with a stride, with padding."""
    plain, stride, pad = points
    return [
        Part("with stride 1 and no padding", plain, convolution(1, 0, what)),
        Part("with a stride", stride, convolution(2, 0, what)),
        Part("with a stride and padding", pad, convolution(3, 1, what)),
    ]


# ---------------------------------------------------------------------- 2. ReLU


def four_cases(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """x and a signal with all pairs of signs, in random order."""
    x, signal = rng.uniform(0.1, 2, (2, 2, 3, 4, 5))
    return x * rng.choice([-1, 1], x.shape), signal * rng.choice([-1, 1], x.shape)


def relu_up(rng: Rng) -> list[Case]:
    x, _ = four_cases(rng)
    return [Case([x], np.where(x > 0, x, 0.0))]


def relu_down(rule: Callable[[np.ndarray, np.ndarray], np.ndarray], at_zero: bool = False) -> Cases:
    def cases(rng: Rng) -> list[Case]:
        x, signal = four_cases(rng)
        if at_zero:
            x, signal = (np.where(rng.random(x.shape) < 0.3, 0.0, a) for a in (x, signal))
        return [Case([signal, x], np.where(rule(signal, x), signal, 0.0))]

    return cases


def relu_parts(rule: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[Part]:
    return [
        Part("for all four pairs of signs", 2, relu_down(rule)),
        Part("where X_n or the signal is exactly 0", 1, relu_down(rule, at_zero=True)),
    ]


# ---------------------------------------------------------------------- 3. max-pooling


def pooled(size: int, stride: int, what: str, ties: bool = False) -> Cases:
    def cases(rng: Rng) -> list[Case]:
        x = rng.standard_normal((2, 3, size + 2 * stride + 1, size + 3 * stride))
        if ties:
            x = rng.integers(0, 2, x.shape).astype(float)
        geometry = (size, size), (stride, stride), (0, 0, 0, 0)
        y, switches = max_pool(x, *geometry)
        if what == "up":
            return [Case([x, size, stride], (y, switches))]
        grad = rng.standard_normal(y.shape)
        return [Case([grad, switches, tuple(x.shape), size, stride], unpool(grad, switches, x.shape, *geometry))]

    return cases


# ---------------------------------------------------------------------- 4. fully connected


def rows(what: str) -> Cases:
    def cases(rng: Rng) -> list[Case]:
        x, W, b = rng.standard_normal((5, 4)), rng.standard_normal((3, 4)), rng.standard_normal(3)
        grad = rng.standard_normal((5, 3))
        if what == "up":
            return [Case([x, W, b], np.einsum("nd,md->nm", x, W) + b)]
        if what == "down":
            return [Case([grad, W], np.einsum("nm,md->nd", grad, W))]
        return [Case([grad, x], {"W": np.einsum("nm,nd->md", grad, x), "b": np.einsum("nm->m", grad)})]

    return cases


def unflattened(rng: Rng) -> list[Case]:
    maps = rng.standard_normal((2, 3, 4, 5))
    return [Case([np.array([image.ravel() for image in maps]), tuple(maps.shape)], maps)]


TASKS = [
    Task("a1_convolution", "convolution", three("up", (2, 1, 1))),
    Task("a1_convolution", "flipped", [Part("of a kernel that is not square", 2, flips)]),
    Task("a1_convolution", "convolution_backward", three("down", (2, 2, 1))),
    Task("a1_convolution", "convolution_parameter_gradients", three("parameters", (2, 1, 1))),
    Task("a2_relu", "relu", [Part("for both signs", 1, relu_up)]),
    Task("a2_relu", "relu_backward", relu_parts(lambda grad, x: x > 0)),
    Task("a2_relu", "relu_deconv", relu_parts(lambda R, x: R > 0)),
    Task("a2_relu", "relu_guided", relu_parts(lambda G, x: (G > 0) & (x > 0))),
    Task(
        "a3_max_pool",
        "max_pool",
        [
            Part("of windows side by side", 2, pooled(2, 2, "up")),
            Part("of windows that overlap", 1, pooled(3, 2, "up")),
            Part("of equal pixels the first", 1, pooled(2, 2, "up", ties=True)),
        ],
    ),
    Task(
        "a3_max_pool",
        "unpool",
        [
            Part("of windows side by side", 2, pooled(2, 2, "down")),
            Part("of windows that overlap", 2, pooled(3, 1, "down")),
        ],
    ),
    Task("a4_fully_connected", "fully_connected", [Part("for several rows", 1, rows("up"))]),
    Task("a4_fully_connected", "fully_connected_backward", [Part("for several rows", 2, rows("down"))]),
    Task(
        "a4_fully_connected", "fully_connected_parameter_gradients", [Part("for several rows", 2, rows("parameters"))]
    ),
    Task("a4_fully_connected", "flatten_backward", [Part("of maps that are not square", 1, unflattened)]),
]
