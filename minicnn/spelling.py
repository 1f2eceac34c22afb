"""Suggestions for a mistyped name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def choose_from(name: str, known: Iterable[str], also: str = "") -> str:
    """The end of a message about an unknown name: all known names, and the nearest."""
    spelt = {other.casefold(): other for other in known}
    nearest = difflib.get_close_matches(name.casefold(), spelt, n=1)
    choice = ", ".join([*spelt.values(), *([also] if also else [])])
    return f": choose from {choice}" + (f"; did you mean {spelt[nearest[0]]}?" if nearest else "")
