"""What is compared: a way to make a map, and a rule that makes a box of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from minicnn.network import Network

from ..localization import CutSettings, Maps
from ..saliency_maps import photo_saliency, ten_crop_saliency
from .contrast import contrast
from .rules import CentredBox, Cut, Rule, Threshold


def centred_gaussian(net: Network, photo: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """A map that has seen nothing: exp(−½ (x² + y²)), x and y from −1 to 1 across the photograph, for every class.

    It is the baseline of [Mahendran2016] and [Choe2020], too.
    Only the order of its values counts in a cut, so its width does not matter.
    """
    y, x = ((2 * np.arange(side) + 1 - side) / side for side in photo.shape[:2])
    M = np.exp(-0.5 * (x**2 + y[:, None] ** 2))
    return np.broadcast_to(M, (len(classes), *M.shape))


MAPS: dict[str, Maps] = {
    "gradient": partial(photo_saliency, rule="gradient"),
    "gradient-10": partial(ten_crop_saliency, rule="gradient"),
    "deconv": partial(photo_saliency, rule="deconv"),
    "guided": partial(photo_saliency, rule="guided"),
    "guided-10": partial(ten_crop_saliency, rule="guided"),
    "gradient-10-contrast": partial(contrast, partial(ten_crop_saliency, rule="gradient")),
    "guided-10-contrast": partial(contrast, partial(ten_crop_saliency, rule="guided")),
    "gaussian": centred_gaussian,
}
BLIND = "gaussian"  # the same map for every class


@dataclass(frozen=True)
class Method:
    """A line of the table.

    title: in words
    map:   one of MAPS
    rule:  with the settings it has when nothing is tuned
    fixed: the rule has no settings to tune
    """

    title: str
    map: str
    rule: Rule
    fixed: bool = False

    @property
    def blind(self) -> bool:
        """Whether it gives the same box for every class."""
        return self.map == BLIND


METHODS: dict[str, Method] = {
    "whole": Method("the whole image", BLIND, CentredBox(1.0), fixed=True),
    "box": Method("a centred box", BLIND, CentredBox()),
    "gaussian/cut": Method("a centred Gaussian, cut", BLIND, Cut()),
    "gradient/threshold": Method("gradient, thresholded", "gradient", Threshold()),
    "gradient-10/threshold": Method("gradient, ten crops, thresholded", "gradient-10", Threshold()),
    "deconv/threshold": Method("DeconvNet, thresholded", "deconv", Threshold()),
    "guided/threshold": Method("guided, thresholded", "guided", Threshold()),
    "guided-10/threshold": Method("guided, ten crops, thresholded", "guided-10", Threshold()),
    "gradient/cut": Method("gradient, cut (the paper's)", "gradient", Cut()),
    "gradient-10/cut": Method("gradient, ten crops, cut (the paper's)", "gradient-10", Cut()),
    "deconv/cut": Method("DeconvNet, cut", "deconv", Cut()),
    "guided/cut": Method("guided, cut", "guided", Cut()),
    "guided-10/cut": Method("guided, ten crops, cut", "guided-10", Cut()),
    "gradient-10-contrast/cut": Method("gradient against rivals, ten crops, cut", "gradient-10-contrast", Cut()),
    "guided-10-contrast/cut": Method("guided against rivals, ten crops, cut", "guided-10-contrast", Cut()),
}
STUDIED = "gradient-10/cut"  # the paper's own, of which each choice is varied

# What each of the paper's choices does: one thing changed, all else as tuned.
PAPER = CutSettings()
CHANGES: dict[str, Callable[[CutSettings], CutSettings]] = {
    "the paper's quantiles 95/30": lambda tuned: dataclasses.replace(
        tuned, foreground=PAPER.foreground, background=PAPER.background
    ),
    "the usual outline strength": lambda tuned: dataclasses.replace(tuned, pairwise=PAPER.pairwise),
    "hard seeds": lambda tuned: dataclasses.replace(tuned, clamp=True),
    "1 Gaussian": lambda tuned: dataclasses.replace(tuned, components=1),
    "2 Gaussians": lambda tuned: dataclasses.replace(tuned, components=2),
    "10 Gaussians": lambda tuned: dataclasses.replace(tuned, components=10),
}
CHANGED = [f"tuned, but {what}" for what in CHANGES]


@dataclass(frozen=True)
class Row:
    """A method with settings that have a name: what the results have a line of for every picture."""

    method: str
    settings: str
    rule: Rule

    @property
    def map(self) -> str:
        return METHODS[self.method].map


def rows(names: Sequence[str], tuned: dict[str, Rule]) -> list[Row]:
    """The lines of the table: every method as tuned, the cuts with the paper's quantiles before that; then the paper's
    choices one by one.  A method that nothing was tuned for is there as it stands."""
    table = []
    for name in names:
        method = METHODS[name]
        if isinstance(method.rule, Cut):
            table.append(Row(name, "the paper's 95/30", method.rule))
        elif name not in tuned:
            table.append(Row(name, "" if method.fixed else "not tuned", method.rule))
        if name in tuned:
            table.append(Row(name, "tuned", tuned[name]))
    rule = tuned.get(STUDIED)
    if isinstance(rule, Cut):
        changed = zip(CHANGED, CHANGES.values(), strict=True)
        table += [Row(STUDIED, title, Cut(change(rule.settings))) for title, change in changed]
    return table
