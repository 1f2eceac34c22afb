"""What is compared: a way to make a map, and a rule that makes a box of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from minicnn.network import Network

from ..localization import PRESETS, CutSettings, Maps
from ..saliency_maps import photo_saliency, ten_crop_saliency
from .contrast import contrast
from .rules import CentredBox, Cut, Rule, Threshold


def centred_gaussian(net: Network, photo: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """A map that does not look at the photograph: exp(−½ (x² + y²)), x and y from −1 to 1 across it, for every class.

    Such a centred Gaussian is the baseline of [Choe2020], and of [Mahendran2016].  Only the order of its values counts
    in a cut, so its width does not matter.
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
    "gradient/cut": Method("gradient, cut", "gradient", Cut()),
    "gradient-10/cut": Method("gradient, ten crops, cut", "gradient-10", Cut()),
    "deconv/cut": Method("DeconvNet, cut", "deconv", Cut()),
    "guided/cut": Method("guided, cut", "guided", Cut()),
    "guided-10/cut": Method("guided, ten crops, cut", "guided-10", Cut()),
    "gradient-10-contrast/cut": Method("gradient against rivals, ten crops, cut", "gradient-10-contrast", Cut()),
    "guided-10-contrast/cut": Method("guided against rivals, ten crops, cut", "guided-10-contrast", Cut()),
}
STUDIED = "gradient-10/cut"  # the paper's map, of which each constant of the cut is varied

AS_IT_STANDS = {
    "iseg": "95/30, iseg's constants",
    "ksseg": "95/30, iseg's, ½ % clamped",
    "minicnn": "95/30, minicnn's constants",
}  # the presets of the cut, as the table calls them

# What each constant does: one thing changed of the paper's quantiles with iseg's constants.
CHANGES: dict[str, CutSettings] = {
    "strength 20": CutSettings(pairwise=20.0),
    "β ½": CutSettings(beta=0.5),
    "strength 20 and β ½": CutSettings(pairwise=20.0, beta=0.5),
    "no uniform share": CutSettings(uniform=0.0),
    "4-connected": CutSettings(connectivity=4),
    "all seeds hard": CutSettings(clamp=1.0),
    "1 Gaussian": CutSettings(components=1),
    "2 Gaussians": CutSettings(components=2),
    "10 Gaussians": CutSettings(components=10),
    "background 70 %": CutSettings(background=0.7),
    "foreground 98 %": CutSettings(foreground=0.98),
}
CHANGED = [f"95/30, iseg's, but {what}" for what in CHANGES]


@dataclass(frozen=True)
class Row:
    """A method with settings that have a name: what the results have a line of for every picture."""

    method: str
    settings: str
    rule: Rule

    @property
    def map(self) -> str:
        return METHODS[self.method].map

    @property
    def repeated(self) -> bool:
        """Whether it is of the second tuning or a later one, and so only says how much depends on tuning's pictures."""
        return self.settings.startswith("tuning ")


def rows(
    names: Sequence[str], tunings: Sequence[dict[str, Rule]], presets: Sequence[str] = tuple(PRESETS)
) -> list[Row]:
    """The lines of the table: every cut with each preset, then every method as each tuning has it; then the constants
    one by one, where settings were tuned at all.  A method that nothing was tuned for is there as it stands."""
    table = []
    for name in names:
        method = METHODS[name]
        tuned = [found[name] for found in tunings if name in found]
        if isinstance(method.rule, Cut):
            table += [Row(name, AS_IT_STANDS[preset], Cut(PRESETS[preset])) for preset in presets]
        elif not tuned:
            table.append(Row(name, "" if method.fixed else "not tuned", method.rule))
        titles = ["tuned", *(f"tuning {n}" for n in range(2, len(tuned) + 1))]
        table += [Row(name, title, rule) for title, rule in zip(titles, tuned, strict=False)]
    if any(STUDIED in found for found in tunings):
        changed = zip(CHANGED, CHANGES.values(), strict=True)
        table += [Row(STUDIED, title, Cut(settings)) for title, settings in changed]
    return table
