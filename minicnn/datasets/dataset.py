"""Labelled images in memory, as bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MOST_BYTES = 4 * 2**30  # of images: 350,000 of 64×64 in colour


@dataclass(frozen=True, eq=False)
class Dataset:
    """N images of one size and their classes.

    images:  (N, H, W, 3) RGB or (N, H, W) grey, bytes
    labels:  (N,) the class of each, 0 … len(classes) − 1
    classes: the names of the classes
    """

    images: np.ndarray
    labels: np.ndarray
    classes: list[str]

    def __post_init__(self) -> None:
        if self.images.dtype != np.uint8 or self.images.ndim not in (3, 4) or self.images.shape[3:] not in ((), (3,)):
            raise ValueError(
                f"expected images (N, H, W, 3) or (N, H, W) of bytes, got {self.images.dtype} {self.images.shape}"
            )
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype.kind not in "iu":
            raise ValueError(
                f"expected one label for each of {len(self.images)} images, got {self.labels.dtype} {self.labels.shape}"
            )
        outside = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.classes)))
        if outside.size:
            n = int(outside[0])
            raise ValueError(f"image {n} has label {self.labels[n]}; expected 0 … {len(self.classes) - 1}")

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, chosen: slice | np.ndarray | Sequence[int]) -> Dataset:
        """The chosen images as a data set of their own."""
        return Dataset(self.images[chosen], self.labels[chosen], self.classes)


@dataclass(frozen=True, eq=False)
class Splits:
    """Training images, test images and, if the data set has them, validation images, all of the same classes.

    left_out: one line for each image that could not be read, or folder that was ignored: which, and why
    """

    train: Dataset
    test: Dataset
    left_out: tuple[str, ...] = ()
    validation: Dataset | None = None

    def __post_init__(self) -> None:
        for tested in [self.test, *([] if self.validation is None else [self.validation])]:
            if self.train.classes != tested.classes:
                raise ValueError("training and test images have different classes")
            if self.train.images.shape[1:] != tested.images.shape[1:]:
                raise ValueError(
                    f"training images have shape {self.train.images.shape[1:]}, test images {tested.images.shape[1:]}: "
                    "expected the same"
                )

    @property
    def classes(self) -> list[str]:
        return self.train.classes


def memory_for(count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Uninitialised memory for so many images, (count, *shape) bytes; ValueError if that is more than MOST_BYTES."""
    if count * math.prod(shape) > MOST_BYTES:
        raise ValueError(
            f"{count:,} images of {' × '.join(map(str, shape))} bytes are more than the {MOST_BYTES:,} bytes that a "
            "data set may take; use fewer or smaller ones"
        )
    return np.empty((count, *shape), np.uint8)
