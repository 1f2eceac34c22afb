"""The files of --out: in a folder, or for one picture under its own name."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .opening import add_open

PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff", ".bmp", ".svg", ".pdf"}


def add_out(parser: argparse.ArgumentParser, default: str, named: bool = True) -> None:
    """--out, and --open for what is put there."""
    or_name = ", or of one picture its own name, NAME.png" if named else ""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(default),
        metavar="DIR",
        help=f"folder for pictures{or_name} (default: %(default)s)",
    )
    add_open(parser)


@dataclass(frozen=True)
class Files:
    """The files of one picture, which share a stem; `replaced` if the picture was there before."""

    stem: Path
    replaced: bool

    def __getitem__(self, ending: str) -> str:
        """The file with this ending: files[".png"], files["-curves.png"]."""
        return f"{self.stem}{ending}"

    def __str__(self) -> str:
        return f"{self.stem}.png{' (replaced)' if self.replaced else ''}"


class Output:
    """The place of a run's files.

    out:    a folder, made when the first file is written, or a name that ends in .png
    count:  number of pictures
    inputs: files that are read, and must not be overwritten
    """

    def __init__(self, out: Path, count: int = 1, inputs: Iterable[str] = ()) -> None:
        self.is_name = out.suffix.lower() == ".png" and not out.is_dir()
        if self.is_name and count != 1:
            raise ValueError(f"--out {out} names one picture, but there are {count}: give a folder")
        if not self.is_name:
            refuse_file(out)
        self.out, self.inputs = out, {Path(path).resolve() for path in inputs}
        if self.is_name and out.resolve() in self.inputs:
            raise ValueError(f"--out {out} is the photograph itself: give another name, or a folder")

    def files(self, name: str, kind: str, classes: Sequence[str] = ()) -> Files:
        """The files for one picture: "cat-saliency-tabby.png" and the files beside it."""
        if self.is_name:
            folder, stem = self.out.parent, self.out.with_suffix("")
        else:
            folder, stem = self.out, self.out / "-".join([name, kind, *some(classes)])
        folder.mkdir(parents=True, exist_ok=True)
        if Path(f"{stem}.png").resolve() in self.inputs:
            raise ValueError(f"{stem}.png is one of the photographs, and would be overwritten: choose another --out")
        return Files(stem, Path(f"{stem}.png").exists())


def some(names: Sequence[str], limit: int = 4) -> list[str]:
    """The first names, as parts of a file's name, and how many more there are."""
    slugs = [slug(name) for name in names[:limit]]
    return [*slugs, f"and-{len(names) - limit}-more"] if len(names) > limit else slugs


def slug(name: str) -> str:
    """A name as a part of a file's name."""
    return re.sub(r"[^\w]+", "-", name.casefold()).strip("-") or "class"


def different_slugs(names: Sequence[str]) -> list[str]:
    """The names as parts of files' names; those that would be the same ("C", "C++") are numbered."""
    found = [slug(name) for name in names]
    return [f"{name}-{k}" if found.count(name) > 1 else name for k, name in enumerate(found, 1)]


def refuse_file(path: Path) -> None:
    """An error, before any work is done, if --out is no folder and cannot become one."""
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"--out {path} is a file; expected a folder")
    if path.suffix.lower() in PICTURES and not path.is_dir():
        raise ValueError(f"--out {path}: expected a folder, or of one picture a name that ends in .png")


def output_folder(path: Path) -> Path:
    """The folder, made if it is not there."""
    refuse_file(path)
    path.mkdir(parents=True, exist_ok=True)
    return path
