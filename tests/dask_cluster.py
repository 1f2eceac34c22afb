"""A real scheduler and real workers on the loopback interface, each a process of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 300  # seconds, on a machine that is busy with other tests


class DaskCluster:
    """Started in a folder, where logs and the scheduler's file are; every process is ended with the block."""

    def __init__(self, folder: Path, workers: int, options: tuple[str, ...] = (), env: Mapping[str, str] | None = None):
        self.folder, self.options, self.env = folder, options, {**os.environ, **(env or {})}
        self.file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start("scheduler", "--port", "0", "--scheduler-file", str(self.file))
        self.wait_for(lambda: self.file.exists() and self.file.read_bytes().strip().endswith(b"}"))
        self.address = str(json.loads(self.file.read_text())["address"])
        self.workers = [self.worker() for _ in range(workers)]

    def worker(self, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
        place = ("--local-directory", str(self.folder / "space"))
        return self.start("worker", self.address, "--nthreads", "1", "--memory-limit", "0", *place, cwd=cwd)

    def start(self, what: str, *arguments: str, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
        http = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", *http]
        with open(self.folder / f"{what}-{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [*command, *self.options, *arguments],
                cwd=cwd, env=self.env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def wait_for(self, happened: Any) -> None:
        patience = time.monotonic() + PATIENCE
        while not happened():
            if self.scheduler.poll() is not None or time.monotonic() > patience:
                raise RuntimeError("".join(log.read_text() for log in self.folder.glob("*.log")))
            time.sleep(0.1)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """The process with all that it started."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes[::-1]:
            self.kill(process)
