"""Figures are drawn last, after the results are written: if a figure fails, only the figure is lost."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from . import opening

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(path: str | os.PathLike[str], figure: Callable[[], Figure]) -> str | None:
    """Save the figure as a PNG: its name.  If that fails, None: warn, and remove the picture of an earlier run."""
    try:
        from visualize.figures import save_figure

        save_figure(path, figure())
        opening.written(path)
        return os.fspath(path)
    except Exception as error:  # whatever matplotlib, its fonts and its caches may raise
        Path(path).unlink(missing_ok=True)
        warnings.warn(f"{os.fspath(path)} was not drawn: {type(error).__name__} {error}", stacklevel=2)
        return None
