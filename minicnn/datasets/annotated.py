"""Photographs with ground truth: the objects on them, and their boxes.

`Pictures` is the interface that an evaluation uses: the number of pictures, and the nth of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .shapes import duets, scenes

Box = tuple[float, float, float, float]  # (x0, y0, x1, y1) in pixels of the photograph, right and bottom exclusive


@dataclass(frozen=True, eq=False)
class Picture:
    """A photograph and its ground truth.

    name:    unique among the pictures of its source
    photo:   (H, W, 3) bytes
    objects: class → the boxes of all objects of that class
    notes:   objects that were left out, and why
    """

    name: str
    photo: np.ndarray
    objects: Mapping[int, Sequence[Box]]
    notes: Sequence[str] = ()


class Pictures(Protocol):
    """A source of pictures; it can be pickled, for every worker process gets a copy."""

    def __len__(self) -> int: ...

    def name(self, n: int) -> str:
        """The name of picture n, without reading it."""

    def __getitem__(self, n: int) -> Picture:
        """Picture n; ValueError or OSError, which says what is wrong, for one that cannot be used."""


@dataclass(frozen=True, eq=False)
class GeneratedPictures:
    """Generated scenes in memory.

    images: (N, H, W, 3); labels: (N, K) and boxes: (N, K, 4) of the K objects on each
    """

    images: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    title: str

    def __len__(self) -> int:
        return len(self.images)

    def name(self, n: int) -> str:
        return f"{self.title} {n}"

    def __getitem__(self, n: int) -> Picture:
        found = zip(self.labels[n].tolist(), self.boxes[n].tolist(), strict=True)
        return Picture(self.name(n), self.images[n], {label: [(x0, y0, x1, y1)] for label, (x0, y0, x1, y1) in found})


def scene_pictures(count: int, seed: int, classes: Sequence[str] | None) -> GeneratedPictures:
    """Generated scenes with one object each, labelled with the indices that a network with these classes uses."""
    made = scenes(count, seed)
    labels = in_classes(made.classes, classes)[made.labels]
    return GeneratedPictures(made.images, labels[:, None], made.boxes[:, None], "scene")


def duet_pictures(count: int, seed: int, classes: Sequence[str] | None) -> GeneratedPictures:
    """Generated scenes with two objects of different classes each."""
    made = duets(count, seed)
    return GeneratedPictures(made.images, in_classes(made.classes, classes)[made.labels], made.boxes, "duet")


def in_classes(names: Sequence[str], classes: Sequence[str] | None) -> np.ndarray:
    """The index of each name among a network's classes; a network without names has them in this order.

    Raises ValueError if the network lacks one of them.
    """
    if classes is None:
        return np.arange(len(names))
    known = {name.casefold(): c for c, name in enumerate(classes)}
    missing = [name for name in names if name.casefold() not in known]
    if missing:
        raise ValueError(f"the network has no class {missing[0]!r}, which is in the data ({', '.join(names)})")
    return np.array([known[name.casefold()] for name in names])
