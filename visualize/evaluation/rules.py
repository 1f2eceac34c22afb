"""From a map to a box, by several rules, each with its free settings and the grid on which they are tuned.

Cut            the paper's: quantiles → colour models → graph cut → largest component → box
Threshold      the box around the largest component of what lies above a fraction of the map's maximum, without colours
CentredBox     no map at all: a box in the middle; with share 1 the whole image
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any, ClassVar, Protocol

import numpy as np

from ..graph_cut import clamped, minimal_cut, pairwise_terms, unary_terms
from ..localization import (
    PRESETS,
    Box,
    CutSettings,
    bounding_box,
    clamped_seeds,
    enlarged,
    largest_component,
    locate,
    quantile_seeds,
    shrunk,
)
from ..mixture import Mixture, fit_mixture


class Rule(Protocol):
    """How a map becomes a box.  Two rules with the same settings are equal."""

    def box(self, photo: np.ndarray, saliency: np.ndarray) -> Box | None:
        """The box that a map (H, W) of a photograph (H, W, 3) leads to; None if nothing is found."""

    @classmethod
    def grid(cls) -> list[Any]:
        """The rules among which tuning chooses, in a fixed order."""

    @classmethod
    def grid_boxes(cls, photo: np.ndarray, saliency: np.ndarray) -> list[Box | None]:
        """The box of every rule of the grid; quicker than one after the other."""

    def described(self) -> dict[str, float]:
        """The settings by name."""


# ---------------------------------------------------------------------- the paper's


@dataclass(frozen=True)
class Cut:
    """`locate`: the paper's section 3.2.  As it stands with the paper's quantiles and its tool's constants."""

    settings: CutSettings = field(default_factory=CutSettings)

    FOREGROUND = (0.80, 0.90, 0.95, 0.98)
    BACKGROUND = (0.30, 0.50, 0.70, 0.90)
    PAIRWISE: ClassVar = {"iseg": (50.0, 150.0, 300.0), "minicnn": (10.0, 20.0, 50.0)}  # by whose β, … go with it

    def box(self, photo: np.ndarray, saliency: np.ndarray) -> Box | None:
        return locate(photo, saliency, self.settings).box

    @classmethod
    def grid(cls) -> list[Cut]:
        return [
            Cut(dataclasses.replace(PRESETS[name], foreground=high, background=low, pairwise=pairwise))
            for name, strengths in cls.PAIRWISE.items()
            for high, low, pairwise in product(cls.FOREGROUND, cls.BACKGROUND, strengths)
            if low <= high
        ]

    @classmethod
    def grid_boxes(cls, photo: np.ndarray, saliency: np.ndarray) -> list[Box | None]:
        return cut_boxes(photo, saliency, [rule.settings for rule in cls.grid()])

    def described(self) -> dict[str, float]:
        return dataclasses.asdict(self.settings)


def cut_boxes(photo: np.ndarray, saliency: np.ndarray, several: list[CutSettings]) -> list[Box | None]:
    """The boxes of `locate` by several settings that agree in `pixels`.

    Each colour model is fitted once: it depends on its quantile and on what it is made of, not on the outline's price.
    """
    (pixels,) = {settings.pixels for settings in several}
    colours, small = shrunk(photo, saliency, pixels)

    @cache
    def seeds(foreground: float, background: float) -> tuple[np.ndarray, np.ndarray]:
        return quantile_seeds(small, foreground, background)

    models: dict[tuple[bytes, int], Mixture] = {}

    def model(mask: np.ndarray, components: int, uniform: float) -> Mixture:
        key = mask.tobytes(), components
        if key not in models:
            models[key] = fit_mixture(colours[mask], components)
        return dataclasses.replace(models[key], uniform=uniform)

    @cache
    def unary(foreground: float, background: float, components: int, uniform: float) -> np.ndarray:
        return unary_terms(colours, *(model(mask, components, uniform) for mask in seeds(foreground, background)))

    boxes: dict[CutSettings, Box | None] = {}
    for settings in dict.fromkeys(several):
        above, below = seeds(settings.foreground, settings.background)
        if not above.any() or not below.any():
            boxes[settings] = None
            continue
        pairwise = pairwise_terms(colours, settings.pairwise, settings.beta)
        terms = unary(settings.foreground, settings.background, settings.components, settings.uniform)
        bound = clamped_seeds(small, settings)
        if bound is not None:
            terms = clamped(terms, *bound, pairwise)
        labels = largest_component(minimal_cut(terms, pairwise)[0], settings.connectivity)
        boxes[settings] = bounding_box(enlarged(labels, saliency.shape))
    return [boxes[settings] for settings in several]


# ---------------------------------------------------------------------- without the cut


@dataclass(frozen=True)
class Threshold:
    """The box around the largest component of {M ≥ τ}, M normalised to 0 … 1; unknown pixels count as 0.

    threshold: τ, by default 20 % of the range; [Zhou2016], who made it popular, takes 20 % of the maximum
    blur:      the map is smoothed by a Gaussian first, of this standard deviation as a fraction of its longer side
    """

    threshold: float = 0.2
    blur: float = 0.0

    THRESHOLDS = tuple(round((step / 100) ** 2, 4) for step in range(100))  # close together where most pixels are
    BLURS = (0.0, 0.02, 0.05)

    def box(self, photo: np.ndarray, saliency: np.ndarray) -> Box | None:
        return threshold_box(normalised(saliency, self.blur), self.threshold)

    @classmethod
    def grid(cls) -> list[Threshold]:
        return [Threshold(threshold, blur) for blur, threshold in product(cls.BLURS, cls.THRESHOLDS)]

    @classmethod
    def grid_boxes(cls, photo: np.ndarray, saliency: np.ndarray) -> list[Box | None]:
        maps = (normalised(saliency, blur) for blur in cls.BLURS)
        return [threshold_box(M, threshold) for M in maps for threshold in cls.THRESHOLDS]

    def described(self) -> dict[str, float]:
        return dataclasses.asdict(self)


def normalised(saliency: np.ndarray, blur: float) -> np.ndarray | None:
    """(M − min M) / (max M − min M), smoothed before that; None if the map is the same everywhere."""
    from scipy.ndimage import gaussian_filter

    M = np.nan_to_num(saliency, nan=0.0).astype(np.float64)
    if blur > 0:
        M = gaussian_filter(M, blur * max(M.shape))
    low, high = M.min(), M.max()
    return (M - low) / (high - low) if low < high else None


def threshold_box(M: np.ndarray | None, threshold: float) -> Box | None:
    """The box around the largest four-connected component of {M ≥ τ}."""
    return None if M is None else bounding_box(largest_component(np.greater_equal(M, threshold), connectivity=4))


# ---------------------------------------------------------------------- without looking


@dataclass(frozen=True)
class CentredBox:
    """A box in the middle, its sides this share of the image's; 1 is the whole image."""

    share: float = 0.7

    SHARES = tuple(round(step / 20, 2) for step in range(2, 21))

    def box(self, photo: np.ndarray, saliency: np.ndarray) -> Box | None:
        H, W = photo.shape[:2]
        (x0, x1), (y0, y1) = (
            (round(side * (1 - self.share) / 2), round(side * (1 + self.share) / 2)) for side in (W, H)
        )
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)

    @classmethod
    def grid(cls) -> list[CentredBox]:
        return [CentredBox(share) for share in cls.SHARES]

    @classmethod
    def grid_boxes(cls, photo: np.ndarray, saliency: np.ndarray) -> list[Box | None]:
        return [rule.box(photo, saliency) for rule in cls.grid()]

    def described(self) -> dict[str, float]:
        return dataclasses.asdict(self)
