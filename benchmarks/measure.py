"""Times of several ways to do the same, taken in turns: what else the machine does then hits all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WARM_UP = 0.2  # seconds before each turn: threads that the contender before has left awake fall asleep meanwhile


@dataclass(frozen=True)
class Times:
    """Seconds of each repetition, on the clock on the wall and of all cores together."""

    wall: list[float]
    cores: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def spread(self) -> tuple[float, float]:
        """The first and third quartile."""
        if len(self.wall) < 2:
            return self.median, self.median
        quartiles = statistics.quantiles(self.wall, n=4, method="inclusive")
        return quartiles[0], quartiles[2]


def warm_up(run: Callable[[], object]) -> None:
    """A contender by itself for a while, uncounted: it shall find the machine as in a program of its own."""
    began = time.perf_counter()
    while time.perf_counter() - began < WARM_UP:
        run()


def in_turns(contenders: Mapping[str, Callable[[], object]], seconds: float, least: int = 5) -> dict[str, Times]:
    """Each contender warmed up and timed, one after the other, again and again, for about so many seconds.

    At least so many times each, unless that takes five times as long.
    """
    times = {name: Times([], []) for name in contenders}
    began = time.perf_counter()
    rounds = 0
    while rounds == 0 or time.perf_counter() - began < (seconds if rounds >= least else 5 * seconds):
        for name, run in contenders.items():
            if not times[name].wall or times[name].wall[-1] < 1:  # a longer run has warmed itself up before it is over
                warm_up(run)
            wall, cores = time.perf_counter(), time.process_time()
            run()
            times[name].cores.append(time.process_time() - cores)
            times[name].wall.append(time.perf_counter() - wall)
        rounds += 1
    return times
