"""Settings: dataclasses whose fields carry their meaning and their limits, for readers, checks and options alike.

@dataclass(frozen=True)
class Settings:
    rate: float = setting(0.05, "η, the learning rate, before its schedule", above=0)

    def __post_init__(self) -> None:
        check(self)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import Field, field, fields
from numbers import Real
from typing import Any

KINDS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}  # by annotation


def setting(
    default: Any,
    meaning: str,
    *,
    minimum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    maximum: float | None = None,
    choices: Iterable[str] | None = None,
) -> Any:
    """A field of a dataclass, its meaning, and its limits: minimum ≤ value ≤ maximum, above < value < below."""
    limits = {"or more": minimum, "or less": maximum, "more than": above, "less than": below}
    names = None if choices is None else tuple(choices)
    return field(default=default, metadata={"meaning": meaning, "limits": limits, "choices": names})


def described(settings: type) -> dict[str, Field[Any]]:
    """The fields that `setting` made, by name."""
    return {f.name: f for f in fields(settings) if "meaning" in f.metadata}


def kind_of(f: Field[Any]) -> type:
    """int for a field annotated "int" or "int | None"."""
    return KINDS[str(f.type).partition(" | ")[0]]


def check(settings: Any) -> None:
    """ValueError for the first field outside its limits: "steps must be 1 or more, got 0"."""
    for name, f in described(type(settings)).items():
        value = getattr(settings, name)
        if value is None and str(f.type).endswith("None"):
            continue
        if not (is_of(kind_of(f), value) and is_within(f, value)):
            raise ValueError(f"{name} must be {expected(f, value)}, got {value!r}")


def is_of(kind: type, value: Any) -> bool:
    """Whether a value is of a kind.  An int is a float, too; NaN and infinity are not."""
    if kind is float:
        return type(value) is not bool and isinstance(value, Real) and math.isfinite(value)
    return type(value) is kind


def is_within(f: Field[Any], value: Any) -> bool:
    choices, limits = f.metadata["choices"], f.metadata["limits"]
    if choices is not None:
        return value in choices
    return (
        (limits["or more"] is None or value >= limits["or more"])
        and (limits["or less"] is None or value <= limits["or less"])
        and (limits["more than"] is None or value > limits["more than"])
        and (limits["less than"] is None or value < limits["less than"])
    )


def expected(f: Field[Any], value: Any) -> str:
    """What the field may be, in words."""
    if f.metadata["choices"] is not None:
        return f"one of {', '.join(f.metadata['choices'])}"
    if not is_of(kind_of(f), value):
        return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind_of(f)]
    given = {words: limit for words, limit in f.metadata["limits"].items() if limit is not None}
    return " and ".join(f"{x:g} {w}" if w.startswith("or") else f"{w} {x:g}" for w, x in given.items())
