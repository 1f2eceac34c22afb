"""Drawing: the only place where raw arrays become pictures.

Everything that is done for the eye alone (stretching, clipping, colours) is done here, and each figure says so.
Figures are built without pyplot, so there is no global state and no window.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .localization import Localization

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


SEED_COLOURS = {  # as in the paper's Figure 3, whose maps cover the whole image
    "estimates the object's colours": "blue",
    "estimates the background's": "cyan",
    "neither": "red",
    "shown by no crop": "lightgray",
}


def localization_figure(photo: np.ndarray, places: Sequence[Localization], titles: Sequence[str]) -> Figure:
    """A row for each class: photograph with box, map, thresholds in colour, mask with box (the paper's Figure 3)."""
    figure, panels = new_figure(4, len(places), photo.shape[0] / photo.shape[1])
    for row, place, title in zip(panels, places, titles, strict=True):
        show(row[0], photo, title)
        show(row[1], stretched(place.saliency), "saliency", cmap=_map_colours("gray"), vmin=0, vmax=1)
        show(row[2], seed_picture(place), "its two thresholds")
        show(row[3], cut_out(photo, place.mask), "mask and box" if place.box else "nothing found")
        for panel in (row[0], row[3]):
            _draw_box(panel, place)
    low, high = PERCENTILES
    legend = ", ".join(f"{colour}: {meaning}" for meaning, colour in SEED_COLOURS.items())
    _footnote(figure, f"map stretched between its percentiles {low:g} and {high:g}, for the eye only; {legend}")
    return figure


def seed_picture(place: Localization) -> np.ndarray:
    """The map's two thresholds: which pixels the colour models were estimated from, in SEED_COLOURS, (H, W, 3)."""
    from matplotlib.colors import to_rgb

    palette = np.array([to_rgb(colour) for colour in SEED_COLOURS.values()])
    unknown = np.isnan(place.saliency)
    return palette[np.select([place.foreground, place.background, unknown], [0, 1, 3], default=2)]


def cut_out(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The photograph where the mask is, and elsewhere a slate blue that neither white nor black objects drown in."""
    colours = np.broadcast_to(np.atleast_3d(photo) / 255, (*mask.shape, 3))
    slate = 0.8 * np.array([0.38, 0.45, 0.62]) + 0.2 * colours.mean(axis=2, keepdims=True)
    return np.where(mask[..., None], colours, slate)


def overlay(photo: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The photograph in dim grey, lit up in colour where `light` (0 … 1) is; (H, W, 3), 0 … 1."""
    from matplotlib import colormaps

    grey = np.atleast_3d(photo / 255.0).mean(axis=2)[..., None] * 0.6
    known = np.nan_to_num(light)[..., None]
    return grey * (1 - known) + colormaps["inferno"](known[..., 0])[..., :3] * known


def _draw_box(panel: Axes, place: Localization) -> None:
    from matplotlib.patches import Rectangle

    if place.box is not None:
        x0, y0, x1, y1 = place.box
        corner, width, height = (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0  # pixel 0 is drawn from −0.5 to 0.5
        panel.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="black", linewidth=4, clip_on=False))
        panel.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="yellow", linewidth=2, clip_on=False))


def _map_colours(name: str) -> Any:
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad="lightsteelblue")


def _footnote(figure: Figure, text: str) -> None:
    figure.supxlabel(text, fontsize=8, color="dimgray", x=0.995, ha="right")
