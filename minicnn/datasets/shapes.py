"""Generated scenes: one coloured object on a cluttered background, with its true mask and box.

They need no download, and their boxes are known exactly.  Only the outline depends on the class: size, rotation, place
and colour of the object have the same distribution for all ten.

A scene is drawn in this order: a colour gradient, coarse noise, distractors (irregular polygons and lines), the object,
and fine noise over everything.  Scene n of a seed does not depend on the other scenes: each has its own random
generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .dataset import Dataset, Splits
from .outlines import OUTLINES, Outline

Progress = Callable[[Iterable[int]], Iterable[int]]  # iterates over its argument, and may show a progress bar

CLASSES = list(OUTLINES)
SIZE = 64  # pixels along each side of a scene
FINER = 4  # outlines are drawn at so many times the resolution, then averaged down
CONTRAST = 0.45, 0.65  # how far an object's colour is from the mean colour beneath it, in RGB of 0 … 1
COARSE = 8  # the coarse noise has so many patches along each side


@dataclass(frozen=True)
class SceneSettings:
    """The difficulty of the scenes.

    longer:  the longer side of an object's tight box, as a fraction of the image: uniform between the two
    clutter: 1 is the usual amount of noise and distractors, 0 leaves the plain colour gradient
    """

    longer: tuple[float, float] = (0.30, 0.70)
    clutter: float = 1.0

    def __post_init__(self) -> None:
        if not 0.1 <= self.longer[0] <= self.longer[1] <= 0.9:
            raise ValueError(f"expected sides 0.1 ≤ smallest ≤ largest ≤ 0.9 of the image, got {self.longer}")
        if not 0 <= self.clutter <= 2:
            raise ValueError(f"expected clutter from 0 to 2, got {self.clutter:g}")


USUAL = SceneSettings()
EASY = SceneSettings(longer=(0.50, 0.80), clutter=0.4)
DUET = SceneSettings(longer=(0.30, 0.45))  # larger pairs rarely fit


@dataclass(frozen=True, eq=False)
class Scenes(Dataset):
    """Scenes with one object each.

    masks: (N, H, W), True on the object
    boxes: (N, 4) their tight boxes x0, y0, x1, y1 in pixels, right and bottom exclusive
    """

    masks: np.ndarray
    boxes: np.ndarray

    def __getitem__(self, chosen: slice | np.ndarray | Sequence[int]) -> Scenes:
        """The chosen scenes."""
        return Scenes(self.images[chosen], self.labels[chosen], self.classes, self.masks[chosen], self.boxes[chosen])


@dataclass(frozen=True, eq=False)
class Duets:
    """Scenes with two objects of different classes, apart from each other: the second axis of each array.

    images (N, H, W, 3), labels (N, 2), masks (N, 2, H, W), boxes (N, 2, 4), classes: the names
    """

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray
    boxes: np.ndarray
    classes: list[str]


def scenes(count: int, seed: int = 0, settings: SceneSettings = USUAL, progress: Progress = iter) -> Scenes:
    """Scenes 0 … count − 1 of a seed."""
    images, labels, masks, boxes = _drawn(count, seed, 1, settings, progress)
    return Scenes(images, labels[:, 0], CLASSES, masks[:, 0], boxes[:, 0])


def splits(seed: int = 0, train: int = 25_000, test: int = 2_000, progress: Progress = iter) -> Splits:
    """Training scenes, and test scenes of another seed, seed + 1,000,000."""
    return Splits(scenes(train, seed, progress=progress), scenes(test, seed + 1_000_000, progress=progress))


def duets(count: int, seed: int = 0, settings: SceneSettings = DUET, progress: Progress = iter) -> Duets:
    """Duets 0 … count − 1 of a seed."""
    images, labels, masks, boxes = _drawn(count, seed, 2, settings, progress)
    return Duets(images, labels, masks, boxes, CLASSES)


def _drawn(count: int, seed: int, objects: int, settings: SceneSettings, progress: Progress) -> tuple[np.ndarray, ...]:
    if count < 1 or seed < 0:
        raise ValueError(f"expected 1 or more scenes and a seed of 0 or more, got {count} and {seed}")
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    labels = np.empty((count, objects), np.int64)
    masks = np.empty((count, objects, SIZE, SIZE), bool)
    boxes = np.empty((count, objects, 4), np.int64)
    for n in progress(range(count)):
        rng = np.random.default_rng([seed, n])
        images[n], labels[n], masks[n], boxes[n] = draw_scene(objects, settings, rng)
    return images, labels, masks, boxes


# ---------------------------------------------------------------------- one scene


def draw_scene(objects: int, settings: SceneSettings, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """One scene with so many objects of different classes: (image, labels, masks, boxes)."""
    labels = rng.choice(len(CLASSES), objects, replace=False)
    coverings = place(labels, settings, rng)
    masks = coverings >= 0.5
    picture = background(settings.clutter, rng)
    for covering, mask in zip(coverings, masks, strict=True):
        colour = contrasting(picture[mask].mean(axis=0), rng)
        picture += covering[:, :, None] * (colour - picture)
    picture += settings.clutter * rng.normal(0, 0.03, picture.shape)  # fine noise, over everything
    image = (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return image, labels, masks, np.stack([tight_box(mask) for mask in masks])


def place(labels: np.ndarray, settings: SceneSettings, rng: np.random.Generator) -> np.ndarray:
    """The fraction of each pixel that each object covers: (objects, H, W).  There are two pixels or more between boxes.

    The place is uniform over all at which the object's box fits into the image.
    """
    while True:
        placed = [turned(OUTLINES[CLASSES[label]], rng.uniform(*settings.longer) * SIZE, rng) for label in labels]
        corners = [rng.uniform(0, SIZE - outline[0].max(axis=0)) for outline in placed]
        boxes = [(low, low + outline[0].max(axis=0)) for low, outline in zip(corners, placed, strict=True)]
        if all(apart(one, other) for k, one in enumerate(boxes) for other in boxes[:k]):
            return np.stack([covered(outline, low) for outline, low in zip(placed, corners, strict=True)])


def turned(outline: Outline, longer: float, rng: np.random.Generator) -> Outline:
    """The outline at a random angle; its tight box begins at 0 and is `longer` pixels long on its longer side."""
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    polygons = [polygon @ turn for polygon in outline]
    low, high = polygons[0].min(axis=0), polygons[0].max(axis=0)
    return [(polygon - low) * (longer / (high - low).max()) for polygon in polygons]


def apart(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray], gap: float = 2) -> bool:
    """Whether two boxes (low, high) have a gap between them."""
    return bool(np.any((one[0] > other[1] + gap) | (other[0] > one[1] + gap)))


def covered(outline: Outline, corner: np.ndarray) -> np.ndarray:
    """The fraction of each pixel inside an outline whose tight box begins at `corner`: (H, W), 0 … 1."""
    fine = Image.new("L", (FINER * SIZE, FINER * SIZE))
    draw = ImageDraw.Draw(fine)
    for polygon, inside in zip(outline, (255, 0), strict=False):
        # Pillow's coordinates name the centres of pixels, ours their borders
        draw.polygon([tuple(point) for point in FINER * (polygon + corner) - 0.5], fill=inside)
    return np.asarray(fine.reduce(FINER), np.float64) / 255


def contrasting(colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random colour whose distance from another is within CONTRAST.

    The upper limit is there because a larger contrast makes the spread of the scene's colours depend on the object's
    area, from which a network could guess a disc from a crescent without looking at the outline.
    """
    lowest, highest = CONTRAST
    while True:
        drawn = rng.uniform(0, 1, 3)
        if lowest <= np.linalg.norm(drawn - colour) <= highest:
            return drawn


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of a mask, right and bottom exclusive."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


# ---------------------------------------------------------------------- the background


def background(clutter: float, rng: np.random.Generator) -> np.ndarray:
    """A colour gradient, coarse noise and distractors: (H, W, 3), about 0 … 1."""
    picture = gradient(rng) + clutter * rng.uniform(0.04, 0.12) * coarse_noise(rng)
    fine = Image.fromarray((picture.clip(0, 1) * 255).astype(np.uint8)).resize(
        (FINER * SIZE, FINER * SIZE), Image.Resampling.NEAREST
    )
    draw = ImageDraw.Draw(fine)
    for _ in range(round(clutter * rng.integers(2, 6))):
        draw.polygon([tuple(point) for point in FINER * irregular_polygon(rng)], fill=bytes_of(rng.uniform(0, 1, 3)))
    for _ in range(round(clutter * rng.integers(1, 4))):
        ends = [tuple(point) for point in FINER * rng.uniform(0, SIZE, (2, 2))]
        draw.line(ends, fill=bytes_of(rng.uniform(0, 1, 3)), width=int(FINER * rng.uniform(0.7, 2)))
    return np.asarray(fine.reduce(FINER), np.float64) / 255


def gradient(rng: np.random.Generator) -> np.ndarray:
    """From one random colour to another in a random direction, of random strength."""
    angle = rng.uniform(0, 2 * np.pi)
    along = np.linspace(-0.5, 0.5, SIZE)
    mix = 0.5 + rng.uniform(0.35, 2.1) * (np.cos(angle) * along + np.sin(angle) * along[:, None])
    one, other = rng.uniform(0, 1, (2, 3))
    return one + mix[:, :, None] * (other - one)


def coarse_noise(rng: np.random.Generator) -> np.ndarray:
    """A random number for each of 8×8 patches and each colour, interpolated linearly."""
    between = np.maximum(0, 1 - np.abs(np.linspace(0, COARSE - 1, SIZE)[:, None] - np.arange(COARSE)))
    return np.moveaxis(between @ rng.standard_normal((3, COARSE, COARSE)) @ between.T, 0, -1)


def irregular_polygon(rng: np.random.Generator) -> np.ndarray:
    """Three to seven corners around a random place, none of them further than an eighth of the image: (P, 2)."""
    corners = int(rng.integers(3, 8))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radius = rng.uniform(0.04, 0.13, corners) * SIZE
    return rng.uniform(0, SIZE, 2) + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def bytes_of(colour: np.ndarray) -> tuple[int, ...]:
    return tuple(int(255 * value) for value in colour)
