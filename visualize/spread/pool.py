"""Worker processes on this machine (joblib), each with one thread of arithmetic."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from layers.engine import current_engine

from .work import AGAIN, DIED, Answer, Each, Held, Work, read_answer


@contextmanager
def processes(shared: Any, workers: int) -> Iterator[Each]:
    """Each task to the next of so many processes that is free."""
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
    """A parent that was killed cannot end its workers."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _answer(work: Work, number: int, task: Any) -> tuple[int, str]:
    return number, _held.answer(work, task)
