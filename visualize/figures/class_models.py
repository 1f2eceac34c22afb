"""The paper's Figure 1: class models, and how the ascent went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from minicnn.images import to_bytes

from ..class_models import Vivid
from .panels import NOTE, TITLE, new_figure, new_plots, points, show, whole_numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..class_models import ClassModel

SPREAD = 25  # grey levels: the pixels of a class model rarely go far from the mean image


def class_models_figure(model: ClassModel, names: Sequence[str]) -> Figure:
    """The images of several classes side by side (the paper's Figure 1), for the eye with their contrast made alike.

    A `Vivid` one, whose pixels are a photograph's, is drawn as it is.
    """
    as_it_is = isinstance(model.settings, Vivid)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    contrast = "as they are" if as_it_is else "mean image added; contrast stretched alike, for the eye only"
    note = f"{model.steps} steps of gradient ascent, {contrast}"
    ends = zip(names, model.curves["scores"][-1], model.curves["norms"][-1], strict=True)
    titles = [f"{name}   S = {score:.0f}   ‖I‖ = {norm:.0f}" for name, score, norm in ends]
    figure, panels = new_figure(columns, rows, model.image.shape[1] / model.image.shape[2], note, titles)
    for panel, image, title in zip(panels.flat, model.image, titles, strict=False):
        picture = to_bytes(image) if as_it_is else contrasted(image)
        show(panel, picture, title, cmap="gray", vmin=0, vmax=255)
    return figure


def class_model_curves_figure(model: ClassModel, names: Sequence[str]) -> Figure:
    """What the ascent did, step by step: S_c, ‖I‖ and, where it is something else, what was climbed."""
    titles = {"scores": "S_c", "objective": model.climbed, "norms": "‖I‖"}
    if model.climbed == "S_c":
        del titles["objective"]
    width = 12.0
    figure, panels = new_plots(len(titles), width, height=4)
    for panel, (curve, title) in zip(panels, titles.items(), strict=True):
        panel.plot(model.curves[curve], label=names)
        panel.set_title(title.replace("S_c", "$S_c$"), fontsize=points(width, TITLE))
        panel.set_xlabel("step")
        whole_numbers(panel)
    panel.legend(fontsize=points(width, NOTE))
    return figure


def score_and_posterior_figure(pairs: Sequence[tuple[ClassModel, ClassModel]], names: Sequence[str]) -> Figure:
    """Each class climbed by its score (above) and by its posterior (below), at equal ‖I‖ and drawn alike."""
    height, width = pairs[0][0].image.shape[:2]
    note, longest = "contrast stretched alike, for the eye only", [f"{name} by posterior\nS" for name in names]
    figure, panels = new_figure(len(pairs), 2, height / width, note, longest)
    for column, (pair, name) in enumerate(zip(pairs, names, strict=True)):
        for row, (model, what) in enumerate(zip(pair, ("score", "posterior"), strict=True)):
            title = f"{name} by {what}\nS = {model.curves['scores'][-1]:.0f}   ‖I‖ = {model.curves['norms'][-1]:.0f}"
            show(panels[row, column], contrasted(model.image), title, cmap="gray")
    return figure


def contrasted(image: np.ndarray) -> np.ndarray:
    """A class model whose pixels differ from their mean colour by SPREAD, root mean square; as bytes."""
    mean = image.mean(axis=(0, 1))
    spread = np.sqrt(((image - mean) ** 2).mean())
    return to_bytes(mean + (image - mean) * (SPREAD / spread if spread > 0 else 1))
