"""A folder of images for each class: how people keep photographs that they sorted themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from ..images import Preprocessing
from .dataset import Splits

THUMBNAILS = Preprocessing((64, 64), mean=(0.0, 0.0, 0.0))  # of which only size and order matter here


def image_folder(
    root: str | os.PathLike[str],
    preprocessing: Preprocessing = THUMBNAILS,
    *,
    held_out: float = 0.2,
    seed: int = 0,
    progress: Callable[[list[Path]], Iterable[Path]] = iter,
) -> Splits:
    """Being written."""
    raise NotImplementedError
