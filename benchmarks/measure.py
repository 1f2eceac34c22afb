"""Times of something done again and again."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

WARM_UP = 0.3  # seconds: threads wake, memory is fetched, the processor's clock settles


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

    @property
    def slowest(self) -> float:
        return max(self.wall)


def repeated(run: Callable[[], object], seconds: float, least: int) -> Times:
    """`run` timed for about so many seconds: at least so often, unless that takes twice as long, but once in any case.

    Its first run, which may compile, and those that end while it still warms up are not counted.
    """
    run()
    times = Times([], [])
    began = time.perf_counter()
    while not times.wall or time.perf_counter() - began < (seconds if len(times.wall) >= least else 2 * seconds):
        wall, cores = time.perf_counter(), time.process_time()
        run()
        cores_now, now = time.process_time(), time.perf_counter()
        if now - began > WARM_UP:
            times.wall.append(now - wall)
            times.cores.append(cores_now - cores)
    return times


def in_turns(runs: Mapping[str, Callable[[], object]], seconds: float, least: int = 3) -> dict[str, Times]:
    """Several sizes of one thing, one after the other, again and again, for about so many seconds in all.

    At least so many times each, unless that takes five times as long.  (Contenders do not share a process: `turns`.)
    """
    times = {name: Times([], []) for name in runs}
    for run in runs.values():
        run()
    began = time.perf_counter()
    rounds = 0
    while rounds == 0 or time.perf_counter() - began < (seconds if rounds >= least else 5 * seconds):
        for name, run in runs.items():
            once = repeated_once(run)
            times[name].wall.extend(once.wall)
            times[name].cores.extend(once.cores)
        rounds += 1
    return times


def repeated_once(run: Callable[[], object]) -> Times:
    """One run, after others that warm it up if they are short."""
    began = time.perf_counter()
    while True:
        wall, cores = time.perf_counter(), time.process_time()
        run()
        cores_now, now = time.process_time(), time.perf_counter()
        if now - began > WARM_UP:
            return Times([now - wall], [cores_now - cores])
