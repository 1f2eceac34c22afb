"""What is spread: tasks, what all of them share, and answers that do not depend on where they were made.

`work(shared, task)` is a function of a module; what it returns is plain: it travels as JSON.  `shared`, the network
above all, travels once to each worker.  Every worker computes with the engine of whoever spreads the work, in one
thread: sums that several threads share may be rounded otherwise.
"""

from __future__ import annotations

import json
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from layers.engine import engine
from minicnn.files import json_text

AGAIN = 3
DIED = f"left out: a worker died over it, and so again each of the {AGAIN} times that it was done again"

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
              "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")  # fmt: skip

Work = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Answer:
    """found: what work(shared, task) returned, None if the picture was left out;  left_out: why;  worker: its address,
    if it is on a cluster."""

    task: Any
    found: Any = None
    left_out: str = ""
    worker: str = ""

    @property
    def on_worker(self) -> str:
        """To say behind an error: what one worker cannot see others may."""
        return f" (worker {self.worker})" if self.worker else ""


Each = Callable[[Work, Iterable[Any]], Iterator[Answer]]


class ClusterLost(Exception):
    """The scheduler went away in the middle of the work: no fault of what was asked."""


class MistakeInWorker(Exception):
    """The program failed in a worker; the text is the traceback there."""


@dataclass(frozen=True, eq=False)
class Held:
    """What a worker keeps from its first task to its last."""

    shared: Any
    engine: str

    def answer(self, work: Work, task: Any) -> str:
        """As JSON: what work(shared, task) returns, and its warnings; or the traceback of a mistake in the program."""
        try:
            with engine(self.engine), warnings.catch_warnings(record=True) as noted:
                warnings.simplefilter("default")
                found = work(self.shared, task)
            return json_text({"found": found, "warnings": [str(warning.message) for warning in noted]})
        except Exception:
            return json.dumps({"mistake": traceback.format_exc()})


def read_answer(task: Any, text: str, worker: str = "") -> Answer:
    answer = json.loads(text)
    if "mistake" in answer:
        raise MistakeInWorker(f"in a worker {worker}:\n{answer['mistake']}")
    for warning in answer["warnings"]:
        warnings.warn(warning, stacklevel=2)
    return Answer(task, answer["found"], worker=worker)


@contextmanager
def here(shared: Any) -> Iterator[Each]:
    """One task after the other in this very process, with as many threads as it has."""

    def each(work: Work, tasks: Iterable[Any]) -> Iterator[Answer]:
        for task in tasks:
            yield Answer(task, work(shared, task))

    yield each
