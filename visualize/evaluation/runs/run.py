"""A whole evaluation: settings tuned on some pictures, every method tried on others, and asked on duets.

    tune:  pictures of their own; on each, every setting of every grid.  The best setting of a method is the one with
           the fewest wrong boxes for the true class (IoU < 0.5); of equally good ones, that with the largest mean IoU.
           Tuning may be repeated on several sets of pictures, to see how much depends on them.
    test:  other pictures; every method as it stands and as tuned.
    duet:  pictures with two objects, each asked for by its class.

All that happened is in the records, and a run that was killed goes on from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.datasets.annotated import Pictures
from minicnn.network import Network

from ...localization import PRESETS
from ...spread import Answer, Each
from ..measures import RIGHT
from ..methods import CHANGED, METHODS, Row, rows
from ..rules import Rule
from .examine import duet_records, table_records, tuning_records
from .records import Record, Records

Progress = Callable[[Iterable[Answer], str, int], Iterable[Answer]]
Report = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    pictures: for each part, "tune", "test", "duet", a source and which of its pictures to take; parts may be missing
    methods:  names from METHODS
    tunings:  into how many equal sets the pictures to tune on are divided, each tuned on alone
    presets:  names from PRESETS, each of which every cut has a line of
    """

    pictures: Mapping[str, tuple[Pictures, Sequence[int]]]
    methods: Sequence[str]
    tunings: int = 1
    presets: Sequence[str] = tuple(PRESETS)


@dataclass(frozen=True)
class Outcome:
    """What came of it: the settings that each tuning chose, and the rows of the table."""

    tunings: list[dict[str, Rule]]
    rows: list[Row]


@dataclass(frozen=True)
class Shared:
    """What every worker holds."""

    net: Network
    pictures: Mapping[str, tuple[Pictures, Sequence[int]]]

    def name(self, part: str, number: int) -> str:
        source, chosen = self.pictures[part]
        return source.name(chosen[number])


@dataclass(frozen=True)
class Task:
    """The picture with this number in its part, examined for methods by name (tuning), or for rows."""

    part: str
    number: int
    asked: Sequence[Any]


def run(plan: Plan, shared: Shared, records: Records, each: Each, progress: Progress, report: Report) -> Outcome:
    """Do what the plan says and the records do not hold yet.  `report` is called for every bad picture."""

    def do(part: str, asked: Sequence[Any]) -> None:
        count, done = len(plan.pictures[part][1]) if part in plan.pictures else 0, records.done(part)
        tasks = [Task(part, number, asked) for number in range(count) if number not in done]
        for answer in progress(each(examined, tasks), part, len(tasks)) if tasks else ():
            number = answer.task.number
            name = shared.name(part, number)
            new = [{"image": name, "error": f"{name}: {answer.left_out}"}] if answer.left_out else answer.found
            records.add(part, number, new)
            for record in new:
                for text in filter(None, (*record.get("notes", ()), record.get("error"))):
                    report(text + answer.on_worker)

    do("tune", plan.methods)
    each_set = len(plan.pictures["tune"][1]) // plan.tunings if "tune" in plan.pictures else 1
    sets: list[list[Record]] = [[] for _ in range(plan.tunings)]
    for record in records.all:
        if record["part"] == "tune":
            sets[record["number"] // each_set].append(record)
    tunings = [best_rules(plan.methods, found) for found in sets]
    table = rows(plan.methods, tunings, plan.presets)
    do("test", table)
    do("duet", [row for row in table if not row.repeated and row.settings not in CHANGED])
    records.end()
    return Outcome(tunings, table)


EXAMINE: dict[str, Callable[..., list[Record]]] = {"tune": tuning_records, "test": table_records, "duet": duet_records}


def examined(shared: Shared, task: Task) -> list[Record]:
    """All records of one picture; of a picture that cannot be used the one that says why."""
    source, chosen = shared.pictures[task.part]
    try:
        picture = source[chosen[task.number]]
        records = EXAMINE[task.part](shared.net, picture, task.asked)
    except (ValueError, OSError, MemoryError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return [{"image": shared.name(task.part, task.number), "error": text}]
    if picture.notes and records:
        records[0]["notes"] = list(picture.notes)  # of objects that were left out
    return records


def best_rules(methods: Sequence[str], records: Sequence[Record]) -> dict[str, Rule]:
    """Of each method's grid the rule with the fewest wrong boxes, then with the largest mean IoU, then the first.

    Methods that nothing was tuned for are left out.
    """
    best = {}
    for name in methods:
        overlaps = np.array([record["iou"] for record in records if record.get("method") == name])
        if overlaps.size:
            right, mean = (overlaps >= 100 * RIGHT).mean(axis=0), overlaps.mean(axis=0)
            best[name] = METHODS[name].rule.grid()[int(np.lexsort((-mean, -right))[0])]
    return best
