"""Data sets from folders of images, one for each class (`layout`).

The names of the folders, sorted, are the classes.  Without a folder for the test set, a fraction of every class is held
out, of those images that could be read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from ..errors import one_line
from ..folders import files_under, may_be_picture
from ..images import Preprocessing, read_photo
from .dataset import Dataset, Splits, memory_for
from .layout import EXPECTED, Layout, layout_of

THUMBNAILS = Preprocessing((64, 64), mean=(0.0, 0.0, 0.0))  # of which only size and order matter here

Labelled = list[tuple[Path, int]]  # files and their classes
Progress = Callable[[list[Path]], Iterable[Path]]


def image_folder(
    root: str | os.PathLike[str],
    preprocessing: Preprocessing = THUMBNAILS,
    *,
    held_out: float = 0.2,
    seed: int = 0,
    progress: Progress = iter,
) -> Splits:
    """The images under `root` as centre crops (`Preprocessing.centre_crop`).

    preprocessing: for the size, and grey (order "L") or RGB; its mean and scale do not matter
    held_out:      the fraction of each class that becomes the test set if there is no folder for it; one image at least
    seed:          of the choice of these; the same files and seed give the same sets
    progress:      may wrap the files while they are read, as tqdm does

    What cannot be read is left out; `Splits.left_out` says which files, and why.
    Raises ValueError, FileNotFoundError or NotADirectoryError for folders that are no data set: fewer than two
    classes, a class of which more than half cannot be read, more images than fit into memory (checked before reading).
    """
    if not 0 < held_out < 1:
        raise ValueError(f"expected a fraction between 0 and 1 to hold out, got {held_out}")
    layout = layout_of(Path(root))
    files = {place: labelled_files(place, layout) for place in (layout.train, layout.test, layout.validation) if place}
    memory_for(sum(map(len, files.values())), shape_of(preprocessing))  # or nothing is read

    left_out = list(layout.notes)
    read = {
        place: read_images(place, files[place], preprocessing, layout.classes, left_out, progress) for place in files
    }
    train = read[layout.train]
    if layout.test is None:
        train, test = hold_out(train, held_out, seed, layout.train)
        return Splits(train, test, tuple(left_out))
    validation = None if layout.validation is None else read[layout.validation]
    return Splits(train, read[layout.test], tuple(left_out), validation)


def labelled_files(place: Path, layout: Layout) -> Labelled:
    """Every file in the folder of each class and its subfolders, sorted, whether it is an image or not."""
    return [
        (path, c)
        for c, name in enumerate(layout.classes)
        if (place / name).is_dir()
        for path in files_under(place / name)
    ]


def hold_out(data: Dataset, fraction: float, seed: int, place: Path) -> tuple[Dataset, Dataset]:
    """A random split: training images, and this fraction of every class as test images."""
    rng = np.random.default_rng(seed)
    is_tested = np.zeros(len(data), bool)
    for c, name in enumerate(data.classes):
        members = np.flatnonzero(data.labels == c)
        if len(members) < 2:
            raise ValueError(f"{place / name} has one image; expected two or more, for one is held out as a test image")
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        is_tested[rng.choice(members, count, replace=False)] = True
    test = data[is_tested]
    for to, n in enumerate(np.flatnonzero(~is_tested)):  # in place: a second copy of all images may not fit
        data.images[to] = data.images[n]
    return Dataset(data.images[: len(data) - len(test)], data.labels[~is_tested], data.classes), test


# ---------------------------------------------------------------------- pixels


def shape_of(preprocessing: Preprocessing) -> tuple[int, ...]:
    return preprocessing.size if preprocessing.order == "L" else (*preprocessing.size, 3)


def read_images(
    place: Path,
    files: Labelled,
    preprocessing: Preprocessing,
    classes: list[str],
    left_out: list[str],
    progress: Progress,
) -> Dataset:
    """The centre crop of each image.  Files that cannot be read are added to `left_out`."""
    images = memory_for(len(files), shape_of(preprocessing))
    labels: list[int] = []
    bad: dict[int, list[str]] = {}
    for path, (_, label) in zip(progress([path for path, _ in files]), files, strict=True):
        try:
            images[len(labels)] = preprocessing.centre_crop(read_photo(path)).pixels
        except (ValueError, OSError, MemoryError) as error:
            left_out.append(one_line(error).encode(errors="backslashreplace").decode())
            if may_be_picture(path):
                bad.setdefault(label, []).append(left_out[-1])
        else:
            labels.append(label)
    refuse_losses(place, Counter(labels), bad, classes, {c for _, c in files})
    return Dataset(images[: len(labels)], np.array(labels, np.int64), classes)


def refuse_losses(
    place: Path, read: Counter[int], bad: dict[int, list[str]], classes: list[str], there: set[int]
) -> None:
    """ValueError for a class of which no image, or less than half of them, could be read."""
    for c in sorted(there):
        lost = bad.get(c, [])
        if not read[c] and not lost:
            raise ValueError(f"{place / classes[c]} has no images; {EXPECTED}")
        if not read[c]:
            counts = f"no image could be read ({len(lost)} left out: {lost[0]}, …)"
            raise ValueError(f"{place}: of the class {classes[c]}, {counts}")
        if len(lost) > read[c]:
            counts = f"{len(lost)} of {len(lost) + read[c]} images cannot be read"
            raise ValueError(f"{place / classes[c]}: {counts}, more than half ({lost[0]}, …)")
