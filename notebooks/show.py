"""How the lessons look: legible from the last row, in grey and to colour-blind eyes, and small as files.

    figure, panels = show.panels(3)                        # bare panels in a row, as a matplotlib figure
    show.picture(panels[0], pixels, "a title")
    show.figure(figure, caption="what to see in it", alt="what is in it, for those who cannot see it")
    show.source(ReLU.backward)                             # the library's own code
    show.measured(f"it took {ms:.0f} ms")                  # numbers of this moment: never compared
    show.explorer(net, photo, "its name")                  # to click on, where someone is there to click

Importing this module sets matplotlib's defaults, here and nowhere else.
"""

from __future__ import annotations

import base64
import inspect
import io
import os
import textwrap
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from IPython.display import Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minicnn import Network
from visualize import explore

# Okabe and Ito's colours, so ordered that neighbours differ in grey, too; a dash pattern of its own for each.
COLOURS = ("#000000", "#D55E00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#E69F00")
DASHES = ("-", "--", "-.", ":", (0, (6, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (1, 1)))
MAP = "gray"  # maps ≥ 0: black is nothing
SIGNED = {"cmap": "gray", "vmin": -1, "vmax": 1}  # signals of both signs, as fractions of their extent: mid-grey is 0

matplotlib.rcParams.update(
    {
        "font.size": 17,
        "axes.titlesize": 18,
        "axes.labelsize": 17,
        "lines.linewidth": 3,
        "lines.markersize": 9,
        "axes.prop_cycle": matplotlib.cycler(color=COLOURS, linestyle=DASHES),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "grid.alpha": 0.3,
        "image.interpolation": "nearest",
        "image.cmap": MAP,
        "legend.frameon": False,
        "figure.dpi": 100,
    }
)

EXECUTED = "MINICNN_NOTEBOOK_IS_EXECUTED"  # set by `notebooks.execute`: outputs are kept that need no kernel
WITHOUT_EXPLORER = (
    "*Run this notebook in JupyterLab with the extra `notebooks`, and the explorer stands here. The lesson is whole "
    "without it; `minicnn explore photo.jpg --open` shows the same as a page.*"
)
WIDTH = 12  # inches of a figure that fills the page: 1200 pixels


def panels(columns: int, rows: int = 1, aspect: float = 1.0, width: float = WIDTH) -> tuple[Figure, np.ndarray]:
    """A figure of bare panels for pictures of height / width = `aspect`: (figure, panels); one row: panels[column]."""
    height = rows * (width / columns * aspect + 0.45)  # inches; a line of title above each picture
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for panel in axes.flat:
        panel.set_axis_off()
    return figure, axes[0] if rows == 1 else axes


def plots(columns: int = 1, height: float = 4.5, width: float = WIDTH) -> tuple[Figure, np.ndarray]:
    """A figure of panels with axes, side by side: (figure, panels)."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def picture(panel: Axes, pixels: np.ndarray, title: str = "", **how: Any) -> None:
    """One picture in one panel; `how` goes to matplotlib's imshow."""
    panel.imshow(pixels, **how)
    panel.set_title(title)


def figure(drawn: Figure, caption: str, alt: str) -> None:
    """The figure, and below it its caption (Markdown).  `alt` says in words what is to be seen.

    Few readers of notebooks show an image's `alt` text (JupyterLab does not), so it also folds out below the caption.
    """
    data, kind = encoded(drawn)
    bundle = {kind: base64.b64encode(data).decode(), "text/plain": f"[Figure: {alt}]"}
    display(bundle, metadata={kind: {"alt": alt}}, raw=True)
    in_words = f"<details><summary>The figure in words</summary>{alt}</details>"
    display(Markdown(f"**Figure.** {caption}\n\n{in_words}"))


def encoded(drawn: Figure) -> tuple[bytes, str]:
    """The figure as a PNG, which is sharp, or, where that is less than half as large, as a JPEG: photographs."""
    from PIL import Image

    raw, png, jpeg = io.BytesIO(), io.BytesIO(), io.BytesIO()
    drawn.savefig(raw, format="png")
    pixels = Image.open(raw).convert("RGB")
    pixels.save(png, "png", optimize=True)
    pixels.save(jpeg, "jpeg", quality=70, optimize=True)
    return (jpeg.getvalue(), "image/jpeg") if 2 * jpeg.tell() < png.tell() else (png.getvalue(), "image/png")


def explorer(net: Network, photo: np.ndarray, name: str) -> None:
    """The explorer as a widget; a sentence in its place where anywidget is missing, or `execute` runs the notebook."""
    try:
        if EXECUTED in os.environ:
            raise ImportError("nobody is there to click")
        display(explore(net, photo, name))
    except ImportError:
        display(Markdown(WITHOUT_EXPLORER))


def measured(text: str) -> None:
    """Markdown with numbers of this moment and this machine, such as times: `execute --check` does not compare them."""
    display(Markdown(text), metadata={"measured": True})


def source(*things: Callable[..., Any] | type) -> None:
    """The library's own code, as `inspect.getsource` finds it: of functions, methods or classes."""
    for thing in things:
        name = f"{thing.__module__}:{thing.__qualname__}"
        display(Markdown(source_text(thing)), metadata={"source": name})


def source_text(thing: Callable[..., Any] | type) -> str:
    """As Markdown: the file, and the code without its indentation."""
    code = textwrap.dedent(inspect.getsource(thing)).rstrip()
    return f"`{thing.__module__.replace('.', '/')}.py`\n```python\n{code}\n```"
