"""From the records of a run to its tables: as plain data, and as Markdown.

top-1, top-5     the ILSVRC task: no guess among the first one or five has the true class and IoU ≥ 0.5
given the class  the same, of only those pictures whose true class is the first guess, or among the first five:
                 what the boxes do wrong, the classification left out
class known      the box from the true class's own map is wrong, whatever the network guesses
IoU              the mean overlap of that box with the true one that fits best
BoxAcc           how many of those boxes have IoU ≥ 0.3, 0.7
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .measures import RIGHT, best_iou, estimate, longer_side, max_box_acc, task_error
from .methods import CHANGED, METHODS, STUDIED, Row
from .records import PARTS, Record
from .rules import Rule, Threshold

SIZES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)
DELTAS = (0.3, 0.5, 0.7)
YARDSTICK = "gaussian/cut"  # what has not looked, by the same cut: to be beaten

Estimate = dict[str, Any]


def results(records: Sequence[Record], rows: Sequence[Row], tuned: dict[str, Rule]) -> dict[str, Any]:
    """Every number of the tables."""
    by_row: dict[tuple[str, str], list[Record]] = {(row.method, row.settings): [] for row in rows}
    duets: dict[tuple[str, str], list[Record]] = {key: [] for key in by_row}
    curves: dict[str, list[Record]] = {}
    for record in records:
        if "error" in record or record["part"] == "tune":
            continue
        key = record["method"], record["settings"]
        if record["part"] == "duet":
            duets[key].append(record)
        elif "top" in record:
            by_row[key].append(record)
        else:
            curves.setdefault(record["method"], []).append(record)
    any_row = next(iter(by_row.values()), [])
    yardstick = by_row.get((YARDSTICK, "tuned"), [])
    return {
        "pictures": pictures(records),
        "classification": {
            f"top{k}": estimate([record["class"] not in record["top"][:k] for record in any_row]) for k in (1, 5)
        },
        "tuned": {name: tuning(name, rule) for name, rule in tuned.items()},
        "methods": [
            {
                "method": row.method,
                "settings": row.settings,
                "rule": row.rule.described(),
                **measured(by_row[row.method, row.settings]),
                "against_gaussian": difference(by_row[row.method, row.settings], yardstick),
                "duets": won(duets[row.method, row.settings]),
            }
            for row in rows
        ],
        "max_box_acc": [line for name, found in curves.items() for line in threshold_lines(name, found)],
    }


def pictures(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    """How many pictures each part has, how many were bad, and how many (picture, class) questions were asked."""
    counts = {}
    for part in dict.fromkeys(record["part"] for record in records):
        mine = [record for record in records if record["part"] == part]
        counts[part] = {
            "pictures": len({record["number"] for record in mine}),
            "bad": sum("error" in record for record in mine),
            "questions": len({(record["number"], record["class"]) for record in mine if "error" not in record}),
        }
        left_out = sum(len(record.get("notes", ())) for record in mine)
        counts[part].update({"objects_left_out": left_out} if left_out else {})
    return counts


def tuning(name: str, rule: Rule) -> dict[str, Any]:
    """What tuning chose, and which of it lies at the end of its grid: there a wider one might have done better."""
    grid, chosen = [other.described() for other in rule.grid()], rule.described()
    tried = {setting: sorted({line[setting] for line in grid}) for setting in chosen}
    free = {setting: value for setting, value in chosen.items() if len(tried[setting]) > 1}
    ends = [setting for setting, value in free.items() if value in (tried[setting][0], tried[setting][-1])]
    return {"title": METHODS[name].title, "chosen": free, "at_the_end_of_its_grid": ends}


# ---------------------------------------------------------------------- one row


def measured(records: Sequence[Record]) -> dict[str, Any]:
    """All that the main table says of one row."""
    known = np.array([best_iou(record["box"], record["truth"]) for record in records])
    wrong = {k: np.array([top_error(record, k) for record in records], bool) for k in (1, 5)}
    named = {k: np.array([record["class"] in record["top"][:k] for record in records], bool) for k in (1, 5)}
    return {
        **{f"top{k}": estimate(wrong[k]) for k in (1, 5)},
        **{f"given_class_top{k}": estimate(wrong[k][named[k]]) for k in (1, 5)},
        "class_known": estimate(known < RIGHT),
        "iou": estimate(known),
        "box_acc": {str(delta): estimate(known >= delta) for delta in DELTAS},
        "by_size": by_size(records, known < RIGHT),
    }


def top_error(record: Record, k: int) -> bool:
    """The ILSVRC task's error of the first k guesses.  The boxes of other classes are not needed, and so not known."""
    return task_error(record["class"], [(c, record["box"]) for c in record["top"][:k]], record["truth"])


def by_size(records: Sequence[Record], wrong: np.ndarray) -> list[dict[str, Any]]:
    """The error with the class known, by the longer side of the largest object, as a share of the picture's."""
    sides = np.array([longer_side(record["size"], record["truth"]) for record in records])
    which = np.searchsorted(SIZES[1:-1], sides, side="right")  # a side at a border belongs to the larger ones
    return [
        {"from": low, "to": high, "class_known": estimate(wrong[which == k])}
        for k, (low, high) in enumerate(pairwise(SIZES))
        if (which == k).any()
    ]


def difference(records: Sequence[Record], others: Sequence[Record]) -> Estimate:
    """By how much the error with the class known is smaller than another row's, picture by picture."""
    gain = [
        float(best_iou(one["box"], one["truth"]) >= RIGHT) - float(best_iou(other["box"], other["truth"]) >= RIGHT)
        for one, other in zip(records, others, strict=False)
    ]
    return estimate(gain)


def won(records: Sequence[Record]) -> Estimate:
    """How often a duet's box fits the object asked for better than the other one; a tie is half a win.

    Both classes of a duet are asked, and its two answers count as one value, their mean: they are not independent.  A
    method that is blind to classes gives the same box to both questions, and so has ½ in every duet.
    """
    answers: dict[int, list[float]] = {}
    for record in records:
        answer = float(record["asked"] > record["other"]) + 0.5 * float(record["asked"] == record["other"])
        answers.setdefault(record["number"], []).append(answer)
    return estimate([float(np.mean(both)) for both in answers.values()])


# ---------------------------------------------------------------------- thresholds


def threshold_lines(name: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    """MaxBoxAcc of a map, once for each amount of blur: without any, as [Choe2020] defines it."""
    overlaps = np.array([record["iou"] for record in records]).reshape(len(records), len(Threshold.BLURS), -1) / 100
    lines = []
    for k, blur in enumerate(Threshold.BLURS):
        best = {str(delta): max_box_acc(overlaps[:, k], delta) for delta in DELTAS}
        lines.append(
            {
                "method": name,
                "map": METHODS[name].map,
                "blur": blur,
                "max_box_acc": {
                    delta: {"accuracy": accuracy, "threshold": Threshold.THRESHOLDS[at]}
                    for delta, (accuracy, at) in best.items()
                },
                "mean": float(np.mean([accuracy for accuracy, _ in best.values()])),
            }
        )
    return lines


# ---------------------------------------------------------------------- as Markdown


def markdown(found: dict[str, Any], run: dict[str, Any]) -> str:
    """The tables of `results`, for people.  Numbers are per cent, with their 95 % intervals."""
    sections = [
        "## How it was run\n\n" + how(found, run),
        "## Localisation error\n\n"
        + f"The network's classification error: top-1 {percent(found['classification']['top1'])}, "
        + f"top-5 {percent(found['classification']['top5'])}.\n\n"
        + main_table(found),
        "## By the size of the object\n\nThe error with the class known, by the longer side of the largest true box "
        "as a share of that side of the picture.\n\n" + size_table(found),
    ]
    if lines_of(found, studied=True):
        sections.append("## The paper's choices, one by one\n\n" + main_table(found, studied=True))
    if found["max_box_acc"]:
        sections.append("## MaxBoxAcc\n\n" + threshold_table(found))
    if any(line["duets"]["count"] for line in found["methods"]):
        sections.append("## Duets\n\n" + duet_table(found))
    if found["tuned"]:
        sections.append("## What tuning chose\n\n" + tuning_table(found))
    return "# Localisation, evaluated\n\n" + "\n\n".join(sections) + "\n"


def how(found: dict[str, Any], run: dict[str, Any]) -> str:
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


def main_table(found: dict[str, Any], studied: bool = False) -> str:
    """Of the methods, or of the one whose choices were varied."""
    head = (
        "method", "settings", "top-1 error", "top-5 error", "given the class, top-1", "class known",
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
                percent(line["against_gaussian"]),
                percent(line["iou"]),
                percent(line["box_acc"]["0.3"]),
                percent(line["box_acc"]["0.7"]),
            )
            for line in lines_of(found, studied)
        ],
    )


def lines_of(found: dict[str, Any], studied: bool = False) -> list[dict[str, Any]]:
    """The lines of the methods, or those of the one whose choices were varied."""
    changed = [line for line in found["methods"] if line["settings"] in CHANGED]
    if not studied:
        return [line for line in found["methods"] if line not in changed]
    return [line for line in found["methods"] if line["method"] == STUDIED] if changed else []


def size_table(found: dict[str, Any]) -> str:
    bins = sorted({(size["from"], size["to"]) for line in found["methods"] for size in line["by_size"]})
    head = ["method", "settings", *(f"{100 * low:.0f} to {100 * high:.0f} %" for low, high in bins)]
    lines = []
    for line in lines_of(found):
        errors = {(size["from"], size["to"]): percent(size["class_known"]) for size in line["by_size"]}
        lines.append([METHODS[line["method"]].title, line["settings"], *(errors.get(edge, "") for edge in bins)])
    return table(head, lines)


def threshold_table(found: dict[str, Any]) -> str:
    def cell(best: dict[str, float]) -> str:
        return f"{100 * best['accuracy']:.1f} (τ = {best['threshold']:.4f})"

    head = ["map", "blur", *(f"δ = {delta:g}" for delta in DELTAS), "mean"]
    lines = [
        [
            line["map"],
            f"{100 * line['blur']:g} %",
            *(cell(line["max_box_acc"][str(delta)]) for delta in DELTAS),
            f"{100 * line['mean']:.1f}",
        ]
        for line in found["max_box_acc"]
    ]
    return table(head, lines)


def duet_table(found: dict[str, Any]) -> str:
    lines = [
        [METHODS[line["method"]].title, line["settings"], percent(line["duets"])]
        for line in found["methods"]
        if line["duets"]["count"]
    ]
    return table(["method", "settings", "the asked object's box fits it better than the other"], lines)


def tuning_table(found: dict[str, Any]) -> str:
    lines = []
    for line in found["tuned"].values():
        chosen = ", ".join(f"{setting} {value:g}" for setting, value in line["chosen"].items())
        lines.append([line["title"], chosen, ", ".join(line["at_the_end_of_its_grid"]) or "–"])
    return table(["method", "settings", "at the end of its grid"], lines)


def percent(value: Estimate) -> str:
    if value["mean"] is None:
        return "–"
    mean, low, high = (round(100 * number, 1) + 0.0 for number in (value["mean"], *value["interval"]))  # no "-0.0"
    return f"{mean:.1f} ({low:.1f} … {high:.1f})"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
