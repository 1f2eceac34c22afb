"""The arithmetic of one place as data for the view: a formula, its numbers, and the line of code that computes it.

A place is an index of one image's maps or features: (channel, row, column) or (number,).  `upward.py` and `downward.py`
make these records for each kind of layer.
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
TERMS = 6  # of a long sum, so many terms are shown individually


@dataclass(frozen=True)
class Grid:
    """A small table of numbers, with an operator before it and marked cells.  None is padding."""

    title: str
    rows: list[list[float | None]]
    operator: str = ""
    marks: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Sum:
    """Terms (label, value) whose sum is `total`, and grids; a number that is no sum has no terms."""

    title: str
    total: float
    terms: list[tuple[str, float]] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class Cases:
    """A ReLU at one place: X_n, and for each rule the signal above and below it."""

    x: float
    above: dict[str, float]
    below: dict[str, float]


@dataclass(frozen=True)
class Record:
    """The arithmetic of one place: formula, sums, and the lines of the library that compute them."""

    formula: str
    sums: list[Sum]
    code: list[str]  # "layers/relu.py:21": see LISTINGS
    cases: Cases | None = None


def as_json(value: Any) -> Any:
    """A record for JSON: dataclasses as dictionaries, numbers with six significant digits."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return figures(value) if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return {name: as_json(one) for name, one in (value if isinstance(value, dict) else vars(value)).items()}


# ---------------------------------------------------------------------- numbers


def exact(x: Array) -> np.ndarray:
    """In double precision on the host, more precise than the original computation."""
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
    """The numbers as rows; None for padding."""
    return [
        [float(v) if known is None or known[i, j] else None for j, v in enumerate(row)] for i, row in enumerate(values)
    ]


# ---------------------------------------------------------------------- the line of code


LISTINGS: dict[str, dict[str, Any]] = {}  # "layers/relu.py:21" → the function that this line is part of


@cache
def line_of(function: Callable[..., Any], fragment: str) -> str:
    """The place of a fragment of the function's code, "layers/relu.py:21"; the function is added to LISTINGS."""
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
