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


class Overall:
    """One progress bar for several parts of a work, on standard error; silent when that is not a terminal.

    total: of all parts' items, each times its weight
    """

    def __init__(self, total: float, what: str) -> None:
        from tqdm import tqdm

        self.what = what
        bar_format = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
        self.bar = tqdm(total=total, desc=what, bar_format=bar_format, leave=False, disable=None, file=sys.stderr)

    def __enter__(self) -> Overall:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def of(self, items: Iterable[T], part: str, weight: float = 1) -> Iterator[T]:
        """The items of one part; the bar says which it is."""
        self.bar.set_description(f"{self.what}, {part}")
        for item in items:
            yield item
            self.bar.update(weight)
