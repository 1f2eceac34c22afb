"""What an ascent has been through: the curves, and where it stood last."""

from __future__ import annotations

import numpy as np

from layers.arrays import array_module, to_host

from .ascent import Ascent


class History:
    """The curves of an ascent, fetched a block of states at a time.

    On a GPU each look waits until everything has been computed; between two looks the GPU works off the steps that the
    program hands it, and the curves stay there.
    """

    BLOCK = 16
    CURVES = ("scores", "objective", "norms")

    def __init__(self) -> None:
        self.fetched: dict[str, list[np.ndarray]] = {name: [] for name in self.CURVES}
        self.last: Ascent | None = None  # the last state that has been looked at and found to be made of numbers
        self.unseen: list[Ascent] = []
        self.exploded = False

    def add(self, state: Ascent) -> bool:
        """Takes down a state; False as soon as it is known that one was not a number, and nothing more is wanted."""
        self.unseen.append(state)
        if len(self.unseen) == self.BLOCK:
            self.look()
        return not self.exploded

    def look(self) -> None:
        """Fetches the curves of the states not seen yet, up to the first that is not a number."""
        if self.exploded or not self.unseen:
            return
        xp = array_module(self.unseen[0].scores)
        curves = {name: to_host(xp.stack([getattr(state, name) for state in self.unseen])) for name in self.CURVES}
        good = np.isfinite(curves["objective"]).all(axis=1)
        count = len(good) if good.all() else int(good.argmin())
        for name, curve in curves.items():
            self.fetched[name].extend(curve[:count])
        self.last = self.unseen[count - 1] if count else self.last
        self.exploded, self.unseen = count < len(good), []

    @property
    def curves(self) -> dict[str, np.ndarray]:
        """Each curve (states, N)."""
        return {name: np.array(curve) for name, curve in self.fetched.items()}

    def __len__(self) -> int:
        """How many states were looked at and found to be made of numbers."""
        return len(self.fetched["scores"])
