"""Loss and accuracy of an epoch, averaged as its steps go by.

On a GPU the steps are queued, and reading a number waits until everything before it has been computed.  So the losses
stay where they are computed and are read only now and then, many at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from layers.arrays import Array, array_module, to_host

FETCH_EVERY = 20  # steps


class Diverged(ValueError):
    """The loss became NaN or infinite."""


class Tally:
    """Mean loss and accuracy over an epoch's steps so far, updated every FETCH_EVERY steps.

    images:         how many the steps so far had
    seen:           how many of them loss and accuracy are averaged over
    loss, accuracy: the means; NaN before the first update
    """

    def __init__(self, step: int) -> None:
        self.step, self.images, self.seen = step, 0, 0
        self.loss = self.accuracy = math.nan
        self._sums = np.zeros(2)
        self._waiting: list[tuple[Array, Array, int]] = []

    def add(self, loss: Array, hits: Array, images: int) -> None:
        """Add a step: its loss, its number of right answers, its number of images."""
        self.images += images
        self._waiting.append((loss, hits, images))
        if len(self._waiting) == FETCH_EVERY:
            self.fetch()

    def fetch(self) -> None:
        """Update the means.  Raises Diverged, naming the step, if a loss is NaN or infinite."""
        if not self._waiting:
            return
        losses, hits, images = zip(*self._waiting, strict=True)
        self._waiting = []
        found = numbers(losses)
        wrong = np.flatnonzero(~np.isfinite(found))
        if wrong.size:
            raise Diverged(
                f"the loss was {found[wrong[0]]} at step {self.step + int(wrong[0]) + 1}; "
                "try a smaller rate or a warm-up"
            )
        self.step += len(found)
        self.seen += sum(images)
        self._sums += found @ np.array(images), numbers(hits).sum()
        self.loss, self.accuracy = (float(n) for n in self._sums / self.seen)


def numbers(arrays: Iterable[Array]) -> np.ndarray:
    """Arrays of no dimension as float64 on the host, in one transfer."""
    arrays = list(arrays)
    return to_host(array_module(arrays[0]).stack(arrays)).astype(np.float64)
