"""The settings of the graph cut, their sources, and three presets.

The paper (section 3.2) gives the two quantiles, and says that the colour models are Gaussian mixtures and that the
largest connected component is kept.  For the cut it names its tool, VGG's *iseg* [Gulshan2010], whose defaults for the
method of Boykov and Jolly are public: Gaussians, uniform fraction, γ, β.  They are the defaults here.
Soft seeds, expectation maximisation and eight neighbours are not iseg's (docs/localization.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CutSettings:
    """How a saliency map becomes a mask.

    foreground:   pixels above this quantile of the map estimate the object's colours (the paper's 95 %)
    background:   pixels below this one estimate the background's (the paper's 30 %)
    components:   Gaussians in each of the two colour models (iseg's 5)
    uniform:      fraction of a uniform density in each colour model, for colours far from all Gaussians (iseg's 5 %)
    pairwise:     γ, what an outline costs, from one pixel to the next, where the colours do not change (iseg's 150)
    beta:         β in units of 1 / mean ‖Δ‖²: how fast an outline gets cheaper where they do (iseg's 2)
    neighbours:   4, or 8: whether an outline is priced along the diagonals as well, and a slanted one is then as cheap
                  as a level one (the paper does not say; iseg has 4)
    connectivity: of the component that is kept: with 8, pixels that touch at a corner are connected, with 4 they
                  are not (the paper does not say; a script of 2016 from [Mahendran2016]'s programs has 8)
    clamp:        hard seeds: this fraction of all pixels, the most and the least salient of the seeds, keeps its label;
                  1 makes all seeds hard, as iseg does, 0 (soft seeds) none
    pixels:       a larger photograph is cut at about so many pixels, 224×224 being the input of CNN-F
    """

    foreground: float = 0.95
    background: float = 0.30
    components: int = 5
    uniform: float = 0.05
    pairwise: float = 150.0
    beta: float = 2.0
    connectivity: int = 8
    clamp: float = 0.0
    pixels: int = 50_000
    neighbours: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.background <= self.foreground <= 1:
            quantiles = f"background {self.background:g} and foreground {self.foreground:g}"
            raise ValueError(f"expected quantiles 0 ≤ background ≤ foreground ≤ 1, got {quantiles}")
        if self.components < 1:
            raise ValueError(f"expected 1 or more components, got {self.components}")
        if not 0 <= self.uniform < 1:
            raise ValueError(f"expected a uniform fraction of at least 0 and below 1, got {self.uniform:g}")
        if not 0 <= self.pairwise < np.inf:
            raise ValueError(f"expected a pairwise strength of 0 or more, got {self.pairwise:g}")
        if not 0 <= self.beta < np.inf:
            raise ValueError(f"expected a factor beta of 0 or more, got {self.beta:g}")
        for name in ("neighbours", "connectivity"):
            if getattr(self, name) not in (4, 8):
                raise ValueError(f"expected {name} of 4 or 8, got {getattr(self, name)}")
        if not 0 <= self.clamp <= 1:
            raise ValueError(f"expected a clamped fraction from 0 to 1, got {self.clamp:g}")
        if self.pixels < 1:
            raise ValueError(f"expected 1 or more pixels, got {self.pixels}")


PRESETS = {
    # The paper's quantiles with the defaults of the tool that it names.
    "iseg": CutSettings(),
    # The same with the most and the least salient ½ % bound to their labels, as in ksseg.m, a script of 2016 from the
    # programs of [Mahendran2016].  Only the binding is taken over.  Not the paper's.
    "ksseg": CutSettings(clamp=0.005),
    # The constants of minicnn before it had iseg's: β as in GrabCut [Rother2004], γ our own.
    "minicnn": CutSettings(uniform=0.0, pairwise=20.0, beta=0.5, connectivity=4),
}
