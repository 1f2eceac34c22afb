"""Walking through folders, past the files that operating systems and programs leave there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

DROPPINGS = {
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "$recycle.bin", "system volume information",
    "lost+found", "@eadir", "@__thumb", "#recycle", "picasa.ini", "__pycache__",
}  # fmt: skip
OTHER_PICTURES = {".heic", ".heif", ".avif", ".jxl", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2"}


def is_dropping(path: Path) -> bool:
    """Whether it was left by a system or a program: hidden files, Thumbs.db, __MACOSX, …"""
    return path.name.startswith(".") or path.name.casefold() in DROPPINGS


def folders_in(place: Path) -> list[Path]:
    """The subfolders, sorted, without droppings."""
    return sorted(path for path in place.iterdir() if path.is_dir() and not is_dropping(path))


def files_under(place: Path, droppings: list[Path] | None = None) -> Iterator[Path]:
    """All files in a folder and its subfolders, sorted; droppings are skipped, and added to the list."""
    seen = set()
    for folder, inside, files in os.walk(place, followlinks=True):
        here = Path(folder)
        seen.add(here.resolve())
        dropped = [name for name in [*inside, *files] if is_dropping(here / name)]
        if droppings is not None:
            droppings += [here / name for name in sorted(dropped)]
        # links may lead in a circle
        inside[:] = sorted(name for name in set(inside) - set(dropped) if (here / name).resolve() not in seen)
        yield from (here / name for name in sorted(set(files) - set(dropped)))


def may_be_picture(path: Path) -> bool:
    """Whether the suffix is that of a picture, readable here or not, or missing."""
    return path.suffix.lower() in picture_suffixes() | OTHER_PICTURES | {""}


def picture_suffixes() -> set[str]:
    """The suffixes of the pictures that can be read: .png, .jpg, …"""
    Image.init()
    return {suffix for suffix, kind in Image.EXTENSION.items() if kind in Image.OPEN}
