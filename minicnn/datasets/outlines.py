"""The outlines of the ten classes of generated scenes.

An outline is a list of closed polygons, arrays (P, 2) of (x, y) around the origin; the first is filled, a second one
is a hole in it.  Scenes rotate them and scale them to a given tight box.
"""

from __future__ import annotations

import numpy as np

Outline = list[np.ndarray]


def arc(begin: float, end: float, radius: float = 1.0, points: int = 48) -> np.ndarray:
    """An arc of a circle around the origin, angles in turns: arc(0, 1) is the whole circle."""
    angle = 2 * np.pi * np.linspace(begin, end, points)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def star(points: int, inner: float) -> np.ndarray:
    """Points at radius 1, and between them corners at radius `inner`."""
    corners = arc(0, 1 - 1 / (2 * points), points=2 * points)
    corners[1::2] *= inner
    return corners


def cross(arm: float) -> np.ndarray:
    """Four arms of half-width `arm` from the middle of a square to its sides."""
    corner = np.array([[arm, 1], [arm, arm], [1, arm]])
    quarter_turn = np.array([[0, -1], [1, 0]])
    return np.concatenate([corner @ np.linalg.matrix_power(quarter_turn, k) for k in range(4)])


def crescent(bite: float, shift: float) -> np.ndarray:
    """The unit disc without a disc of radius `bite` whose centre is `shift` to the right."""
    x = (1 + shift**2 - bite**2) / (2 * shift)  # where the two circles meet
    outer, inner = np.arccos(x) / (2 * np.pi), np.arccos((x - shift) / bite) / (2 * np.pi)
    return np.concatenate([arc(outer, 1 - outer), arc(1 - inner, inner, bite) + np.array([shift, 0])])


def heart() -> np.ndarray:
    """x = 16 sin³t, y = 13 cos t − 5 cos 2t − 2 cos 3t − cos 4t."""
    t = 2 * np.pi * np.linspace(0, 1, 64, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, y], axis=1)


ARROW = np.array([[1, 0], [0.1, 0.75], [0.1, 0.3], [-1, 0.3], [-1, -0.3], [0.1, -0.3], [0.1, -0.75]])
L = np.array([[-0.65, -1], [0.65, -1], [0.65, -0.45], [-0.1, -0.45], [-0.1, 1], [-0.65, 1]])

OUTLINES: dict[str, Outline] = {
    "disc": [arc(0, 1)],
    "square": [arc(0, 1, points=5)],
    "triangle": [arc(0, 1, points=4)],
    "star": [star(5, inner=0.42)],
    "cross": [cross(arm=0.33)],
    "ring": [arc(0, 1), arc(0, 1, radius=0.55)],
    "crescent": [crescent(bite=0.85, shift=0.5)],
    "arrow": [ARROW],
    "heart": [heart()],
    "L": [L],
}
