"""Drawing: the only place where raw arrays become pictures.

Everything that is done for the eye alone (stretching, clipping, colours) is done here, and each figure says so.
Figures are built without pyplot, so there is no global state and no window.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minicnn.files import atomic_write
from minicnn.images import to_bytes
from minicnn.receptive_field import photo_box

from .class_models import Vivid
from .matplotlib_import import import_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from minicnn.images import Crop
    from minicnn.training import Epoch

    from .class_models import ClassModel
    from .localization import Localization
    from .portrait import Portrait

import_matplotlib()

PERCENTILES = (1.0, 99.5)  # a few pixels are many times brighter than the rest; without a stretch a map looks black
SPREAD = 25  # grey levels: the pixels of a class model rarely go far from the mean image


def stretched(values: np.ndarray, percentiles: tuple[float, float] = PERCENTILES) -> np.ndarray:
    """Values between two percentiles, drawn out to 0 … 1 and clipped: for the eye only.  NaN stays NaN."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, percentiles) if known.size else (0.0, 1.0)
    return np.clip((values - low) / (high - low if high > low else 1.0), 0, 1)


def new_figure(columns: int, rows: int, aspect: float) -> tuple[Figure, np.ndarray]:
    """A figure of rows × columns bare panels, for pictures of height / width = `aspect`: (figure, panels)."""
    from matplotlib.figure import Figure

    width, aspect = 4.0, min(max(aspect, 0.2), 4.0)  # a strip of a photograph is drawn small rather than never
    figure = Figure(figsize=(columns * width, rows * (width * aspect + 0.35) + 0.2), dpi=110, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.set_axis_off()
    return figure, panels


def save_figure(path: str | os.PathLike[str], figure: Figure) -> None:
    """The figure as a PNG, written whole or not at all."""
    with atomic_write(path) as file:
        figure.savefig(file, format="png")


def show(panel: Axes, picture: np.ndarray, title: str, fontsize: float = 11, **how: Any) -> None:
    """One picture in one panel."""
    panel.imshow(picture, interpolation="nearest", **how)
    panel.set_title(title, fontsize=fontsize)


def saliency_figure(photo: np.ndarray, maps: Iterable[np.ndarray], titles: Sequence[str]) -> Figure:
    """A row for each class: the photograph, its saliency map, and the map over the photograph (the paper's Figure 2).

    Each map is stretched between percentiles for the eye; pixels of which nothing is known (NaN) are blue-grey.
    """
    maps = list(maps)
    figure, panels = new_figure(3, len(maps), photo.shape[0] / photo.shape[1])
    for row, M, title in zip(panels, maps, titles, strict=True):
        light = stretched(M)
        show(row[0], photo, title)
        show(row[1], light, "saliency", cmap=_map_colours("gray"), vmin=0, vmax=1)
        show(row[2], overlay(photo, light), "saliency over the photograph")
    low, high = PERCENTILES
    blue = "; blue: no crop shows these pixels" if any(np.isnan(M).any() for M in maps) else ""
    _footnote(figure, f"map stretched between its percentiles {low:g} and {high:g}, for the eye only{blue}")
    return figure


def overlay(photo: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The photograph in dim grey, lit up in colour where `light` (0 … 1) is; (H, W, 3), 0 … 1."""
    from matplotlib import colormaps

    grey = np.atleast_3d(photo / 255.0).mean(axis=2)[..., None] * 0.6
    known = np.nan_to_num(light)[..., None]
    return grey * (1 - known) + colormaps["inferno"](known[..., 0])[..., :3] * known


def training_figure(log: Sequence[Epoch], title: str) -> Figure:
    """Loss and errors of each epoch: on the images learnt from, as the network changed, and on those held out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    epochs = [line.epoch for line in log]
    curves = {
        "loss": ([line.loss for line in log], [line.validation_loss for line in log]),
        "errors (%)": (
            [100 * (1 - line.accuracy) for line in log],
            [100 * (1 - line.validation_accuracy) for line in log],
        ),
    }
    for panel, (name, (training, validation)) in zip(figure.subplots(1, 2), curves.items(), strict=True):
        panel.plot(epochs, training, "o-", markersize=3, label="training (with jitter and dropout)")
        panel.plot(epochs, validation, "o-", markersize=3, label="validation")
        panel.set(xlabel="epoch", ylabel=name)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8)
    figure.suptitle(title, fontsize=11)
    return figure


UNKNOWN = "lightsteelblue"  # pixels that no crop shows
SEED_COLOURS = {"object": "blue", "background": "cyan", "neither": "red"}  # as in the paper's Figure 3


def localization_figure(photo: np.ndarray, places: Sequence[Localization], titles: Sequence[str]) -> Figure:
    """A row for each class: photograph with box, map, thresholds in colour, mask with box (the paper's Figure 3)."""
    figure, panels = new_figure(4, len(places), photo.shape[0] / photo.shape[1])
    for row, place, title in zip(panels, places, titles, strict=True):
        show(row[0], photo, title, cmap="gray")
        show(row[1], stretched(place.saliency), "saliency", cmap=_map_colours("gray"), vmin=0, vmax=1)
        show(row[2], seed_picture(place), "blue: top quantile, cyan: lowest, red: between")
        show(row[3], cut_out(photo, place.mask), "mask and box" if place.box else "nothing found")
        for panel in (row[0], row[3]):
            if place.box is not None:
                outline(panel, place.box)
    low, high = PERCENTILES
    unknown = "; blue-grey: no crop shows these pixels" if any(np.isnan(p.saliency).any() for p in places) else ""
    _footnote(figure, f"map stretched between its percentiles {low:g} and {high:g}, for the eye only{unknown}")
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


def class_models_figure(model: ClassModel, names: Sequence[str]) -> Figure:
    """The images of several classes side by side (the paper's Figure 1), for the eye with their contrast made alike.

    A `Vivid` one, whose pixels are a photograph's, is drawn as it is.
    """
    as_it_is = isinstance(model.settings, Vivid)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, panels = new_figure(columns, rows, model.image.shape[1] / model.image.shape[2])
    for k, name in enumerate(names):
        score, norm = model.curves["scores"][-1, k], model.curves["norms"][-1, k]
        title = f"{name}   S = {score:.0f}   ‖I‖ = {norm:.0f}"
        picture = to_bytes(model.image[k]) if as_it_is else contrasted(model.image[k])
        show(panels.flat[k], picture, title, cmap="gray", vmin=0, vmax=255)
    contrast = "as they are" if as_it_is else "mean image added; contrast stretched alike, for the eye only"
    _footnote(figure, f"{model.steps} steps of gradient ascent, {contrast}")
    return figure


def class_model_curves_figure(model: ClassModel, names: Sequence[str]) -> Figure:
    """What the ascent did, step by step: S_c, ‖I‖ and, where it is something else, what was climbed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), dpi=110, layout="constrained")
    titles = {"scores": "S_c", "objective": model.climbed, "norms": "‖I‖"}
    if model.climbed == "S_c":
        del titles["objective"]
    for panel, (curve, title) in zip(figure.subplots(1, len(titles)), titles.items(), strict=True):
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
    _footnote(figure, "contrast stretched alike, for the eye only")
    return figure


def contrasted(image: np.ndarray) -> np.ndarray:
    """A class model whose pixels differ from their mean colour by SPREAD, root mean square; as bytes."""
    mean = image.mean(axis=(0, 1))
    spread = np.sqrt(((image - mean) ** 2).mean())
    return to_bytes(mean + (image - mean) * (SPREAD / spread if spread > 0 else 1))


RULE_TITLES = {"gradient": "gradient", "deconv": "DeconvNet", "guided": "guided"}
SIGNED_PERCENTILE = 99.5  # of |signal|
UNITS_PER_ROW = 2


def deconv_figure(photo: np.ndarray, crop: Crop, portraits: Sequence[Portrait], order: str) -> Figure:
    """For each unit: where it looks, the patch it sees, and its gradient, DeconvNet and guided signal in that patch.

    order: the network's channel order, "RGB", "BGR" or "L".
    """
    from matplotlib.figure import Figure

    columns, rows, width = min(len(portraits), UNITS_PER_ROW), -(-len(portraits) // UNITS_PER_ROW), 2.0
    height = rows * (width + 0.3) + 0.5
    figure = Figure(figsize=(columns * (2 + len(RULE_TITLES)) * width, height), dpi=110, layout="constrained")
    halves = figure.subfigures(1, columns, squeeze=False, wspace=0.03)[0]
    panels = [half.subplots(rows, 2 + len(RULE_TITLES), squeeze=False) for half in halves]
    for panel in np.ravel(panels):
        panel.set_axis_off()
        panel.set_box_aspect(1)  # a patch that the image's edge cuts short must not move its neighbours
    for n, unit in enumerate(portraits):
        draw_portrait(panels[n % columns][n // columns], photo, crop, unit, order)
    figure.supxlabel(
        "red: the part of the photograph that the unit (channel,row,column) sees, large beside it;   X: its value\n"
        "signals: mid-grey is 0, brighter is positive; the ends of the scale are ± the number above, "
        f"percentile {SIGNED_PERCENTILE:g} of |signal| in the patch, for the eye only",
        fontsize=9,
        color="dimgray",
    )
    return figure


def draw_portrait(panels: Sequence[Axes], photo: np.ndarray, crop: Crop, unit: Portrait, order: str) -> None:
    """One unit in a row of panels."""
    where, patch, *signals = panels
    x0, y0, x1, y1 = unit.field
    show(where, photo, unit.title, fontsize=9)
    outline(where, photo_box(crop, unit.field))
    if (x0, y0) == (x1, y1):
        patch.set_title("sees only padding", fontsize=9)
        return
    show(patch, crop.pixels[y0:y1, x0:x1], f"X = {unit.activation:.3g}", fontsize=9, cmap="gray")
    for panel, (rule, title) in zip(signals, RULE_TITLES.items(), strict=True):
        seen = in_colour(unit.signals[rule][:, y0:y1, x0:x1], order)
        show(panel, signed(seen), f"{title}  ±{extent(seen):.2g}", fontsize=9, cmap="gray", vmin=0, vmax=1)


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


def outline(panel: Axes, box: tuple[float, float, float, float]) -> None:
    """A box (x0, y0, x1, y1) in pixels, right and bottom exclusive, over the picture in a panel."""
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1 = box
    for colour, linewidth in (("white", 3.0), ("red", 1.5)):  # red alone would drown in a red photograph
        place = (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0
        panel.add_patch(Rectangle(*place, fill=False, edgecolor=colour, linewidth=linewidth))


def _map_colours(name: str) -> Any:
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad=UNKNOWN)


def _footnote(figure: Figure, text: str) -> None:
    figure.supxlabel(text, fontsize=8, color="dimgray", x=0.995, ha="right")
