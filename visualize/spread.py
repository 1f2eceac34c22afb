"""Work on many pictures, one at a time or spread: over processes of this machine (joblib) or a cluster's (Dask).

    with processes(shared, 4) as each:              # or here(shared), or cluster.on_cluster(shared, address)
        for answer in each(work, tasks): …          # in the order in which they get ready

`work(shared, task)` is a function of a module; what it returns is plain: it travels as JSON, and so results do not
depend on where they were made.  `shared`, the network above all, travels once to each worker.  Every worker computes
with the engine of whoever spreads the work, in one thread: sums that several threads share may be rounded otherwise.

A worker may be killed at any moment, by a system short of memory or by hand.  Its pictures are then done again, at
most AGAIN times; a picture that kills workers each time is left out, and the answer says so.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from layers.engine import current_engine, engine
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


# ---------------------------------------------------------------------- in this process


@contextmanager
def here(shared: Any) -> Iterator[Each]:
    """One task after the other in this very process, with as many threads as it has."""

    def each(work: Work, tasks: Iterable[Any]) -> Iterator[Answer]:
        for task in tasks:
            yield Answer(task, work(shared, task))

    yield each


# ---------------------------------------------------------------------- in processes of this machine


@contextmanager
def processes(shared: Any, workers: int) -> Iterator[Each]:
    """Worker processes on this machine, each with one thread of arithmetic."""
    held = Held(shared, current_engine())

    def each(work: Work, tasks: Iterable[Any]) -> Iterator[Answer]:
        coming = iter(tasks)
        while suspects := (yield from answers(held, work, coming, workers)):
            for task in suspects:  # one at a time: so it is known which of them it is that workers die of
                for _ in range(AGAIN):
                    if not (yield from answers(held, work, iter([task]), 1)):
                        break
                else:
                    yield Answer(task, left_out=DIED)

    yield each


def answers(held: Held, work: Work, tasks: Iterator[Any], workers: int) -> Generator[Answer, None, Sequence[Any]]:
    """The answers as they get ready.  If a worker dies, it ends, and returns the tasks that were under way then."""
    from joblib import Parallel, delayed, parallel_config

    under_way: dict[int, Any] = {}

    def handed_out() -> Iterator[Any]:
        for number, task in enumerate(tasks):
            under_way[number] = task
            yield delayed(_answer)(work, number, task)

    # Of one process joblib would make none, and compute here: it gets two, and one task at a time.
    config = {"n_jobs": max(2, workers), "inner_max_num_threads": 1, "initializer": _begin}
    spread = {"pre_dispatch": workers, "batch_size": 1, "max_nbytes": None, "return_as": "generator_unordered"}
    with parallel_config("loky", initargs=(held, os.getpid()), **config):
        ready = Parallel(**spread)(handed_out())
        try:
            for number, text in ready:
                yield read_answer(under_way.pop(number), text)
        except BrokenProcessPool:
            return list(under_way.values())
        finally:
            with warnings.catch_warnings():  # joblib remarks on what nobody wants any more
                warnings.simplefilter("ignore")
                ready.close()
    return []


_held: Held  # in a worker process


def _begin(held: Held, parent: int) -> None:
    global _held
    _held = held
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_die_with_parent, args=(parent,), daemon=True).start()


def _die_with_parent(parent: int) -> None:
    """A parent that was killed cannot tell its workers to end."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _answer(work: Work, number: int, task: Any) -> tuple[int, str]:
    return number, _held.answer(work, task)
