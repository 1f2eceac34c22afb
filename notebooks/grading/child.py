"""A submission in a process of its own, seen from the grader: call a function, get an answer or a reason why not.

The process gets a temporary folder with its file and those of `BESIDE`, and bounds on its memory, its processor time
and each answer.  What comes back is numbers (`messages.read_message`); every judgement is made in the grader's process.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from . import messages

SECONDS = 10.0  # for one answer, the start of the process included
MEMORY = 2 * 2**30  # bytes of addresses, NumPy's own included
PROCESSOR = 60  # seconds in all
QUESTIONS = 20_000  # to a service, for one answer
BESIDE = ("worker.py", "messages.py", "confinement.py")  # what the submission's process is made of
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
NONSENSE = (ValueError, KeyError, TypeError, RecursionError, StopIteration, OverflowError, AttributeError, IndexError)


class Failed(Exception):
    """The submission gave no answer; the text says why, for a student to read."""


class Blank(Failed):
    """The function has not been written yet."""


class Child:
    """The process of one submission: `call` a function of it.  It is begun on first use, and anew after it has
    ended."""

    def __init__(self, path: Path, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self.path, self.seconds, self.memory = path, seconds, memory
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Child:
        self.folder = Path(tempfile.mkdtemp(prefix="grading-"))
        shutil.copyfile(self.path, self.folder / "submission.py")
        for name in BESIDE:
            shutil.copyfile(Path(__file__).with_name(name), self.folder / name)
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, name: str, arguments: list[Any], services: Mapping[str, Callable[..., Any]]) -> Any:
        """What the submission's function gives; Failed if it gives nothing, or writes into an argument."""
        self.deadline = time.monotonic() + self.seconds
        self.begin()
        self.send({"call": name, "arguments": arguments})
        asked = 0
        while True:
            message = self.receive()
            if "ask" not in message:
                break
            asked += 1
            if asked > QUESTIONS:
                self.fail("it does not stop asking")
            self.send(self.served(services, message))
        return self.judged(message, arguments)

    def judged(self, message: dict[str, Any], arguments: list[Any]) -> Any:
        if message.get("blank"):
            raise Blank("not written yet")
        if "forbidden" in message:
            self.fail(f"it tries to {str(message['forbidden'])[:60]}, which no submission may")
        if "failed" in message:
            raise Failed(str(message["failed"])[:300])
        after = message.get("after")
        for n, (before, now) in enumerate(zip(arguments, after if isinstance(after, list) else [], strict=False)):
            if isinstance(before, np.ndarray) and not np.array_equal(before, now, equal_nan=True):
                raise Failed(f"it writes into its argument number {n + 1}; make a new array")
        return message.get("result")

    def served(self, services: Mapping[str, Callable[..., Any]], message: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question of the submission's; an error there is the submission's own."""
        try:
            return {"reply": services[message["ask"]](*message["arguments"])}
        except NONSENSE as error:
            return {"error": f"{type(error).__name__}: {str(error)[:200]}"}

    # ------------------------------------------------------------------ the process

    def begin(self) -> None:
        if self.process is not None:
            return
        self.socket, theirs = socket.socketpair()
        with theirs:
            site = str(Path(np.__file__).parents[1])
            words = [str(theirs.fileno()), "submission.py", str(PROCESSOR), str(self.memory), site]
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "worker.py", *words],
                cwd=self.folder,
                env={**dict.fromkeys(THREADS, "1"), "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def end(self) -> None:
        """Kill the process, and whatever it has started."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            self.socket.close()
            self.process = None

    def fail(self, why: str) -> None:
        self.end()
        raise Failed(why)

    # ------------------------------------------------------------------ messages

    def send(self, message: dict[str, Any]) -> None:
        try:
            self.socket.settimeout(self.left())
            self.socket.sendall(messages.encode(message))
        except TimeoutError:
            self.fail(f"it takes longer than {self.seconds:g} seconds; is there an endless loop?")
        except OSError:
            self.fail("its process has ended before it answered")

    def receive(self) -> dict[str, Any]:
        try:
            message = messages.read_message(self.read)
            if isinstance(message, dict):
                return message
        except NONSENSE:
            pass
        self.fail("what it sends is no answer")
        raise AssertionError

    def read(self, count: int) -> bytes:
        parts = []
        while count:
            try:
                self.socket.settimeout(self.left())
                part = self.socket.recv(min(count, 2**20))
            except TimeoutError:
                self.fail(f"it takes longer than {self.seconds:g} seconds; is there an endless loop?")
            except OSError:
                part = b""
            if not part:
                self.fail("its process has ended before it answered")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
