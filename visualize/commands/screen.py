"""What a command says while it works: lines past a progress bar, and the bar."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any, TypeVar

T = TypeVar("T")


def say(text: str, file: Any = None) -> None:
    """A line on standard output, past a progress bar."""
    tqdm = sys.modules.get("tqdm")  # while it is not imported no bar is shown
    with tqdm.tqdm.external_write_mode(file=file or sys.stdout) if tqdm else nullcontext():
        print(text, file=file or sys.stdout, flush=True)


def report(text: str) -> None:
    """A line on standard error, past a progress bar."""
    say(text, sys.stderr)


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The items, with a progress bar on standard error; silent when that is not a terminal."""
    from tqdm import tqdm

    yield from tqdm(items, desc=what, total=total, leave=False, disable=None, file=sys.stderr)
