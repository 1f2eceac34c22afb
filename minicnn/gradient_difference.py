"""Where a gradient is wrong: a comparison with central differences entry by entry.

    ∂f/∂x(i)  ≈  (f(x + h·e_i) − f(x − h·e_i)) / 2h,      f(x) = ⟨r, y(x)⟩

This takes two forward passes for each entry of x, so it is done only after a check has failed, and for large x only at
some random entries.  `gradient_patterns` describes in words what the wrong entries have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from layers.arrays import Array, array_module, to_host

from .gradient_patterns import Compared, pattern

STEP = 1e-6  # h, in units of the root mean square of x (or of 1, if that is larger)
EVERY_ENTRY = 2000  # up to this size all entries are compared, …
SOME_ENTRIES = 50  # … beyond it so many
WORST = 5


@dataclass(frozen=True)
class Entry:
    """One component of a gradient: as it was given, and by central differences."""

    index: tuple[int, ...]
    yours: float
    numeric: float

    @property
    def ratio(self) -> float:
        """yours / numeric; infinite where only the numeric one is 0."""
        return self.yours / self.numeric if self.numeric else float("inf")


@dataclass(frozen=True)
class Difference:
    """How a gradient differs: its worst entries, and in words what the wrong ones have in common ("" if nothing)."""

    worst: list[Entry]
    wrong: int
    compared: int
    size: int
    pattern: str

    def __str__(self) -> str:
        all_of_it = self.compared == self.size
        where = f"{self.size:,}" if all_of_it else f"{self.compared} random ones of {self.size:,},"
        lines = [f"{self.wrong:,} of {where} entries {'differs' if self.wrong == 1 else 'differ'}"]
        if self.pattern:
            lines[0] += f": {self.pattern}"
        if self.worst:
            width = max(len("index"), *(len(str(entry.index)) for entry in self.worst))
            lines.append(f"    {'index':{width}}  {'yours':>12}  {'numeric':>12}  {'ratio':>9}")
        for e in self.worst:
            lines.append(f"    {e.index!s:{width}}  {e.yours:12.6g}  {e.numeric:12.6g}  {e.ratio:9.3f}")
        return "\n".join(lines)

    def record(self) -> dict[str, object]:
        """The difference as a JSON object."""
        worst = [{"index": list(e.index), "yours": e.yours, "numeric": e.numeric} for e in self.worst]
        return {"wrong": self.wrong, "compared": self.compared, "size": self.size} | {
            "pattern": self.pattern,
            "worst": worst,
        }


def difference(
    y: Callable[[Array], Array],
    x: Array,
    r: Array,
    gradient: Array,
    h: float,
    suspects: Mapping[str, Callable[[Array], Array]],
) -> Difference:
    """Compare `gradient`, which claims to be ∂⟨r, y(x)⟩/∂x, entry by entry.

    suspects: gradients that common mistakes would give: functions of r, by their description.
    """
    every = x.size <= EVERY_ENTRY
    entries = np.arange(x.size) if every else np.sort(np.random.default_rng(0).choice(x.size, SOME_ENTRIES, False))
    numeric, reach = numeric_entries(y, x, r, h, entries)
    yours = np.asarray(to_host(gradient), np.float64).reshape(-1)[entries]
    others = ((text, to_host(suspect(r)).reshape(-1)) for text, suspect in suspects.items()) if every else iter(())
    found = Compared(yours, numeric, np.stack(np.unravel_index(entries, x.shape), axis=-1), x.shape, reach)
    order = [int(n) for n in np.argsort(-found.distance, kind="stable") if found.wrong[n]][:WORST]
    worst = [Entry(tuple(map(int, found.index[n])), float(yours[n]), float(numeric[n])) for n in order]
    return Difference(worst, int(found.wrong.sum()), len(entries), x.size, pattern(found, others))


def numeric_entries(
    y: Callable[[Array], Array], x: Array, r: Array, h: float, entries: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """∂⟨r, y(x)⟩/∂x(i) at some entries i by central differences, and how many outputs each of them reaches."""
    slopes, reach, xp = np.zeros(len(entries)), np.zeros(len(entries), int), array_module(x)
    for n, i in enumerate(entries):
        e_i = xp.zeros(x.size)
        e_i[int(i)] = h
        e_i = e_i.reshape(x.shape)
        change = r * (y(x + e_i) - y(x - e_i))
        slopes[n], reach[n] = float(change.sum()) / (2 * h), int((change != 0).sum())
    return slopes, reach


def numeric_gradient(y: Callable[[Array], Array], x: Array, r: Array, h: float) -> Array:
    """∂⟨r, y(x)⟩/∂x by central differences, all entries."""
    slopes, _ = numeric_entries(y, x, r, h, np.arange(x.size))
    return array_module(x).asarray(slopes).reshape(x.shape)
