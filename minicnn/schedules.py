"""Learning rate schedules: large steps first, small ones at the end.

During the warm-up the rate grows linearly from almost nothing; then it is η · factor(p), where p, from 0 to 1, is how
much of the rest is done.
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
