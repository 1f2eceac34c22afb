"""What the tests of spread work let workers do: functions of a module, so that workers of other processes find them."""

from __future__ import annotations

import os
import signal
import time
import warnings
from pathlib import Path

from layers.engine import current_engine


def about(shared, task):
    """The task, with what it is computed: threads, engine, process."""
    return [shared + task, os.environ["OPENBLAS_NUM_THREADS"], current_engine(), os.getpid()]


def slowly(shared, task):
    time.sleep(0.05)
    return [task, os.getpid()]


def deadly(log, task):
    """Task 5 kills its worker, each time; a dot in the log says so, if there is one."""
    if task == 5:
        if log:
            with open(log, "a") as file:
                file.write(".")
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def deadly_once(marker, task):
    """Task 5 kills its worker the first time."""
    if task == 5 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def mistaken(shared, task):
    raise KeyError("a mistake in the program")


def warning(shared, task):
    warnings.warn(f"task {task} is odd", stacklevel=1)
    return task


class Counted:
    """Knows how often it came to this process."""

    arrivals = 0

    def __reduce__(self):
        return arrived, ()


def arrived():
    Counted.arrivals += 1
    return Counted()


def arrivals(counted, task):
    return [os.getpid(), counted.arrivals]


class Trap:
    """Unpickled, it makes a file: so may a worker do whatever it likes, if its answers are unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def resident(shared, task):
    """The process, and how much memory it has, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return [os.getpid(), pages * os.sysconf("SC_PAGESIZE") / 2**20]
