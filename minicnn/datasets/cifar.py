"""CIFAR-10 from its Python batches: pickles written by Python 2, read without executing anything.

A batch is a dictionary.  Row n of "data" is image n: 1024 bytes of red, 1024 of green, 1024 of blue, each 32×32 row by
row; "labels" lists the classes.  "batches.meta" has their names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..array_pickle import read_array_pickle
from ..errors import FileError, reading
from .dataset import Dataset, Splits

FOLDER = "cifar-10-batches-py"
TRAINING_BATCHES = [f"data_batch_{n}" for n in range(1, 6)]
MOST_BATCH_BYTES = 128 * 2**20  # a batch of 10,000 images has 31 MB


def cifar10(folder: str | os.PathLike[str] | None) -> Splits:
    """Small photographs of ten classes [Krizhevsky2009]: 50,000 and 10,000 colour images of 32×32.

    folder: the unpacked cifar-10-batches-py, or the folder that it is in

    Raises ValueError (FileError) for files that are damaged or hold anything else, FileNotFoundError.
    """
    if folder is None:
        raise ValueError(f"cifar10 needs the folder with its Python batches, {FOLDER}, unpacked: --folder FOLDER")
    place = Path(folder) / FOLDER if (Path(folder) / FOLDER).is_dir() else Path(folder)
    classes = read_classes(place / "batches.meta")
    batches = [read_batch(place / name, classes) for name in TRAINING_BATCHES]
    images = np.concatenate([batch.images for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    return Splits(Dataset(images, labels, classes), read_batch(place / "test_batch", classes))


def read_batch(path: Path, classes: list[str]) -> Dataset:
    """The images of one batch and their labels."""
    with reading(path, "a batch of CIFAR-10's (Python version)") as file:
        batch = read_dictionary(file, path)
        data, labels = batch.get("data"), batch.get("labels")
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape[1:] != (3072,) or not len(data):
            raise FileError("has no data of 3072 bytes an image")
        if not isinstance(labels, list) or len(labels) != len(data):
            raise FileError(f"has {len(data):,} images, but not as many labels")
        for n, label in enumerate(labels):
            if not isinstance(label, int) or not 0 <= label < len(classes):
                raise FileError(f"image {n} has label {label!r:.80}; expected 0 … {len(classes) - 1}")
    images = data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # (N, C, H, W) → (N, H, W, C)
    return Dataset(np.ascontiguousarray(images), np.array(labels, np.int64), classes)


def read_classes(path: Path) -> list[str]:
    """The names of the classes in order."""
    with reading(path, "CIFAR-10's batches.meta (Python version)") as file:
        names = read_dictionary(file, path).get("label_names")
        if not isinstance(names, list) or not all(isinstance(name, (str, bytes)) for name in names) or len(names) < 2:
            raise FileError("has no list of two or more label_names")
        return [text(name) for name in names]


def read_dictionary(file: Any, path: Path) -> dict[str, Any]:
    """The dictionary of a pickle, with its keys as text."""
    size = os.path.getsize(path)
    if size > MOST_BATCH_BYTES:
        raise FileError(f"has {size:,} bytes; expected at most {MOST_BATCH_BYTES:,}")
    content = read_array_pickle(file.read(MOST_BATCH_BYTES))
    if not isinstance(content, dict):
        raise FileError("holds no dictionary")
    return {text(name): value for name, value in content.items()}


def text(name: str | bytes) -> str:
    """A name of Python 2, which may come as text or as bytes."""
    return name.decode("latin1") if isinstance(name, bytes) else str(name)
