"""What all figures share: panels for pictures, letters that can be read, colours that everybody can tell apart."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, so ordered that neighbours differ in grey, too; a dash pattern of its own for each.
COLOURS = ("#000000", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#E69F00")
DASHES = ("-", "--", "-.", ":", (0, (6, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
VERMILION, YELLOW = "#D55E00", "#F0E442"  # Okabe and Ito's, for boxes
UNKNOWN = "lightsteelblue"  # pixels that no crop shows

DPI = 110
PANEL = 4.0  # inches: the width of one, with its part of the gaps
LETTER = 0.56  # the width of a letter over its height, in the mean
PAGE = 830  # pixels: how wide a page shows a figure, at most
TITLE, NOTE = 13.0, 10.5  # height of letters in pixels, on such a page
PERCENTILES = (1.0, 99.5)  # a few pixels are many times brighter than the rest; without a stretch a map looks black


def points(inches: float, pixels: float) -> float:
    """The size in points of letters so many pixels high on a page, in a figure so many inches wide."""
    return pixels * 72 * inches / min(PAGE, inches * DPI)


def new_figure(
    columns: int,
    rows: int,
    aspect: float,
    note: str,
    titles: Sequence[str] = (),
    widths: Sequence[float] | None = None,
) -> tuple[Figure, np.ndarray]:
    """A figure of rows × columns bare panels, for pictures of height / width = `aspect`: (figure, panels).

    note:   what stands below all panels: what was done for the eye only
    titles: the longest of those to come; the room above the panels is for these
    widths: of the columns, as fractions of their mean; `aspect` is that of the last
    """
    from matplotlib.figure import Figure

    aspect = min(max(aspect, 0.2), 4.0)  # a strip of a photograph is drawn small rather than never
    widths = widths or [1.0] * columns
    width = PANEL * columns
    gap, title, line = 0.01 * width, points(width, TITLE) / 72, 1.35 * points(width, NOTE) / 72  # inches
    panel = (width - (columns + 1) * gap) / columns  # the mean width of one
    lines = max((wrapped(text, panel, title).count("\n") + 1 for text in titles), default=1)
    high, above = panel * widths[-1] * aspect, (1.25 * lines + 0.6) * title
    note = wrapped(note, width - 2 * gap, points(width, NOTE) / 72)
    below = (note.count("\n") + 1.8) * line
    height = rows * (high + above) + below
    figure = Figure(figsize=(width, height), dpi=DPI)
    places = {"left": gap / width, "right": 1 - gap / width, "top": 1 - above / height, "bottom": below / height}
    spaces = {"wspace": gap / panel, "hspace": above / high, "width_ratios": list(widths)}
    panels = figure.subplots(rows, columns, squeeze=False, gridspec_kw={**places, **spaces})
    for axes in panels.flat:
        axes.set_axis_off()
    figure.text(1 - gap / width, 0.3 * line / height, note, size=points(width, NOTE), color="dimgray", ha="right")
    return figure, panels


def new_plots(columns: int, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    """A figure of panels with axes, side by side, for curves: (figure, panels)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, columns, squeeze=False)[0]
    for panel in panels:
        panel.set_prop_cycle(color=COLOURS, linestyle=DASHES)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=points(width, NOTE))
        for axis in (panel.xaxis, panel.yaxis):
            axis.label.set_fontsize(points(width, TITLE))
    return figure, panels


def whole_numbers(panel: Axes) -> None:
    """Ticks for epochs or steps, of which there is no half one."""
    from matplotlib.ticker import MaxNLocator

    panel.xaxis.set_major_locator(MaxNLocator(integer=True))


def save_figure(path: str | os.PathLike[str], figure: Figure) -> None:
    """The figure as a PNG, written whole or not at all."""
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def show(panel: Axes, picture: np.ndarray, title: str, **how: Any) -> None:
    """One picture in one panel.  Pictures larger than it are averaged, small ones keep their pixels."""
    panel.imshow(picture, interpolation="antialiased", **how)
    write_title(panel, title)


def write_title(panel: Axes, title: str, pixels: float = TITLE) -> None:
    """A title above a panel, in lines no longer than the panel is wide."""
    inches = panel.figure.bbox.width / DPI
    size = points(inches, pixels)
    panel.set_title(wrapped(title, panel.get_position().width * inches, size / 72), fontsize=size)


def wrapped(text: str, width: float, letter: float) -> str:
    """The text in lines no longer than `width`, if a letter is `letter` high; both in inches."""
    return "\n".join(textwrap.fill(line, max(8, int(width / letter / LETTER))) for line in text.splitlines())


def stretched(values: np.ndarray, percentiles: tuple[float, float] = PERCENTILES) -> np.ndarray:
    """Values between two percentiles, drawn out to 0 … 1 and clipped: for the eye only.  NaN stays NaN."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, percentiles) if known.size else (0.0, 1.0)
    return np.clip((values - low) / (high - low if high > low else 1.0), 0, 1)


def outline(panel: Axes, box: tuple[float, float, float, float]) -> None:
    """A box (x0, y0, x1, y1) in pixels, right and bottom exclusive, over the picture in a panel."""
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1 = box
    for colour, linewidth in (("white", 4.0), (VERMILION, 2.0)):  # vermilion alone would drown in a red photograph
        place = (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0
        panel.add_patch(Rectangle(*place, fill=False, edgecolor=colour, linewidth=linewidth))


def map_colours(name: str) -> Any:
    """A colour map in which pixels of which nothing is known have a colour of their own."""
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=UNKNOWN)
