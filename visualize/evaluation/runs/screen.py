"""What a run says on the screen: a few lines; the tables are in its files."""

from __future__ import annotations

from typing import Any

from ..methods import AS_IT_STANDS, METHODS, STUDIED
from .report import BASELINE
from .tables import percent

PAPER = AS_IT_STANDS["iseg"]


def highlights(found: dict[str, Any]) -> list[str]:
    """The counts; then the paper's method as it stands and as tuned, the baseline, the best of all.

    Rows that the run does not have are left out.
    """
    test, answers = found["pictures"]["test"], found["classification"]
    named: dict[str, dict[str, Any]] = {}
    for line in found["methods"]:
        if line["method"] == STUDIED and line["settings"] in (PAPER, "tuned"):
            named[line["settings"]] = line
        if line["method"] == BASELINE and (line["settings"] == "tuned" or "baseline" not in named):
            named["baseline"] = line
    named = {title: named[title] for title in (PAPER, "tuned", "baseline") if title in named}
    named["best"] = min(found["methods"], key=lambda line: line["class_known"]["mean"])
    lines = [
        f"{test['pictures']} pictures, {test['questions']} questions; classification error: "
        f"top-1 {percent(answers['top1'])}, top-5 {percent(answers['top5'])}"
    ]
    return lines + [f"{title + ':':24} {described(line)}" for title, line in named.items()]


def described(line: dict[str, Any]) -> str:
    """A row of the table as a line: the errors, and what they are of."""
    method = ", ".join(filter(None, (METHODS[line["method"]].title, line["settings"])))
    return f"class known {percent(line['class_known'])}, top-5 {percent(line['top5'])}   {method}"
