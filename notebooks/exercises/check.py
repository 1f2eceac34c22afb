"""Have I found the bug?  The exercises' files and their checks (`checks/`), for the notebook and for the command line.

Number 3, or without a number all of them:

    python -m notebooks.exercises.check 3
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parent
FILES = {int(path.name.split("_")[1]): path for path in sorted(FOLDER.glob("bug_*.py"))}


@dataclass(frozen=True)
class Exercise:
    """What a file says about itself in its docstring, and the code to mend."""

    title: str
    lesson: int
    difficulty: str  # easy, medium or hard
    minutes: int
    task: str
    hint: str
    code: str


def read(path: Path) -> Exercise:
    """The exercise in a file."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, path)
    title, facts, *paragraphs = (ast.get_docstring(tree) or "").split("\n\n")
    lesson, difficulty, minutes = re.fullmatch(r"Lesson (\d), (easy|medium|hard), (\d+) minutes", facts).groups()
    hint = paragraphs.pop().removeprefix("Hint: ")
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip()
    return Exercise(title, int(lesson), difficulty, int(minutes), "\n\n".join(paragraphs), hint, code)


def load(number: int, source: str | None = None) -> ModuleType:
    """The exercise as a module, read afresh from its file each time: nothing that was there before is kept."""
    path = FILES[number]
    module = ModuleType(path.stem)
    code = compile(source or path.read_text(encoding="utf-8"), path, "exec")
    exec(code, module.__dict__)  # an ordinary import would not see a file that was changed within the same second
    return module


def check_of(number: int) -> Callable[[Any], None]:
    """The check of an exercise: given the class or function that was to be mended, it raises AssertionError, or not."""
    return import_module(f"notebooks.exercises.checks.{FILES[number].stem}").check


def asked_for(number: int) -> str:
    """What the class or function that is to be mended is called: as the check calls it."""
    return next(iter(inspect.signature(check_of(number)).parameters))


def complaint(number: int, mine: Any = None) -> str | None:
    """What the check of an exercise has to say about its file, or about `mine`; None if it passes."""
    if mine is None:
        mine, name = load(number), asked_for(number)
        if not hasattr(mine, name):
            return f"{FILES[number].name} has no {name} any more"
        mine = getattr(mine, name)
    try:
        check_of(number)(mine)
    except AssertionError as error:
        return str(error) or "an assert of yours fails"
    return None


# ---------------------------------------------------------------------- in the notebook


def attempt(number: int, mine: Any = None) -> None:
    """Check the code in the exercise's file, or the class or function `mine` in place of it, and say what came out."""
    problem = complaint(number, mine)
    print(f"{number}: mended!" if problem is None else f"{number}: not yet. {problem[0].upper()}{problem[1:]}.")


def task(number: int) -> None:
    """The exercise, for a notebook's cell: the task, the code to mend, and a hint to unfold."""
    from IPython.display import Markdown, display

    display(Markdown(as_markdown(number)))


def as_markdown(number: int) -> str:
    exercise = read(FILES[number])
    return "\n\n".join(
        [
            f"*Lesson {exercise.lesson}, {exercise.difficulty}, {exercise.minutes} minutes. "
            f"The code to mend, in [{FILES[number].name}]({FILES[number].name}):*",
            re.sub(r"^(Meant to be|Symptom):", r"**\1:**", exercise.task, flags=re.MULTILINE),
            f"```python\n{exercise.code}\n```",
            f"<details><summary>A hint</summary>{exercise.hint}</details>",
        ]
    )


# ---------------------------------------------------------------------- on the command line


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.exercises.check",
        description="Checks whether the bugs are found.",
        epilog="example: python -m notebooks.exercises.check 3",
    )
    parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="of an exercise (default: all)")
    numbers = parser.parse_args(arguments).numbers or list(FILES)
    for number in numbers:
        if number not in FILES:
            parser.error(f"there is no exercise {number}: choose from {min(FILES)} … {max(FILES)}")
    broken = 0
    for number in numbers:
        try:
            problem = complaint(number)
        except Exception as error:  # one that cannot be run must not keep the others from being checked
            problem = f"it stops with {type(error).__name__}: {error}"
        broken += problem is not None
        print(f"{number:2}  {'mended ' if problem is None else 'not yet'}  {read(FILES[number]).title}")
        if problem is not None:
            print(f"             {problem}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
