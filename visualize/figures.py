"""Drawing: the only place where raw arrays become pictures.

Everything that is done for the eye alone (stretching, clipping, colours) is done here, and each figure says so.
Figures are built without pyplot, so there is no global state and no window.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PERCENTILES = (1.0, 99.5)  # a few pixels are many times brighter than the rest; without a stretch a map looks black


def stretched(values: np.ndarray, percentiles: tuple[float, float] = PERCENTILES) -> np.ndarray:
    """Values between two percentiles, drawn out to 0 … 1 and clipped: for the eye only.  NaN stays NaN."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, percentiles) if known.size else (0.0, 1.0)
    return np.clip((values - low) / (high - low if high > low else 1.0), 0, 1)


def new_figure(columns: int, rows: int, aspect: float) -> tuple[Figure, np.ndarray]:
    """A figure of rows × columns bare panels, for pictures of height / width = `aspect`: (figure, panels)."""
    from matplotlib.figure import Figure

    width = 4.0
    figure = Figure(figsize=(columns * width, rows * (width * aspect + 0.35) + 0.2), dpi=110, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    return figure, panels


def save_figure(path: str | os.PathLike[str], figure: Figure) -> None:
    """The figure as a PNG, written whole or not at all."""
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def show(panel: Axes, picture: np.ndarray, title: str, **how: Any) -> None:
    """One picture in one panel."""
    panel.imshow(picture, interpolation="nearest", **how)
    panel.set_title(title, fontsize=11)


def saliency_figure(photo: np.ndarray, saliency: np.ndarray, title: str) -> Figure:
    """The photograph, its saliency map, and the map over the photograph (the paper's Figure 2).

    The map is stretched between percentiles for the eye; pixels of which nothing is known (NaN) are drawn in blue-grey.
    """
    figure, panels = new_figure(3, 1, photo.shape[0] / photo.shape[1])
    light = stretched(saliency)
    show(panels[0, 0], photo, title)
    show(panels[0, 1], light, "saliency", cmap=_map_colours("gray"), vmin=0, vmax=1)
    show(panels[0, 2], overlay(photo, light), "saliency over the photograph")
    low, high = PERCENTILES
    blue = "; blue: no crop shows these pixels" if np.isnan(saliency).any() else ""
    _footnote(figure, f"map stretched between its percentiles {low:g} and {high:g}, for the eye only{blue}")
    return figure


def overlay(photo: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The photograph in dim grey, lit up in colour where `light` (0 … 1) is; (H, W, 3), 0 … 1."""
    from matplotlib import colormaps

    grey = np.atleast_3d(photo / 255.0).mean(axis=2)[..., None] * 0.6
    known = np.nan_to_num(light)[..., None]
    return grey * (1 - known) + colormaps["inferno"](known[..., 0])[..., :3] * known


def _map_colours(name: str) -> Any:
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad="lightsteelblue")


def _footnote(figure: Figure, text: str) -> None:
    figure.supxlabel(text, fontsize=8, color="dimgray", x=0.995, ha="right")
