"""The paper's Figure 3: from a saliency map to a mask and a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .panels import PERCENTILES, UNKNOWN, map_colours, new_figure, outline, show, stretched

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..localization import Localization

# The paper's Figure 3 has blue, cyan and red; these are Okabe and Ito's, which everybody can tell apart.
SEED_COLOURS = {"object": "#0072B2", "background": "#56B4E9", "neither": "#D55E00"}


def localization_figure(photo: np.ndarray, places: Sequence[Localization], titles: Sequence[str]) -> Figure:
    """A row for each class: photograph with box, map, thresholds in colour, mask with box (the paper's Figure 3)."""
    low, high = PERCENTILES
    unknown = "; blue-grey: no crop shows these pixels" if any(np.isnan(p.saliency).any() for p in places) else ""
    note = (
        "thresholds: dark blue, the most salient pixels, gives the object's colours; light blue, the least, the "
        f"background's; orange: between; map stretched between its percentiles {low:g} and {high:g}, for the eye only"
    )
    figure, panels = new_figure(4, len(places), photo.shape[0] / photo.shape[1], note + unknown, titles)
    for row, place, title in zip(panels, places, titles, strict=True):
        show(row[0], photo, title, cmap="gray")
        show(row[1], stretched(place.saliency), "saliency", cmap=map_colours("gray"), vmin=0, vmax=1)
        show(row[2], seed_picture(place), "thresholds")
        show(row[3], cut_out(photo, place.mask), "mask and box" if place.box else "nothing found")
        for panel in (row[0], row[3]):
            if place.box is not None:
                outline(panel, place.box)
    return figure


def seed_picture(place: Localization) -> np.ndarray:
    """The map's two thresholds: which pixels the colour models were estimated from, in SEED_COLOURS."""
    from matplotlib.colors import to_rgb

    palette = np.array([to_rgb(colour) for colour in (*SEED_COLOURS.values(), UNKNOWN)])
    unknown = np.isnan(place.saliency)
    return palette[np.select([place.foreground, place.background, unknown], [0, 1, 3], default=2)]  # (H, W, 3)


def cut_out(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The photograph where the mask is, and elsewhere a slate blue that neither white nor black objects drown in."""
    colours = np.broadcast_to(np.atleast_3d(photo) / 255, (*mask.shape, 3))
    slate = 0.8 * np.array([0.38, 0.45, 0.62]) + 0.2 * colours.mean(axis=2, keepdims=True)
    return np.where(mask[..., None], colours, slate)
