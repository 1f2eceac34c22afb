"""A folder of images for each class: how people keep photographs that they sorted themselves.

    birds/robin/*.jpg                              birds/train/robin/*.jpg    birds/test/robin/*.jpg
    birds/wren/*.png                     or        birds/train/wren/*.png     birds/test/wren/*.png

The names of the folders, sorted, are the classes.  `test` may also be called `val`; where there is none, a part of
every class is held out.  Hidden files and folders (.DS_Store) are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..formats.reading import one_line
from ..images import Preprocessing, read_photo
from .dataset import Dataset, Splits, memory_for

THUMBNAILS = Preprocessing((64, 64), mean=(0.0, 0.0, 0.0))  # of which only size and order matter here
EXPECTED = "expected a folder of images for each class"

Labelled = list[tuple[Path, int]]  # image files and their classes


def image_folder(
    root: str | os.PathLike[str],
    preprocessing: Preprocessing = THUMBNAILS,
    *,
    held_out: float = 0.2,
    seed: int = 0,
    progress: Callable[[list[Path]], Iterable[Path]] = iter,
) -> Splits:
    """The images under `root` as the middle crop that a network sees of each (`Preprocessing.centre_crop`).

    preprocessing: says the size, and whether images become grey (order "L") or RGB; its mean and scale do not matter
    held_out:      the share of each class that becomes the test set where there is no folder for it; one image at least
    seed:          of the choice of these; the same files and seed give the same sets
    progress:      may wrap the files while they are read, as tqdm does

    Files that are no images are left out; `Splits.left_out` says which, and why.
    Raises ValueError, FileNotFoundError or NotADirectoryError for folders that cannot be learnt from: fewer than two
    classes, a class without images, more images than fit into memory (checked before any is read).
    """
    root = Path(root)
    tests = [root / name for name in ("test", "val") if (root / name).is_dir()]
    if (root / "train").is_dir() and tests:
        place = root / "train"
        classes = class_names(place)
        learnt, tested = labelled_files(place, classes), labelled_files(tests[0], classes)
        strangers = set(class_folders(tests[0])) - set(classes)
        if strangers:
            raise ValueError(f"{tests[0] / min(strangers)} is of a class that {place} does not have")
        if not tested:
            raise ValueError(f"{tests[0]} has no images; {EXPECTED}")
    else:
        classes = class_names(root)
        learnt, tested = hold_out(labelled_files(root, classes), held_out, seed)
    memory_for(len(learnt) + len(tested), shape_of(preprocessing))  # or nothing is read

    left_out: list[str] = []
    train, test = (read_images(files, preprocessing, classes, left_out, progress) for files in (learnt, tested))
    unseen = set(range(len(classes))) - set(train.labels.tolist())
    if unseen or not len(test):
        what = f"the class {classes[min(unseen)]} to learn from" if unseen else "those to be tested by"
        raise ValueError(f"{root}: of {what}, no image could be read ({len(left_out)} left out: {left_out[0]}, …)")
    return Splits(train, test, tuple(left_out))


# ---------------------------------------------------------------------- what is there


def class_folders(place: Path) -> list[str]:
    """The names of the folders in there, sorted."""
    if not place.exists():
        raise FileNotFoundError(f"{place} does not exist; {EXPECTED}")
    if not place.is_dir():
        raise NotADirectoryError(f"{place} is no folder; {EXPECTED}")
    return sorted(path.name for path in place.iterdir() if path.is_dir() and not is_hidden(path))


def class_names(place: Path) -> list[str]:
    """The folders' names as classes, if one can learn to tell them apart."""
    names = class_folders(place)
    if len(names) < 2:
        found = f"only one, {names[0]!r}" if names else "none"
        raise ValueError(f"{place} should have a folder of images for each of two classes or more; found {found}")
    for name in names:
        if not name.isprintable():
            raise ValueError(f"{place} has a class whose name cannot be printed, {name!a}; rename the folder")
        if all(is_hidden(path) for path in (place / name).iterdir()):
            raise ValueError(f"{place / name} is empty; expected the images of a class")
    return names


def labelled_files(place: Path, classes: list[str]) -> Labelled:
    """Each file of each class's folder, sorted, whether it is an image or not."""
    return [
        (path, c)
        for c, name in enumerate(classes)
        if (place / name).is_dir()
        for path in sorted((place / name).iterdir())
        if not is_hidden(path)
    ]


def is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def hold_out(files: Labelled, share: float, seed: int) -> tuple[Labelled, Labelled]:
    """The files in two: those to learn from, and `share` of every class, drawn at random, to be tested by."""
    if not 0 < share < 1:
        raise ValueError(f"expected a share between 0 and 1 to hold out, got {share}")
    rng = np.random.default_rng(seed)
    labels = np.array([c for _, c in files])
    is_tested = np.zeros(len(files), bool)
    for c in range(labels.max() + 1):
        members = np.flatnonzero(labels == c)
        if len(members) < 2:
            folder = files[members[0]][0].parent
            raise ValueError(f"{folder} has one image; expected two or more, for one is held out to be tested by")
        count = min(max(1, round(share * len(members))), len(members) - 1)
        is_tested[rng.choice(members, count, replace=False)] = True
    return [files[n] for n in np.flatnonzero(~is_tested)], [files[n] for n in np.flatnonzero(is_tested)]


# ---------------------------------------------------------------------- pixels


def shape_of(preprocessing: Preprocessing) -> tuple[int, ...]:
    return preprocessing.size if preprocessing.order == "L" else (*preprocessing.size, 3)


def read_images(
    files: Labelled,
    preprocessing: Preprocessing,
    classes: list[str],
    left_out: list[str],
    progress: Callable[[list[Path]], Iterable[Path]],
) -> Dataset:
    """The middle of each image at the network's size.  What cannot be read is noted in `left_out`."""
    images = memory_for(len(files), shape_of(preprocessing))
    labels: list[int] = []
    for path, (_, label) in zip(progress([path for path, _ in files]), files, strict=True):
        try:
            images[len(labels)] = preprocessing.centre_crop(read_photo(path)).pixels
        except (ValueError, OSError, MemoryError) as error:
            left_out.append(one_line(error).encode(errors="backslashreplace").decode())
        else:
            labels.append(label)
    return Dataset(images[: len(labels)], np.array(labels, np.int64), classes)
