"""How photographs are preprocessed for a network whose file does not say it: a preset by name, or numbers.  Size and
channels are always those of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .architectures import PREPROCESSINGS
from .images import Preprocessing
from .resizing import Size

Shape = tuple[int, int, int]  # (C, H, W) of an image


def shape_of(preprocessing: Preprocessing | None) -> Shape | None:
    """(C, H, W) of the images that it prepares."""
    return None if preprocessing is None else (preprocessing.channels, *preprocessing.size)


@dataclass(frozen=True)
class Preparation:
    """What the user says of X_0 = (pixels − mean) · scale, pixels 0 … 255.

    preset: a name of PREPROCESSINGS; "plain" divides by 255 and fits any number of channels
    mean, scale: one number, or one for each channel in the network's order
    order:  "RGB", "BGR" or "L" (grey)
    size:   (h, w), for a file that does not say it
    """

    preset: str | None = None
    mean: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    order: str | None = None
    size: tuple[int, int] | None = None

    def fitted(self, declared: Shape | None, own: Preprocessing | None) -> Preprocessing:
        """The preprocessing for a network that takes images of `declared`; ValueError for a contradiction."""
        base = own if self.preset is None else PREPROCESSINGS[self.preset]
        C = declared[0] if declared else len(self.order or (base.order if base else "RGB"))
        if C not in (1, 3):
            raise ValueError(f"reads images of {C} channels; photographs have 3, or 1 if they are grey")
        self._refuse_contradiction(C, declared, base)
        size = declared[1:] if declared else self.size or (base.size if base else None)
        if size is None:
            raise ValueError(
                "does not say the size of its images: give it one, --size HEIGHTxWIDTH, or --preprocessing"
            )
        matching = base if base is not None and base.channels == C else None
        order = self.order or (matching.order if matching else "L" if C == 1 else "RGB")
        matching = matching and in_order(matching, order)
        mean, scale = self.mean or (0.0,), self.scale or (1.0 if self.mean else 1 / 255,)
        if matching and self.mean is None:
            mean = tuple(np.asarray(matching.mean).reshape(C, -1).mean(axis=1).tolist())
        if matching and self.scale is None:
            scale = tuple(np.atleast_1d(matching.scale).tolist())
        full = matching.mean if matching and self.mean is None and shape_of(matching) == (C, *size) else None
        each_mean = full if isinstance(full, np.ndarray) else each(mean, C, "mean")
        resize, rounding = (resize_in_proportion(base, size), base.rounding) if base else (None, "nearest")
        return Preprocessing(size, each_mean, each(scale, C, "scale"), order, resize, rounding)

    def _refuse_contradiction(self, C: int, declared: Shape | None, base: Preprocessing | None) -> None:
        """ValueError, naming both sides, for what contradicts the network's input."""
        if self.order is not None and len(self.order) != C:
            raise ValueError(f"reads images of {named(C)}, but the order {self.order} has {named(len(self.order))}")
        if declared and self.size is not None and self.size != declared[1:]:
            raise ValueError(f"reads images of {by(declared[1:])}, but --size says {by(self.size)}")
        explicit = self.mean is not None and self.scale is not None
        if self.preset not in (None, "plain") and base is not None and base.channels != C and not explicit:
            fits = ", ".join(name for name, p in PREPROCESSINGS.items() if p.channels == C or name == "plain")
            raise ValueError(
                f"reads images of {named(C)}, but --preprocessing {self.preset} prepares {named(base.channels)}; "
                f"choose from {fits}, or give --mean and --scale"
            )


def in_order(p: Preprocessing, order: str) -> Preprocessing:
    """The same preprocessing for channels in this order: mean and scale reordered with them."""
    if order == p.order:
        return p
    mean = p.mean[::-1] if isinstance(p.mean, np.ndarray) else tuple(p.mean)[::-1]
    scale = tuple(p.scale)[::-1] if isinstance(p.scale, tuple) else p.scale
    return replace(p, order=order, mean=mean, scale=scale)


def resize_in_proportion(base: Preprocessing, size: Size) -> int | Size | None:
    """What `base` resizes photographs to, for crops of another size: in proportion."""
    if isinstance(base.resize, tuple):
        height, width = (max(n, round(n * to / of)) for n, to, of in zip(size, base.resize, base.size, strict=True))
        return height, width
    return base.resize and max(*size, round(max(size) * base.resize / max(base.size)))


def each(values: Sequence[float], C: int, what: str) -> tuple[float, ...]:
    """One number for each channel."""
    if len(values) not in (1, C):
        expected = "1" if C == 1 else f"1 or {C}"
        raise ValueError(f"reads images of {named(C)}, but the {what} has {len(values)} numbers; expected {expected}")
    return tuple(float(value) for value in values) * (C // len(values))


def named(C: int) -> str:
    return "1 channel" if C == 1 else f"{C} channels"


def by(size: tuple[int, ...]) -> str:
    return "×".join(map(str, size))
