"""The arithmetic of one place, as data that the view shows: a formula, its numbers, and the line of code that did it.

A place is an index of one image's maps or features: (channel, row, column) or (number,).  `upward.py` and `downward.py`
say for each kind of layer how its numbers came about, in terms of the classes below.
"""

from __future__ import annotations

import inspect
import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from layers.arrays import Array, to_host

from .encoding import figures

Place: TypeAlias = tuple[int, ...]
HOUSE = Path(__file__).resolve().parent.parent.parent
TERMS = 6  # how many terms of a long sum are shown one by one


@dataclass(frozen=True)
class Grid:
    """A small table of numbers; `operator` stands before it, `marks` are cells to point out.  None is padding."""

    title: str
    rows: list[list[float | None]]
    operator: str = ""
    marks: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Sum:
    """grids, and terms (label, value) that add up to the value `total`; a number that is no sum has no terms."""

    title: str
    total: float
    terms: list[tuple[str, float]] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class Cases:
    """A ReLU's gates: X_n above 0 or not, what comes down positive or not, and for each rule the case it is in."""

    x: float
    above: dict[str, float]
    below: dict[str, float]


@dataclass(frozen=True)
class Record:
    """What the microscope shows of one place: formula, sums, and the lines of the library that computed them."""

    formula: str
    sums: list[Sum]
    code: list[str]  # "layers/relu.py:21": see LISTINGS
    cases: Cases | None = None


def as_json(value: Any) -> Any:
    """A record as JSON has it: dataclasses as dictionaries, numbers with six significant digits."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return figures(value) if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return {name: as_json(one) for name, one in (value if isinstance(value, dict) else vars(value)).items()}


# ---------------------------------------------------------------------- numbers


def exact(x: Array) -> np.ndarray:
    """In double precision on the host: sums are added up more exactly than they were computed."""
    return to_host(x).astype(np.float64)


def largest_terms(labels: Callable[[int], str], values: np.ndarray, rest: str = "others") -> list[tuple[str, float]]:
    """The largest terms of Σ values, largest first, and the sum of the others."""
    order = np.argsort(-np.abs(values), kind="stable")
    shown = [k for k in order[:TERMS] if values[k] != 0]
    terms = [(labels(int(k)), float(values[k])) for k in shown]
    hidden = np.delete(values, shown)
    if hidden.size:
        terms.append((f"the {hidden.size} {rest}", float(hidden.sum())))
    return terms


def table(values: np.ndarray, known: np.ndarray | None = None) -> list[list[float | None]]:
    """The numbers as rows; None where nothing is known (padding)."""
    return [
        [float(v) if known is None or known[i, j] else None for j, v in enumerate(row)] for i, row in enumerate(values)
    ]


# ---------------------------------------------------------------------- the line that did it


LISTINGS: dict[str, dict[str, Any]] = {}  # "layers/relu.py:21" → the function that this line is part of


@cache
def line_of(function: Callable[..., Any], fragment: str) -> str:
    """Where in the library's code the fragment stands within the function: "layers/relu.py:21"; listed in LISTINGS."""
    function = inspect.unwrap(function)
    lines, first = inspect.getsourcelines(function)
    offset = next(k for k, line in enumerate(lines) if fragment in line)
    path = Path(inspect.getsourcefile(function) or "").resolve().relative_to(HOUSE).as_posix()
    where = f"{path}:{first + offset}"
    LISTINGS[where] = {"first": first, "lines": textwrap.dedent("".join(lines)).splitlines()}
    return where


def place_text(place: Sequence[int]) -> str:
    """ "channel 3, row 5, column 7" or "number 12"."""
    if len(place) == 1:
        return f"number {place[0]}"
    channel, row, column = place
    return f"channel {channel}, row {row}, column {column}"
