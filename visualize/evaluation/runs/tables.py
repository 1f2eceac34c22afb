"""The numbers of a run (report.py) as tables in Markdown.  They are per cent, with their 95 % intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from ..measures import Estimate
from ..methods import CHANGED, METHODS, STUDIED
from .records import PARTS
from .report import DELTAS

Found = dict[str, Any]


def markdown(found: Found, run: dict[str, Any]) -> str:
    """How the run was made, and all of its tables."""
    sections = ["## How it was run\n\n" + how(found, run)]
    sections += [f"## {title}\n\n{text}" for title, text in tables(found).items()]
    return "# Localisation, evaluated\n\n" + "\n\n".join(sections) + "\n"


def tables(found: Found) -> dict[str, str]:
    """Every table by its title, with what there is to say of it; those that the run has nothing for are left out."""
    made = {
        "Localisation error": "The network's classification error: "
        f"top-1 {percent(found['classification']['top1'])}, top-5 {percent(found['classification']['top5'])}.\n\n"
        + main_table(found),
        "By the size of the object": "The error with the class known, by the longer side of the largest true box as a "
        "fraction of that side of the picture.\n\n" + size_table(found),
    }
    further: dict[str, tuple[bool, Callable[[Found], str]]] = {
        "The constants of the cut, one by one": (bool(lines_of(found, studied=True)), studied_table),
        "MaxBoxAcc": (bool(found["max_box_acc"]), scorer_table),
        "The best threshold": (bool(found["best_threshold"]), threshold_table),
        "Duets": (any(line["duets"]["count"] for line in found["methods"]), duet_table),
        "What tuning chose": (bool(found["tuned"]), tuning_table),
    }
    return {**made, **{title: make(found) for title, (there, make) in further.items() if there}}


def how(found: Found, run: dict[str, Any]) -> str:
    lines = [
        f"- {setting}: {value if isinstance(value, str) else json.dumps(value)}"
        for setting, value in run.items()
        if setting not in PARTS and value != ""
    ]
    for part, counts in found["pictures"].items():
        bad = f", {counts['bad']} of them bad and left out" if counts["bad"] else ""
        lost = f", {counts['objects_left_out']} objects left out" if "objects_left_out" in counts else ""
        questions = f"{counts['questions']} (picture, class) questions{lost}"
        lines.append(f"- {part}: {counts['pictures']} pictures{bad}, {questions}")
    return "\n".join(lines)


def main_table(found: Found) -> str:
    return error_table(lines_of(found))


def studied_table(found: Found) -> str:
    """Of the method whose constants were varied."""
    return error_table(lines_of(found, studied=True))


def error_table(lines: Sequence[dict[str, Any]]) -> str:
    head = (
        "method", "settings", "top-1 error", "top-5 error", "given the class, top-1", "class known", "tuned repeatedly",
        "fewer than Gaussian", "mean IoU", "IoU ≥ 0.3", "IoU ≥ 0.7",
    )  # fmt: skip
    return table(
        head,
        [
            (
                METHODS[line["method"]].title,
                line["settings"],
                percent(line["top1"]),
                percent(line["top5"]),
                percent(line["given_class_top1"]),
                percent(line["class_known"]),
                spread(line["by_tuning"]),
                percent(line["against_gaussian"]),
                percent(line["iou"]),
                percent(line["box_acc"]["0.3"]),
                percent(line["box_acc"]["0.7"]),
            )
            for line in lines
        ],
    )


def lines_of(found: Found, studied: bool = False) -> list[dict[str, Any]]:
    """The lines of the methods, or those of the one whose constants were varied."""
    changed = [line for line in found["methods"] if line["settings"] in CHANGED]
    if not studied:
        return [line for line in found["methods"] if line not in changed]
    return [line for line in found["methods"] if line["method"] == STUDIED] if changed else []


def size_table(found: Found) -> str:
    bins = sorted({(size["from"], size["to"]) for line in found["methods"] for size in line["by_size"]})
    head = ["method", "settings", *(f"{100 * low:.0f} to {100 * high:.0f} %" for low, high in bins)]
    lines = []
    for line in lines_of(found):
        errors = {(size["from"], size["to"]): percent(size["class_known"]) for size in line["by_size"]}
        lines.append([METHODS[line["method"]].title, line["settings"], *(errors.get(edge, "") for edge in bins)])
    return table(head, lines)


def scorer_table(found: Found) -> str:
    """MaxBoxAcc and MaxBoxAccV2, as the released scorer counts."""
    head = ["map", "MaxBoxAcc (δ = 0.5)", *(f"V2, δ = {delta:g}" for delta in DELTAS), "MaxBoxAccV2 (mean)"]
    lines = []
    for line in found["max_box_acc"]:
        first, second = line["max_box_acc"], line["max_box_acc_v2"]
        numbers = [f"{100 * second[str(key)]:.1f}" for key in (*DELTAS, "mean")]
        lines.append([line["map"], f"{100 * first['accuracy']:.1f} (τ = {first['threshold']:.3f})", *numbers])
    return table(head, lines)


def threshold_table(found: Found) -> str:
    """The best threshold by our own count: floats, four neighbours, pixels."""

    def cell(best: dict[str, float]) -> str:
        return f"{100 * best['accuracy']:.1f} (τ = {best['threshold']:.4f})"

    head = ["map", "blur", *(f"δ = {delta:g}" for delta in DELTAS), "mean"]
    lines = []
    for line in found["best_threshold"]:
        cells = [cell(line["accuracy"][str(delta)]) for delta in DELTAS]
        lines.append([line["map"], f"{100 * line['blur']:g} %", *cells, f"{100 * line['mean']:.1f}"])
    return table(head, lines)


def duet_table(found: Found) -> str:
    lines = [
        [METHODS[line["method"]].title, line["settings"], percent(line["duets"])]
        for line in found["methods"]
        if line["duets"]["count"]
    ]
    return table(["method", "settings", "the asked object's box fits it better than the other"], lines)


def tuning_table(found: Found) -> str:
    """Once for each time that tuning was repeated: what all agree in is said once."""
    lines = []
    for line in found["tuned"].values():
        ends = ", ".join(line["at_the_end_of_its_grid"]) or "–"
        for n, chosen in enumerate(line["chosen"]):
            settings = ", ".join(f"{setting} {value:g}" for setting, value in chosen.items())
            lines.append([line["title"], str(n + 1), settings, "" if n else ends])
    return table(["method", "tuning", "settings", "at the end of its grid"], lines)


def spread(repeated: dict[str, Any] | None) -> str:
    """The error of a method over all tunings: mean, least and most."""
    if repeated is None:
        return ""
    mean, least, most = (f"{100 * repeated[key]:.1f}" for key in ("mean", "least", "most"))
    return f"{mean} ({least} to {most})"


def percent(value: Estimate) -> str:
    if value["mean"] is None:
        return "–"
    mean, low, high = (round(100 * number, 1) + 0.0 for number in (value["mean"], *value["interval"]))  # no "-0.0"
    return f"{mean:.1f} ({low:.1f} … {high:.1f})"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
