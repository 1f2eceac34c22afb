"""How the learning rate changes in the course of a training: large steps first, small ones to settle.

After a warm-up in which it grows evenly from almost nothing, the rate is η · factor(p), where p, from 0 to 1, says how
much of the rest has been done.
"""

from __future__ import annotations

import math
from collections.abc import Callable

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda p: 1.0,
    "step": lambda p: 1.0 if p < 1 / 2 else 0.1 if p < 3 / 4 else 0.01,  # a tenth, twice
    "linear": lambda p: 1 - p,
    "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2,
}


def rate_at(step: int, steps: int, rate: float, schedule: str, warm_up: int) -> float:
    """η(t) at step t = 0 … steps − 1:  η·(t + 1)/T for t < T, the steps of warm-up, and η·factor(p) after."""
    if step < warm_up:
        return rate * (step + 1) / warm_up
    return rate * SCHEDULES[schedule]((step - warm_up) / max(1, steps - warm_up))
