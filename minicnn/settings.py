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
from operator import ge, gt, le, lt
from typing import Any

KINDS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}  # by annotation
KIND_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
LIMITS = {"minimum": (ge, "{:g} or more"), "maximum": (le, "{:g} or less"),
          "above": (gt, "more than {:g}"), "below": (lt, "less than {:g}")}  # fmt: skip


def setting(default: Any, meaning: str, *, choices: Iterable[Any] | None = None, **limits: float) -> Any:
    """A field of a dataclass, its meaning, and its limits: minimum ≤ value ≤ maximum, above < value < below."""
    names = None if choices is None else tuple(choices)
    return field(default=default, metadata={"meaning": meaning, "choices": names, "limits": limits})


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
        if expected := unmet(f, value):
            raise ValueError(f"{name} must be {expected}, got {value!r}")


def unmet(f: Field[Any], value: Any) -> str:
    """What the field may be, in words, if this value is not; "" if it is."""
    choices, limits = f.metadata["choices"], f.metadata["limits"]
    if choices is not None:
        return "" if value in choices else f"one of {', '.join(map(str, choices))}"
    if not is_of(kind_of(f), value):
        return KIND_NAMES[kind_of(f)]
    if all(LIMITS[name][0](value, limit) for name, limit in limits.items()):
        return ""
    return " and ".join(LIMITS[name][1].format(limit) for name, limit in limits.items())


def is_of(kind: type, value: Any) -> bool:
    """Whether a value is of a kind.  An int is a float, too; NaN and infinity are not."""
    if kind is float:
        return type(value) is not bool and isinstance(value, Real) and math.isfinite(value)
    return type(value) is kind
