"""Grades assignments: points for each function, and a sentence about what is wrong.

    python -m notebooks.grade notebooks/assignments/a1_convolution.py     one's own work
    python -m notebooks.grade anna/ ben/ cem/                             a class: a folder each, as a table
    python -m notebooks.grade class/                                      a folder of such folders
    python -m notebooks.grade class/ --json > grades.json                 one object a line

Each submission runs in a process of its own, with bounds on memory and time; it gets arguments and sends numbers back,
and all judgement is in this process.  A submission can read Python, NumPy and its own folder, nothing else, and starts
no program.  That holds off students; against code of strangers run the whole command in a container.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from notebooks.grading import after_checks, cut_checks, layers_checks, pictures_checks
from notebooks.grading.child import MEMORY, SECONDS, Child
from notebooks.grading.tasks import Result, Task, graded

TASKS: list[Task] = [*layers_checks.TASKS, *pictures_checks.TASKS, *cut_checks.TASKS, *after_checks.TASKS]
ASSIGNMENTS = list(dict.fromkeys(task.assignment for task in TASKS))
LARGEST = 1_000_000  # bytes of a submission


@dataclass(frozen=True)
class Submission:
    """One student's file for one assignment."""

    student: str
    assignment: str
    path: Path


@dataclass(frozen=True)
class Grade:
    """What a submission is worth, task by task."""

    submission: Submission
    results: list[Result]

    @property
    def points(self) -> int:
        return sum(result.points for result in self.results)

    @property
    def of(self) -> int:
        return sum(result.task.points for result in self.results)

    def record(self) -> dict[str, Any]:
        """The grade as a JSON object."""
        s = self.submission
        facts = {"student": s.student, "assignment": s.assignment, "file": str(s.path)}
        return facts | {"points": self.points, "of": self.of, "tasks": [result.record() for result in self.results]}


# ---------------------------------------------------------------------- which files


def submissions(arguments: list[Path]) -> list[Submission]:
    """The submissions that files and folders hold; ValueError if one holds none."""
    found: list[Submission] = []
    for argument in arguments:
        here = list(submissions_in(argument))
        if not here:
            names = ", ".join(f"{name}.py" for name in ASSIGNMENTS)
            raise ValueError(f"{argument}: expected a file (or a folder of files) called {names}")
        found += [submission for submission in here if submission not in found]
    return found


def submissions_in(path: Path) -> Iterator[Submission]:
    """Of a file, of a student's folder, or of a folder of folders; a file may be called anna_a1_convolution.py."""
    if path.is_dir():
        for entry in sorted(path.iterdir()):
            if entry.suffix == ".py" or (entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".")):
                yield from submissions_in(entry)
        return
    if not path.exists() and not path.is_symlink():
        raise ValueError(f"{path} does not exist")
    for assignment in ASSIGNMENTS:
        if path.suffix == ".py" and path.stem.endswith(assignment):
            before = path.stem.removesuffix(assignment).rstrip("_- ")
            yield Submission(before or path.resolve().parent.name, assignment, path)


# ---------------------------------------------------------------------- grading


def grade(submission: Submission, seed: int, seconds: float, memory: int) -> Grade:
    """All tasks of one submission."""
    tasks = [task for task in TASKS if task.assignment == submission.assignment]
    problem = refused(submission.path)
    if problem:
        return Grade(submission, [Result(task, 0, problem) for task in tasks])
    with Child(submission.path, seconds, memory) as child:
        return Grade(submission, [graded(task, child, seed) for task in tasks])


def refused(path: Path) -> str:
    """Why a file is not even run; "" if it is."""
    if path.is_symlink():
        return "the file is a link: hand in the file itself"
    if path.stat().st_size > LARGEST:
        return f"the file is larger than {LARGEST:,} bytes"
    return ""


# ---------------------------------------------------------------------- what is shown


def details(grade: Grade) -> str:
    """One submission, a line for each task."""
    s = grade.submission
    lines = [f"{s.assignment} ({s.student}): {grade.points} of {grade.of} points"]
    width = max(len(result.task.function) for result in grade.results)
    for result in grade.results:
        lines.append(
            f"  {result.task.function:{width}}  {result.points} of {result.task.points}  {result.remark}".rstrip()
        )
    return "\n".join(lines)


def table(grades: list[Grade]) -> str:
    """A class: a row for each student, a column for each assignment."""
    assignments = [name for name in ASSIGNMENTS if any(g.submission.assignment == name for g in grades)]
    students = list(dict.fromkeys(g.submission.student for g in grades))
    points = {(g.submission.student, g.submission.assignment): g.points for g in grades}
    of = {name: sum(task.points for task in TASKS if task.assignment == name) for name in assignments}
    width = max(len("student"), len("(points)"), *map(len, students))
    heads = [name.split("_")[0] for name in assignments]
    rows = [f"{'student':{width}}" + "".join(f"{head:>5}" for head in heads) + "  total"]
    rows.append(f"{'(points)':{width}}" + "".join(f"{of[name]:5}" for name in assignments) + f"{sum(of.values()):7}")
    for student in students:
        own = [points.get((student, name)) for name in assignments]
        cells = "".join(f"{'–' if p is None else p:>5}" for p in own)
        rows.append(f"{student:{width}}{cells}{sum(p or 0 for p in own):7}")
    return "\n".join(rows)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.grade", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "submissions", nargs="+", type=Path, metavar="SUBMISSION", help="a file, a folder of files, a folder of folders"
    )
    add("--json", action="store_true", help="print machine-readable results, one object a line")
    add("--details", action="store_true", help="of several submissions, too, what is wrong in each")
    add("--seed", type=int, metavar="N", help="of the arguments that are drawn (default: another one each time)")
    add("--seconds", type=float, default=SECONDS, metavar="S", help="for each answer (default: %(default)g)")
    add("--memory", type=float, default=MEMORY / 2**30, metavar="GB", help="for each submission (default: %(default)g)")
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="submissions at a time (default: the cores)",
    )
    args = parser.parse_args(argv)
    if not hasattr(os, "killpg"):
        print("grading needs processes as Linux and macOS have them; on Windows run it in WSL", file=sys.stderr)
        return 2
    try:
        if args.seconds <= 0 or args.memory <= 0.25 or args.workers < 1 or (args.seed or 0) < 0:
            raise ValueError("expected --seconds > 0, --memory > 0.25, --workers of 1 or more, --seed of 0 or more")
        found = submissions(args.submissions)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    seed = secrets.randbelow(2**32) if args.seed is None else args.seed
    with ThreadPoolExecutor(args.workers) as pool:
        grades = list(pool.map(lambda s: grade(s, seed, args.seconds, int(args.memory * 2**30)), found))
    show(grades, args.json, args.details)
    return 0 if all(g.points == g.of for g in grades) else 1


def show(grades: list[Grade], as_json: bool, with_details: bool) -> None:
    """On standard output, in the way that was asked for."""
    if as_json:
        for g in grades:
            print(json.dumps(g.record(), ensure_ascii=not (sys.stdout.encoding or "").lower().startswith("utf")))
        return
    several = len({g.submission.student for g in grades}) > 1
    if with_details or not several:
        print(*map(details, grades), sep="\n\n")
    if several:
        print("\n" * with_details + table(grades))


if __name__ == "__main__":
    sys.exit(main())
