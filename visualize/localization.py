"""Localisation: from a saliency map to a mask and a box, without a box in training (paper, section 3.2).

The most salient 5 % of the pixels estimate the colours of the object, the least salient 30 % those of the background; a
graph cut labels every pixel; the object is the largest connected component of the foreground, the box its bounding box.

`locate` takes a photograph and *any* map, and needs no network; `localize` computes the map first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from minicnn.answer import Answer
from minicnn.network import Network

from .cut_settings import PRESETS as PRESETS
from .cut_settings import CutSettings as CutSettings
from .graph_cut import clamped, minimal_cut, pairwise_terms, unary_terms
from .mixture import fit_mixture
from .saliency_maps import photo_saliency

Box = tuple[int, int, int, int]  # (x0, y0, x1, y1) in pixels of the photograph, right and bottom exclusive
Seeds = tuple[np.ndarray, np.ndarray]  # two masks (H, W): seeds of the object, and of the background
Maps = Callable[[Network, np.ndarray, Sequence[int]], np.ndarray]  # (net, photo, K classes) → maps (K, H, W)


@dataclass(frozen=True, eq=False)
class Localization:
    """Where a class is in a photograph; every array has the photograph's size (H, W).

    saliency:   the raw map, NaN where it is unknown
    foreground: the seeds of the object: the pixels whose colours model it
    background: the seeds of the background
    mask:       the object: the largest connected component of the foreground
    box:        its bounding box (x0, y0, x1, y1), right and bottom exclusive; None if the mask is empty
    """

    saliency: np.ndarray
    foreground: np.ndarray
    background: np.ndarray
    mask: np.ndarray
    box: Box | None
    settings: CutSettings


@dataclass(frozen=True, eq=False)
class Guess:
    """One (class, box) guess of the ILSVRC task, with the class's score S_c at the photograph's centre crop."""

    c: int
    score: float
    localization: Localization


# ---------------------------------------------------------------------- with a network


def localize(
    net: Network, photo: np.ndarray, c: int, maps: Maps = photo_saliency, settings: CutSettings | None = None
) -> Localization:
    """Where class c is in the photograph.  `maps` makes the map: `photo_saliency`, `ten_crop_saliency`, or your own."""
    return localize_each(net, photo, [c], maps, settings)[0]


def localize_each(
    net: Network,
    photo: np.ndarray,
    classes: Sequence[int],
    maps: Maps = photo_saliency,
    settings: CutSettings | None = None,
) -> list[Localization]:
    """Where each of several classes is.  One forward pass serves all, each class has a backward pass."""
    return [locate(photo, saliency, settings) for saliency in maps(net, photo, classes)]


def guesses(
    net: Network,
    photo: np.ndarray,
    count: int = 5,
    maps: Maps = photo_saliency,
    settings: CutSettings | None = None,
) -> list[Guess]:
    """The (class, box) guesses of the ILSVRC task: one box for each of the classes with the highest scores."""
    answer = Answer.of(net, photo)
    best = answer.best(count)
    places = localize_each(net, photo, best, maps, settings)
    return [Guess(c, float(answer.scores[c]), place) for c, place in zip(best, places, strict=True)]


# ---------------------------------------------------------------------- without a network


def locate(photo: np.ndarray, saliency: np.ndarray, settings: CutSettings | None = None) -> Localization:
    """The object that a map (H, W) points at in a photograph (H, W, 3), or (H, W) grey.

    Only the order of the map's values matters (of a large photograph, of its averages), so any map will do.  Pixels
    where it is NaN are no seeds, but they are labelled like all others, by their colours and neighbours: an object may
    extend beyond the crop that the network saw.  For a constant map the mask is empty and the box None; likewise if the
    two colour models do not differ, as in a photograph of one colour.
    """
    settings = settings or CutSettings()
    if saliency.shape != photo.shape[:2]:
        raise ValueError(f"expected a map of the photograph's size {photo.shape[:2]}, got {saliency.shape}")
    colours, small = shrunk(photo, saliency, settings.pixels)
    foreground, background = quantile_seeds(small, settings.foreground, settings.background)
    labels = cut(colours, foreground, background, settings, clamped_seeds(small, settings))
    mask = enlarged(largest_component(labels, settings.connectivity), saliency.shape)
    foreground, background = (enlarged(seed, saliency.shape) for seed in (foreground, background))
    return Localization(saliency, foreground, background, mask, bounding_box(mask), settings)


def quantile_seeds(saliency: np.ndarray, foreground: float, background: float) -> Seeds:
    """The pixels above one quantile of the map, and those below another: two masks (H, W).

    Taken by rank, not by comparison with a value: a third of a map may be exactly zero.  Equal pixels are ranked in
    random order (always the same): in row-major order the background seeds would all be in the top rows.
    Each mask has at least one pixel; both are empty if the map is constant.
    """
    known = np.flatnonzero(~np.isnan(saliency))
    values, n = saliency.ravel()[known], known.size
    seeds = np.zeros((2, saliency.size), bool)
    if n > 0 and values.min() < values.max():
        ranked = known[np.lexsort((np.random.default_rng(0).permutation(n), values))]
        low = min(max(1, round(background * n)), n - 1)
        high = max(low, min(round(foreground * n), n - 1))
        seeds[0, ranked[high:]] = seeds[1, ranked[:low]] = True
    above, below = seeds.reshape(2, *saliency.shape)
    return above, below


def clamped_seeds(saliency: np.ndarray, settings: CutSettings) -> Seeds | None:
    """The seeds that keep their labels: the most and the least salient ones; None if all seeds are soft."""
    if settings.clamp == 0:
        return None
    highest, lowest = max(settings.foreground, 1 - settings.clamp), min(settings.background, settings.clamp)
    return quantile_seeds(saliency, highest, lowest)


def cut(
    colours: np.ndarray,
    foreground: np.ndarray,
    background: np.ndarray,
    settings: CutSettings,
    bound: Seeds | None = None,
) -> np.ndarray:
    """Every pixel labelled from the colours (H, W, d), 0 … 1, of two masks: True for the object.

    bound: hard seeds, two more masks of object and background, whose pixels keep their labels whatever their colours.
    """
    if not foreground.any() or not background.any():
        return np.zeros(foreground.shape, bool)
    models = (fit_mixture(colours[seed], settings.components, settings.uniform) for seed in (foreground, background))
    unary = unary_terms(colours, *models)
    pairwise = pairwise_terms(colours, settings.pairwise, settings.beta, settings.neighbours)
    if bound is not None:
        unary = clamped(unary, *bound, pairwise)
    return minimal_cut(unary, pairwise)[0]


def largest_component(labels: np.ndarray, connectivity: int = 8) -> np.ndarray:
    """The largest connected component of a mask; the first from the top of equally large ones."""
    from scipy.ndimage import generate_binary_structure, label

    components, count = label(labels, generate_binary_structure(2, 2 if connectivity == 8 else 1))
    if count == 0:
        return labels
    return components == 1 + np.argmax(np.bincount(components.ravel())[1:])


def bounding_box(mask: np.ndarray) -> Box | None:
    """(x0, y0, x1, y1), right and bottom exclusive; None for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


# ---------------------------------------------------------------------- the size of the cut


def shrunk(photo: np.ndarray, saliency: np.ndarray, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """The photograph's colours (h, w, d), 0 … 1, and the map (h, w), averaged down to about `pixels` pixels if larger.

    A pixel of the small map is the mean of the known values that it covers; NaN if there are none.
    """
    H, W = saliency.shape
    shrink = min(1.0, np.sqrt(pixels / (H * W)))
    h, w = (int(np.clip(round(side * shrink), 1, pixels)) for side in (H, W))
    if (h, w) == (H, W):
        return np.atleast_3d(photo) / 255, saliency

    def averaged(values: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(values).resize((w, h), Image.Resampling.BOX))

    known = averaged((~np.isnan(saliency)).astype(np.float32))
    total = averaged(np.nan_to_num(saliency).astype(np.float32))
    small = np.where(known > 0, total / np.where(known > 0, known, 1), np.nan)
    return np.atleast_3d(averaged(photo)) / 255, small


def enlarged(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A small mask (h, w) at the photograph's size (H, W): each pixel takes the label at its centre."""
    (h, w), (H, W) = mask.shape, shape
    rows, columns = ((2 * np.arange(big) + 1) * little // (2 * big) for little, big in ((h, H), (w, W)))
    return mask[np.ix_(rows, columns)]
