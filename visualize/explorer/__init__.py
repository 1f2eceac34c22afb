"""The explorer: an interactive view of the signals of a class or unit, as a page or as a widget in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from minicnn.network import Network


def explore(net: Network, photo: np.ndarray, name: str = "") -> Any:
    """The explorer of a photograph as a notebook widget, with any class, unit and place.

    photo: (H, W, 3) bytes; name: its title.  Raises MissingPackage without the extra `notebooks`.
    `minicnn explore` writes the same view as a page for a browser.
    """
    from .explorer import Explorer
    from .widget import widget_of

    return widget_of(Explorer(net, photo, name))
