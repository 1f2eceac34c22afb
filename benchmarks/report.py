"""What was measured: ratios and verdicts, as Markdown's tables and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .growth import Growth
from .measure import Times
from .plot import plot
from .turns import Outcome
from .works import Work

IMPORT_BAR, EXPONENT_BAR = 0.2, 1.05
ENGINES = ("plain", "numpy", "compiled")
JUDGED = ("minicnn compiled", "minicnn numpy", "minicnn")  # the bars are for the first of them that is there


@dataclass(frozen=True)
class Measured:
    """One work: seconds by contender, the floor on this machine, and whether the bars were met (None: there are none).

    ratios: of each minicnn, by rival: to the faster of a rival's two layouts
    judged: the minicnn that the bars are for
    lost:   those of the bars that it lost
    absent: who cannot be had, and why
    failed: who ended in an error, and in which
    """

    medians: dict[str, float]
    quartiles: dict[str, tuple[float, float]]
    least_core_seconds: dict[str, float]
    floor: float | None
    ratios: dict[str, dict[str, float]]
    judged: str | None
    bars: dict[str, float]
    lost: list[str]
    met: bool | None
    absent: dict[str, str]
    failed: dict[str, str]


@dataclass
class Results:
    machine: dict[str, object]
    product_rate: float
    memory_rate: float
    rounds: int = 1
    works: dict[str, Measured] = field(default_factory=dict)
    neighbour: dict[str, tuple[Times, Times]] = field(default_factory=dict)
    growths: list[Growth] = field(default_factory=list)
    imports: dict[str, float] = field(default_factory=dict)
    first_maps: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, dict[str, float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def is_ours(contender: str) -> bool:
    return contender.partition(" ")[0] == "minicnn"


def measured(work: Work, outcome: Outcome, machine: Results) -> Measured:
    medians = {name: each.median for name, each in outcome.times.items()}
    fastest: dict[str, float] = {}
    for name, seconds in medians.items():
        if not is_ours(name):
            rival = name.split(",")[0]
            fastest[rival] = min(seconds, fastest.get(rival, seconds))
    ratios = {
        name: {rival: seconds / theirs for rival, theirs in fastest.items()}
        for name, seconds in medians.items()
        if is_ours(name)
    }
    judged = next((name for name in JUDGED if name in medians), None)
    bars = {rival: bar for rival, bar in work.bars.items() if judged and rival in fastest}
    lost = [rival for rival, bar in bars.items() if judged and ratios[judged][rival] > bar]
    if work.seconds is not None and judged:
        bars["seconds"] = work.seconds
        lost += ["seconds"] if medians[judged] > work.seconds else []
    floor = max(work.products / machine.product_rate, work.fetched / machine.memory_rate) or None
    return Measured(
        medians,
        {name: each.spread for name, each in outcome.times.items()},
        {name: min(each.cores) for name, each in outcome.times.items()},
        floor,
        ratios,
        judged,
        bars,
        lost,
        not lost if bars else None,
        outcome.absent,
        outcome.failed,
    )


# ---------------------------------------------------------------------- tables


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def verdict(met: bool | None) -> str:
    return {None: "", True: "met", False: "**lost**"}[met]


def verdict_of(work: Measured) -> str:
    """The verdict; of several bars, which of them are lost."""
    return verdict(work.met) + (f": {', '.join(work.lost)}" if work.lost and len(work.bars) > 1 else "")


def table(found: Results) -> str:
    """Markdown: a column for each engine, each rival's median and minicnn's ratios to it, and the verdict."""
    engines = [each for each in ENGINES if any(f"minicnn {each}" in work.medians for work in found.works.values())]
    lines = [
        f"| work |{''.join(f' {each}, ms |' for each in engines or ['minicnn'])} others, ms (ratios) | bar | |",
        f"|---|{'---|' * max(len(engines), 1)}---|---|---|",
    ]
    for name, work in found.works.items():
        cells = [ours(work, f"minicnn {each}") for each in engines] or [""]
        if "minicnn" in work.medians:  # no engine computes: NumPy's column
            cells[engines.index("numpy") if "numpy" in engines else 0] = ours(work, "minicnn")
        bars = [
            f"{bar * 1e3:.0f} ms" if rival == "seconds" else f"{rival} {bar:.2f}" for rival, bar in work.bars.items()
        ]
        lines.append(
            f"| {name} | {' | '.join(cells)} | {'; '.join(others(work))} | {'; '.join(bars)} | {verdict_of(work)} |"
        )
    return "\n".join(lines)


def ours(work: Measured, contender: str) -> str:
    """Median (first … third quartile)."""
    if contender not in work.medians:
        return ""
    low, high = work.quartiles[contender]
    return f"{milliseconds(work.medians[contender])} ({milliseconds(low)} … {milliseconds(high)})"


def others(work: Measured) -> list[str]:
    """Each rival's median, and in brackets minicnn's times divided by it: compiled's first, then NumPy's."""
    times = {name: seconds for name, seconds in work.medians.items() if not is_ours(name)}
    if work.floor:
        times["floor"] = work.floor
    shown = [work.medians[name] for name in JUDGED if name in work.medians]
    return [
        f"{name} {milliseconds(theirs)} ({', '.join(f'{seconds / theirs:.2f}' for seconds in shown)})"
        for name, theirs in times.items()
    ]


def absent_list(found: Results) -> str:
    """Who was not measured, and why: who cannot be had once for all works, who failed each time."""
    absent = {f"- {who}: {why}": None for work in found.works.values() for who, why in work.absent.items()}
    failed = [f"- {name}, {who}: failed: {why}" for name, w in found.works.items() for who, why in w.failed.items()]
    return "\n".join([*absent, *failed, *(f"- {name}: failed: {why}" for name, why in found.failed.items())])


def neighbour_table(found: Results) -> str:
    lines = ["| who | alone, ms | beside it, ms (quartiles) | times as long | slowest, ms |", "|---|---|---|---|---|"]
    for who, (alone, beside) in found.neighbour.items():
        low, high = map(milliseconds, beside.spread)
        lines.append(
            f"| {who} | {milliseconds(alone.median)} | {milliseconds(beside.median)} ({low} … {high}) | "
            f"{beside.median / alone.median:.2f} | {milliseconds(beside.slowest)} |"
        )
    return "\n".join(lines)


def growth_table(found: Results) -> str:
    lines = [
        "| grows | engine | seconds | peak MB above the network | exponent of time | |",
        "|---|---|---|---|---|---|",
    ]
    for g in found.growths:
        seconds = ", ".join(f"{size}: {s:.3g}" for size, s in zip(g.sizes, g.seconds, strict=True))
        peaks = ", ".join(f"{bytes_ / 2**20:.0f}" for bytes_ in g.peak_bytes)
        bar = None if g.of == "channels" else g.exponent <= EXPONENT_BAR
        lines.append(f"| {g.of} | {g.engine} | {seconds} | {peaks} | {g.exponent:.2f} | {verdict(bar)} |")
    return "\n".join(lines)


# ---------------------------------------------------------------------- the page


def write(found: Results, folder: Path) -> None:
    (folder / "results.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    (folder / "RESULTS.md").write_text(page(found), encoding="utf-8")
    if found.works:
        plot(found.works, folder / "results.png")


def page(found: Results) -> str:
    machine, rounds = found.machine, "1 round" if found.rounds == 1 else f"{found.rounds} rounds"
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    parts = [
        "# Results",
        "Made by `python -m benchmarks`; what was tried, and what came of it, is in [IDEAS.md](IDEAS.md).",
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; "
        f"{packages}; {', '.join(machine['blas'])}.  Load before: {machine['load before']}.  Large products run at "
        f"{2 * found.product_rate / 1e9:.0f} GFLOP/s, weights are fetched at {found.memory_rate / 1e9:.0f} GB/s.",
        f"Each contender runs alone in a process of its own, in turns, for {rounds}.  Its figure is the "
        "best of the rounds' medians, with that round's quartiles; what it compiles is compiled before.  A ratio is "
        "minicnn's time divided by the other's, so less than 1 is faster: first the compiled engine's, then NumPy's.  "
        "The bars are for the first of these that is there, and to the faster of PyTorch's two layouts.  The floor is "
        "what the products of the layers, or fetching their weights, take at those rates.  Rivals have as many "
        "threads, and compute gradients of the image only, where they can.",
        table(found),
    ]
    if missing := absent_list(found):
        parts += ["Not measured:", missing]
    if found.neighbour:
        parts += ["## Beside a busy neighbour", "SqueezeNet's map while one other process keeps one core busy."]
        parts.append(neighbour_table(found))
    if found.growths:
        parts += ["## Growth", "Memory is what Python and NumPy allocate.", growth_table(found)]
    parts += from_a_cold_start(found)
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


def from_a_cold_start(found: Results) -> list[str]:
    if not (found.imports or found.first_maps):
        return []
    parts = [
        "## From a cold start",
        "Seconds, less what Python itself takes.  (What is compiled comes from its cache.)",
    ]
    parts.append("\n".join(f"- `{name}`: {seconds:.2f}" for name, seconds in found.imports.items()))
    parts.append("\n".join(f"- first map, {name}: {seconds:.2f}" for name, seconds in found.first_maps.items()))
    if "import visualize" in found.imports:
        met = found.imports["import visualize"] <= IMPORT_BAR
        parts.append(f"Bar for `import visualize`: {IMPORT_BAR} s, {verdict(met)}.")
    return parts
