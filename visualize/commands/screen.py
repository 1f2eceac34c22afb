"""Output of a working command: lines, and a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any, TypeVar

T = TypeVar("T")


def say(text: str, file: Any = None) -> None:
    """Print a line on standard output, above a progress bar."""
    tqdm = sys.modules.get("tqdm")  # no bar is shown before it is imported
    with tqdm.tqdm.external_write_mode(file=file or sys.stdout) if tqdm else nullcontext():
        print(text, file=file or sys.stdout, flush=True)


def report(text: str) -> None:
    """Print a line on standard error, above a progress bar."""
    say(text, sys.stderr)


def progress(
    items: Iterable[T], what: str, total: int | None = None, left_out: Callable[[T], bool] = lambda item: False
) -> Iterator[T]:
    """The items, with a progress bar on standard error; silent when that is not a terminal.

    It shows how many there were and are to come, a second, the time left, and how many were left out.
    """
    from tqdm import tqdm

    count = 0
    with tqdm(items, desc=what, total=total, leave=False, disable=None, file=sys.stderr) as bar:
        for item in bar:
            if left_out(item):
                count += 1
                bar.set_postfix_str(f"{count} left out")
            yield item
