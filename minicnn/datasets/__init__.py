"""Data sets of labelled images: generated, or read from local files.  Nothing is downloaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..files import refuse_address
from ..images import Preprocessing
from ..spelling import choose_from
from . import shapes
from .cifar import cifar10
from .dataset import Dataset, Splits
from .folder import THUMBNAILS, image_folder
from .idx import fashion_mnist, mnist

__all__ = ["DATASETS", "Dataset", "Splits", "cifar10", "fashion_mnist", "image_folder", "load", "mnist"]

Folder = str | os.PathLike[str] | None
Progress = Callable[[Iterable[Any]], Iterable[Any]]  # iterates over its argument, and may show a progress bar

DATASETS: dict[str, Callable[[Folder, int, Progress], Splits]] = {
    "fashion-mnist": lambda folder, seed, progress: fashion_mnist(folder),
    "mnist": lambda folder, seed, progress: mnist(folder),
    "cifar10": lambda folder, seed, progress: cifar10(folder),
    "shapes": lambda folder, seed, progress: shapes.splits(seed, progress=progress),
}


def load(
    name_or_path: str | os.PathLike[str],
    *,
    folder: Folder = None,
    preprocessing: Preprocessing = THUMBNAILS,
    seed: int = 0,
    progress: Progress = iter,
) -> Splits:
    """A data set by name (DATASETS), or a folder with a folder of images for each class (`image_folder`).

    folder:        where the files of a data set by name are; some have a default
    preprocessing: the size and order ("L" is grey, all others RGB) to which a folder's images are cropped; its mean
                   and scale do not matter here.  A data set by name comes as it is
    seed:          for generated scenes, and for the choice of a folder's test images
    progress:      may wrap the loop over files or scenes, as tqdm does

    A name means the data set; a folder of the same name is "./shapes".
    Raises ValueError, OSError or MissingPackage, each of one line.
    """
    name, names = str(name_or_path), ", ".join(DATASETS)
    if isinstance(name_or_path, str) and name in DATASETS:
        return DATASETS[name](folder, seed, progress)
    if folder is not None:
        raise ValueError(f"--folder goes with a data set by name ({names}), not with {name}")
    refuse_address(name, "a folder of images")
    if isinstance(name_or_path, str) and not os.path.exists(name) and len(Path(name).parts) == 1:
        raise ValueError(f"there is no data set {name!r}{choose_from(name, DATASETS, 'or give a folder of images')}")
    return image_folder(name_or_path, preprocessing, seed=seed, progress=progress)
