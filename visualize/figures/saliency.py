"""The paper's Figure 2: photographs and their saliency maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .panels import PERCENTILES, map_colours, new_figure, show, stretched

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def saliency_figure(photo: np.ndarray, maps: Iterable[np.ndarray], titles: Sequence[str]) -> Figure:
    """A row for each class: the photograph, its saliency map, and the map over the photograph (the paper's Figure 2).

    Each map is stretched between percentiles for the eye; pixels of which nothing is known (NaN) are blue-grey.
    """
    maps = list(maps)
    low, high = PERCENTILES
    blue = "; blue: no crop shows these pixels" if any(np.isnan(M).any() for M in maps) else ""
    note = f"map stretched between its percentiles {low:g} and {high:g}, for the eye only{blue}"
    figure, panels = new_figure(3, len(maps), photo.shape[0] / photo.shape[1], note, titles)
    for row, M, title in zip(panels, maps, titles, strict=True):
        light = stretched(M)
        show(row[0], photo, title)
        show(row[1], light, "saliency", cmap=map_colours("gray"), vmin=0, vmax=1)
        show(row[2], overlay(photo, light), "saliency over the picture")
    return figure


def overlay(photo: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The photograph in dim grey, lit up in colour where `light` (0 … 1) is; (H, W, 3), 0 … 1."""
    from matplotlib import colormaps

    grey = np.atleast_3d(photo / 255.0).mean(axis=2)[..., None] * 0.6
    known = np.nan_to_num(light)[..., None]
    return grey * (1 - known) + colormaps["inferno"](known[..., 0])[..., :3] * known
