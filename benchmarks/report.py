"""What was measured, as a table with ratios, as JSON and as a plot."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .growth import Growth
from .measure import Times
from .works import Work

IMPORT_BAR, EXPONENT_BAR = 0.3, 1.05
TICKS = (0.05, 0.1, 0.2, 0.33, 0.5, 0.8, 1, 1.5, 2, 3, 5)  # of the plot


@dataclass(frozen=True)
class Measured:
    """One work: seconds by contender, the floor on this machine, and whether the bar was met (None: there is none)."""

    medians: dict[str, float]
    quartiles: dict[str, tuple[float, float]]
    least_core_seconds: dict[str, float]
    floor: float | None
    ratios: dict[str, float]
    bars: dict[str, float]
    met: bool | None


@dataclass
class Results:
    machine: dict[str, object]
    product_rate: float
    memory_rate: float
    works: dict[str, Measured] = field(default_factory=dict)
    growths: list[Growth] = field(default_factory=list)
    imports: dict[str, float] = field(default_factory=dict)
    first_maps: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, dict[str, float]] = field(default_factory=dict)


def measured(work: Work, times: dict[str, Times], machine: Results) -> Measured:
    medians = {name: each.median for name, each in times.items()}
    ours = medians["minicnn"]
    rivals: dict[str, list[float]] = {}
    for name, seconds in medians.items():
        if name != "minicnn":
            rivals.setdefault(name.split(",")[0], []).append(seconds)  # the faster of a rival's two layouts
    ratios = {name: ours / min(seconds) for name, seconds in rivals.items()}
    bars = {}
    if work.bar is not None:
        bars[work.against] = work.bar
    if work.dezero_bar is not None:
        bars["DeZero"] = work.dezero_bar
    judged = [ratios[name] <= bars[name] for name in ratios.keys() & bars.keys()]
    if work.seconds is not None:
        judged.append(ours <= work.seconds)
        bars["seconds"] = work.seconds
    floor = max(work.products / machine.product_rate, work.fetched / machine.memory_rate) or None
    return Measured(
        medians,
        {name: each.spread for name, each in times.items()},
        {name: min(each.cores) for name, each in times.items()},
        floor,
        ratios,
        {name: bar for name, bar in bars.items() if name in ratios or name == "seconds"},
        all(judged) if judged else None,
    )


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def table(found: Results) -> str:
    """Markdown: minicnn's median and quartiles, each rival's median and minicnn's ratio to it, and the verdict."""
    lines = ["| work | minicnn, ms | others, ms (ratio) | bar | |", "|---|---|---|---|---|"]
    for name, work in found.works.items():
        low, high = work.quartiles["minicnn"]
        ours = f"{milliseconds(work.medians['minicnn'])} ({milliseconds(low)} … {milliseconds(high)})"
        others = []
        for rival, seconds in work.medians.items():
            if rival != "minicnn":
                others.append(f"{rival} {milliseconds(seconds)} ({work.medians['minicnn'] / seconds:.2f})")
        if work.floor:
            others.append(f"floor {milliseconds(work.floor)} ({work.medians['minicnn'] / work.floor:.2f})")
        bars = [
            f"{bar * 1e3:.0f} ms" if rival == "seconds" else f"{rival} {bar:.2f}" for rival, bar in work.bars.items()
        ]
        lines.append(f"| {name} | {ours} | {'; '.join(others)} | {'; '.join(bars)} | {verdict(work.met)} |")
    return "\n".join(lines)


def verdict(met: bool | None) -> str:
    return {None: "", True: "met", False: "**lost**"}[met]


def growth_table(found: Results) -> str:
    lines = ["| grows | seconds | peak MB above the network | exponent of time | |", "|---|---|---|---|---|"]
    for g in found.growths:
        seconds = ", ".join(f"{size}: {s:.3g}" for size, s in zip(g.sizes, g.seconds, strict=True))
        peaks = ", ".join(f"{bytes_ / 2**20:.0f}" for bytes_ in g.peak_bytes)
        bar = None if g.of == "channels" else g.exponent <= EXPONENT_BAR
        lines.append(f"| {g.of} | {seconds} | {peaks} | {g.exponent:.2f} | {verdict(bar)} |")
    return "\n".join(lines)


def write(found: Results, folder: Path) -> None:
    (folder / "results.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    (folder / "RESULTS.md").write_text(page(found), encoding="utf-8")
    if found.works:
        plot(found, folder / "results.png")


def page(found: Results) -> str:
    machine = found.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    parts = [
        "# Results",
        "Made by `python -m benchmarks`; what was tried, and what came of it, is told in [IDEAS.md](IDEAS.md).",
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; "
        f"{packages}; {', '.join(machine['blas'])}.  Load before: {machine['load before']}.  Large products run at "
        f"{2 * found.product_rate / 1e9:.0f} GFLOP/s, weights are fetched at {found.memory_rate / 1e9:.0f} GB/s.",
        "Times are medians (and quartiles) of repetitions in turns; a ratio is minicnn's time divided by the other's, "
        "so less than 1 is faster.  The floor is what the products of the layers, or fetching their weights, take at "
        "those rates.  Rivals have as many threads, and compute gradients of the image only, where they can.",
        table(found),
    ]
    if found.growths:
        parts += ["## Growth", growth_table(found)]
    if found.imports or found.first_maps:
        parts += ["## From a cold start", "Seconds, less what Python itself takes."]
        parts.append("\n".join(f"- `{name}`: {seconds:.2f}" for name, seconds in found.imports.items()))
        parts.append("\n".join(f"- first map, {name}: {seconds:.2f}" for name, seconds in found.first_maps.items()))
        if "import visualize" in found.imports:
            met = found.imports["import visualize"] <= IMPORT_BAR
            parts.append(f"Bar for `import visualize`: {IMPORT_BAR} s, {verdict(met)}.")
    if found.peaks:
        parts += ["## Peak memory of a process that makes one batch of maps, MB"]
        parts.append(
            "\n".join(
                f"- {work}: " + ", ".join(f"{name} {megabytes:.0f}" for name, megabytes in peaks.items())
                for work, peaks in found.peaks.items()
            )
        )
    if found.works:
        parts.append("![minicnn's time divided by the others', work by work](results.png)")
    return "\n\n".join(part for part in parts if part) + "\n"


def plot(found: Results, path: Path) -> None:
    """A dot for each ratio, on a logarithmic axis: left of 1 minicnn is faster."""
    from matplotlib import style
    from matplotlib.figure import Figure

    works = [(name, work) for name, work in found.works.items() if work.ratios]
    if not works:
        return
    with style.context("default"):
        figure = Figure(figsize=(8, 1.5 + 0.3 * len(works)), layout="constrained")
        axes = figure.subplots()
        colours = {"PyTorch": "C0", "Captum": "C2", "DeZero": "C1"}
        for place, (_, work) in enumerate(works):
            for rival, ratio in work.ratios.items():
                axes.plot(ratio, place, "o", color=colours[rival])
            for rival, bar in work.bars.items():
                if rival in colours:
                    axes.plot(bar, place, "|", color=colours[rival], markersize=14)
        axes.axvline(1, color="0.7", zorder=0)
        axes.set(xscale="log", xlabel="minicnn's time / the other's (| the bar)", ylim=(len(works) - 0.5, -0.5))
        axes.set_yticks(range(len(works)), [name for name, _ in works])
        shown = [tick for tick in TICKS if min(axes.get_xlim()) <= tick <= max(axes.get_xlim())]
        axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
        axes.set_xticks([], minor=True)
        for rival, colour in colours.items():
            axes.plot([], [], "o", color=colour, label=rival)
        axes.legend()
        figure.savefig(path, dpi=120)
