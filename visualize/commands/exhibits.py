"""What the demo shows to a network: the bundled photographs, or generated scenes if it was trained on those.

With each picture goes what is known of it: where the object is, and why its box comes out as it does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.class_names import find_class
from minicnn.datasets import shapes
from minicnn.network import Network
from minicnn.photographs import PHOTOGRAPHS, photograph
from visualize.class_models import PRESETS, AnySettings
from visualize.cut_settings import PRESETS as CUTS
from visualize.cut_settings import CutSettings
from visualize.localization import Box

from .common import class_count


@dataclass(frozen=True)
class Truth:
    """Where the object of a picture is, and what explains the box that is found: if it is right, and if it is not."""

    box: Box
    right: str
    wrong: str


@dataclass(frozen=True)
class Exhibits:
    """Pictures and recipes that suit a network.

    kind:     "photograph" or "scene"
    pictures: by name
    truths:   of those that are localised; source says where these boxes come from
    classes:  those whose models are drawn
    recipes:  of class models, the first to be shown large: the preset, and what is changed of it
    start:    where the plain ascent begins, in words
    cut:      how the boxes are cut out
    """

    kind: str
    pictures: dict[str, np.ndarray]
    truths: dict[str, Truth]
    source: str
    classes: list[int]
    recipes: dict[str, dict[str, Any]]
    start: str
    cut: CutSettings

    def settings(self, preset: str, steps: int | None) -> AnySettings:
        """The settings of a recipe, with another number of steps if one is given."""
        changes = self.recipes[preset] if steps is None else {**self.recipes[preset], "steps": steps}
        return dataclasses.replace(PRESETS[preset], **changes)


def exhibits(net: Network) -> Exhibits:
    return scenes(net) if net.classes == shapes.CLASSES else photographs(net)


# ---------------------------------------------------------------------- photographs

ANIMALS = ("ostrich", "zebra", "flamingo")
TRUTHS = {
    "chelsea": Truth(
        (0, 0, 400, 300),
        right="The cat fills the picture, and still the cut found it.",
        wrong="The cat fills the picture, so the least salient pixels, which should give the background's colours, "
        "are fur as well: the cut keeps what looks unlike fur, an eye and the nose.",
    ),
    "coffee": Truth(
        (75, 18, 482, 385),
        right="The red of the saucer and the brown of the coffee are nowhere in the table. The mask is not as good as "
        "its box: it leaves out the white rim and the spoon, whose colours the table has, too.",
        wrong="The colours of cup and table are too much alike.",
    ),
}


def photographs(net: Network) -> Exhibits:
    return Exhibits(
        "photograph",
        {name: photograph(name) for name in PHOTOGRAPHS},
        {name: TRUTHS[name] for name in reversed(PHOTOGRAPHS)},
        "drawn by hand",
        classes_for(net, ANIMALS),
        {"vivid": {"steps": 100}, "paper": {"steps": 60}},
        "the zero image",
        CutSettings(),
    )


# ---------------------------------------------------------------------- scenes

SHAPES = ("disc", "star", "arrow")
SCENES, SCENES_SEED = 3, 2  # how many scenes, and which: three different classes
LOCALISED = {
    0: Truth(
        (0, 0, 0, 0),
        right="The object has one colour, which is nowhere else.",
        wrong="The colours of the object and of what is around it are too much alike.",
    ),
    2: Truth(
        (0, 0, 0, 0),
        right="The object has one colour, which is nowhere else.",
        wrong="The most salient pixels lie within the ring, where the network sees that it is one: so the colours of "
        "its hole are taken for the object's.",
    ),
}
SCENE_CUT = dataclasses.replace(CUTS["minicnn"], foreground=0.98, background=0.90)  # tuned: docs/localization.md


def scenes(net: Network) -> Exhibits:
    drawn = shapes.scenes(SCENES, seed=SCENES_SEED)
    names = [shapes.CLASSES[label] for label in drawn.labels]
    boxes: list[Box] = [(int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in drawn.boxes]
    return Exhibits(
        "scene",
        dict(zip(names, drawn.images, strict=True)),
        {names[n]: dataclasses.replace(truth, box=boxes[n]) for n, truth in LOCALISED.items()},
        "known from the drawing",
        classes_for(net, SHAPES),
        {
            "vivid": {"steps": 200, "noise": 0.1, "rate": 0.03, "shift": 4.0},
            "paper": {"steps": 250, "noise": 1.0, "step": 0.05, "decay": 0.02},
        },
        "noise (at the zero image this network is flat, and there is nothing to climb)",
        SCENE_CUT,
    )


def classes_for(net: Network, names: Sequence[str]) -> list[int]:
    """Classes whose models look good, or the network's first three."""
    count = class_count(net)
    try:
        return [find_class(name, net.classes, count) for name in names]
    except ValueError:
        return list(range(min(3, count)))
