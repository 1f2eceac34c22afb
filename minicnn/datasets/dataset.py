"""Labelled images in memory, as bytes: what training and evaluation are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Dataset:
    """N images of one size, and what is on each.

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
