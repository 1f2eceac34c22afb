"""What an assignment asks for, and what each part of it is worth.

A task is one function to write.  Its parts are looked at one by one: a part is a few calls with arguments drawn by
the grader,
and what must come back.  So an answer that is half right gets half of the points, and a sentence about the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minicnn.gradient_patterns import Compared, pattern

from .child import Blank, Child, Failed


class Wrong(Exception):
    """An answer is not what it must be; the text says how, for a student to read."""


@dataclass(frozen=True)
class Case:
    """A call, and what must come back: an array, a number, a tuple or a dictionary of them.

    services: functions among the arguments, which the grader computes
    """

    arguments: list[Any]
    expected: Any
    services: Mapping[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Something that a function must be able to do: `cases(rng)` are calls that show it."""

    what: str
    points: int
    cases: Callable[[np.random.Generator], list[Case]]


@dataclass(frozen=True)
class Task:
    """One function to write."""

    assignment: str
    function: str
    parts: list[Part]

    @property
    def points(self) -> int:
        return sum(part.points for part in self.parts)


@dataclass(frozen=True)
class Result:
    """The points of one task, and what there is to say: of the first part that is wrong."""

    task: Task
    points: int
    remark: str

    def record(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {"function": self.task.function, "points": self.points, "of": self.task.points, "remark": self.remark}


def graded(task: Task, child: Child, seed: int) -> Result:
    """Every part of a task, tried on a submission."""
    points, remark = 0, ""
    for n, part in enumerate(task.parts):
        try:
            for case in part.cases(np.random.default_rng([seed, n])):
                compare(child.call(task.function, case.arguments, case.services), case.expected)
        except Blank:
            return Result(task, points, "not written yet")
        except (Failed, Wrong) as problem:
            remark = remark or f"{part.what}: {problem}"
        else:
            points += part.points
    return Result(task, points, remark)


# ---------------------------------------------------------------------- is it what it must be?


def compare(got: Any, expected: Any, name: str = "") -> None:
    """Wrong, if the answer is another one, in shape or in numbers."""
    of = f" of {name}" if name else ""
    if isinstance(expected, tuple):
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            raise Wrong(f"it should return {len(expected)} things, it returns {described(got)}")
        for n, (one, other) in enumerate(zip(got, expected, strict=True)):
            compare(one, other, f"the {('first', 'second', 'third')[n]} thing returned")
        return
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            raise Wrong(f"it should return a dictionary of {', '.join(expected)}, it returns {described(got)}")
        for key, other in expected.items():
            compare(got[key], other, key)
        return
    if got is None or isinstance(got, (str, list, tuple, dict)):
        raise Wrong(f"it should return an array or a number{of}, it returns {described(got)}")
    found, wanted = np.asarray(got), np.asarray(expected)
    if found.shape != wanted.shape:
        raise Wrong(f"the shape{of} is {found.shape}, expected {wanted.shape}")
    if wanted.size and not np.allclose(found, wanted, rtol=1e-6, atol=1e-8):
        raise Wrong(difference(found.astype(float), wanted.astype(float), of))


def described(got: Any) -> str:
    """What was returned, in a few words."""
    if got is None:
        return "nothing (is `return` missing?)"
    if isinstance(got, np.ndarray):
        return f"an array of shape {got.shape}"
    if isinstance(got, dict):
        return f"a dictionary of {', '.join(map(str, list(got)[:5]))}"
    return f"{len(got)} things" if isinstance(got, (tuple, list)) else f"the {type(got).__name__} {str(got)[:30]}"


def difference(found: np.ndarray, wanted: np.ndarray, of: str) -> str:
    """How many numbers differ, the worst of them, and what they have in common."""
    shape = wanted.shape or (1,)
    index = np.stack(np.unravel_index(np.arange(wanted.size), shape), axis=-1)
    c = Compared(found.reshape(-1), wanted.reshape(-1), index, shape, np.ones(wanted.size, int))
    n = int(c.distance.argmax())
    where = ":" if wanted.ndim == 0 else f"; at {tuple(map(int, index[n]))}"
    numbers = f"it is {c.yours[n]:.4g}, expected {c.numeric[n]:.4g}"
    text = f"{int(c.wrong.sum())} of {wanted.size} numbers{of} are wrong{where} {numbers}"
    words = pattern(c).replace("numeric ones", "right ones") if wanted.ndim else ""
    return f"{text} ({words})" if words else text
