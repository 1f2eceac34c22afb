"""Work spread over a cluster's workers by Dask (extra `cluster`): the same as pool.py does on one machine.

The scheduler knows its workers, and starts elsewhere what a dead one was doing.  What all tasks share, the network
above all, it gives to each worker once, also to one that comes later.  A task is a few numbers, an answer JSON text;
answers that are pickles are refused.

A worker has one task at a time: a picture that kills it is not mistaken for one that was waiting there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from itertools import islice
from queue import Empty, Queue
from typing import Any
from uuid import uuid4

from distributed import Client, Future, KilledWorker, Security, Worker, WorkerPlugin, get_worker
from distributed.comm import connect
from threadpoolctl import threadpool_limits

from layers.engine import current_engine

from .versions import difference, versions
from .work import DIED, ONE_THREAD, Answer, ClusterLost, Each, Held, Work, read_answer

PATIENCE = 10  # seconds to wait for a scheduler, and for its first worker
LOOK = 1.0  # seconds after which the scheduler is asked again who works there
# Errors are reported by us, in a line: these loggers are silent.
LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")

DASKS = "65536"  # bytes of freed memory that Dask's nanny lets a worker keep: each map would fetch its pages anew

Note = Callable[[str], None]


@contextmanager
def on_cluster(shared: Any, address: str, note: Note) -> Iterator[Each]:
    """The workers of the scheduler at this address: tcp://127.0.0.1:8786, tls://…

    note: called with a line for the user: which cluster it is, and which workers are not used
    Raises ValueError without a scheduler or a worker there, or if one has other versions: it might answer otherwise.
    """
    client = connected(address)
    name = f"minicnn-{uuid4().hex}"
    try:
        send(client, name, Held(shared, current_engine()), note)
        yield Crew(client, name, note).each
    finally:
        with suppress(Exception):  # of a client that has lost its scheduler, anything
            client.unregister_worker_plugin(name)
        with suppress(Exception):
            client.close(timeout=1)


def address_in(scheduler_file: str) -> str:
    """The address that a scheduler wrote to its --scheduler-file; ValueError if it is no such file."""
    with open(scheduler_file, encoding="utf-8") as file:
        try:
            return str(json.load(file)["address"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{scheduler_file} is no scheduler file (dask scheduler --scheduler-file FILE)") from None


def connected(address: str) -> Client:
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        asyncio.run(asyncio.wait_for(knock(address), PATIENCE + 1))  # of a client without one it is hard to get rid
        client = Client(address, timeout=PATIENCE, set_as_default=False, deserializers=["msgpack", "error"])
    except asyncio.TimeoutError:
        raise ValueError(f"no scheduler at {address}: what is there does not answer like one") from None
    except Exception as error:  # of many kinds: addresses, the network, TLS
        raise ValueError(f"no scheduler at {address}: {in_a_line(error)}") from None
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        client.close(timeout=1)
        raise ValueError(f"the scheduler at {address} has no workers: start some, dask worker {address}") from None
    return client


async def knock(address: str) -> None:
    comm = await connect(address, timeout=PATIENCE, **Security().get_connection_args("client"))
    await comm.close()


def send(client: Client, name: str, held: Held, note: Note) -> None:
    """Give every worker what it is to hold under this name; ValueError if one, or the scheduler, has other versions."""
    workers, ours, place = client.nthreads(), versions(held.engine), client.scheduler.address
    try:
        dashboard = client.run_on_scheduler(has_dashboard)  # fails without minicnn, which it needs to pass tasks on
    except Exception as error:
        raise ValueError(f"the scheduler at {place} has no such minicnn: {in_a_line(error)}") from None
    for address, theirs in client.run(versions, held.engine, on_error="return").items():
        if other := difference(ours, theirs):
            raise ValueError(f"the worker {address} has {other}: install the same everywhere")
    client.register_plugin(Holder(held, ours), name)
    link = f"; dashboard: {client.dashboard_link}" if dashboard else ""
    note(f"{len(workers)} workers at {place}{link}")
    if max(workers.values(), default=1) > 1:
        note("some workers have several threads, of which one is used: start them by dask worker --nthreads 1")


def has_dashboard() -> bool:
    """Of a scheduler, in it: its server has an address in any case, but pages only with Bokeh."""
    return "distributed.dashboard.scheduler" in sys.modules


class Crew:
    """The workers of a cluster, and what they are doing for us."""

    def __init__(self, client: Client, name: str, note: Note) -> None:
        self.client, self.name, self.note = client, name, note
        self.strangers: set[str] = set()
        self._workers: list[str] = []
        self._looked = -LOOK

    def each(self, work: Work, tasks: Iterable[Any]) -> Iterator[Answer]:
        running: dict[Future, Any] = {}
        try:
            yield from self.answers(work, iter(tasks), running)
        except (OSError, TimeoutError, CancelledError):  # a future is cancelled when its scheduler is gone
            raise ClusterLost(
                "the scheduler was lost; what is done is kept, and evaluate goes on by --resume"
            ) from None
        finally:
            with suppress(Exception):
                self.client.cancel(list(running))

    def answers(self, work: Work, tasks: Iterator[Any], running: dict[Future, Any]) -> Iterator[Answer]:
        ready: Queue[Future] = Queue()

        def start(task: Any) -> None:
            chosen = self.workers() if self.strangers else None
            future = self.client.submit(_answer, self.name, work, task, pure=False, workers=chosen)
            running[future] = task
            future.add_done_callback(ready.put)

        while True:
            for task in islice(tasks, max(0, max(1, len(self.workers())) - len(running))):
                start(task)
            if not running:
                return
            future = self.next_of(ready)
            task = running.pop(future)
            answer = self.answer(future, task)
            if answer is None:
                start(task)
            else:
                yield answer

    def next_of(self, ready: Queue[Future]) -> Future:
        """The next future that is done; a note if nobody is there any more who could do one."""
        noted = False
        while True:
            try:
                return ready.get(timeout=PATIENCE)
            except Empty:
                if not self.workers() and not noted:
                    self.note("no worker is left: waiting for others to come")
                    noted = True

    def answer(self, future: Future, task: Any) -> Answer | None:
        """What became of a task; None if it fell to a worker that cannot be used."""
        try:
            stranger, worker, text = future.result()
        except KilledWorker:
            return Answer(task, left_out=DIED)
        if not stranger:
            return read_answer(task, text, worker)
        if worker not in self.strangers:
            self.note(f"the worker {worker} is not used, it has {stranger}")
            self.strangers.add(worker)
            self._looked = -LOOK
        return None

    def workers(self) -> list[str]:
        """The addresses of those that can be used, as they were a moment ago."""
        if time.monotonic() - self._looked > LOOK:
            self._workers = [address for address in self.client.nthreads() if address not in self.strangers]
            self._looked = time.monotonic()
        return self._workers


def in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


# ---------------------------------------------------------------------- in a worker


class Holder(WorkerPlugin):  # type: ignore[misc]
    """What a worker holds for one run."""

    def __init__(self, held: Held, versions_there: str) -> None:
        self.held, self.versions_there = held, versions_there
        self.stranger = ""

    def setup(self, worker: Worker) -> None:
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # for libraries that are not loaded yet
        if os.environ.get("MALLOC_TRIM_THRESHOLD_") == DASKS:
            del os.environ["MALLOC_TRIM_THRESHOLD_"]  # the engine then keeps freed memory, as it does elsewhere
        threadpool_limits(1)
        self.stranger = difference(self.versions_there, versions(self.held.engine))


_one_at_a_time = threading.Lock()  # also where a worker has several threads


def _answer(name: str, work: Work, task: Any) -> tuple[str, str, str]:
    """In what the worker is another than it should be, its address, and the answer."""
    worker = get_worker()
    holder: Any = worker.plugins[name]
    if holder.stranger:
        return holder.stranger, worker.address, ""
    with _one_at_a_time:
        return "", worker.address, holder.held.answer(work, task)
