"""The settings of the graph cut, their sources, and three presets.

The paper (section 3.2) gives the two quantiles, and says that the colour models are Gaussian mixtures and that the
largest connected component is kept.  For the cut it names its tool, VGG's *iseg* [Gulshan2010], whose defaults for the
method of Boykov and Jolly are public: Gaussians, uniform fraction, γ, β.  They are the defaults here.
Soft seeds, expectation maximisation and eight neighbours are not iseg's (docs/localization.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from minicnn.settings import check, setting


@dataclass(frozen=True)
class CutSettings:
    """How a saliency map becomes a mask.  The defaults are the paper's quantiles and iseg's constants.

    Neighbours, connectivity, soft seeds and the size at which a photograph is cut are left open by the paper; iseg has
    four neighbours and hard seeds, a script of 2016 from [Mahendran2016]'s programs connects by eight, and 50,000
    pixels are about the 224×224 of CNN-F's input.
    """

    foreground: float = setting(
        0.95, "pixels above this quantile of the map estimate the object's colours", minimum=0, maximum=1
    )
    background: float = setting(
        0.30, "pixels below this quantile estimate the background's colours", minimum=0, maximum=1
    )
    components: int = setting(5, "Gaussians in each of the two colour models", minimum=1)
    uniform: float = setting(
        0.05, "fraction of a uniform density in each, for colours far from all Gaussians", minimum=0, below=1
    )
    pairwise: float = setting(
        150.0, "γ, what an outline costs, from one pixel to the next, where the colours do not change", minimum=0
    )
    beta: float = setting(2.0, "β in units of 1 / mean ‖Δ‖²: how fast it gets cheaper where they do", minimum=0)
    connectivity: int = setting(
        8, "of the component that is kept: with 8, pixels that touch at a corner are connected", choices=(4, 8)
    )
    clamp: float = setting(
        0.0,
        "hard seeds: this fraction of all pixels, the most and the least salient of the seeds, keeps its label;"
        " 1 makes all seeds hard, 0 none",
        minimum=0,
        maximum=1,
    )
    pixels: int = setting(50_000, "a larger photograph is cut at about so many pixels", minimum=1)
    neighbours: int = setting(
        4,
        "with 8, an outline is priced along the diagonals as well: slanted, it costs no more than level",
        choices=(4, 8),
    )

    def __post_init__(self) -> None:
        check(self)
        if self.background > self.foreground:
            quantiles = f"background {self.background:g} and foreground {self.foreground:g}"
            raise ValueError(f"expected quantiles 0 ≤ background ≤ foreground ≤ 1, got {quantiles}")


PRESETS = {
    # The paper's quantiles with the defaults of the tool that it names.
    "iseg": CutSettings(),
    # The same with the most and the least salient ½ % bound to their labels, as in ksseg.m, a script of 2016 from the
    # programs of [Mahendran2016].  Only the binding is taken over.  Not the paper's.
    "ksseg": CutSettings(clamp=0.005),
    # The constants of minicnn before it had iseg's: β as in GrabCut [Rother2004], γ our own.
    "minicnn": CutSettings(uniform=0.0, pairwise=20.0, beta=0.5, connectivity=4),
}
