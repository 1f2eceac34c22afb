"""The explorer: one clicks a class or a unit and watches its signal come down; a page, or a widget in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from minicnn.network import Network


def explore(net: Network, photo: np.ndarray, name: str = "") -> Any:
    """The explorer of a photograph as a widget: in a notebook any class, unit and place can be chosen.

    photo: (H, W, 3) bytes; name: what it is called.  Raises MissingPackage without the extra `notebooks`.
    `minicnn explore` writes the same view as a page that needs no notebook.
    """
    from .explorer import Explorer
    from .widget import widget_of

    return widget_of(Explorer(net, photo, name))
