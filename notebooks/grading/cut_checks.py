"""The checks of assignment 7: the terms of the graph cut, pixel by pixel and pair by pair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .tasks import Case, Part, Task

Rng = np.random.Generator


def ranked(ties: bool) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        M = rng.permutation(200).reshape(10, 20).astype(float)
        if ties:
            M = np.maximum(M - 120, 0)
        by_rank = sorted(range(200), key=lambda p: (M.flat[p], p))
        masks = np.zeros((2, 200), bool)
        masks[0, by_rank[190:]], masks[1, by_rank[:60]] = True, True
        return [Case([M, 0.95, 0.30], (masks[0].reshape(M.shape), masks[1].reshape(M.shape)))]

    return cases


def unary(size: float) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        log_p = size * rng.standard_normal((2, 4, 5))
        ratio = log_p[1] - log_p[0]
        costs = [np.log1p(np.exp(-np.abs(ratio))) + np.maximum(side * ratio, 0) for side in (1, -1)]
        return [Case([log_p[0], log_p[1]], np.stack(costs))]

    return cases


def outlines(flat: bool) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        x = rng.random((4, 6, 3)) * (not flat) + 0.25
        pairs = {(p, q): float(((x[p] - x[q]) ** 2).sum()) for p in np.ndindex(4, 6) for q in after(p)}
        mean = sum(pairs.values()) / len(pairs)
        V = {pair: 20 * np.exp(-d / (2 * mean)) if mean else 20.0 for pair, d in pairs.items()}
        across = np.array([[V[(i, j), (i, j + 1)] for j in range(5)] for i in range(4)])
        down = np.array([[V[(i, j), (i + 1, j)] for j in range(6)] for i in range(3)])
        return [Case([x, 20.0], (across, down))]

    return cases


def after(p: tuple[int, ...], shape: tuple[int, int] = (4, 6)) -> list[tuple[int, int]]:
    """The neighbours to the right and below."""
    i, j = p
    return [(a, b) for a, b in ((i, j + 1), (i + 1, j)) if a < shape[0] and b < shape[1]]


def energies(what: str) -> Callable[[Rng], list[Case]]:
    def cases(rng: Rng) -> list[Case]:
        L, U = rng.integers(0, 2, (4, 6)), rng.random((2, 4, 6))
        across, down = rng.random((4, 5)) + 0.1, rng.random((3, 6)) + 0.1
        if what == "colours":
            across, down = 0 * across, 0 * down
        E = sum(float(U[(L[p], *p)]) for p in np.ndindex(4, 6))
        for p in np.ndindex(4, 6):
            for q in after(p):
                if L[p] != L[q]:
                    E += float(across[p] if q[0] == p[0] else down[p])
        return [Case([L, U, across, down], E)]

    return cases


TASKS = [
    Task(
        "a7_graph_cut",
        "seeds",
        [Part("of a map without equal pixels", 1, ranked(False)), Part("of a map that is mostly 0", 1, ranked(True))],
    ),
    Task(
        "a7_graph_cut",
        "unary_terms",
        [Part("of densities alike", 2, unary(1)), Part("of densities far apart", 1, unary(2000))],
    ),
    Task(
        "a7_graph_cut",
        "pairwise_terms",
        [Part("of random colours", 2, outlines(False)), Part("of one colour", 1, outlines(True))],
    ),
    Task(
        "a7_graph_cut",
        "energy",
        [Part("of the colours alone", 1, energies("colours")), Part("with the outline", 1, energies("all"))],
    ),
]
