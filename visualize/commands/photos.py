"""Photographs given on the command line: files, folders, patterns; each worked on, and what is bad reported."""

from __future__ import annotations

import argparse
import glob
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minicnn.folders import files_under
from minicnn.images import read_photo

from .screen import progress, report


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


def each_photo(photos: Sequence[Photo], command: str, work: Callable[[Photo, np.ndarray], Any]) -> int:
    """Do the work for every photograph; those with which it fails are reported, and the others still done.

    A progress bar is shown if there are several.  Returns the exit code: 2 if any photograph was bad.
    """
    bad = 0
    for photo in progress(photos, command) if len(photos) > 1 else photos:
        try:
            work(photo, read_photo(photo.path))
        except BrokenPipeError:  # whoever read the results has seen enough
            raise
        except (ValueError, OSError, MemoryError) as error:
            text = " ".join(str(error).split())
            report(f"{command}: {text if photo.path in text else f'{photo.path}: {text}'}")
            bad += 1
    if bad and len(photos) > 2:
        report(f"{command}: {bad} of {len(photos)} files could not be used")
    return 2 if bad else 0
