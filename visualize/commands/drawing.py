"""Drawing comes last: results are on the disk by then, and a figure that fails costs itself and a note."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(path: str | os.PathLike[str], figure: Callable[[], Figure]) -> None:
    """The figure as a PNG; if that fails, a warning says why, and no picture of an earlier run is left there."""
    try:
        from visualize.figures import save_figure

        save_figure(path, figure())
    except Exception as error:  # whatever matplotlib, its fonts and its caches may raise
        Path(path).unlink(missing_ok=True)
        warnings.warn(f"{os.fspath(path)} was not drawn: {type(error).__name__} {error}", stacklevel=2)
