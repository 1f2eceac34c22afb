"""--open: what a command wrote is shown in the browser, once it has done everything else."""

from __future__ import annotations

import argparse
import os
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGES = (".html", ".htm")

_written: list[Path] = []  # in this run, the pictures and pages


def add_open(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--open", action="store_true", help="show the page, or else the first picture, in the browser")


def written(path: str | os.PathLike[str]) -> None:
    """Whoever writes a picture or a page says so."""
    _written.append(Path(path))


@contextmanager
def opened_at_the_end(args: argparse.Namespace) -> Iterator[None]:
    """A command, after which is shown what it wrote, if --open asks for it."""
    _written.clear()
    yield
    if getattr(args, "open", False):
        show(args.command)


def show(command: str) -> None:
    """The last page, or else the first picture; a line on standard error if there is none, or no browser."""
    pages = [path for path in _written if path.suffix.lower() in PAGES]
    if not _written:
        print(f"minicnn {command}: note: --open: nothing was drawn", file=sys.stderr)
        return
    path = (pages[-1] if pages else _written[0]).resolve()
    if not webbrowser.open(path.as_uri()):
        print(f"minicnn {command}: note: --open: no browser here; open {path} yourself", file=sys.stderr)
