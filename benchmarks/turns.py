"""Contenders take turns, each turn in a process of its own, for several rounds.

What else the machine does then hits all alike.  A contender's figure is the best of its rounds' medians.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from . import processes
from .measure import Times


@dataclass
class Outcome:
    """What a work's contenders did.

    times:  of each one, in its best round
    absent: who cannot be had, and why
    failed: who ended in an error, and in which
    """

    times: dict[str, Times] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def one_turn(work: str, contender: str, seconds: float, least: int) -> Times | str:
    """The contender's times in a fresh process, or why it cannot be had.  Raises processes.Failed."""
    _, printed = processes.python("-m", "benchmarks.alone", work, contender, str(seconds), str(least))
    outcome = json.loads(printed.splitlines()[-1])
    return outcome["absent"] if "absent" in outcome else Times(outcome["wall"], outcome["cores"])


def in_rounds(work: str, contenders: Iterable[str], seconds: float, least: int, rounds: int) -> Outcome:
    """Every contender once in each round; who cannot be had, or failed, is not started again."""
    found = Outcome()
    waiting = list(contenders)
    for _ in range(rounds):
        for contender in list(waiting):
            try:
                times = one_turn(work, contender, seconds, least)
            except processes.Failed as error:
                give_up(contender, str(error), found.failed)
                waiting.remove(contender)
                continue
            if isinstance(times, str):
                give_up(contender, times, found.absent)
                waiting.remove(contender)
            elif contender not in found.times or times.median < found.times[contender].median:
                found.times[contender] = times
    return found


def give_up(contender: str, reason: str, reasons: dict[str, str]) -> None:
    print(f"  {contender}: {reason}", file=sys.stderr, flush=True)
    reasons[contender] = reason
