"""Recipes: for each data set a network and training settings that are known to work."""

from __future__ import annotations

from dataclasses import dataclass

from .jitter import Jitter
from .training import Settings


@dataclass(frozen=True)
class Recipe:
    """A network for a data set, and its training settings.

    network:    the name of an architecture
    validation: the fraction of the training images that is held out for validation after each epoch
    """

    network: str
    settings: Settings
    validation: float = 0.05


RECIPES = {
    "fashion-mnist": Recipe(
        "small28", Settings(epochs=5, batch=64, rate=0.05, warm_up=200, jitter=Jitter(mirror=True))
    ),
    "mnist": Recipe("small28", Settings(epochs=4, batch=64, rate=0.05, warm_up=200, jitter=Jitter(crop=2))),
    "cifar10": Recipe(
        "small32",
        Settings(epochs=30, batch=64, rate=0.05, warm_up=500, jitter=Jitter(crop=4, mirror=True, colour=0.1)),
    ),
    # a mirrored L is no L, but none of the other nine either
    "shapes": Recipe(
        "shapes",
        Settings(epochs=16, batch=32, rate=0.05, warm_up=250, weight_decay=3e-4, jitter=Jitter(crop=4, mirror=True)),
    ),
}
FOLDER = Recipe(  # of photographs, a folder for each class
    "shapes",
    Settings(epochs=30, batch=32, rate=0.02, warm_up=250, jitter=Jitter(crop=6, mirror=True, colour=0.1)),
)


def recipe(data: str) -> Recipe:
    """The recipe for a data set by its name; any other name is a folder's."""
    return RECIPES.get(data, FOLDER)
