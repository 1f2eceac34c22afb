"""What a busy neighbour costs: the same work while one other process keeps one core busy.

Threads that wait by spinning lose most by it: they wait for one that the neighbour has put off its core.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .measure import Times
from .turns import in_rounds

WORK = "saliency squeezenet1_1"
WHO = ("minicnn numpy", "minicnn compiled", "PyTorch", "PyTorch, channels last")

# It also ends when this process does, however that ends: its standard input closes then.
BUSY = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True:
    pass
"""


@contextmanager
def one_core_busy() -> Iterator[None]:
    """Within the block another process computes without end."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE) as neighbour:
        try:
            yield
        finally:
            neighbour.kill()


def alone_and_beside(seconds: float, least: int, rounds: int) -> tuple[dict[str, tuple[Times, Times]], dict[str, str]]:
    """The times of each contender that can be had, alone and beside the neighbour; and who failed, and how."""
    alone = in_rounds(WORK, WHO, seconds, least, rounds)
    with one_core_busy():
        beside = in_rounds(WORK, alone.times, seconds, least, rounds)
    both = {who: (alone.times[who], times) for who, times in beside.times.items()}
    return both, alone.failed | beside.failed
