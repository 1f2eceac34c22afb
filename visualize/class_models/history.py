"""The curves of an ascent, and its last state."""

from __future__ import annotations

import numpy as np

from layers.arrays import array_module, to_host

from .ascent import Ascent


class History:
    """The curves of an ascent, fetched many states at a time.

    On a GPU the steps are queued, and reading a number waits until everything before it has been computed.
    """

    FETCH_EVERY = 16  # states
    CURVES = ("scores", "objective", "norms")

    def __init__(self) -> None:
        self.fetched: dict[str, list[np.ndarray]] = {name: [] for name in self.CURVES}
        self.last: Ascent | None = None  # the last finite state
        self.waiting: list[Ascent] = []
        self.exploded = False

    def add(self, state: Ascent) -> bool:
        """Record a state.  Returns False once one was NaN or infinite."""
        self.waiting.append(state)
        if len(self.waiting) == self.FETCH_EVERY:
            self.fetch()
        return not self.exploded

    def fetch(self) -> None:
        """Fetch the curves of the waiting states, up to the first that is NaN or infinite."""
        if self.exploded or not self.waiting:
            return
        xp = array_module(self.waiting[0].scores)
        curves = {name: to_host(xp.stack([getattr(state, name) for state in self.waiting])) for name in self.CURVES}
        good = np.isfinite(curves["objective"]).all(axis=1)
        count = len(good) if good.all() else int(good.argmin())
        for name, curve in curves.items():
            self.fetched[name].extend(curve[:count])
        self.last = self.waiting[count - 1] if count else self.last
        self.exploded, self.waiting = count < len(good), []

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """Each curve (states, N)."""
        return {name: np.array(curve) for name, curve in self.fetched.items()}

    def __len__(self) -> int:
        """The number of finite states."""
        return len(self.fetched["scores"])
