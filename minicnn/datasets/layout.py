"""The layout of a folder of labelled images: which subfolder is which split, and what the classes are.

    birds/robin/*.jpg            birds/train/robin/*.jpg    birds/test/robin/*.jpg    birds/valid/robin/*.jpg
    birds/wren/2023/*.png        birds/train/wren/*.png     birds/test/wren/*.png     birds/valid/wren/*.png

Splits may be called train or training, test or testing, val, valid, validation or dev, in any case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..folders import files_under, folders_in

SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "validation": ("val", "valid", "validation", "dev"),
}
EXPECTED = "expected a folder of images for each class"
UNDERSTOOD = (
    "understood are a folder of images for each class, or folders train and test (and val, valid or validation) with "
    "such folders inside"
)


@dataclass
class Layout:
    """Where the images of each class are.

    train:      the folder with the classes' folders
    test:       likewise; None: a fraction of every class is held out
    validation: likewise, if it is there beside a test set
    notes:      what was found and ignored, a line each
    """

    train: Path
    classes: list[str]
    test: Path | None = None
    validation: Path | None = None
    notes: list[str] = field(default_factory=list)


def layout_of(root: Path) -> Layout:
    """The layout of a folder; ValueError, with the known layouts, FileNotFoundError or NotADirectoryError."""
    if not root.exists():
        raise FileNotFoundError(f"{root} does not exist; {EXPECTED}")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is no folder; {EXPECTED}")
    inside = folders_in(root)
    if len(inside) == 1 and len(folders_in(inside[0])) > 0:  # an archive unpacked into a folder of its own name
        return layout_of(inside[0])
    splits = splits_of(root, inside)
    if "train" not in splits or len(splits) < 2:
        if inside and all(split_called(path.name) for path in inside) and not any(map(folders_in, inside)):
            raise ValueError(f"{root} has {names(inside)}, without folders of classes inside; {UNDERSTOOD}")
        return Layout(root, class_names(root))
    layout = Layout(splits["train"], class_names(splits["train"]))
    layout.notes += [
        f"{path} is none of train, test and validation, and is ignored"
        for path in inside
        if path not in splits.values()
    ]
    tested = [split for split in ("test", "validation") if split in splits]
    labelled = {split: splits[split] for split in tested if is_labelled(layout, splits[split])}
    layout.test = labelled.get("test", labelled.get("validation"))
    layout.validation = labelled.get("validation") if "test" in labelled else None
    return layout


def split_called(name: str) -> str | None:
    """Which split a folder of this name is, if any."""
    return next((split for split, called in SPLITS.items() if name.casefold() in called), None)


def splits_of(root: Path, inside: list[Path]) -> dict[str, Path]:
    """Split → its folder; ValueError if two folders are the same split.

    A folder "train" with images and no folders in it may be a class of vehicles: then there are no splits.
    """
    found: dict[str, Path] = {}
    for path in inside:
        split = split_called(path.name)
        if split is None:
            continue
        if split in found:
            raise ValueError(f"{root} has {names([found[split], path])}: which of them is it?  {UNDERSTOOD}")
        found[split] = path
    return found if "train" in found and folders_in(found["train"]) else {}


def is_labelled(layout: Layout, place: Path) -> bool:
    """Whether the images of a split are in folders of the classes; if there are none, it is ignored, with a note.

    ValueError if some of the folders are classes, and some are not.
    """
    inside = folders_in(place)
    strangers = [path for path in inside if path.name not in layout.classes]
    if len(strangers) < len(inside):
        if strangers:
            raise ValueError(f"{strangers[0]} is of a class that {layout.train} does not have")
        return True
    count = sum(1 for _ in files_under(place))
    if not count:
        raise ValueError(f"{place} has no images; {EXPECTED}")
    layout.notes.append(f"{place} has no folders of the classes: its {count} files are not labelled, and ignored")
    return False


def class_names(place: Path) -> list[str]:
    """The names of the folders, which are the classes; ValueError unless there are two or more with images."""
    inside = folders_in(place)
    if len(inside) < 2:
        found = f"only one, {inside[0].name!r}" if inside else "none"
        raise ValueError(
            f"{place} should have a folder of images for each of two classes or more; found {found}; {UNDERSTOOD}"
        )
    for path in inside:
        if not path.name.isprintable():
            raise ValueError(f"{place} has a class whose name cannot be printed, {path.name!a}; rename the folder")
        if next(files_under(path), None) is None:
            raise ValueError(f"{path} is empty; expected the images of a class")
    return [path.name for path in inside]


def names(folders: list[Path]) -> str:
    return " and ".join(path.name for path in folders)
