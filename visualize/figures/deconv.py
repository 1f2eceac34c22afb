"""What section 4 of the paper describes and does not show: units sent back down to the image by three rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from minicnn.receptive_field import photo_box

from .panels import NOTE, new_figure, outline, show, write_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from minicnn.images import Crop

    from ..portrait import Portrait

RULE_TITLES = {"gradient": "gradient", "deconv": "DeconvNet", "guided": "guided"}
SIGNED_PERCENTILE = 99.5  # of |signal|
WIDTHS = (0.68, *[1.08] * (1 + len(RULE_TITLES)))  # of the photograph, the patch, and the signals


def deconv_figure(photo: np.ndarray, crop: Crop, portraits: Sequence[Portrait], order: str) -> Figure:
    """A row for each unit: where it looks, the patch it sees, and its gradient, DeconvNet and guided signal there.

    order: the network's channel order, "RGB", "BGR" or "L".
    """
    note = (
        "frame: the part of the picture that the unit (channel,row,column) sees, large beside it; X: its value; "
        "signals: mid-grey is 0, brighter is positive, the ends of the scale are ± the number above, "
        f"percentile {SIGNED_PERCENTILE:g} of |signal| in the patch, for the eye only"
    )
    figure, panels = new_figure(len(WIDTHS), len(portraits), 1.0, note, widths=WIDTHS)
    for panel in panels.flat:
        panel.set_box_aspect(1)  # a patch that the image's edge cuts short must not move its neighbours
    for unit, axes in zip(portraits, panels, strict=True):
        draw_portrait(axes, photo, crop, unit, order)
    return figure


def draw_portrait(panels: Sequence[Axes], photo: np.ndarray, crop: Crop, unit: Portrait, order: str) -> None:
    """One unit in a row of panels."""
    where, patch, *signals = panels
    x0, y0, x1, y1 = unit.field
    show(where, photo, "")
    write_title(where, "\n".join(unit.title.split("  ")), NOTE)
    outline(where, photo_box(crop, unit.field))
    if (x0, y0) == (x1, y1):
        write_title(patch, "sees only padding")
        return
    show(patch, crop.pixels[y0:y1, x0:x1], f"X = {unit.activation:.3g}", cmap="gray")
    for panel, (rule, title) in zip(signals, RULE_TITLES.items(), strict=True):
        seen = in_colour(unit.signals[rule][:, y0:y1, x0:x1], order)
        show(panel, signed(seen), f"{title} ±{extent(seen):.2g}", cmap="gray", vmin=0, vmax=1)


def in_colour(signal: np.ndarray, order: str) -> np.ndarray:
    """A signal in the network's input space as a picture: (C, h, w) → (h, w, 3) in RGB, or (h, w) if grey."""
    if order == "L":
        return signal[0]
    return np.moveaxis(signal[::-1] if order == "BGR" else signal, 0, -1)


def extent(signal: np.ndarray) -> float:
    """How far a signal goes to either side of 0: a percentile of |signal|, or its maximum where that is 0."""
    sizes = np.abs(signal)
    return float(np.percentile(sizes, SIGNED_PERCENTILE) or sizes.max()) if sizes.size else 0.0


def signed(signal: np.ndarray) -> np.ndarray:
    """−extent … +extent, drawn as 0 … 1 about mid-grey and clipped: for the eye only."""
    return np.clip(0.5 + 0.5 * signal / (extent(signal) or 1.0), 0, 1)
