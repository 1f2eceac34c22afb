"""From the records of a run to every number of its tables (tables.py writes them).

top-1, top-5     the ILSVRC task: no guess among the first one or five has the true class and IoU ≥ 0.5
given the class  the same, of only those pictures whose true class is the first guess, or among the first five:
                 what the boxes do wrong, the classification left out
class known      the box from the true class's own map is wrong, whatever the network guesses
IoU              the mean overlap of that box with the true one that fits best
BoxAcc           how many of those boxes have IoU ≥ 0.3, 0.7
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .. import max_box_acc
from ..measures import RIGHT, Estimate, average, best_iou, best_threshold, longer_side, proportion, task_error
from ..methods import METHODS, Row
from ..rules import Rule, Threshold
from .records import Record

SIZES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)
DELTAS = max_box_acc.DELTAS
BASELINE = "gaussian/cut"  # the baseline, by the same cut: to be beaten


def results(records: Sequence[Record], rows: Sequence[Row], tunings: Sequence[dict[str, Rule]]) -> dict[str, Any]:
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
    baseline = by_row.get((BASELINE, "tuned"), [])
    return {
        "pictures": pictures(records),
        "classification": {
            f"top{k}": proportion([record["class"] not in record["top"][:k] for record in any_row]) for k in (1, 5)
        },
        "tuned": {name: tuning(name, [found[name] for found in tunings]) for name in tunings[0]},
        "methods": [
            {
                "method": row.method,
                "settings": row.settings,
                "rule": row.rule.described(),
                **measured(by_row[row.method, row.settings]),
                "against_gaussian": difference(by_row[row.method, row.settings], baseline),
                "duets": won(duets[row.method, row.settings]),
                "by_tuning": repeated(rows, row, by_row),
            }
            for row in rows
            if not row.repeated
        ],
        "max_box_acc": [scorer_line(name, found) for name, found in curves.items()],
        "best_threshold": [line for name, found in curves.items() for line in threshold_lines(name, found)],
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


def tuning(name: str, rules: Sequence[Rule]) -> dict[str, Any]:
    """What each tuning chose, and which of the first's choices lie at the end of their grid: there a wider one might
    have done better.  The grid of a setting is what was tried with all others alike."""
    grid, chosen = [rule.described() for rule in rules[0].grid()], [rule.described() for rule in rules]
    free = [setting for setting in chosen[0] if len({line[setting] for line in grid}) > 1]
    ends = []
    for setting in free:
        others = {**chosen[0], setting: None}
        tried = sorted(line[setting] for line in grid if {**line, setting: None} == others)
        if len(tried) > 1 and chosen[0][setting] in (tried[0], tried[-1]):
            ends.append(setting)
    several = [{setting: line[setting] for setting in free} for line in chosen]
    return {"title": METHODS[name].title, "chosen": several, "at_the_end_of_its_grid": ends}


def repeated(rows: Sequence[Row], row: Row, by_row: dict[tuple[str, str], list[Record]]) -> dict[str, Any] | None:
    """Of a tuned row: the error with the class known as each tuning has it; None of a row tuned once or not at all."""
    others = [other for other in rows if other.repeated and other.method == row.method]
    if row.settings != "tuned" or not others:
        return None
    errors = []
    for each in (row, *others):
        found = by_row[each.method, each.settings]
        errors.append(float(np.mean([best_iou(record["box"], record["truth"]) < RIGHT for record in found])))
    return {"class_known": errors, "mean": float(np.mean(errors)), "least": min(errors), "most": max(errors)}


# ---------------------------------------------------------------------- one row


def measured(records: Sequence[Record]) -> dict[str, Any]:
    """All that the main table says of one row."""
    known = np.array([best_iou(record["box"], record["truth"]) for record in records])
    wrong = {k: np.array([top_error(record, k) for record in records], bool) for k in (1, 5)}
    named = {k: np.array([record["class"] in record["top"][:k] for record in records], bool) for k in (1, 5)}
    return {
        **{f"top{k}": proportion(wrong[k]) for k in (1, 5)},
        **{f"given_class_top{k}": proportion(wrong[k][named[k]]) for k in (1, 5)},
        "class_known": proportion(known < RIGHT),
        "iou": average(known),
        "box_acc": {str(delta): proportion(known >= delta) for delta in DELTAS},
        "by_size": by_size(records, known < RIGHT),
    }


def top_error(record: Record, k: int) -> bool:
    """The ILSVRC task's error of the first k guesses.  The boxes of other classes are not needed, and so not known."""
    return task_error(record["class"], [(c, record["box"]) for c in record["top"][:k]], record["truth"])


def by_size(records: Sequence[Record], wrong: np.ndarray) -> list[dict[str, Any]]:
    """The error with the class known, by the longer side of the largest object, as a fraction of the picture's."""
    sides = np.array([longer_side(record["size"], record["truth"]) for record in records])
    which = np.searchsorted(SIZES[1:-1], sides, side="right")  # a side at a border belongs to the larger ones
    return [
        {"from": low, "to": high, "class_known": proportion(wrong[which == k])}
        for k, (low, high) in enumerate(pairwise(SIZES))
        if (which == k).any()
    ]


def difference(records: Sequence[Record], others: Sequence[Record]) -> Estimate:
    """By how much the error with the class known is smaller than another row's, picture by picture."""
    gain = [
        float(best_iou(one["box"], one["truth"]) >= RIGHT) - float(best_iou(other["box"], other["truth"]) >= RIGHT)
        for one, other in zip(records, others, strict=False)
    ]
    return average(gain)


def won(records: Sequence[Record]) -> Estimate:
    """How often a duet's box fits the object asked for better than the other one; a tie is half a win.

    Both classes of a duet are asked, and its two answers count as one value, their mean: they are not independent.  A
    method that is blind to classes gives the same box to both questions, and so has ½ in every duet.
    """
    answers: dict[int, list[float]] = {}
    for record in records:
        answer = float(record["asked"] > record["other"]) + 0.5 * float(record["asked"] == record["other"])
        answers.setdefault(record["number"], []).append(answer)
    return average([float(np.mean(both)) for both in answers.values()])


# ---------------------------------------------------------------------- thresholds


def scorer_line(name: str, records: Sequence[Record]) -> dict[str, Any]:
    """MaxBoxAcc at δ = ½, and MaxBoxAccV2 at every δ and as their mean."""
    first, second = (np.array([record[key] for record in records]) / 100 for key in ("max_box_acc", "max_box_acc_v2"))
    found, threshold = max_box_acc.max_box_acc(first, RIGHT)
    v2 = {str(delta): max_box_acc.max_box_acc(second, delta)[0] for delta in DELTAS}
    return {
        "method": name,
        "map": METHODS[name].map,
        "max_box_acc": {"accuracy": found, "threshold": threshold},
        "max_box_acc_v2": {**v2, "mean": float(np.mean(list(v2.values())))},
    }


def threshold_lines(name: str, records: Sequence[Record]) -> list[dict[str, Any]]:
    """The best threshold of a map, once for each amount of blur."""
    overlaps = np.array([record["iou"] for record in records]).reshape(len(records), len(Threshold.BLURS), -1) / 100
    lines = []
    for k, blur in enumerate(Threshold.BLURS):
        best = {str(delta): best_threshold(overlaps[:, k], delta) for delta in DELTAS}
        mean = float(np.mean([accuracy for accuracy, _ in best.values()]))
        accuracies = {
            delta: {"accuracy": most, "threshold": Threshold.THRESHOLDS[at]} for delta, (most, at) in best.items()
        }
        lines.append({"method": name, "map": METHODS[name].map, "blur": blur, "accuracy": accuracies, "mean": mean})
    return lines
