"""Photographs given on the command line: files, folders, patterns; each worked on, and what is bad reported."""

from __future__ import annotations

import argparse
import glob
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.folders import files_under
from minicnn.images import read_photo
from visualize.spread import Answer, here

from .common import print_json
from .screen import progress, report, say
from .spreading import Spread


def add_photos(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "photos",
        nargs="+",
        metavar="PHOTO",
        help="a photograph (PNG, JPEG, …), a folder of them, or a pattern ('*.jpg')",
    )


@dataclass(frozen=True)
class Photo:
    """One photograph to work on.

    path: as it was given, or found in a folder
    name: what the files made of it are called after; no two photographs of a run have the same
    """

    path: str
    name: str


def chosen_photos(arguments: Sequence[str]) -> list[Photo]:
    """The photographs that the arguments mean, in their order; files of a folder are sorted.

    Raises ValueError for a pattern that fits nothing, an empty folder, and a file that is given twice.  Files that do
    not exist stay: they are reported among the others.
    """
    paths: list[str] = []
    droppings: list[Path] = []
    known: set[str] = set()
    for argument in arguments:  # a file in a folder that was named, too, is worked on once
        paths += [path for path in files_meant(argument, droppings) if path not in known or path == argument]
        known.update(paths)
    if droppings:
        warnings.warn(f"passed over, for systems drop such files: {', '.join(map(str, droppings))}", stacklevel=2)
    return [Photo(path, name) for path, name in zip(paths, different_names(paths), strict=True)]


def files_meant(argument: str, droppings: list[Path]) -> list[str]:
    """The files that one argument means."""
    path = Path(argument)
    if path.is_dir():
        found = [str(file) for file in files_under(path, droppings)]
        if not found:
            raise ValueError(f"{argument} is a folder without files; expected photographs (PNG, JPEG, …)")
        return found
    if not path.exists() and glob.has_magic(argument) and "://" not in argument:
        matches = sorted(glob.glob(argument, recursive=True))
        if not matches:
            raise ValueError(f"no file is called like {argument}; expected photographs (PNG, JPEG, …)")
        return [file for match in matches for file in files_meant(match, droppings)]
    return [argument]


def different_names(paths: Sequence[str]) -> list[str]:
    """A name for each: its own, with the suffix or the folders in it where another has the same ("a-001", "x-png")."""
    ways: list[Callable[[Path], str]] = [
        lambda path: path.stem,
        lambda path: path.name.replace(".", "-"),
        lambda path: "-".join([*path.parent.parts[-1:], path.stem]),
        lambda path: "-".join(part.strip("/\\:.") for part in path.parts).replace(".", "-"),
    ]
    tried = [[way(Path(path)) for path in paths] for way in ways]
    names = list(tried[0])
    for other in tried[1:]:
        count = Counter(name.casefold() for name in names)  # some file systems do not tell case apart
        names = [new if count[name.casefold()] > 1 else name for name, new in zip(names, other, strict=True)]
    return names


def refuse_twice(photos: Sequence[Photo]) -> None:
    """ValueError if the files of two photographs would have the same names."""
    count = Counter(photo.name.casefold() for photo in photos)
    for photo in photos:
        if count[photo.name.casefold()] > 1:
            stem = Path(photo.path).stem
            raise ValueError(f"{photo.path} is given twice: two photographs are called {stem!r}; give each once")


Line = str | dict[str, Any]  # to print: a text, or what becomes a line of JSON
Look = Callable[[Photo, np.ndarray], list[Line]]


def each_photo(photos: Sequence[Photo], command: str, work: Look, spread: Spread = here) -> int:
    """Print what work(photo, pixels) returns for every photograph, in their order.

    Those with which it fails are reported, and the others still done.  A progress bar is shown if there are several.
    Returns the exit code: 2 if any photograph was bad.
    """
    bad = 0
    with spread(work) as each:
        answers = each(looked_at, list(enumerate(photos)))
        if len(photos) > 1:
            answers = progress(answers, command, len(photos), lambda answer: bool(why_bad(answer)))
        for answer in in_order(answers):
            for line in (answer.found or {}).get("lines", ()):
                say(line) if isinstance(line, str) else print_json(line)
            if why := why_bad(answer):
                report(f"{command}: {why}")
                bad += 1
    if bad and len(photos) > 2:
        report(f"{command}: {bad} of {len(photos)} files could not be used")
    return 2 if bad else 0


def why_bad(answer: Answer) -> str:
    """Which photograph could not be used, why, and on which worker; "" for a good one."""
    path, why = answer.task[1].path, answer.left_out or answer.found.get("error", "")
    if not why:
        return ""
    return (why if path in why else f"{path}: {why}") + answer.on_worker


def looked_at(work: Look, task: tuple[int, Photo]) -> dict[str, Any]:
    """The lines to print of one photograph, or why there are none."""
    photo = task[1]
    try:
        return {"lines": work(photo, read_photo(photo.path))}
    except (ValueError, OSError, MemoryError) as error:
        return {"error": " ".join(str(error).split())}


def in_order(answers: Iterable[Answer]) -> Iterator[Answer]:
    """The answers to the tasks (0, …), (1, …), …, which may come in any order."""
    early: dict[int, Answer] = {}
    coming = 0
    for answer in answers:
        early[answer.task[0]] = answer
        while coming in early:
            yield early.pop(coming)
            coming += 1
