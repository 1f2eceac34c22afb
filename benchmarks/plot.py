"""minicnn's times divided by the others', as a plot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Measured

TICKS = (0.05, 0.1, 0.2, 0.33, 0.5, 0.8, 1, 1.5, 2, 3, 5)
# of Okabe and Ito, which everybody can tell apart
COLOURS = {"PyTorch": "#0072B2", "torch.compile": "#D55E00", "JAX": "#CC79A7", "Captum": "#009E73", "DeZero": "#E69F00"}


def plot(works: Mapping[str, Measured], path: Path) -> None:
    """A dot for each ratio, on a logarithmic axis: left of 1 minicnn is faster.  Filled: whom the bars are for."""
    from matplotlib import style
    from matplotlib.figure import Figure

    compared = {name: work for name, work in works.items() if work.judged and work.ratios[work.judged]}
    if not compared:
        return
    with style.context("default"):
        figure = Figure(figsize=(8, 1.5 + 0.3 * len(compared)), layout="constrained")
        axes = figure.subplots()
        for place, work in enumerate(compared.values()):
            for rival, ratio in work.ratios.get("minicnn numpy", {}).items():
                axes.plot(ratio, place, "o", color=COLOURS[rival], markerfacecolor="none")
            for rival, ratio in work.ratios[work.judged].items():
                axes.plot(ratio, place, "o", color=COLOURS[rival])
            for rival, bar in work.bars.items():
                if rival in COLOURS:
                    axes.plot(bar, place, "|", color=COLOURS[rival], markersize=14)
        axes.axvline(1, color="0.7", zorder=0)
        axes.set(xscale="log", xlabel="minicnn's time / the other's (| the bar)", ylim=(len(compared) - 0.5, -0.5))
        axes.set_yticks(range(len(compared)), list(compared))
        shown = [tick for tick in TICKS if min(axes.get_xlim()) <= tick <= max(axes.get_xlim())]
        axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
        axes.set_xticks([], minor=True)
        for rival in dict.fromkeys(rival for work in compared.values() for rival in work.ratios[work.judged]):
            axes.plot([], [], "o", color=COLOURS[rival], label=rival)
        if any(work.judged != "minicnn numpy" for work in compared.values()):
            axes.plot([], [], "o", color="0.3", label="compiled engine")
            axes.plot([], [], "o", color="0.3", markerfacecolor="none", label="NumPy's engine")
        figure.legend(loc="outside upper center", ncols=4)
        figure.savefig(path, dpi=120)
