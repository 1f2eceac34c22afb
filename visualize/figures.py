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
from minicnn.images import to_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .class_model import ClassModel

PERCENTILES = (1.0, 99.5)  # a few pixels are many times brighter than the rest; without a stretch a map looks black
CONTRAST = 3  # a class model's pixels rarely go far from the mean image


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


def class_models_figure(model: ClassModel, names: Sequence[str]) -> Figure:
    """The images of several classes side by side (the paper's Figure 1), with more contrast, for the eye."""
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, panels = new_figure(columns, rows, model.image.shape[1] / model.image.shape[2])
    for k, name in enumerate(names):
        score, norm = model.curves["scores"][-1, k], model.curves["norms"][-1, k]
        title = f"{name}   S = {score:.0f}   ‖I‖ = {norm:.0f}"
        show(panels.flat[k], contrasted(model.image[k]), title, cmap="gray")
    steps = f"{model.settings.steps} steps of gradient ascent, mean image added"
    _footnote(figure, f"{steps}; contrast × {CONTRAST}, for the eye only")
    return figure


def class_model_curves_figure(model: ClassModel, names: Sequence[str]) -> Figure:
    """What the ascent did, step by step: S_c, S_c − λ‖I‖² and ‖I‖ of each class."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), dpi=110, layout="constrained")
    climbed = "log P_c" if model.settings.score == "posterior" else "S_c"
    titles = {"scores": "S_c", "objective": f"{climbed} − λ‖I‖²", "norms": "‖I‖"}
    for panel, (curve, title) in zip(figure.subplots(1, 3), titles.items(), strict=True):
        panel.plot(model.curves[curve], label=names)
        panel.set_title(title, fontsize=11)
        panel.set_xlabel("step")
        panel.grid(alpha=0.3)
    panel.legend(fontsize=9)
    return figure


def score_and_posterior_figure(pairs: Sequence[tuple[ClassModel, ClassModel]], names: Sequence[str]) -> Figure:
    """Each class climbed by its score (above) and by its posterior (below), at equal ‖I‖ and drawn alike."""
    height, width = pairs[0][0].image.shape[:2]
    figure, panels = new_figure(len(pairs), 2, height / width)
    for column, (pair, name) in enumerate(zip(pairs, names, strict=True)):
        for row, (model, what) in enumerate(zip(pair, ("score", "posterior"), strict=True)):
            title = f"{name} by {what}   S = {model.curves['scores'][-1]:.0f}   ‖I‖ = {model.curves['norms'][-1]:.0f}"
            show(panels[row, column], contrasted(model.image), title, cmap="gray")
    _footnote(figure, f"contrast × {CONTRAST}, for the eye only")
    return figure


def contrasted(image: np.ndarray) -> np.ndarray:
    """A class model with each pixel CONTRAST times as far from the image's mean colour, as bytes."""
    mean = image.mean(axis=(0, 1))
    return to_bytes(mean + CONTRAST * (image - mean))


def _map_colours(name: str) -> Any:
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad="lightsteelblue")


def _footnote(figure: Figure, text: str) -> None:
    figure.supxlabel(text, fontsize=8, color="dimgray", x=0.995, ha="right")
